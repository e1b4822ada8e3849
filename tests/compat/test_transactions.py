"""Transactions with real clients: offsets move with the records, or not at all, and who was replaced is fenced."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import ProducerFenced
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

SECONDS_MAX = 30
PARTITIONS = 2
COUNT = 20


def create(bootstrap: str, *topics: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    made = admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
    for future in made.values():
        future.result(SECONDS_MAX)


def producer_of(bootstrap: str, name: str, **settings: Any) -> Producer:
    """A librdkafka producer that is the owner of its transactional id from now on."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": name, **settings})
    producer.init_transactions(SECONDS_MAX)
    return producer


def consumer_of(bootstrap: str, group: str, *topics: str, isolation: str = "read_committed") -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": isolation,
            # Members of the sessions before leave late.
            "session.timeout.ms": 6_000,
        }
    )
    consumer.subscribe(list(topics))
    return consumer


def take(consumer: Consumer, count: int) -> list[Any]:
    """So many messages, in the order in which they come."""
    deadline = time.monotonic() + SECONDS_MAX
    messages: list[Any] = []
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} of {count} came"
        message = consumer.poll(1)
        if message is not None:
            assert message.error() is None, message.error()
            messages.append(message)
    return messages


def send(producer: Producer, topic: str, values: list[bytes]) -> None:
    for value in values:
        producer.produce(topic, value)


def numbers(count: int = COUNT, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


def committed(bootstrap: str, group: str, topic: str) -> int:
    """The sum of a group's offsets in a topic."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    parts = consumer.committed([TopicPartition(topic, index) for index in range(PARTITIONS)], SECONDS_MAX)
    consumer.close()
    return sum(max(0, part.offset) for part in parts)


@pytest.mark.parametrize("transactions", [1, 5])
def test_what_librdkafka_commits_is_read(broker, topic, transactions):
    bootstrap = broker.bootstrap_servers
    create(bootstrap, topic)
    producer = producer_of(bootstrap, topic)

    for number in range(transactions):
        producer.begin_transaction()
        send(producer, topic, numbers(start=number * COUNT))
        producer.commit_transaction(SECONDS_MAX)

    consumer = consumer_of(bootstrap, topic, topic)
    read = sorted(int(message.value()) for message in take(consumer, transactions * COUNT))
    consumer.close()
    assert read == list(range(transactions * COUNT))


def test_librdkafka_reads_processes_and_writes_as_one(broker, topic):
    """Of three rounds the second is aborted: its offsets do not move, so its records are read again."""
    bootstrap, out = broker.bootstrap_servers, f"{topic}-out"
    create(bootstrap, topic, out)
    source = producer_of(bootstrap, f"{topic}-source")
    source.begin_transaction()
    send(source, topic, numbers(3 * COUNT))
    source.commit_transaction(SECONDS_MAX)
    producer = producer_of(bootstrap, topic)
    moved = []

    for commit in (True, False, True):
        consumer = consumer_of(bootstrap, topic, topic)
        producer.begin_transaction()
        for message in take(consumer, COUNT):
            producer.produce(out, message.value())
        positions = [part for part in consumer.position(consumer.assignment()) if part.offset >= 0]
        producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), SECONDS_MAX)
        end: Callable[[float], None] = producer.commit_transaction if commit else producer.abort_transaction
        end(SECONDS_MAX)
        consumer.close()
        moved.append(committed(bootstrap, topic, topic))

    assert moved[0] == moved[1]
    assert moved[0] >= COUNT
    assert moved[2] >= 2 * COUNT


def test_librdkafka_is_fenced_by_its_successor(broker, topic):
    bootstrap = broker.bootstrap_servers
    create(bootstrap, topic)
    first = producer_of(bootstrap, topic)
    first.begin_transaction()
    send(first, topic, numbers())
    first.flush(SECONDS_MAX)

    second = producer_of(bootstrap, topic)

    with pytest.raises(KafkaException) as raised:
        first.commit_transaction(SECONDS_MAX)
    assert raised.value.args[0].fatal()
    second.begin_transaction()
    send(second, topic, numbers())
    second.commit_transaction(SECONDS_MAX)


def test_aiokafka_reads_processes_and_writes_as_one(broker, topic):
    bootstrap, out = broker.bootstrap_servers, f"{topic}-out"
    create(bootstrap, topic, out)

    async def loop() -> dict[str, int]:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=topic,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        await producer.start()
        async with producer.transaction():
            for value in numbers():
                await producer.send(topic, value)
        await consumer.start()
        sums = {}
        for name in ("aborted", "committed"):
            await producer.begin_transaction()
            if name == "aborted":
                for _ in range(COUNT):
                    message = await asyncio.wait_for(consumer.getone(), SECONDS_MAX)
                    await producer.send(out, message.value)
            positions = {part: await consumer.position(part) for part in consumer.assignment()}
            await producer.send_offsets_to_transaction(positions, topic)
            await (producer.abort_transaction() if name == "aborted" else producer.commit_transaction())
            found = [await consumer.committed(part) for part in consumer.assignment()]
            sums[name] = sum(offset or 0 for offset in found)
        await consumer.stop()
        await producer.stop()
        return sums

    sums = asyncio.run(loop())

    assert sums["aborted"] == 0
    assert sums["committed"] >= COUNT


def test_aiokafka_is_fenced_by_its_successor(broker, topic):
    bootstrap = broker.bootstrap_servers
    create(bootstrap, topic)

    async def race() -> None:
        first, second = (AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic) for _ in range(2))
        await first.start()
        await first.begin_transaction()
        await first.send_and_wait(topic, b"1")
        await second.start()
        try:
            with pytest.raises(ProducerFenced):
                await first.commit_transaction()
            async with second.transaction():
                await second.send_and_wait(topic, b"2")
        finally:
            await second.stop()
            await first.stop()

    asyncio.run(race())
