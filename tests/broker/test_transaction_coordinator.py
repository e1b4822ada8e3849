"""Transactions through whole requests: what was decided is written everywhere, whatever happens to the broker."""

import errno
from typing import Any

import pytest

from penstock.broker.internal import read_all
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol import messages as m
from penstock.protocol.errors import KafkaError
from penstock.records.batch import build
from penstock.records.control import ControlType, Marker, read_marker
from penstock.records.record import Record
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import create
from tests.broker.transacting import Got, Place, Transactional

SETTINGS = {"offsets.topic.num.partitions": "2", "transaction.state.log.num.partitions": "2"}
BOTH = (("orders", 0), ("orders", 1))


def started(**rest: Any) -> tuple[InMemoryBroker, Transactional]:
    broker = InMemoryBroker(SETTINGS, **rest)
    create(broker, "orders", 2)
    ask = Transactional(broker)
    assert ask.find("tx") == ["NONE"]
    return broker, ask


@pytest.fixture
def broker() -> InMemoryBroker:
    return started()[0]


@pytest.fixture
def ask(broker) -> Transactional:
    return Transactional(broker)


def who(got: Got) -> tuple[int, int]:
    assert got.error == "NONE", got
    return got.producer_id, got.epoch


def partition_of(broker: InMemoryBroker, place: Place) -> Partition:
    found = broker.broker.topics.find(*place)
    assert found is not None
    return found


def markers_in(broker: InMemoryBroker, place: Place) -> list[tuple[Marker | None, int, int]]:
    """The markers of a partition, each with its producer id and epoch."""
    return [
        (read_marker(records[0]), header.producer_id, header.producer_epoch)
        for header, records in read_all(partition_of(broker, place))
        if header.is_control
    ]


def kinds_in(broker: InMemoryBroker, place: Place) -> list[str]:
    return [marker.type.name for marker, _, _ in markers_in(broker, place)]


def open_in(broker: InMemoryBroker, place: Place) -> list[int]:
    """The producers with an open transaction in a partition."""
    return [one.producer_id for one in partition_of(broker, place).producers() if one.transaction_start >= 0]


def committed(broker: InMemoryBroker, group: str = "g", require_stable: bool = False) -> int:
    """The offset of partition 0 of orders, or minus the error."""
    request = m.OffsetFetchRequest
    wanted = request.OffsetFetchRequestGroup(
        group_id=group, topics=[request.OffsetFetchRequestTopics(name="orders", partition_indexes=[0])]
    )
    (answer,) = broker.request(request(groups=[wanted], require_stable=require_stable), 9).groups
    part = answer.topics[0].partitions[0]
    return -part.error_code if part.error_code else part.committed_offset


@pytest.mark.parametrize("commit", [True, False])
def test_each_partition_of_a_transaction_learns_its_end(broker, ask, commit):
    now = who(ask.init("tx"))
    ask.produce_all("tx", now, 0, *BOTH)

    after = who(ask.end("tx", now, commit))

    kind = ControlType.COMMIT if commit else ControlType.ABORT
    for place in BOTH:
        # The marker has the next epoch, so that no batch of the one that is over comes after it.
        assert markers_in(broker, place) == [(Marker(kind, 0), *after)]
        assert open_in(broker, place) == []
    assert ask.produce("tx", now, 1) == "INVALID_PRODUCER_EPOCH"
    assert ask.produce("tx", after, 0) == "NONE"


def test_a_partition_without_a_batch_gets_its_marker_too(broker, ask):
    now = who(ask.init("tx"))
    ask.add("tx", now, ("orders", 1))

    ask.end("tx", now, True, version=4)

    assert markers_in(broker, ("orders", 1)) == [(Marker(ControlType.COMMIT, 0), *now)]


def test_offsets_count_when_the_transaction_commits(broker, ask):
    now = who(ask.init("tx"))
    answers = [ask.commit_offset("tx", now, "g", offset) for offset in (3, 4)]
    unstable = committed(broker, require_stable=True)

    now = who(ask.end("tx", now))
    after_commit = committed(broker)
    ask.commit_offset("tx", now, "g", 9)
    ask.end("tx", now, False)

    assert answers == ["NONE", "NONE"]
    assert unstable == -KafkaError.UNSTABLE_OFFSET_COMMIT
    assert (after_commit, committed(broker)) == (4, 4)


@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("how", ["restart", "crash"])
def test_offsets_of_a_transaction_survive_the_broker(broker, ask, how, commit):
    now = who(ask.init("tx"))
    ask.commit_offset("tx", now, "g", 4)
    getattr(broker, how)()

    ask.end("tx", now, commit)
    before, after = committed(broker), getattr(broker, how)()

    assert after is None
    assert before == committed(broker) == (4 if commit else -1)


def test_a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced(broker, ask):
    now = who(ask.init("tx", timeout_ms=30_000))
    ask.produce("tx", now)

    broker.advance(29_000)
    in_time = ask.state("tx")
    broker.advance(12_000)

    assert (in_time, ask.state("tx")) == ("Ongoing", "CompleteAbort")
    assert kinds_in(broker, ("orders", 0)) == ["ABORT"]
    assert ask.produce("tx", now, 1) == "INVALID_PRODUCER_EPOCH"
    assert ask.end("tx", now).error == "INVALID_TXN_STATE"


def test_a_transactional_id_that_is_silent_for_long_is_forgotten():
    broker = InMemoryBroker(SETTINGS | {"transactional.id.expiration.ms": "1000000"})
    create(broker, "orders")
    ask = Transactional(broker)
    ask.find("tx")
    busy = who(ask.init("busy", timeout_ms=900_000))
    first = who(ask.init("tx"))
    ask.end("tx", first, False)

    ask.produce("busy", busy)
    broker.advance(3_600_000)
    broker.restart()

    assert ask.describe("tx")[0][0] == "TRANSACTIONAL_ID_NOT_FOUND"
    assert ask.state("busy") == "CompleteAbort"
    assert who(ask.init("tx"))[0] != first[0]


def test_what_a_failed_disk_did_not_take_is_written_when_it_works_again(broker, ask, monkeypatch):
    now = who(ask.init("tx"))
    ask.produce_all("tx", now, 0, *BOTH)
    refused = Refused(KafkaError.KAFKA_STORAGE_ERROR, "no room")
    fails = {("orders", 1)}
    end = Partition.end_transaction

    def sometimes(self: Partition, *rest: Any) -> Any:
        return refused if (self.topic, self.index) in fails else end(self, *rest)

    monkeypatch.setattr(Partition, "end_transaction", sometimes)
    after = who(ask.end("tx", now))
    states = [ask.state("tx"), ask.produce("tx", after, 0, ("orders", 0)), ask.init("tx").error]
    fails.clear()
    broker.advance(2_000)

    assert states == ["PrepareCommit", "CONCURRENT_TRANSACTIONS", "CONCURRENT_TRANSACTIONS"]
    assert [kinds_in(broker, place) for place in BOTH] == [["COMMIT"], ["COMMIT"]]
    assert ask.state("tx") == "CompleteCommit"


def test_a_topic_that_is_deleted_does_not_hold_up_its_transactions(broker, ask):
    create(broker, "gone")
    now = who(ask.init("tx"))
    ask.produce_all("tx", now, 0, ("gone", 0), ("orders", 0))
    broker.request(m.DeleteTopicsRequest(topic_names=["gone"], timeout_ms=1), 5)

    assert ask.end("tx", now).error == "NONE"
    assert ask.state("tx") == "CompleteCommit"
    assert kinds_in(broker, ("orders", 0)) == ["COMMIT"]


def test_the_state_of_transactional_ids_survives_the_broker(broker, ask):
    now = who(ask.init("tx"))
    ask.produce("tx", now)
    other = who(ask.init("other", timeout_ms=5_000))
    before = ask.describe("tx", "other")

    broker.restart()

    assert ask.describe("tx", "other") == before
    assert ask.end("other", other, True).error == "INVALID_TXN_STATE"
    assert ask.produce("tx", now, 1) == "NONE"
    assert who(ask.end("tx", now)) == (now[0], now[1] + 1)


@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("syncs", range(8))
def test_a_decision_is_whole_after_a_power_cut_at_any_moment(syncs, commit):
    broker, ask = started(durable=True)
    now = who(ask.init("tx"))
    ask.produce_all("tx", now, 0, *BOTH)
    # From here on the disk is told of only so many writes.
    broker.is_syncing = False
    exchange = broker.send(m.EndTxnRequest("tx", *now, commit), 5)
    for _ in range(syncs):
        broker.sync()
        broker.broker.waiting.settle()
    answered = exchange.over

    broker.crash(power_cut=True)
    broker.is_syncing = True
    broker.settle()
    broker.advance(120_000)
    broker.advance(10_000)

    kinds = [kinds_in(broker, place) for place in BOTH]
    # A marker whose transaction was not known to be over is written once more.
    assert kinds[0] == kinds[1]
    assert len(kinds[0]) in (1, 2)
    assert len(set(kinds[0])) == 1
    assert [open_in(broker, place) for place in BOTH] == [[], []]
    if answered:
        assert exchange.answer.error_code == 0
        assert kinds[0][0] == ("COMMIT" if commit else "ABORT")
    assert syncs < 4 or answered


def test_an_answer_waits_for_the_disk_where_the_broker_syncs():
    broker, ask = started(durable=True)
    now = who(ask.init("tx"))
    ask.produce("tx", now)
    broker.is_syncing = False

    orders = partition_of(broker, ("orders", 0))
    end = orders.next_offset
    exchange = broker.send(m.EndTxnRequest("tx", *now, True), 5)
    # No marker is written either, or it might be on disk before the decision.
    before = (exchange.over, orders.next_offset)
    broker.is_syncing = True
    broker.settle()

    assert before == (False, end)
    assert exchange.answer.error_code == 0
    assert kinds_in(broker, ("orders", 0)) == ["COMMIT"]


def lose_the_record(broker: InMemoryBroker, now: tuple[int, int]) -> None:
    """The power is cut when a batch of a transaction is on disk, and the record that it began is not."""
    broker.is_syncing = False
    produce_later(broker, now)
    orders = partition_of(broker, ("orders", 0))
    broker.broker.to_sync.discard(orders)
    orders.synced(orders.sync())
    broker.crash(power_cut=True)
    broker.is_syncing = True
    broker.settle()


def test_a_batch_that_is_safe_stays_in_its_transaction_whose_record_was_not():
    broker, ask = started(durable=True)
    now = who(ask.init("tx"))
    lose_the_record(broker, now)
    found = ask.describe("tx")[0]
    ask.produce("tx", now, 0, ("orders", 1))

    ended = ask.end("tx", now)

    assert (found[1], found[-1]) == ("Ongoing", [("orders", 0)])
    assert ended.error == "NONE"
    assert [kinds_in(broker, place) for place in BOTH] == [["COMMIT"], ["COMMIT"]]


def test_a_batch_of_a_transaction_that_nobody_knows_is_aborted():
    broker, ask = started(durable=True)
    now = who(ask.init("tx"))
    ask.produce("tx", now)
    broker.request(m.DeleteTopicsRequest(topic_names=["__transaction_state"], timeout_ms=1), 5)

    broker.crash(power_cut=True)
    broker.settle()

    assert kinds_in(broker, ("orders", 0)) == ["ABORT"]
    assert open_in(broker, ("orders", 0)) == []


def produce_later(broker: InMemoryBroker, now: tuple[int, int], place: Place = ("orders", 0)) -> None:
    """A Produce that is sent and not waited for."""
    request = m.ProduceRequest
    header = {"producer_id": now[0], "producer_epoch": now[1], "base_sequence": 0, "transactional": True}
    data = bytes(build([Record(b"k", b"v", (), -1)], **header))
    part = request.PartitionProduceData(place[1], data)
    broker.send(request("tx", -1, 3_000, [request.TopicProduceData(name=place[0], partition_data=[part])]), 12)


def test_verification_can_be_turned_off_for_older_clients():
    broker = InMemoryBroker(SETTINGS | {"transaction.partition.verification.enable": "false"})
    create(broker, "orders")
    ask = Transactional(broker)
    ask.find("tx")
    now = who(ask.init("tx"))

    assert ask.produce("tx", now, version=11) == "NONE"


def test_a_deleted_state_topic_takes_the_transactional_ids_with_it(broker, ask):
    now = who(ask.init("tx"))
    broker.request(m.DeleteTopicsRequest(topic_names=["__transaction_state"], timeout_ms=1), 5)

    assert ask.end("tx", now).error == "NOT_COORDINATOR"
    assert ask.find("tx") == ["NONE"]
    assert ask.describe("tx")[0][0] == "TRANSACTIONAL_ID_NOT_FOUND"


def test_a_record_that_cannot_be_appended_changes_nothing(broker, ask, monkeypatch):
    now = who(ask.init("tx"))
    before = ask.describe("tx")
    append = Partition.append

    def full(self: Partition, *rest: Any) -> Any:
        if self.topic == "__transaction_state":
            return Refused(KafkaError.KAFKA_STORAGE_ERROR, f"errno {errno.ENOSPC}")
        return append(self, *rest)

    monkeypatch.setattr(Partition, "append", full)

    assert ask.init("tx").error == ask.end("tx", now, False).error == "NOT_COORDINATOR"
    assert ask.produce("tx", now) == "NOT_ENOUGH_REPLICAS"
    assert ask.describe("tx") == before


def test_what_a_deleted_state_topic_knew_is_aborted_in_time(broker, ask):
    ask.produce("tx", who(ask.init("tx")))
    broker.request(m.DeleteTopicsRequest(topic_names=["__transaction_state"], timeout_ms=1), 5)

    broker.advance(2_000)

    assert open_in(broker, ("orders", 0)) == []
    assert kinds_in(broker, ("orders", 0)) == ["ABORT"]


def sync_only(broker: InMemoryBroker, place: Place) -> None:
    """One log gets to the disk, and nothing else."""
    partition = partition_of(broker, place)
    broker.broker.to_sync.discard(partition)
    broker.broker.synced(partition, partition.sync())
    broker.broker.waiting.settle()


@pytest.mark.parametrize("place", BOTH)
def test_a_safe_batch_of_the_next_transaction_is_not_lost_though_the_one_before_was_not_over(place):
    broker, ask = started(durable=True)
    broker.restart()
    now = who(ask.init("tx"))
    ask.produce_all("tx", now, 0, *BOTH)
    state = ("__transaction_state", broker.broker.transactions.machine.partition_of("tx"))
    broker.is_syncing = False
    ended = broker.send(m.EndTxnRequest("tx", *now, True), 5)
    for step in (state, *BOTH):
        sync_only(broker, step)
    # The first transaction is over, and the second begins; of both the disk knows nothing but the batch.
    after = who(Got("NONE", ended.answer.producer_id, ended.answer.producer_epoch))
    produce_later(broker, after, place)
    sync_only(broker, place)

    broker.crash(power_cut=True)
    broker.is_syncing = True
    broker.settle()
    again = ask.produce("tx", after, 0, place)
    last = ask.end("tx", after)

    assert (again, last.error) == ("NONE", "NONE")
    assert "ABORT" not in kinds_in(broker, place)
    marks = [epoch for _, _, epoch in markers_in(broker, place)]
    assert marks[-1] == after[1] + 1
    assert [open_in(broker, one) for one in BOTH] == [[], []]
    assert ask.state("tx") == "CompleteCommit"


def test_a_partition_that_is_deleted_before_its_marker_is_on_disk_holds_up_nothing():
    broker, ask = started(durable=True)
    create(broker, "gone")
    now = who(ask.init("tx"))
    ask.produce_all("tx", now, 0, ("gone", 0), ("orders", 0))
    broker.is_syncing = False
    broker.send(m.EndTxnRequest("tx", *now, True), 5)
    sync_only(broker, ("__transaction_state", broker.broker.transactions.machine.partition_of("tx")))
    broker.send(m.DeleteTopicsRequest(topic_names=["gone"], timeout_ms=1), 5)

    broker.is_syncing = True
    broker.settle()
    for _ in range(3):
        broker.advance(2_000)

    assert ask.state("tx") == "CompleteCommit"


@pytest.mark.parametrize("topic", ["__transaction_state", "orders"])
def test_a_batch_without_its_record_finds_its_transaction_when_a_broken_disk_works_again(topic, monkeypatch):
    broker, ask = started(durable=True)
    now = who(ask.init("tx"))
    works = []
    load = Partition._load

    def broken(self: Partition) -> None:
        if self.topic == topic and not works:
            raise OSError(errno.EIO, "Input/output error")
        load(self)

    monkeypatch.setattr(Partition, "_load", broken)
    lose_the_record(broker, now)
    works.append(True)
    for _ in range(3):
        broker.advance(5_000)

    assert ask.describe("tx")[0][-1] == [("orders", 0)]
    assert ask.end("tx", now).error == "NONE"
    assert kinds_in(broker, ("orders", 0)) == ["COMMIT"]


def test_nobody_has_the_last_epoch_of_a_producer_id(broker, ask):
    now = who(ask.init("tx"))
    machine = broker.broker.transactions.machine
    last = (now[0], 32_767)
    machine._put(machine.get("tx").with_epoch(last[1], -1, 60_000, broker.clock.now_ms()))

    assert ask.produce("tx", last) == "INVALID_PRODUCER_EPOCH"
    assert ask.add("tx", last, ("orders", 0)) == {("orders", 0): "PRODUCER_FENCED"}
    assert ask.init("tx").producer_id != now[0]
