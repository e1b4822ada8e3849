// The four journeys with sarama.
package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"penstock/compat/journeys"
)

var (
	codecs = map[string]sarama.CompressionCodec{
		"none":   sarama.CompressionNone,
		"gzip":   sarama.CompressionGZIP,
		"snappy": sarama.CompressionSnappy,
		"lz4":    sarama.CompressionLZ4,
		"zstd":   sarama.CompressionZSTD,
	}
	balancers = map[string]sarama.BalanceStrategy{
		"range":      sarama.NewBalanceStrategyRange(),
		"roundrobin": sarama.NewBalanceStrategyRoundRobin(),
		"sticky":     sarama.NewBalanceStrategySticky(),
	}
)

func main() {
	journeys.Main(map[string]journeys.Journey{"topics": topics, "codec": codec, "group": group, "offsets": offsets})
}

func settings() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Flush.Frequency = 50 * time.Millisecond
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Rebalance.Retry.Backoff = 100 * time.Millisecond
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	return config
}

func admin(bootstrap string) sarama.ClusterAdmin {
	client, err := sarama.NewClusterAdmin([]string{bootstrap}, settings())
	journeys.Check(err)
	return client
}

func create(bootstrap, topic string, partitions int32, config map[string]*string) {
	client := admin(bootstrap)
	defer client.Close()
	detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: config}
	journeys.Check(client.CreateTopic(topic, detail, false))
}

func produce(bootstrap, topic, name string, partitions, from, to int) {
	config := settings()
	config.Producer.Compression = codecs[name]
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, config)
	journeys.Check(err)
	defer producer.Close()
	var messages []*sarama.ProducerMessage
	for number := from; number < to; number++ {
		messages = append(messages, &sarama.ProducerMessage{
			Topic:     topic,
			Key:       sarama.StringEncoder(fmt.Sprintf("k%d", number)),
			Value:     sarama.StringEncoder(fmt.Sprintf("v%d-%s", number, strings.Repeat("x", 100))),
			Headers:   []sarama.RecordHeader{{Key: []byte("h"), Value: []byte(fmt.Sprint(number))}},
			Timestamp: time.UnixMilli(1_700_000_000_000 + int64(number)),
			Partition: int32(number % partitions),
		})
	}
	journeys.Check(producer.SendMessages(messages))
}

func topics(bootstrap, topic, _ string) journeys.Seen {
	hour := "3600000"
	create(bootstrap, topic, journeys.Partitions, map[string]*string{"retention.ms": &hour})
	client := admin(bootstrap)
	defer client.Close()
	var listed map[string]sarama.TopicDetail
	// Apache Kafka's brokers hear of a creation, or a deletion, a moment after the reply.
	find := func() bool {
		var err error
		listed, err = client.ListTopics()
		journeys.Check(err)
		_, found := listed[topic]
		return found
	}
	journeys.Until("the topic is there", find)
	partitions := listed[topic].NumPartitions
	described, err := client.DescribeConfig(sarama.ConfigResource{
		Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}})
	journeys.Check(err)
	journeys.Check(client.DeleteTopic(topic))
	journeys.Until("the topic is gone", func() bool { return !find() })
	return journeys.Seen{"partitions": partitions, "config": described[0].Value, "listed": true,
		"listed_after_delete": false}
}

func codec(bootstrap, topic, name string) journeys.Seen {
	create(bootstrap, topic, 1, nil)
	produce(bootstrap, topic, name, 1, 0, 200)
	consumer, err := sarama.NewConsumer([]string{bootstrap}, settings())
	journeys.Check(err)
	defer consumer.Close()
	reader, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	journeys.Check(err)
	defer reader.Close()
	records := []journeys.Record{}
	for timeout := time.After(journeys.SecondsMax); len(records) < 200; {
		select {
		case m := <-reader.Messages():
			records = append(records, journeys.Record{
				m.Offset, string(m.Key), string(m.Value), string(m.Headers[0].Value), m.Timestamp.UnixMilli()})
		case <-timeout:
			panic("gave up reading")
		}
	}
	return journeys.Seen{"records": records}
}

// member hands each message to `read`, which tells whether to go on.
type member struct {
	share journeys.Share
	group sarama.ConsumerGroup
	read  func(sarama.ConsumerGroupSession, *sarama.ConsumerMessage)
	done  chan struct{}
}

func (m *member) Share() []int { return m.share.Sorted() }

func (m *member) Leave() {
	journeys.Check(m.group.Close())
	<-m.done
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	for _, partitions := range session.Claims() {
		m.share.Change(partitions, nil)
	}
	return nil
}

func (m *member) Cleanup(session sarama.ConsumerGroupSession) error {
	for _, partitions := range session.Claims() {
		m.share.Change(nil, partitions)
	}
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		m.read(session, message)
	}
	return nil
}

func join(bootstrap, topic, assignor string, read func(sarama.ConsumerGroupSession, *sarama.ConsumerMessage)) *member {
	config := settings()
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{balancers[assignor]}
	group, err := sarama.NewConsumerGroup([]string{bootstrap}, topic+"-group", config)
	journeys.Check(err)
	m := &member{group: group, read: read, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		for err == nil {
			err = group.Consume(context.Background(), []string{topic}, m)
		}
	}()
	return m
}

func group(bootstrap, topic, assignor string) journeys.Seen {
	create(bootstrap, topic, journeys.Partitions, nil)
	values := &journeys.Values{}
	read := func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) {
		values.Add(strings.Split(string(message.Value), "-")[0])
		session.MarkMessage(message, "")
		session.Commit()
	}
	return journeys.Group(values,
		func() journeys.Member { return join(bootstrap, topic, assignor, read) },
		func(from, to int) { produce(bootstrap, topic, "none", journeys.Partitions, from, to) })
}

// firstOffset is the first that the group reads; it commits `commitAt` before leaving, unless that is below 0.
func firstOffset(bootstrap, topic string, commitAt int64) int64 {
	first := make(chan int64, 100)
	m := join(bootstrap, topic, "range", func(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) {
		if len(first) == 0 && commitAt >= 0 {
			session.ResetOffset(topic, 0, commitAt, "")
			session.MarkOffset(topic, 0, commitAt, "")
			session.Commit()
		}
		first <- message.Offset
	})
	defer m.Leave()
	select {
	case offset := <-first:
		return offset
	case <-time.After(journeys.SecondsMax):
		panic("gave up reading")
	}
}

// moveGroup commits as a client that is no member of the group.
func moveGroup(bootstrap, topic string, offset int64) {
	client, err := sarama.NewClient([]string{bootstrap}, settings())
	journeys.Check(err)
	defer client.Close()
	manager, err := sarama.NewOffsetManagerFromClient(topic+"-group", client)
	journeys.Check(err)
	partition, err := manager.ManagePartition(topic, 0)
	journeys.Check(err)
	partition.ResetOffset(offset, "")
	manager.Commit()
	partition.AsyncClose()
	journeys.Check(manager.Close())
}

func offsets(bootstrap, topic, _ string) journeys.Seen {
	name := topic + "-group"
	create(bootstrap, topic, 1, nil)
	produce(bootstrap, topic, "none", 1, 0, 10)
	firstOffset(bootstrap, topic, 5)
	afterCommit := firstOffset(bootstrap, topic, -1)
	moveGroup(bootstrap, topic, 2)
	afterReset := firstOffset(bootstrap, topic, -1)
	client := admin(bootstrap)
	defer client.Close()
	journeys.Check(client.DeleteConsumerGroup(name))
	left, err := client.ListConsumerGroupOffsets(name, map[string][]int32{topic: {0}})
	journeys.Check(err)
	return journeys.Seen{"first_after_commit": afterCommit, "first_after_reset": afterReset,
		"committed_after_delete": left.GetBlock(topic, 0).Offset}
}
