"""Topics to copy, and whether the copy is exact: every record once, in order, nothing left open."""

import time
from collections import defaultdict

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import TopicPartition as Place
from kafka.admin import KafkaAdminClient

SECONDS_MAX = 60
OVER = {"Empty", "CompleteCommit", "CompleteAbort", "Dead"}
GROUP_TOPIC, GROUP_PARTITIONS = "__consumer_offsets", 4


def create(bootstrap: str, **partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    made = admin.create_topics([NewTopic(topic, count, 1) for topic, count in partitions.items()])
    for future in made.values():
        future.result(SECONDS_MAX)


def fill(bootstrap: str, topic: str, count: int, partitions: int) -> None:
    """Numbers from 0 as keys and values, dealt out to the partitions in turn."""
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(count):
        producer.produce(topic, b"%d" % number, b"%d" % number, partition=number % partitions)
    assert producer.flush(SECONDS_MAX) == 0


def read(bootstrap: str, topic: str, partitions: int) -> dict[int, list[Message]]:
    """What a reader of committed records sees from the first to the last, by partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    found: dict[int, list[Message]] = {partition: [] for partition in range(partitions)}
    ended: set[int] = set()
    deadline = time.monotonic() + SECONDS_MAX
    while len(ended) < partitions:
        assert time.monotonic() < deadline, f"the end of {set(found) - ended} of {topic} did not come"
        for message in consumer.consume(1000, 0.2):
            if message.error() is None:
                found[message.partition()].append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
    consumer.close()
    return found


def committed(bootstrap: str, group: str, topic: str, partitions: int) -> list[int]:
    """The offsets of a group by partition, -1 where there is none."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    places = [TopicPartition(topic, index) for index in range(partitions)]
    deadline = time.monotonic() + SECONDS_MAX
    try:
        while True:
            try:
                return [max(part.offset, -1) for part in consumer.committed(places, SECONDS_MAX)]
            except KafkaException as raised:
                # Until the coordinator of a new group is known to itself.
                if raised.args[0].code() != KafkaError.NOT_COORDINATOR or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
    finally:
        consumer.close()


def open_transactions(bootstrap: str, **partitions: int) -> list[str]:
    """Transactions of the coordinator that go on, and producers of these topics and of the groups' within one."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        listed = [entry for entries in admin.list_transactions().values() for entry in entries]
        going_on = [f"{entry.transactional_id}: {entry.state}" for entry in listed if entry.state.value not in OVER]
        topics = {**partitions, GROUP_TOPIC: GROUP_PARTITIONS}
        places = [Place(topic, index) for topic, count in topics.items() for index in range(count)]
        going_on += [
            f"{place}: producer {producer.producer_id}"
            for place, state in admin.describe_producers(places).items()
            for producer in state.active_producers
            if producer.current_transaction_start_offset >= 0
        ]
    finally:
        admin.close()
    return going_on


def await_no_open_transaction(bootstrap: str, **partitions: int) -> None:
    """Those of clients that do not come back end when their time is up."""
    deadline = time.monotonic() + SECONDS_MAX
    while left := open_transactions(bootstrap, **partitions):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def check_copied(found: dict[int, list[Message]], count: int, partitions: int) -> None:
    """Every number once, and those of one source partition in their order in each target partition."""
    numbers = [int(message.value()) for messages in found.values() for message in messages]
    assert sorted(numbers) == list(range(count))
    for messages in found.values():
        by_source: dict[int, list[int]] = defaultdict(list)
        for message in messages:
            number = int(message.value())
            by_source[number % partitions].append(number)
        assert all(run == sorted(run) for run in by_source.values())
