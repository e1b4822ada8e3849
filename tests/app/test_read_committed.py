"""Clients that read what is committed, and what is in the files of a broker that stopped: both kinds of ends of many
transactions, one that goes on, and plain records in between."""

import asyncio
import random
import time

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as AioPartition
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from kafka import KafkaConsumer
from kafka import TopicPartition as PythonPartition

from penstock.kit.files import RealFiles
from penstock.log.transactions import TransactionEnd
from penstock.testing.clock import ManualClock
from penstock.testing.contract.log import LogWorld
from penstock.testing.embedded import kafka

TRANSACTIONS = 150
# Many fetches, each beginning in the middle of something.
FETCH_BYTES = 1000
PATIENCE_S = 30


def write(world, seed):
    """Up to five transactions at once; gives the values that count for a reader of what is committed, in order."""
    dice = random.Random(seed)
    written, dropped, going_on, sequences = [], set(), {}, {}
    for number in range(TRANSACTIONS):
        producer = dice.randrange(5)
        for _ in range(dice.randrange(1, 4)):
            value = b"%d of %d" % (len(written), producer)
            sequence = sequences.get(producer, 0)
            world.add(value, producer_id=producer, producer_epoch=0, base_sequence=sequence, transactional=True)
            sequences[producer] = sequence + 1
            written.append(value)
            going_on.setdefault(producer, []).append(value)
        if dice.random() < 0.3:
            value = b"plain %d" % number
            world.add(value)
            written.append(value)
        if dice.random() < 0.6:
            commit = dice.random() < 0.5
            world.partition.end_transaction(TransactionEnd(producer, 0, commit, 0), world.clock.now_ms())
            values = going_on.pop(producer)
            if not commit:
                dropped.update(values)
    for producer, values in going_on.items():
        world.partition.end_transaction(TransactionEnd(producer, 0, False, 0), world.clock.now_ms())
        dropped.update(values)
    world.add(b"the last one", producer_id=0, producer_epoch=0, base_sequence=sequences[0], transactional=True)
    world.partition.end_transaction(TransactionEnd(0, 0, True, 0), world.clock.now_ms())
    world.add(
        b"in one that goes on", producer_id=0, producer_epoch=0, base_sequence=sequences[0] + 1, transactional=True
    )
    world.add(b"after it")
    return [value for value in [*written, b"the last one"] if value not in dropped]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The address of a broker with the topic `orders`, and what counts of its records."""
    root = tmp_path_factory.mktemp("data")
    with kafka(data_dir=root) as running:
        running.topic(name="orders", configs={"segment.bytes": "1048576", "index.interval.bytes": "200"})
    clock = ManualClock(time.time_ns() // 1_000_000)
    world = LogWorld(RealFiles(), str(root), clock, segment_bytes=6000, index_interval_bytes=200)
    expected = write(world, "a seed")
    assert len(world.partition.segments) > 3
    # As a broker does: after a crash the transaction that goes on would be aborted, since nobody knows of it.
    assert world.directory.close(broker_epoch=2)
    with kafka(data_dir=root) as running:
        yield running.bootstrap_servers, expected


def by_confluent(address, count):
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "unused",
            "isolation.level": "read_committed",
            "max.partition.fetch.bytes": FETCH_BYTES,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition("orders", 0, OFFSET_BEGINNING)])
    found = []
    while True:
        message = consumer.poll(PATIENCE_S)
        assert message is not None, f"{len(found)} of {count} records came"
        if message.error():
            break
        found.append(message.value())
    consumer.close()
    return found


def by_kafka_python(address, count):
    consumer = KafkaConsumer(
        bootstrap_servers=address,
        isolation_level="read_committed",
        max_partition_fetch_bytes=FETCH_BYTES,
        auto_offset_reset="earliest",
    )
    place = PythonPartition("orders", 0)
    consumer.assign([place])
    found = []
    end = consumer.end_offsets([place])[place]
    give_up = time.monotonic() + PATIENCE_S
    while consumer.position(place) < end and time.monotonic() < give_up:
        for messages in consumer.poll(1000).values():
            found += [message.value for message in messages]
    consumer.close()
    return found


def by_aiokafka(address, count):
    async def read():
        consumer = AIOKafkaConsumer(
            bootstrap_servers=address,
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            auto_offset_reset="earliest",
        )
        consumer.assign([AioPartition("orders", 0)])
        await consumer.start()
        try:
            # One more than there are would make it wait.
            return [(await asyncio.wait_for(consumer.getone(), PATIENCE_S)).value for _ in range(count)]
        finally:
            await consumer.stop()

    return asyncio.run(read())


@pytest.mark.parametrize("client", [by_confluent, by_kafka_python, by_aiokafka])
def test_a_client_is_given_what_is_committed_and_nothing_else(written, client):
    address, expected = written

    assert client(address, len(expected)) == expected
