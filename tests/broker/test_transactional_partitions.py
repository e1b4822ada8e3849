"""The partitions' side of transactions: what is verified, what markers do, and what readers of each kind get to see."""

from typing import Any

import pytest

from penstock.broker.verification import Claim, Verdict
from penstock.log.transactions import TransactionEnd
from penstock.protocol import messages as m
from penstock.protocol.errors import KafkaError
from penstock.records.control import ControlType, read_marker
from penstock.testing.broker_in_memory import HungUp, InMemoryBroker
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
from tests.broker.transacting import Transactional

COMMITTED = {"isolation_level": 1}
ORDERS = ("orders", 0)


class Coordinator:
    """Takes every claim, or answers `error`; remembers what was asked."""

    def __init__(self, broker: InMemoryBroker) -> None:
        self.claims: list[Claim] = []
        self.error = KafkaError.NONE
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
    # The log was not asked.
    assert answer.log_start_offset == -1
    assert read(broker, isolation_level=0).high_watermark == 0


def test_a_transactional_batch_needs_a_transactional_id(broker, coordinator):
    answer = send(broker, b"v", transactional_id=None)

    assert answer.error_code == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    assert coordinator.claims == []


def test_one_transactional_batch_without_an_id_has_the_whole_request_refused(broker, coordinator):
    data = batch(b"in none", transactional=True, producer_id=7, producer_epoch=0, base_sequence=0)
    request = produce_request(("orders", 0, batch(b"plain")), ("orders", 1, data), acks=-1)

    answer = broker.request(request, 12)
    with pytest.raises(HungUp, match="TRANSACTIONAL_ID_AUTHORIZATION_FAILED"):
        broker.request(produce_request(("orders", 0, batch(b"plain")), ("orders", 1, data), acks=0), 12)

    found = [(part.index, part.error_code) for topic in answer.responses for part in topic.partition_responses]
    refused = KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    assert found == [(0, refused), (1, refused)]
    assert [partition.next_offset for partition in broker.broker.topics.by_name["orders"].partitions] == [0, 0]


def test_nothing_is_claimed_of_an_internal_topic(broker, coordinator):
    broker.broker.coordinator.prepare(broker.clock.now_ms())

    refused = send(broker, b"not yours", topic="__consumer_offsets")

    assert refused.error_code == KafkaError.INVALID_TOPIC_EXCEPTION
    assert coordinator.claims == []


def test_partitions_that_one_request_adds_take_one_record(broker):
    asking = Transactional(broker)
    asking.find("t")
    granted = asking.init("t")
    who = granted.producer_id, granted.epoch
    states = broker.broker.topics.by_name["__transaction_state"].partitions
    before = sum(partition.next_offset for partition in states)

    errors = asking.produce_all("t", who, 0, ("orders", 0), ("orders", 1))

    assert errors == ["NONE", "NONE"]
    assert sum(partition.next_offset for partition in states) - before == 1


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


@pytest.mark.parametrize(
    ("version", "sequence", "error"),
    [
        (11, 5, KafkaError.NONE),
        (12, 5, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER),
        (12, 0, KafkaError.NONE),
    ],
)
def test_with_the_second_version_a_new_producer_begins_at_zero(broker, coordinator, version, sequence, error):
    assert send(broker, b"v", sequence, version=version).error_code == error


def test_a_batch_does_not_overtake_one_that_was_told_to_come_again(broker, coordinator):
    coordinator.error = KafkaError.COORDINATOR_LOAD_IN_PROGRESS
    first = send(broker, b"first", 0, version=11)
    coordinator.error = KafkaError.NONE

    second = send(broker, b"second", 1, version=11)
    first_again = send(broker, b"first", 0, version=11)
    second_again = send(broker, b"second", 1, version=11)

    assert first.error_code == KafkaError.NOT_ENOUGH_REPLICAS
    assert second.error_code == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert (first_again.error_code, second_again.error_code) == (KafkaError.NONE, KafkaError.NONE)
    assert values_of(read(broker, isolation_level=0)) == [b"first", b"second"]


def test_a_transactional_batch_is_still_one_when_the_topic_wants_another_codec(broker, coordinator):
    create(broker, "packed", compression_type="gzip")
    send(broker, b"v", topic="packed")
    found = partitions_of(fetch(broker, ("packed", 0, 0), isolation_level=1))["packed", 0]

    assert (found.high_watermark, found.last_stable_offset) == (1, 0)


def test_a_batch_outside_of_the_transaction_that_goes_on_is_refused(broker, coordinator):
    send(broker, b"v")
    data = batch(producer_id=7, producer_epoch=0, base_sequence=1)

    assert produce(broker, data).error_code == KafkaError.INVALID_TXN_STATE


def test_the_transactional_batches_of_a_request_are_of_one_producer(broker, coordinator):
    parts = [
        ("orders", index, batch(transactional=True, producer_id=7 + index, producer_epoch=0, base_sequence=0))
        for index in range(2)
    ]

    answer = broker.request(produce_request(*parts, transactional_id="t", acks=-1), 12)

    codes = [part.error_code for topic in answer.responses for part in topic.partition_responses]
    assert codes == [KafkaError.INVALID_PRODUCER_ID_MAPPING] * 2
    assert coordinator.claims == []


def test_a_request_is_verified_in_one_go(broker, coordinator):
    parts = [
        ("orders", index, batch(transactional=True, producer_id=7, producer_epoch=0, base_sequence=0))
        for index in range(2)
    ]

    broker.request(produce_request(*parts, transactional_id="t", acks=-1), 12)

    assert coordinator.claims == [Claim("t", 7, 0, [ORDERS, ("orders", 1)], may_add=True)]


def test_an_answer_to_a_reader_is_as_kafka_gives_it(broker, coordinator):
    send(broker, b"v")

    beyond = read(broker, offset=9)
    behind = read(broker, offset=1)

    assert (beyond.error_code, beyond.aborted_transactions) == (KafkaError.OFFSET_OUT_OF_RANGE, None)
    assert (behind.error_code, behind.last_stable_offset, behind.aborted_transactions) == (0, 0, [])


def write_markers(broker: InMemoryBroker, *markers: tuple[int, int, str, list[int]]) -> list[Any]:
    """markers: producer, epoch, topic, partitions. Gives (producer, topic, partition, error) of all answers."""
    request = m.WriteTxnMarkersRequest
    wanted = [
        request.WritableTxnMarker(producer, epoch, True, [request.WritableTxnMarkerTopic(topic, parts)], 0)
        for producer, epoch, topic, parts in markers
    ]
    return [
        (answer.producer_id, topic.name, part.partition_index, KafkaError(part.error_code).name)
        for answer in broker.request(request(markers=wanted)).markers
        for topic in answer.topics
        for part in topic.partitions
    ]


def test_markers_are_answered_by_producer(broker, coordinator):
    said = write_markers(
        broker, (7, 0, "orders", [0, 1]), (8, 0, "orders", [9]), (7, 0, "nowhere", [0]), (9, 0, "orders", [])
    )

    assert said == [
        (7, "orders", 0, "NONE"),
        (7, "orders", 1, "NONE"),
        (7, "nowhere", 0, "UNKNOWN_TOPIC_OR_PARTITION"),
        (8, "orders", 9, "UNKNOWN_TOPIC_OR_PARTITION"),
    ]


@pytest.mark.parametrize(("producer", "epoch"), [(-1, 0), (7, -1)])
def test_a_marker_for_a_producer_that_cannot_be_is_not_written(broker, coordinator, producer, epoch):
    said = write_markers(broker, (producer, epoch, "orders", [0]))

    assert said == [(producer, "orders", 0, "UNKNOWN_SERVER_ERROR")]
    assert read(broker).high_watermark == 0


def describe(broker: InMemoryBroker, topic: str, *indexes: int) -> list[Any]:
    request = m.DescribeProducersRequest
    (answer,) = broker.request(request(topics=[request.TopicRequest(topic, list(indexes))])).topics
    return answer.partitions


def test_producers_are_described_with_their_transactions(broker, coordinator):
    produce(broker, batch(b"plain"))
    send(broker, b"v", epoch=2)
    now_ms = broker.clock.now_ms()
    (going_on,) = describe(broker, "orders", 0)[0].active_producers

    end(broker, epoch=2, coordinator_epoch=4)
    (ended,) = describe(broker, "orders", 0)[0].active_producers

    fields = ("producer_id", "producer_epoch", "last_sequence", "last_timestamp", "coordinator_epoch")
    assert [getattr(going_on, name) for name in fields] == [7, 2, 0, now_ms, -1]
    assert [getattr(ended, name) for name in fields] == [7, 2, 0, now_ms, 4]
    assert (going_on.current_txn_start_offset, ended.current_txn_start_offset) == (1, -1)


@pytest.mark.parametrize(
    ("topic", "index", "error"),
    [
        ("orders", 9, KafkaError.UNKNOWN_TOPIC_OR_PARTITION),
        ("nowhere", 0, KafkaError.UNKNOWN_TOPIC_OR_PARTITION),
        ("a b", 0, KafkaError.INVALID_TOPIC_EXCEPTION),
    ],
)
def test_producers_of_what_is_not_there_are_not_described(broker, topic, index, error):
    (answer,) = describe(broker, topic, index)

    assert (answer.error_code, answer.active_producers) == (error, [])


def test_records_deleted_out_of_an_open_transaction_hold_back_nothing_before_them(broker, coordinator):
    send(broker, b"v")
    request = m.DeleteRecordsRequest
    part = request.DeleteRecordsPartition(0, -1)
    broker.request(request(topics=[request.DeleteRecordsTopic("orders", [part])], timeout_ms=1))
    send(broker, b"v", 1)

    found = read(broker, offset=1)

    assert (found.log_start_offset, found.last_stable_offset, found.high_watermark) == (1, 1, 2)
    assert values_of(found) == []


@pytest.mark.parametrize("stop", ["restart", "crash"])
def test_readers_see_the_same_after_a_start(broker, stop):
    ask = Transactional(broker)
    ask.find("t")
    first = ask.init("t")
    send(broker, b"aborted", producer=first.producer_id, epoch=first.epoch)
    second = ask.end("t", (first.producer_id, first.epoch), commit=False)
    send(broker, b"open", producer=second.producer_id, epoch=second.epoch)
    produce(broker, batch(b"after"), acks=-1)
    before = read(broker)

    getattr(broker, stop)()
    after = read(broker)
    ended = ask.end("t", (second.producer_id, second.epoch))

    assert after.aborted_transactions == before.aborted_transactions != []
    assert (after.last_stable_offset, bytes(after.records)) == (2, bytes(before.records))
    assert ended.error == "NONE"
    assert read(broker).last_stable_offset == 5


def test_offsets_committed_in_a_transaction_count_when_its_marker_is_written(broker, coordinator):
    broker.request(m.FindCoordinatorRequest(coordinator_keys=["group"]))
    offsets = ("__consumer_offsets", 0)
    groups = broker.broker.coordinator
    request = m.TxnOffsetCommitRequest
    part = request.TxnOffsetCommitRequestPartition(0, 42, -1, None)
    wanted = request("t", "group", 7, 0, topics=[request.TxnOffsetCommitRequestTopic("orders", [part])])
    outcome = groups.groups.txn_offset_commit(wanted, 4, broker.clock.now_ms())
    groups.settle(outcome, broker.clock.now_ms())
    broker.broker.to_sync.update(broker.broker.topics.by_name["__consumer_offsets"].partitions)
    broker.settle()
    partition = broker.broker.topics.find(*offsets)
    stable = partition.last_stable_offset
    before = groups.groups.committed_offset("group", "orders", 0)

    broker.broker.markers.write(TransactionEnd(7, 0, True, 0), [offsets], broker.clock.now_ms())
    broker.settle()

    assert before is None
    assert groups.groups.committed_offset("group", "orders", 0).offset == 42
    assert (stable, partition.last_stable_offset) == (0, 2)
    broker.restart()
    assert broker.broker.coordinator.groups.committed_offset("group", "orders", 0).offset == 42
