"""The four journeys with kafka-python. Usage: driver.py JOURNEY BOOTSTRAP TOPIC [OPTION]"""

import json
import sys
import threading
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.structs import OffsetAndMetadata

SECONDS_MAX = 40
POLL_MS = 2000
ASSIGNORS = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
    "cooperative-sticky": CooperativeStickyAssignor,
}


def create(bootstrap, topic, partitions, config=None):
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        wanted = {topic: {"num_partitions": partitions, "replication_factor": 1, "configs": config or {}}}
        admin.create_topics(wanted, wait_for_metadata=True)


def produce(bootstrap, topic, numbers, codec="none", partitions=1):
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec, linger_ms=50
    )
    sent = [
        producer.send(
            topic,
            key=f"k{number}".encode(),
            value=f"v{number}-".encode() + b"x" * 100,
            headers=[("h", str(number).encode())],
            timestamp_ms=1_700_000_000_000 + number,
            partition=number % partitions,
        )
        for number in numbers
    ]
    for future in sent:
        future.get(timeout=30)
    producer.close()


def consumer(bootstrap, group, **settings):
    return KafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6000,
        heartbeat_interval_ms=300,
        metadata_max_age_ms=1000,
        **settings,
    )


def until(ready, step=lambda: time.sleep(0.02)):
    deadline = time.monotonic() + SECONDS_MAX
    while not ready():
        assert time.monotonic() < deadline, "gave up waiting"
        step()


def topics(bootstrap, topic):
    create(bootstrap, topic, 4, {"retention.ms": "3600000"})
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        described = admin.describe_topics([topic])[0]
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        config = admin.describe_configs([resource])["topic"][topic]
        listed = topic in admin.list_topics()
        admin.delete_topics([topic])
        # Apache Kafka's brokers hear of a deletion a moment after the reply.
        until(lambda: topic not in admin.list_topics())
        return {
            "partitions": len(described["partitions"]),
            "config": config["retention.ms"]["value"],
            "listed": listed,
            "listed_after_delete": False,
        }


def codec(bootstrap, topic, name):
    create(bootstrap, topic, 1)
    produce(bootstrap, topic, range(200), name)
    reader = consumer(bootstrap, None)
    reader.assign([TopicPartition(topic, 0)])
    records = []

    def step():
        for batch in reader.poll(200).values():
            records.extend(
                [r.offset, r.key.decode(), r.value.decode(), r.headers[0][1].decode(), r.timestamp] for r in batch
            )

    until(lambda: len(records) >= 200, step)
    reader.close()
    return {"records": records}


class Member(threading.Thread):
    """Reads and commits until told to leave; a consumer of kafka-python belongs to one thread."""

    def __init__(self, bootstrap, topic, assignor, values):
        super().__init__(daemon=True)
        self.arguments = bootstrap, topic, assignor, values
        self.share = []
        self.leaving = threading.Event()
        self.start()

    def run(self):
        bootstrap, topic, assignor, values = self.arguments
        member = consumer(bootstrap, f"{topic}-group", partition_assignment_strategy=[ASSIGNORS[assignor]])
        # kafka-python 3.0.12 forgets a join whose answers come just as poll() times out, and then reads nothing
        # for ever (seen with Penstock in 3 of 100 runs of polls of 100 ms): with the topic known before the first
        # join there is one join less, and long polls seldom end in the middle of one.
        member.partitions_for_topic(topic)
        member.subscribe([topic])
        while not self.leaving.is_set():
            got = member.poll(POLL_MS)
            self.share = sorted(p.partition for p in member.assignment())
            values.extend(r.value.decode().split("-")[0] for batch in got.values() for r in batch)
            if got:
                member.commit()
        member.close()

    def leave(self):
        self.leaving.set()
        self.join(SECONDS_MAX)
        assert not self.is_alive(), "the member did not close"


def group(bootstrap, topic, assignor):
    create(bootstrap, topic, 4)
    values = []
    first = Member(bootstrap, topic, assignor, values)
    produce(bootstrap, topic, range(20), partitions=4)
    until(lambda: len(values) >= 20)
    alone = first.share
    second = Member(bootstrap, topic, assignor, values)
    until(lambda: len(first.share) == len(second.share) == 2)
    shared = [first.share, second.share]
    produce(bootstrap, topic, range(20, 40), partitions=4)
    until(lambda: len(values) >= 40)
    second.leave()
    until(lambda: len(first.share) == 4)
    after_leave = first.share
    produce(bootstrap, topic, range(40, 60), partitions=4)
    until(lambda: len(values) >= 60)
    first.leave()
    return {"alone": alone, "shared": shared, "after_leave": after_leave, "values": values}


def first_offset(bootstrap, topic, commit_at=None):
    """The first offset that the group reads; commits `commit_at` before leaving."""
    member = consumer(bootstrap, f"{topic}-group")
    member.subscribe([topic])
    first = []
    until(lambda: first, lambda: first.extend(r.offset for batch in member.poll(200).values() for r in batch))
    if commit_at is not None:
        member.commit({TopicPartition(topic, 0): OffsetAndMetadata(commit_at, "", -1)})
    member.close()
    return first[0]


def offsets(bootstrap, topic):
    name, partition = f"{topic}-group", TopicPartition(topic, 0)
    create(bootstrap, topic, 1)
    produce(bootstrap, topic, range(10))
    first_offset(bootstrap, topic, commit_at=5)
    after_commit = first_offset(bootstrap, topic)
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        admin.alter_group_offsets(name, {partition: OffsetAndMetadata(2, "", -1)})
        after_reset = first_offset(bootstrap, topic)
        admin.delete_groups([name])
        left = admin.list_group_offsets({name: [partition]})[name]
    return {
        "first_after_commit": after_commit,
        "first_after_reset": after_reset,
        "committed_after_delete": left[partition].offset if partition in left else -1,
    }


if __name__ == "__main__":
    journeys = {"topics": topics, "codec": codec, "group": group, "offsets": offsets}
    print(json.dumps(journeys[sys.argv[1]](*sys.argv[2:])))
