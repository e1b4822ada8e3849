"""Share groups (KIP-932) with librdkafka's consumer: each record to one member at a time, until it is settled."""

import time

import pytest
from confluent_kafka import AcknowledgeType, Producer, ShareConsumer
from confluent_kafka.admin import AdminClient, NewTopic

from penstock.testing.apache_kafka import tool

SECONDS_MAX = 60
RECORDS = 40


@pytest.fixture
def filled(broker, topic):
    """A topic with RECORDS records in two partitions, and a share group of the same name that begins with the first."""
    servers = {"bootstrap.servers": broker.bootstrap_servers}
    admin = AdminClient(servers)
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(20)
    producer = Producer(servers)
    for number in range(RECORDS):
        producer.produce(topic, value=str(number), partition=number % 2)
    assert producer.flush(30) == 0
    of_group = ["--entity-type", "groups", "--entity-name", topic, "--alter"]
    earliest = ["--add-config", "share.auto.offset.reset=earliest"]
    tool("kafka-configs", "--bootstrap-server", broker.bootstrap_servers, *of_group, *earliest)
    return topic


@pytest.fixture
def member(broker, filled):
    made = []

    def make():
        settings = {"bootstrap.servers": broker.bootstrap_servers, "group.id": filled}
        made.append(ShareConsumer({**settings, "share.acknowledgement.mode": "explicit"}))
        made[-1].subscribe([filled])
        return made[-1]

    yield make
    for consumer in made:
        consumer.close()


def settle(members, decide, ready):
    """Polls until `ready(seen)` and answers each record with `decide(number, count)`.

    Gives what came, as (number, how often it was delivered).
    """
    seen: list[tuple[int, int]] = []
    deadline = time.monotonic() + SECONDS_MAX
    while not ready(seen):
        assert time.monotonic() < deadline, f"gave up waiting: {seen}"
        for consumer in members:
            for message in consumer.poll(0.2):
                assert message.error() is None, message.error()
                number, count = int(message.value()), message.delivery_count()
                seen.append((number, count))
                consumer.acknowledge(message, decide(number, count))
            faults = [fault for fault in consumer.commit_sync(30).values() if fault is not None]
            assert not faults, faults
    return seen


def test_a_record_that_is_released_comes_again_and_a_rejected_one_does_not(member):
    def decide(number, count):
        if number % 4 == 0 and count < 3:
            return AcknowledgeType.RELEASE
        return AcknowledgeType.REJECT if number % 4 == 1 else AcknowledgeType.ACCEPT

    released = [(number, count) for number in range(0, RECORDS, 4) for count in (2, 3)]
    expected = sorted([(number, 1) for number in range(RECORDS)] + released)

    seen = settle([member()], decide, lambda seen: len(seen) >= len(expected))

    assert sorted(seen) == expected


def test_a_record_that_is_always_released_is_given_up_after_five_deliveries(member):
    def decide(number, count):
        return AcknowledgeType.RELEASE if number == 7 else AcknowledgeType.ACCEPT

    seen = settle([member()], decide, lambda seen: len(seen) >= RECORDS + 4)
    later = settle([member()], decide, rounds(3))

    assert [count for number, count in seen if number == 7] == [1, 2, 3, 4, 5]
    assert later == []


def test_two_members_share_the_records_of_one_partition(broker, filled, member):
    members = [member(), member()]

    seen = settle(members, lambda number, count: AcknowledgeType.ACCEPT, lambda seen: len(seen) >= RECORDS)

    assert sorted(seen) == [(number, 1) for number in range(RECORDS)]


def rounds(count):
    """Ready after so many calls."""
    left = iter(range(count))
    return lambda seen: next(left, None) is None
