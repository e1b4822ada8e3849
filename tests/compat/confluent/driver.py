"""The four journeys with confluent-kafka, that is librdkafka. Usage: driver.py JOURNEY BOOTSTRAP TOPIC [OPTION]"""

import json
import sys
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

SECONDS_MAX = 40
# Before the name of an assignor of the broker's.
NEW = "848-"


def admin(bootstrap):
    return AdminClient({"bootstrap.servers": bootstrap})


def create(bootstrap, topic, partitions, config=None):
    client = admin(bootstrap)
    client.create_topics([NewTopic(topic, partitions, 1, config=config or {})])[topic].result(20)


def produce(bootstrap, topic, records, codec="none", partitions=1):
    """records: (value, partition); acknowledged when this returns."""
    refused = []
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 50})
    for number in records:
        producer.produce(
            topic,
            key=f"k{number}",
            value=f"v{number}-" + "x" * 100,
            headers=[("h", str(number).encode())],
            timestamp=1_700_000_000_000 + number,
            partition=number % partitions,
            on_delivery=lambda error, _: refused.append(str(error)) if error else None,
        )
    assert producer.flush(30) == 0
    assert not refused, refused


def consumer(bootstrap, group, **settings):
    # With the consumer protocol these two are the broker's to say.
    pace = {} if "group.protocol" in settings else {"session.timeout.ms": 6000, "heartbeat.interval.ms": 300}
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            **pace,
            **settings,
        }
    )


def until(ready, step):
    deadline = time.monotonic() + SECONDS_MAX
    while not ready():
        assert time.monotonic() < deadline, "gave up waiting"
        step()


def topics(bootstrap, topic):
    client = admin(bootstrap)
    create(bootstrap, topic, 4, {"retention.ms": "3600000"})
    described = client.list_topics(topic, timeout=10).topics[topic]
    resource = ConfigResource(ResourceType.TOPIC, topic)
    config = client.describe_configs([resource])[resource].result(20)
    listed = topic in client.list_topics(timeout=10).topics
    client.delete_topics([topic])[topic].result(20)
    # Apache Kafka's brokers hear of a deletion a moment after the reply.
    until(lambda: topic not in client.list_topics(timeout=10).topics, lambda: time.sleep(0.05))
    return {
        "partitions": len(described.partitions),
        "config": config["retention.ms"].value,
        "listed": listed,
        "listed_after_delete": False,
    }


def codec(bootstrap, topic, name):
    create(bootstrap, topic, 1)
    produce(bootstrap, topic, range(200), name)
    reader = consumer(bootstrap, f"{topic}-reader")
    reader.assign([TopicPartition(topic, 0, 0)])
    records = []

    def step():
        for m in reader.consume(500, 0.2):
            assert m.error() is None, m.error()
            header = m.headers()[0][1].decode()
            records.append([m.offset(), m.key().decode(), m.value().decode(), header, m.timestamp()[1]])

    until(lambda: len(records) >= 200, step)
    reader.close()
    return {"records": records}


def group(bootstrap, topic, assignor):
    create(bootstrap, topic, 4)
    values = []
    members = []
    protocol = {"partition.assignment.strategy": assignor}
    if assignor.startswith(NEW):
        protocol = {"group.protocol": "consumer", "group.remote.assignor": assignor.removeprefix(NEW)}

    def join():
        member = consumer(bootstrap, f"{topic}-group", **protocol)
        member.subscribe([topic])
        members.append(member)

    def step():
        for member in members:
            got = member.consume(100, 0.05)
            for m in got:
                assert m.error() is None, m.error()
                values.append(m.value().decode().split("-")[0])
            if got:
                member.commit(asynchronous=False)

    def share():
        return [sorted(p.partition for p in member.assignment()) for member in members]

    join()
    produce(bootstrap, topic, range(20), partitions=4)
    until(lambda: len(values) >= 20, step)
    alone = share()[0]
    join()
    until(lambda: sorted(map(len, share())) == [2, 2], step)
    shared = share()
    produce(bootstrap, topic, range(20, 40), partitions=4)
    until(lambda: len(values) >= 40, step)
    members.pop().close()
    until(lambda: len(share()[0]) == 4, step)
    after_leave = share()[0]
    produce(bootstrap, topic, range(40, 60), partitions=4)
    until(lambda: len(values) >= 60, step)
    members.pop().close()
    return {"alone": alone, "shared": shared, "after_leave": after_leave, "values": values}


def first_offset(bootstrap, topic, commit_at=None):
    """The first offset that the group reads; commits `commit_at` before leaving."""
    member = consumer(bootstrap, f"{topic}-group")
    member.subscribe([topic])
    first = []

    def step():
        message = member.poll(0.2)
        if message is not None:
            assert message.error() is None, message.error()
            first.append(message.offset())

    until(lambda: first, step)
    if commit_at is not None:
        member.commit(offsets=[TopicPartition(topic, 0, commit_at)], asynchronous=False)
    member.close()
    return first[0]


def offsets(bootstrap, topic):
    client = admin(bootstrap)
    name = f"{topic}-group"
    create(bootstrap, topic, 1)
    produce(bootstrap, topic, range(10))
    first_offset(bootstrap, topic, commit_at=5)
    after_commit = first_offset(bootstrap, topic)
    moved = ConsumerGroupTopicPartitions(name, [TopicPartition(topic, 0, 2)])
    client.alter_consumer_group_offsets([moved])[name].result(20)
    after_reset = first_offset(bootstrap, topic)
    client.delete_consumer_groups([name])[name].result(20)
    asked = ConsumerGroupTopicPartitions(name, [TopicPartition(topic, 0)])
    left = client.list_consumer_group_offsets([asked])[name].result(20)
    return {
        "first_after_commit": after_commit,
        "first_after_reset": after_reset,
        "committed_after_delete": max(-1, left.topic_partitions[0].offset),
    }


if __name__ == "__main__":
    journeys = {"topics": topics, "codec": codec, "group": group, "offsets": offsets}
    print(json.dumps(journeys[sys.argv[1]](*sys.argv[2:])))
