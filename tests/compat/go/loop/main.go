// The read-process-write loop with franz-go; tests/compat/exactly_once/drill.py tells the form.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"penstock/compat/journeys"
)

const (
	batchRecords = 25
	fatal        = 3
)

var (
	forever = context.Background()
	answers = bufio.NewReader(os.Stdin)
)

// say tells the drill where we are and waits until it says to go on; false when it is done with us.
func say(phase string, count int) bool {
	fmt.Println(phase, count)
	_, err := answers.ReadString('\n')
	return err == nil
}

func milliseconds(text string) time.Duration {
	count, err := strconv.Atoi(text)
	journeys.Check(err)
	return time.Duration(count) * time.Millisecond
}

func connect(bootstrap, source, target, group, name string, timeout, session time.Duration, protocol string) (*kgo.GroupTransactSession, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(bootstrap), kgo.TransactionalID(name), kgo.TransactionTimeout(timeout),
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(source), kgo.DefaultProduceTopic(target),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.HeartbeatInterval(300 * time.Millisecond), kgo.FetchMaxWait(200 * time.Millisecond),
		// The broker may be away for as long as it takes to start.
		kgo.RequestRetries(1000), kgo.RecordRetries(1000), kgo.RetryTimeout(time.Minute),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
	}
	if protocol == "consumer" {
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	} else {
		options = append(options, kgo.SessionTimeout(session))
	}
	return kgo.NewGroupTransactSession(options...)
}

// poll gives what came within a moment. Errors of fetches are of connections, which the client mends by itself.
func poll(session *kgo.GroupTransactSession) []*kgo.Record {
	moment, done := context.WithTimeout(forever, 200*time.Millisecond)
	defer done()
	return session.PollRecords(moment, batchRecords).Records()
}

// transact ends one transaction; false when the drill is done with us.
func transact(session *kgo.GroupTransactSession, records []*kgo.Record) (bool, error) {
	count := len(records)
	if err := session.Begin(); err != nil {
		return true, err
	}
	if !say("read", count) {
		return false, nil
	}
	promise := kgo.AbortingFirstErrPromise(session.Client())
	for _, record := range records {
		session.Produce(forever, &kgo.Record{Key: record.Key, Value: record.Value}, promise.Promise())
	}
	produced := promise.Err()
	if !say("written", count) {
		return false, nil
	}
	committed, err := session.End(forever, kgo.TransactionEndTry(produced == nil))
	if err != nil {
		return true, err
	}
	phase := "committed"
	if !committed {
		fmt.Fprintln(os.Stderr, "aborted:", produced)
		phase = "aborted"
	}
	return say(phase, count), nil
}

func main() {
	given := os.Args[1:]
	session, err := connect(given[0], given[1], given[2], given[3], given[4],
		milliseconds(given[5]), milliseconds(given[6]), given[7])
	journeys.Check(err)
	defer session.Close()
	// Now, not with the first record: what a predecessor left open would keep its offsets from us until its time is up.
	_, _, err = session.Client().ProducerID(forever)
	journeys.Check(err)
	for goOn := true; goOn; {
		records := poll(session)
		if len(records) == 0 {
			goOn = say("idle", 0)
			continue
		}
		if goOn, err = transact(session, records); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(fatal)
		}
	}
}
