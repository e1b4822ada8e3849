"""The partitions' side of transactions: what is verified, what markers do, and what readers of each kind get to see."""

from typing import Any

import pytest

from penstock.broker.transactions import Claim, Verdict
from penstock.log.transactions import TransactionEnd
from penstock.protocol import messages as m
from penstock.protocol.errors import KafkaError
from penstock.records.control import ControlType, read_marker
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import (
    batch,
    create,
    fetch,
    offset_of,
    partitions_of,
    poll,
    produce,
    produce_request,
    records_of,
    values_of,
)

COMMITTED = {"isolation_level": 1}
ORDERS = ("orders", 0)


class Coordinator:
    """Takes every claim, or answers `error`; remembers what was asked."""

    def __init__(self, broker: InMemoryBroker) -> None:
        self.claims: list[Claim] = []
        self.error = KafkaError.NONE
        self.connect(broker)

    def connect(self, broker: InMemoryBroker) -> None:
        broker.broker.verify_transaction = self

    def __call__(self, claim: Claim, now_ms: int) -> Verdict:
        self.claims.append(claim)
        return Verdict(dict.fromkeys(claim.places, self.error) if self.error else {})


@pytest.fixture(params=[False, True], ids=["page cache", "fsync"])
def broker(request: pytest.FixtureRequest) -> InMemoryBroker:
    broker = InMemoryBroker({"offsets.topic.num.partitions": "1"}, durable=request.param)
    create(broker, "orders", 2)
    return broker


@pytest.fixture
def coordinator(broker: InMemoryBroker) -> Coordinator:
    return Coordinator(broker)


def send(
    broker: InMemoryBroker, value: bytes, sequence: int = 0, producer: int = 7, epoch: int = 0, **rest: Any
) -> Any:
    """A batch of a transaction."""
    data = batch(
        value,
        transactional=True,
        producer_id=producer,
        producer_epoch=epoch,
        base_sequence=sequence,
        timestamp_ms=broker.clock.now_ms(),
    )
    return produce(broker, data, **{"transactional_id": "t", "acks": -1} | rest)


def end(
    broker: InMemoryBroker, commit: bool = True, producer: int = 7, epoch: int = 0, *, version: int = 2, **rest: Any
) -> int:
    """Has a marker written through the API; the error code of orders-0."""
    request = m.WriteTxnMarkersRequest
    topics = [request.WritableTxnMarkerTopic("orders", [0])]
    fields = {"coordinator_epoch": 0, "transaction_version": 1 if version > 1 else 0} | rest
    marker = request.WritableTxnMarker(producer, epoch, commit, topics, **fields)
    (answer,) = broker.request(request(markers=[marker]), version).markers
    return answer.topics[0].partitions[0].error_code


def read(broker: InMemoryBroker, offset: int = 0, **rest: Any) -> Any:
    return partitions_of(fetch(broker, (*ORDERS, offset), **COMMITTED | rest))[ORDERS]


def test_a_transaction_is_seen_by_those_who_read_what_is_committed_only_once_it_is(broker, coordinator):
    produce(broker, batch(b"before"))
    send(broker, b"in it")
    produce(broker, batch(b"after"), acks=-1)

    early = read(broker)
    error = end(broker)
    late = read(broker)
    everything = read(broker, isolation_level=0)

    assert error == KafkaError.NONE
    assert values_of(early) == [b"before"]
    assert (early.high_watermark, early.last_stable_offset, early.aborted_transactions) == (3, 1, [])
    assert [record.value for record in records_of(late)][:3] == [b"before", b"in it", b"after"]
    assert (late.high_watermark, late.last_stable_offset) == (4, 4)
    assert everything.aborted_transactions is None
    assert read_marker(records_of(late)[3]).type is ControlType.COMMIT


def test_an_aborted_transaction_is_named_to_who_reads_what_is_committed(broker, coordinator):
    send(broker, b"in it")
    end(broker, commit=False)

    found = read(broker)

    assert [(entry.producer_id, entry.first_offset) for entry in found.aborted_transactions] == [(7, 0)]
    assert read_marker(records_of(found)[1]).type is ControlType.ABORT
    assert read(broker, offset=2).aborted_transactions == []


def test_a_long_poll_for_what_is_committed_ends_with_the_transaction(broker, coordinator):
    send(broker, b"in it")
    waiting = poll(broker, (*ORDERS, 0), **COMMITTED)
    send(broker, b"more", sequence=1)
    early = waiting.over

    end(broker)

    assert not early
    assert waiting.over
    assert values_of(partitions_of(waiting.answer)[ORDERS])[:2] == [b"in it", b"more"]


def test_the_latest_offset_is_the_last_stable_one_for_who_reads_what_is_committed(broker, coordinator):
    produce(broker, batch(b"before"))
    broker.advance(10)
    send(broker, b"in it")

    latest = [offset_of(broker, -1, isolation_level=level).offset for level in (0, 1)]
    by_time = [offset_of(broker, broker.clock.now_ms(), isolation_level=level).offset for level in (0, 1)]
    end(broker)

    assert latest == [2, 1]
    assert by_time == [1, -1]
    assert offset_of(broker, -1, isolation_level=1).offset == 3


def test_a_partition_is_verified_once_in_a_transaction(broker, coordinator):
    for sequence in range(3):
        assert send(broker, b"v", sequence).error_code == KafkaError.NONE
    end(broker)
    send(broker, b"v", 3)

    assert coordinator.claims == [Claim("t", 7, 0, [ORDERS], may_add=True)] * 2


@pytest.mark.parametrize(("version", "may_add"), [(3, False), (11, False), (12, True), (13, True)])
def test_only_new_clients_have_partitions_added(broker, coordinator, version, may_add):
    data = batch(transactional=True, producer_id=7, producer_epoch=0, base_sequence=0)
    request = produce_request(("orders", 0, data), transactional_id="t", acks=-1)
    request.topic_data[0].topic_id = broker.broker.topics.id_of("orders")

    answer = broker.request(request, version).responses[0].partition_responses[0]

    assert answer.error_code == KafkaError.NONE
    assert [claim.may_add for claim in coordinator.claims] == [may_add]


@pytest.mark.parametrize(
    ("said", "version", "learnt"),
    [
        (KafkaError.PRODUCER_FENCED, 12, KafkaError.INVALID_PRODUCER_EPOCH),
        (KafkaError.TRANSACTION_ABORTABLE, 11, KafkaError.TRANSACTION_ABORTABLE),
        (KafkaError.TRANSACTION_ABORTABLE, 10, KafkaError.INVALID_TXN_STATE),
        (KafkaError.CONCURRENT_TRANSACTIONS, 12, KafkaError.CONCURRENT_TRANSACTIONS),
        (KafkaError.CONCURRENT_TRANSACTIONS, 11, KafkaError.NOT_ENOUGH_REPLICAS),
        (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, 12, KafkaError.NOT_ENOUGH_REPLICAS),
        (KafkaError.INVALID_PRODUCER_ID_MAPPING, 12, KafkaError.INVALID_PRODUCER_ID_MAPPING),
    ],
)
def test_a_client_learns_what_it_understands_of_the_coordinators_refusal(broker, coordinator, said, version, learnt):
    coordinator.error = said

    answer = send(broker, b"v", version=version)

    assert answer.error_code == learnt
    assert read(broker, isolation_level=0).high_watermark == 0


def test_a_transactional_batch_needs_a_transactional_id(broker, coordinator):
    answer = send(broker, b"v", transactional_id=None)

    assert answer.error_code == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    assert coordinator.claims == []


def test_markers_of_old_coordinators_and_producers_are_refused(broker, coordinator):
    send(broker, b"v", epoch=3)

    old_producer = end(broker, epoch=2)
    first = end(broker, epoch=3, coordinator_epoch=5)
    old_coordinator = end(broker, epoch=3, coordinator_epoch=4)

    assert old_producer == KafkaError.INVALID_PRODUCER_EPOCH
    assert first == KafkaError.NONE
    assert old_coordinator == KafkaError.TRANSACTION_COORDINATOR_FENCED


def test_a_marker_of_the_second_version_has_a_newer_epoch(broker, coordinator):
    send(broker, b"v", epoch=3)

    same = end(broker, epoch=3, transaction_version=2)
    newer = end(broker, epoch=4, transaction_version=2)
    again = end(broker, epoch=4, transaction_version=2)

    assert (same, newer, again) == (KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.NONE, KafkaError.NONE)


def test_markers_may_be_written_without_the_api(broker, coordinator):
    send(broker, b"v")

    written = broker.broker.markers.write(TransactionEnd(7, 0, True, 0), [ORDERS, ("orders", 9)], broker.clock.now_ms())
    broker.settle()

    assert written.errors == {ORDERS: KafkaError.NONE, ("orders", 9): KafkaError.UNKNOWN_TOPIC_OR_PARTITION}
    assert written.appended == [broker.broker.topics.find("orders", 0)]
    assert read(broker).last_stable_offset == 2
