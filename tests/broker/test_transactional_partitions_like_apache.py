"""The same requests about transactions to Apache Kafka and to ours: the same replies, whatever the order."""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock.broker.verification import Claim, Verdict
from penstock.protocol import frame
from penstock.protocol import messages as m
from penstock.protocol.apis import API
from penstock.protocol.errors import KafkaError
from penstock.testing.apache_kafka import ApacheKafka, apache_kafka
from penstock.testing.broker_in_memory import InMemoryBroker
from penstock.testing.clock import ManualClock
from tests.broker.calls import FETCH_BY_NAME, batch, create, fetch_request, produce_request
from tests.server.server_harness import Client

pytestmark = pytest.mark.apache

KEYS = {api.request_name: api.key for api in API.values()}
NOT_YET = {
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_LEADER_OR_FOLLOWER,
    KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.CONCURRENT_TRANSACTIONS,
}
PRODUCERS = 3
STEPS = 120
# Clients of this version say which partitions are part of their transactions.
PRODUCE_VERSION = 11

Ask = Callable[[Any, int], Any]


@pytest.fixture(scope="module")
def kafka() -> Iterator[ApacheKafka]:
    with apache_kafka() as node:
        yield node


class Theirs:
    """Apache Kafka with a topic, and producers whose transactions have its partition 0."""

    def __init__(self, node: ApacheKafka, topic: str) -> None:
        self.client = Client(("127.0.0.1", node.port))
        self.topic = topic
        request = m.CreateTopicsRequest
        wanted = request.CreatableTopic(name=topic, num_partitions=1, replication_factor=1)
        self.ask(request(topics=[wanted], timeout_ms=10_000), 7)
        self.ids = [self.producer(f"{topic}-{number}") for number in range(PRODUCERS)]
        lists = m.ListOffsetsRequest
        wanted = lists(replica_id=-1, topics=[lists.ListOffsetsTopic(topic, [lists.ListOffsetsPartition(0, -1, -1)])])
        self.insist(lambda: self.ask(wanted, 7).topics[0].partitions[0])

    def ask(self, message: Any, version: int) -> Any:
        key = KEYS[type(message).__name__]
        self.client.send(b"".join(map(bytes, frame.encode_request(key, version, 1, "test", message))))
        return self.client.read_reply(key, version)[1]

    def producer(self, name: str) -> int:
        self.insist(lambda: self.ask(m.FindCoordinatorRequest(key_type=1, coordinator_keys=[name]), 4).coordinators[0])
        answer = self.insist(lambda: self.ask(m.InitProducerIdRequest(name, transaction_timeout_ms=600_000), 5))
        add = m.AddPartitionsToTxnRequest
        request = add(
            v3_and_below_transactional_id=name,
            v3_and_below_producer_id=answer.producer_id,
            v3_and_below_producer_epoch=answer.producer_epoch,
            v3_and_below_topics=[add.AddPartitionsToTxnTopic(self.topic, [0])],
        )
        added = self.ask(request, 3).results_by_topic_v3_and_below[0].results_by_partition[0]
        assert added.partition_error_code == KafkaError.NONE
        return answer.producer_id

    def insist(self, act: Callable[[], Any]) -> Any:
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up:
            answer = act()
            if answer.error_code not in NOT_YET:
                return answer
            time.sleep(0.05)
        raise AssertionError(answer)


class Ours:
    """The same of ours, with a coordinator that takes every claim."""

    def __init__(self, topic: str, ids: list[int]) -> None:
        self.broker = InMemoryBroker(clock=ManualClock(time.time_ns() // 1_000_000))
        self.broker.broker.verify_transaction = self.verify
        self.ids = ids
        create(self.broker, topic)

    def verify(self, claim: Claim, now_ms: int) -> Verdict:
        return Verdict({})

    def ask(self, message: Any, version: int) -> Any:
        return self.broker.request(message, version)


def steps(dice: random.Random, ids: list[int], topic: str) -> Iterator[tuple[str, Any, int, Callable[[Any], Any]]]:
    """Requests in an order that the dice decide: what it is, message, version, and what of the reply must agree."""
    place = (topic, 0)
    sequences = dict.fromkeys(ids, 0)
    # Markers are of now; batches much older than these would begin another segment.
    now_ms = time.time_ns() // 1_000_000
    for _ in range(STEPS):
        producer = dice.choice(ids)
        kind = dice.choices(("data", "plain", "end", "read"), (5, 1, 4, 4))[0]
        if kind == "data":
            sequence = max(0, sequences[producer] + dice.choice((0, 0, 0, 0, 0, -1, 1)))
            if sequence == sequences[producer]:
                sequences[producer] += 1
            header = {"producer_id": producer, "producer_epoch": 0, "base_sequence": sequence}
            data = batch(transactional=dice.random() < 0.95, timestamp_ms=now_ms, **header)
            name = f"{topic}-{ids.index(producer)}"
            yield (
                f"{sequence}",
                produce_request((*place, data), transactional_id=name, acks=-1),
                PRODUCE_VERSION,
                produced,
            )
        elif kind == "plain":
            yield kind, produce_request((*place, batch(timestamp_ms=now_ms)), acks=-1), PRODUCE_VERSION, produced
        elif kind == "end":
            request = m.WriteTxnMarkersRequest
            topics = [request.WritableTxnMarkerTopic(topic, [0])]
            version = dice.choice((0, 0, 0, 2))
            marker = request.WritableTxnMarker(
                producer, 0, dice.random() < 0.5, topics, dice.choice((3, 3, 3, 2)), version
            )
            yield f"{kind} {version}", request(markers=[marker]), 2, str
        yield from looks(dice, topic)


def looks(dice: random.Random, topic: str) -> Iterator[tuple[str, Any, int, Callable[[Any], Any]]]:
    level = dice.randrange(2)
    lists = m.ListOffsetsRequest
    part = lists.ListOffsetsPartition(0, -1, dice.choice((-1, 0)))
    wanted = lists(replica_id=-1, isolation_level=level, topics=[lists.ListOffsetsTopic(topic, [part])])
    yield "list offsets", wanted, 7, found_offset
    offset = dice.randrange(12)
    yield f"fetch {offset}", fetch_request((topic, 0, offset), isolation_level=level), FETCH_BY_NAME, fetched
    describe = m.DescribeProducersRequest
    yield "describe", describe(topics=[describe.TopicRequest(topic, [0])]), 0, described


def found_offset(answer: Any) -> Any:
    (part,) = answer.topics[0].partitions
    return KafkaError(part.error_code).name, part.offset


def produced(answer: Any) -> Any:
    (part,) = answer.responses[0].partition_responses
    return KafkaError(part.error_code).name, part.base_offset


def fetched(answer: Any) -> Any:
    (part,) = answer.responses[0].partitions
    return (
        KafkaError(part.error_code).name,
        part.high_watermark,
        part.last_stable_offset,
        str(part.aborted_transactions),
        len(part.records or b""),
    )


def described(answer: Any) -> Any:
    (part,) = answer.topics[0].partitions
    return sorted(
        (one.producer_id, one.producer_epoch, one.last_sequence, one.coordinator_epoch, one.current_txn_start_offset)
        for one in part.active_producers
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_same_requests_get_the_same_replies(kafka, seed):
    topic = f"orders-{seed}"
    theirs = Theirs(kafka, topic)
    ours = Ours(topic, theirs.ids)

    said = []
    for name, message, version, seen in steps(random.Random(seed), theirs.ids, topic):
        their_reply, our_reply = (seen(side.ask(message, version)) for side in (theirs, ours))
        said.append((name, their_reply))
        assert our_reply == their_reply, said[-12:]
    assert len(said) > STEPS


@pytest.mark.parametrize("places", [[(0, True)], [(0, False), (1, True)], [(0, True), (0, False)]])
def test_a_transactional_batch_without_a_transactional_id_gets_the_same_reply(kafka, places):
    topic = "without-" + "-".join(f"{index}{int(transactional)}" for index, transactional in places)
    theirs = Theirs(kafka, topic)
    ours = Ours(topic, theirs.ids)
    data = {
        True: batch(b"v", transactional=True, producer_id=theirs.ids[0], producer_epoch=0, base_sequence=0),
        False: batch(b"v"),
    }
    request = produce_request(*((topic, index, data[transactional]) for index, transactional in places), acks=-1)

    replies = [
        sorted(
            (part.index, KafkaError(part.error_code).name, part.base_offset, part.log_start_offset)
            for answer in side.ask(request, PRODUCE_VERSION).responses
            for part in answer.partition_responses
        )
        for side in (theirs, ours)
    ]

    assert replies[1] == replies[0]
