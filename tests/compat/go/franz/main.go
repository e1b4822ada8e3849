// The four journeys with franz-go.
package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"penstock/compat/journeys"
)

var (
	codecs = map[string]kgo.CompressionCodec{
		"none":   kgo.NoCompression(),
		"gzip":   kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(),
		"lz4":    kgo.Lz4Compression(),
		"zstd":   kgo.ZstdCompression(),
	}
	balancers = map[string]kgo.GroupBalancer{
		"range":              kgo.RangeBalancer(),
		"roundrobin":         kgo.RoundRobinBalancer(),
		"sticky":             kgo.StickyBalancer(),
		"cooperative-sticky": kgo.CooperativeStickyBalancer(),
		// Which assignor of the broker's is asked for follows from the client's.
		"848-range":   kgo.RangeBalancer(),
		"848-uniform": kgo.StickyBalancer(),
	}
)

// One journey lives no longer than this.
var within, arrived = context.WithTimeout(context.Background(), 2*journeys.SecondsMax)

func main() {
	defer arrived()
	journeys.Main(map[string]journeys.Journey{"topics": topics, "codec": codec, "group": group, "offsets": offsets})
}

func connect(bootstrap string, options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(bootstrap))...)
	journeys.Check(err)
	return client
}

func admin(bootstrap string) *kadm.Client {
	return kadm.NewClient(connect(bootstrap))
}

func create(bootstrap, topic string, partitions int32, config map[string]*string) {
	client := admin(bootstrap)
	defer client.Close()
	_, err := client.CreateTopic(within, partitions, 1, config, topic)
	journeys.Check(err)
}

func produce(bootstrap, topic, name string, partitions, from, to int) {
	client := connect(bootstrap, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[name]), kgo.ProducerLinger(50*time.Millisecond))
	defer client.Close()
	var records []*kgo.Record
	for number := from; number < to; number++ {
		records = append(records, &kgo.Record{
			Key:       []byte(fmt.Sprintf("k%d", number)),
			Value:     []byte(fmt.Sprintf("v%d-%s", number, strings.Repeat("x", 100))),
			Headers:   []kgo.RecordHeader{{Key: "h", Value: []byte(fmt.Sprint(number))}},
			Timestamp: time.UnixMilli(1_700_000_000_000 + int64(number)),
			Partition: int32(number % partitions),
		})
	}
	journeys.Check(client.ProduceSync(within, records...).FirstErr())
}

func topics(bootstrap, topic, _ string) journeys.Seen {
	hour := "3600000"
	create(bootstrap, topic, journeys.Partitions, map[string]*string{"retention.ms": &hour})
	client := admin(bootstrap)
	defer client.Close()
	listed, err := client.ListTopics(within)
	journeys.Check(err)
	described, err := client.DescribeTopicConfigs(within, topic)
	journeys.Check(err)
	config := ""
	for _, entry := range described[0].Configs {
		if entry.Key == "retention.ms" {
			config = *entry.Value
		}
	}
	deleted, err := client.DeleteTopics(within, topic)
	journeys.Check(err)
	journeys.Check(deleted[topic].Err)
	// Apache Kafka's brokers hear of a deletion a moment after the reply.
	journeys.Until("the topic is gone", func() bool {
		left, err := client.ListTopics(within)
		journeys.Check(err)
		return !left.Has(topic)
	})
	return journeys.Seen{"partitions": len(listed[topic].Partitions), "config": config,
		"listed": listed.Has(topic), "listed_after_delete": false}
}

func codec(bootstrap, topic, name string) journeys.Seen {
	create(bootstrap, topic, 1, nil)
	produce(bootstrap, topic, name, 1, 0, 200)
	from := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}
	client := connect(bootstrap, kgo.ConsumePartitions(from))
	defer client.Close()
	records := []journeys.Record{}
	for len(records) < 200 {
		fetches := client.PollFetches(within)
		journeys.Check(fetches.Err0())
		fetches.EachRecord(func(r *kgo.Record) {
			records = append(records, journeys.Record{
				r.Offset, string(r.Key), string(r.Value), string(r.Headers[0].Value), r.Timestamp.UnixMilli()})
		})
	}
	return journeys.Seen{"records": records}
}

type member struct {
	share  journeys.Share
	client *kgo.Client
	done   chan struct{}
}

func (m *member) Share() []int { return m.share.Sorted() }

func (m *member) Leave() {
	m.client.Close()
	<-m.done
}

func (m *member) read(values *journeys.Values) {
	defer close(m.done)
	for {
		fetches := m.client.PollFetches(context.Background())
		if fetches.IsClientClosed() {
			return
		}
		fetches.EachRecord(func(r *kgo.Record) { values.Add(strings.Split(string(r.Value), "-")[0]) })
		journeys.Check(m.client.CommitRecords(within, fetches.Records()...))
		m.client.AllowRebalance()
	}
}

func join(bootstrap, topic string, options ...kgo.Opt) *member {
	m := &member{done: make(chan struct{})}
	lost := func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { m.share.Change(nil, gone[topic]) }
	m.client = connect(bootstrap, append(options,
		kgo.ConsumerGroup(topic+"-group"), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(300*time.Millisecond),
		kgo.SessionTimeout(6*time.Second), kgo.FetchMaxWait(200*time.Millisecond),
		kgo.OnPartitionsRevoked(lost), kgo.OnPartitionsLost(lost),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, got map[string][]int32) {
			m.share.Change(got[topic], nil)
		}))...)
	return m
}

func group(bootstrap, topic, assignor string) journeys.Seen {
	create(bootstrap, topic, journeys.Partitions, nil)
	values := &journeys.Values{}
	return journeys.Group(values,
		func() journeys.Member {
			options := []kgo.Opt{kgo.Balancers(balancers[assignor])}
			if strings.HasPrefix(assignor, "848-") {
				options = append(options, kgo.ServerSideBalancer())
			}
			m := join(bootstrap, topic, options...)
			go m.read(values)
			return m
		},
		func(from, to int) { produce(bootstrap, topic, "none", journeys.Partitions, from, to) })
}

// firstOffset is the first that the group reads; it commits `commitAt` before leaving, unless that is below 0.
func firstOffset(bootstrap, topic string, commitAt int64) int64 {
	m := join(bootstrap, topic)
	fetches := m.client.PollFetches(within)
	journeys.Check(fetches.Err0())
	first := fetches.Records()[0]
	if commitAt >= 0 {
		at := &kgo.Record{Topic: topic, Partition: 0, Offset: commitAt - 1, LeaderEpoch: first.LeaderEpoch}
		journeys.Check(m.client.CommitRecords(within, at))
	}
	m.client.AllowRebalance()
	m.client.Close()
	return first.Offset
}

func offsets(bootstrap, topic, _ string) journeys.Seen {
	name := topic + "-group"
	create(bootstrap, topic, 1, nil)
	produce(bootstrap, topic, "none", 1, 0, 10)
	firstOffset(bootstrap, topic, 5)
	afterCommit := firstOffset(bootstrap, topic, -1)
	client := admin(bootstrap)
	defer client.Close()
	moved := kadm.Offsets{}
	moved.AddOffset(topic, 0, 2, -1)
	journeys.Check(client.CommitAllOffsets(within, name, moved))
	afterReset := firstOffset(bootstrap, topic, -1)
	deleted, err := client.DeleteGroups(within, name)
	journeys.Check(err)
	journeys.Check(deleted[name].Err)
	left, err := client.FetchOffsets(within, name)
	journeys.Check(err)
	committed := int64(-1)
	if at, found := left.Lookup(topic, 0); found {
		committed = at.At
	}
	return journeys.Seen{"first_after_commit": afterCommit, "first_after_reset": afterReset,
		"committed_after_delete": committed}
}
