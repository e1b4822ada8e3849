"""Transactions together with the newer groups: offsets of consumer groups in them, and share groups that read them."""

import pytest

from penstock.log.partition import Partition
from penstock.protocol import messages as m
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import create
from tests.broker.share.calls import ANN, Member, acquired_of, configure, fetch_request, heartbeat
from tests.broker.transacting import Got, Transactional

SETTINGS = {"offsets.topic.num.partitions": "1", "transaction.state.log.num.partitions": "1"}


@pytest.fixture(params=[False, True], ids=["page cache", "fsync"])
def broker(request: pytest.FixtureRequest) -> InMemoryBroker:
    broker = InMemoryBroker(SETTINGS, durable=request.param)
    create(broker, "orders")
    return broker


@pytest.fixture
def ask(broker: InMemoryBroker) -> Transactional:
    ask = Transactional(broker)
    ask.find("tx")
    return ask


def who(got: Got) -> tuple[int, int]:
    assert got.error == "NONE", got
    return got.producer_id, got.epoch


def committed(broker: InMemoryBroker) -> int:
    request = m.OffsetFetchRequest
    topics = [request.OffsetFetchRequestTopics(name="orders", partition_indexes=[0])]
    answer = broker.request(request(groups=[request.OffsetFetchRequestGroup(group_id="group", topics=topics)]), 9)
    return answer.groups[0].topics[0].partitions[0].committed_offset


@pytest.mark.parametrize(("commit", "offset"), [(True, 7), (False, -1)])
def test_a_member_of_a_consumer_group_sends_its_offsets_in_a_transaction(broker, ask, commit, offset):
    joined = m.ConsumerGroupHeartbeatRequest(
        "group", "member", 0, rebalance_timeout_ms=10_000, subscribed_topic_names=["orders"], topic_partitions=[]
    )
    epoch = broker.request(joined).member_epoch
    now = who(ask.init("tx"))

    current = ask.commit_offset("tx", now, "group", 7, member=(epoch, "member"))
    newer = ask.commit_offset("tx", now, "group", 8, member=(epoch + 1, "member"))
    stranger = ask.commit_offset("tx", now, "group", 9, member=(epoch, "stranger"))
    before = committed(broker)
    ask.end("tx", now, commit)

    assert (current, newer, stranger) == ("NONE", "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID")
    assert (before, committed(broker)) == (-1, offset)
    broker.restart()
    assert committed(broker) == offset


def test_a_share_group_that_reads_what_is_committed_gets_a_transaction_when_it_is(broker, ask):
    configure(broker.request, "share", isolation_level="read_committed", auto_offset_reset="earliest")
    heartbeat(broker.request, "share", ANN, 0, ["orders"])
    topic_id = broker.broker.topics.id_of("orders")
    aborted = who(ask.init("tx"))
    ask.produce("tx", aborted)
    now = who(ask.end("tx", aborted, False))
    ask.produce("tx", now)

    ann = Member(broker.request, "share", ANN, topic_id)
    # The aborted record is passed over. Its marker counts as a record, which clients say nobody can read.
    marker = ann.take()
    waiting = broker.send(fetch_request("share", ANN, ann.epoch, topic_id, max_wait_ms=10_000))
    early = waiting.over
    ask.end("tx", now)

    assert marker == [(1, 1, 1)]
    assert not early
    assert waiting.over
    assert [acquired_of(part) for topic in waiting.answer.responses for part in topic.partitions] == [[(2, 3, 1)]]


def test_a_group_is_of_one_kind(broker):
    heartbeat(broker.request, "share", ANN, 0, ["orders"])
    joined = {"rebalance_timeout_ms": 10_000, "subscribed_topic_names": ["orders"], "topic_partitions": []}
    consumer = m.ConsumerGroupHeartbeatRequest

    assert broker.request(consumer("share", "member", 0, **joined)).error_code == 69
    assert broker.request(consumer("group", "member", 0, **joined)).error_code == 0
    assert heartbeat(broker.request, "group", ANN, 0, ["orders"]).error_code == 69
    listed = broker.request(m.ListGroupsRequest()).groups
    assert {(group.group_id, group.group_type, group.protocol_type) for group in listed} == {
        ("share", "share", "share"),
        ("group", "consumer", "consumer"),
    }


def test_what_could_not_be_read_at_the_start_is_not_taken_for_empty(broker, ask, monkeypatch):
    """Offsets, transactional ids and share states are there again when the disk is."""
    commit = m.OffsetCommitRequest
    part = commit.OffsetCommitRequestPartition(0, 7, -1, "")
    broker.request(
        commit(group_id="group", topics=[commit.OffsetCommitRequestTopic(name="orders", partitions=[part])]), 9
    )
    before = who(ask.init("tx"))
    heartbeat(broker.request, "shared", ANN, 0, ["orders"])
    kept = broker.broker.shares.states.kept
    works = []
    load = Partition._load

    def broken(self: Partition) -> None:
        if self.topic in ("__consumer_offsets", "__transaction_state", "__share_group_state") and not works:
            raise OSError(5, "Input/output error")
        load(self)

    monkeypatch.setattr(Partition, "_load", broken)
    broker.crash()
    refused = ask.init("tx").error
    works.append(True)
    for _ in range(3):
        broker.advance(5_000)

    assert refused == "NOT_COORDINATOR"
    assert committed(broker) == 7
    assert who(ask.init("tx")) == (before[0], before[1] + 1)
    assert broker.broker.shares.states.kept == kept
