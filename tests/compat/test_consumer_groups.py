"""Consumers of the new protocol (KIP-848) beside those of the classic one, in one group."""

import time

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

SECONDS_MAX = 60


def create(broker, *names, partitions=4):
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    for made in admin.create_topics([NewTopic(name, partitions, 1) for name in names]).values():
        made.result(20)


def produce(broker, topic, count):
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for number in range(count):
        producer.produce(topic, value=str(number), partition=number % 4)
    assert producer.flush(30) == 0


def until(ready, *members):
    """Polls all members until `ready`; gives the values they read."""
    values = []
    deadline = time.monotonic() + SECONDS_MAX
    while not ready(values):
        assert time.monotonic() < deadline, "gave up waiting"
        for member in members:
            for message in member.consume(100, 0.05):
                assert message.error() is None, message.error()
                values.append(message.value().decode())
            if values and member.assignment():
                member.commit(asynchronous=True)
    return values


@pytest.fixture
def member(broker, topic):
    """Makes members of one group, which leave at the end."""
    made = []

    def make(protocol, group=f"{topic}-group", **settings):
        pace = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 300} if protocol == "classic" else {}
        base = {"bootstrap.servers": broker.bootstrap_servers, "group.id": group, "auto.offset.reset": "earliest"}
        made.append(Consumer({**base, "group.protocol": protocol, "enable.auto.commit": False, **pace, **settings}))
        return made[-1]

    yield make
    for consumer in made:
        consumer.close()


def type_of(broker, group):
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    listed = admin.list_consumer_groups().result(20).valid
    return next(found.type.name for found in listed if found.group_id == group)


def test_a_pattern_reads_what_it_matches(broker, topic, member):
    create(broker, f"{topic}-a", f"{topic}-b", f"x{topic}")
    for name in ("a", "b"):
        produce(broker, f"{topic}-{name}", 20)
    produce(broker, f"x{topic}", 20)
    reader = member("consumer")

    reader.subscribe([f"^{topic}-.*"])
    values = until(lambda values: len(values) >= 40, reader)

    assert sorted(values) == sorted([str(number) for number in range(20)] * 2)
    assert {found.topic for found in reader.assignment()} == {f"{topic}-a", f"{topic}-b"}


@pytest.mark.parametrize("strategy", ["range", "cooperative-sticky"])
def test_a_group_goes_to_the_new_protocol_and_back(broker, topic, member, strategy):
    create(broker, topic)
    produce(broker, topic, 40)
    old = member("classic", **{"partition.assignment.strategy": strategy})
    old.subscribe([topic])
    read = until(lambda values: len(values) >= 40, old)
    assert type_of(broker, f"{topic}-group") == "CLASSIC"

    new = member("consumer")
    new.subscribe([topic])
    until(lambda _: [len(old.assignment()), len(new.assignment())] == [2, 2], old, new)
    assert type_of(broker, f"{topic}-group") == "CONSUMER"
    assert {p.partition for one in (old, new) for p in one.assignment()} == {0, 1, 2, 3}
    produce(broker, topic, 40)
    read += until(lambda values: len(values) >= 40, old, new)

    new.close()
    until(lambda _: len(old.assignment()) == 4, old)
    assert type_of(broker, f"{topic}-group") == "CLASSIC"
    produce(broker, topic, 40)
    read += until(lambda values: len(values) >= 40, old)

    assert set(read) == {str(number) for number in range(40)}
