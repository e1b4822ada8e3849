"""Both servers at once."""

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from .tools import Pair

ROWS = [(f"k{number}", f"v{number}-{'x' * 60}") for number in range(20)]
FIRST_TIMESTAMP_MS = 1_700_000_000_000


@pytest.fixture
def pair(broker, apache_neighbour) -> Pair:
    return Pair(broker, apache_neighbour)


@pytest.fixture
def empty(pair, topic) -> str:
    """A topic of one partition, on both."""
    for server in (pair.ours, pair.theirs):
        client = AdminClient({"bootstrap.servers": server.bootstrap_servers})
        client.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    return topic


@pytest.fixture
def filled(pair, empty) -> str:
    """A topic of one partition that holds ROWS at the same times and offsets, on both."""
    for server in (pair.ours, pair.theirs):
        # One batch on both, however slow the machine: it leaves when it is full, not when time is up.
        one_batch = {"linger.ms": 20_000, "batch.num.messages": len(ROWS)}
        producer = Producer({"bootstrap.servers": server.bootstrap_servers, **one_batch})
        for number, (key, value) in enumerate(ROWS):
            timestamp = FIRST_TIMESTAMP_MS + number
            producer.produce(empty, key=key, value=value, partition=0, timestamp=timestamp)
        assert producer.flush(20) == 0
    return empty
