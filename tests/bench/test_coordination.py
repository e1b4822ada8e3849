"""The scenarios of coordinators, small, against a Penstock in this process: what they count adds up."""

import asyncio
from collections.abc import Iterator
from os import getpid

import pytest
from bench.load import Load
from bench.servers import GROUP_CONFIG

from bench import load, rebalance, share_consumers, transactions, wire
from penstock.testing.embedded import Kafka, kafka

HEARTBEAT_MS = 100
MEMBERS = 5


@pytest.fixture(scope="module")
def broker() -> Iterator[Kafka]:
    beats = {name: str(HEARTBEAT_MS) for name in GROUP_CONFIG if name.endswith("heartbeat.interval.ms")}
    intervals = {f"group.{kind}.assignment.interval.ms": "0" for kind in ("consumer", "share")}
    with kafka(configs={**GROUP_CONFIG, **beats, **intervals}) as running:
        yield running


def topic_id(broker: Kafka, topic: str) -> bytes:
    with wire.connect(broker.port) as sock:
        wire.find_coordinator(sock, topic, kind=0)
        return wire.topic_id(sock, topic)


@pytest.mark.parametrize("protocol", rebalance.PROTOCOLS)
def test_a_group_gets_stable_with_every_member_that_comes_or_goes(broker: Kafka, protocol: str) -> None:
    topic = broker.topic(partitions=MEMBERS)
    spec = rebalance.Spec(broker.port, getpid(), f"{topic}-group", topic, protocol, MEMBERS, HEARTBEAT_MS / 1000, 60)

    # The run asks the broker after each phase whether the group is stable and has that many members.
    found = asyncio.run(rebalance.run(spec, topic_id(broker, topic)))

    assert found["members"] == MEMBERS
    assert all(found[f"{phase}_s"] > 0 for phase in ("join", "leave", "return"))
    assert found["epoch"] >= 3


@pytest.mark.parametrize(("ids", "batches"), [(1, 1), (3, 4)])
def test_every_transaction_that_is_counted_is_in_the_log(broker: Kafka, ids: int, batches: int) -> None:
    topic = broker.topic(partitions=5)
    spec = transactions.Spec(
        broker.port, getpid(), topic, 5, ids, batches, abort_every=3, transactions_max=30, seconds_max=60
    )

    found = transactions.run(spec)

    with wire.connect(broker.port) as sock:
        stable = wire.end_offsets(sock, topic, 5, isolation=1)
    # With each batch goes a marker.
    assert sum(stable) == 30 * batches * 2
    assert found["transactions_per_s"] > 0
    assert 0 < found["commit_ms"]["p50"] < found["latency_ms"]["p50"]


def test_a_share_group_reads_and_accepts_every_record(broker: Kafka) -> None:
    topic = broker.topic(partitions=2)
    load.run(
        Load("produce", broker.port, getpid(), topic, 2, 2, 4, 4096, value_size=100, requests_max=400, seconds_max=60)
    )
    with wire.connect(broker.port) as sock:
        records = sum(wire.end_offsets(sock, topic, 2, isolation=0))
    spec = share_consumers.Spec(broker.port, getpid(), f"{topic}-group", topic, 2, 2, HEARTBEAT_MS / 1000, 60)

    found = asyncio.run(share_consumers.run(spec, topic_id(broker, topic), records))

    # All but what was read before the clock started.
    assert records // 2 < found["records"] <= records
    assert found["redelivered"] == 0
