"""The same life of a share group on Apache Kafka and on us: the same records, the same errors, the same words."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.broker.admin.wire import Wire
from tests.broker.share.calls import (
    ACCEPT,
    ANN,
    BOB,
    REJECT,
    RELEASE,
    RENEW,
    Request,
    acknowledge_request,
    acquired_of,
    batches_of,
    configure,
    described_offsets,
    fetch_request,
    heartbeat,
    records,
)

from penstock.protocol import messages as m
from penstock.protocol.primitives import to_base64
from penstock.testing.apache_kafka import apache_kafka
from penstock.testing.broker_in_memory import InMemoryBroker

pytestmark = pytest.mark.apache

PATIENCE_S = 30


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Request, Request]]:
    with apache_kafka() as node, Wire("127.0.0.1", node.port) as wire:
        yield wire.request, InMemoryBroker().request


class Life:
    """One share group on one server. told: what it said, one entry a step."""

    def __init__(self, request: Request, name: str) -> None:
        self.request = request
        self.name = name
        self.epochs = {ANN: 0, BOB: 0}
        self.told: list[tuple[str, Any]] = []
        topic = m.CreateTopicsRequest.CreatableTopic(name=name, num_partitions=1, replication_factor=1)
        self.topic_id = request(m.CreateTopicsRequest(topics=[topic], timeout_ms=5_000), 7).topics[0].topic_id
        self.await_coordinator(0, name)
        self.await_coordinator(2, f"{name}:{to_base64(self.topic_id)}:0")
        configure(request, name, auto_offset_reset="earliest")

    def await_coordinator(self, kind: int, key: str) -> None:
        ask = m.FindCoordinatorRequest(key_type=kind, coordinator_keys=[key])
        _until(lambda: self.request(ask, 6).coordinators[0].error_code == 0)

    def join(self) -> None:
        """Members are only asked for by the coordinator; where records are, anybody may fetch."""
        epoch = 0

        def has_partitions() -> bool:
            nonlocal epoch
            answer = heartbeat(self.request, self.name, ANN, epoch, None if epoch else [self.name])
            assert answer.error_code == 0, answer
            epoch = answer.member_epoch
            return answer.assignment is not None and bool(answer.assignment.topic_partitions)

        _until(has_partitions)

    def produce(self, *counts: int) -> None:
        produce = m.ProduceRequest
        for count in counts:
            part = produce.PartitionProduceData(0, records(count))
            topic = produce.TopicProduceData(topic_id=self.topic_id, partition_data=[part])
            answer = self.request(produce(transactional_id=None, acks=-1, timeout_ms=5_000, topic_data=[topic]), 13)
            assert answer.responses[0].partition_responses[0].error_code == 0

    def fetch(self, step: str, member: str = ANN, epoch: int | None = None, **rest: Any) -> None:
        at = self.epochs[member] if epoch is None else epoch
        rest.setdefault("partitions", (0,) if at == 0 else ())
        rest.setdefault("max_wait_ms", 5_000)
        answer = self.request(fetch_request(self.name, member, at, self.topic_id, **rest), 2)
        if epoch is None and answer.error_code == 0:
            self.epochs[member] += 1
        # In the order of partitions: Kafka's own order is by chance.
        parts = sorted(
            (
                part.partition_index,
                (part.error_code, part.error_message, part.acknowledge_error_code, part.acknowledge_error_message),
                batches_of(part),
                acquired_of(part),
            )
            for topic in answer.responses
            for part in topic.partitions
        )
        self.told.append((step, (answer.error_code, answer.acquisition_lock_timeout_ms, parts)))

    def say(self, step: str, *acks: Any, member: str = ANN, epoch: int | None = None, **rest: Any) -> None:
        at = self.epochs[member] if epoch is None else epoch
        answer = self.request(acknowledge_request(self.name, member, at, self.topic_id, acks, **rest), 2)
        if epoch is None and answer.error_code == 0:
            self.epochs[member] += 1
        parts = [
            (part.partition_index, part.error_code, part.error_message)
            for topic in answer.responses
            for part in topic.partitions
        ]
        self.told.append((step, (answer.error_code, answer.acquisition_lock_timeout_ms, parts)))

    def offsets(self) -> None:
        self.told.append(("offsets", list(described_offsets(self.request, self.name).values())))


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.2)


def sessions(life: Life) -> None:
    life.produce(10, 10)
    life.fetch("no session", epoch=1)
    life.fetch("no session to end", epoch=-1)
    life.fetch("with acknowledgements first", acks=[(0, 0, 1, [ACCEPT])])
    life.fetch("none wanted", max_records=0, max_wait_ms=10)
    life.fetch("again from the start", epoch=0, max_records=5)
    life.fetch("wrong epoch", epoch=9)
    life.say("acknowledged at epoch 0", (0, 0, 0, [ACCEPT]), epoch=0)
    life.say("of nobody", (0, 0, 0, [ACCEPT]), member=BOB, epoch=1)
    life.fetch("a partition that is not there", partitions=(7,))
    life.fetch("still not", max_wait_ms=10)
    life.fetch("forgotten", forgotten=(7,), max_wait_ms=10)
    life.fetch("nothing new", member=BOB, max_wait_ms=10)
    life.fetch("the end", epoch=-1, acks=[(0, 0, 9, [ACCEPT])])
    life.fetch("after the end", max_wait_ms=10)
    life.offsets()


def acknowledgements(life: Life) -> None:
    life.produce(10, 10, 10)
    life.fetch("first", max_records=5)
    life.offsets()
    for step, acks in {
        "half": [(0, 0, 4, [ACCEPT])],
        "again": [(0, 0, 4, [ACCEPT])],
        "from before the start": [(0, 3, 6, [ACCEPT])],
        "one by one": [(0, 7, 9, [RELEASE, REJECT, 0])],
        "not held": [(0, 7, 7, [ACCEPT])],
        "past": [(0, 100, 101, [ACCEPT])],
        "unknown type": [(0, 7, 7, [9])],
        "no type": [(0, 7, 7, [])],
        "too many types": [(0, 7, 7, [1, 1])],
        "backwards": [(0, 9, 8, [ACCEPT])],
        "out of order": [(0, 8, 8, [ACCEPT]), (0, 7, 7, [ACCEPT])],
        "unannounced renewal": [(0, 7, 7, [RENEW])],
        "not there": [(5, 0, 0, [ACCEPT])],
        "nothing": [],
    }.items():
        life.say(step, *acks)
        life.offsets()
    life.fetch("what came back", max_records=1)
    life.fetch("new with acknowledgement", max_records=1, acks=[(0, 7, 7, [ACCEPT])])
    life.say("renewed", (0, 10, 19, [RENEW]), is_renew_ack=True)
    life.fetch("renewal that wants records", is_renew_ack=True, acks=[(0, 10, 19, [RENEW])])
    nothing = {"max_wait_ms": 0, "min_bytes": 0, "max_bytes": 0, "max_records": 0, "batch_size": 0}
    life.fetch("renewal", is_renew_ack=True, acks=[(0, 10, 19, [RENEW])], **nothing)
    life.fetch("another finds nothing", member=BOB, max_wait_ms=10)
    life.say("another's", (0, 10, 19, [ACCEPT]), member=BOB)
    life.say("part of another's", (0, 12, 13, [ACCEPT]), member=BOB)
    life.fetch("overlapping", acks=[(0, 10, 12, [ACCEPT]), (0, 12, 13, [ACCEPT])], max_wait_ms=10, max_records=1)
    life.say("the last", (0, 10, 10, [ACCEPT]), epoch=-1)
    life.fetch("given back", member=BOB)
    life.offsets()


def limits(life: Life) -> None:
    life.produce(5, 5, 5)
    for records_max in (7, 7, 7):
        life.fetch("record limit", share_acquire_mode=1, max_records=records_max)
    life.produce(5, 5, 5, 5, 5, 5)
    life.fetch("ranges of three", max_records=7, batch_size=3)
    life.fetch("ranges of six", batch_size=6)
    life.say("back", *[(0, at, at, [RELEASE]) for at in range(3, 43)])
    life.fetch("again, few", max_records=4)
    life.fetch("again, strictly few", max_records=4, share_acquire_mode=1)
    life.fetch("again, all")
    life.fetch("min bytes", min_bytes=100_000, max_wait_ms=10)


def deliveries(life: Life) -> None:
    life.produce(10, 6)
    for turn in range(14):
        life.fetch(f"turn {turn}")
        for first, last, _ in [piece for part in life.told[-1][1][2] for piece in part[-1]]:
            life.say(f"back {first}-{last}", (0, first, last, [RELEASE]))
    life.offsets()


@pytest.mark.parametrize("life", [sessions, acknowledgements, limits, deliveries], ids=lambda one: one.__name__)
def test_a_share_group_lives_the_same_life(both, life):
    lives = []
    for request in both:
        one = Life(request, f"like-{life.__name__}")
        one.join()
        life(one)
        lives.append(one.told)

    theirs, ours = lives
    assert len(ours) == len(theirs)
    for said, expected in zip(ours, theirs, strict=True):
        assert said == expected
