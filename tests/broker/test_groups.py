"""The classic group APIs through whole requests: members meet, offsets are kept, and both survive the broker."""

from typing import Any

import pytest

from penstock.broker.authorized import GROUP_OPERATIONS, NOT_ASKED
from penstock.broker.internal import read_all
from penstock.broker.session import Session
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import Exchange, InMemoryBroker
from tests.broker.calls import batch, create, produce

Join, Sync = messages.JoinGroupRequest, messages.SyncGroupRequest
Commit, OffsetFetch = messages.OffsetCommitRequest, messages.OffsetFetchRequest
OffsetDelete = messages.OffsetDeleteRequest

SETTINGS = {"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "4"}


@pytest.fixture
def broker() -> InMemoryBroker:
    broker = InMemoryBroker(SETTINGS)
    create(broker, "orders", 2)
    return broker


def join_request(member_id: str = "", group: str = "group", **fields: Any) -> Any:
    given = {"session_timeout_ms": 10_000, "rebalance_timeout_ms": 20_000, "protocol_type": "consumer"} | fields
    return Join(
        group_id=group, member_id=member_id, protocols=[Join.JoinGroupRequestProtocol("range", b"mine")], **given
    )


def sync_request(joined: Any, group: str = "group", **assignments: bytes) -> Any:
    """assignments: by member id."""
    return Sync(
        group_id=group,
        generation_id=joined.generation_id,
        member_id=joined.member_id,
        protocol_type="consumer",
        protocol_name="range",
        assignments=[Sync.SyncGroupRequestAssignment(member, data) for member, data in assignments.items()],
    )


def member(broker: InMemoryBroker, group: str = "group", version: int = 9) -> Any:
    """One member in a stable group of its own; its JoinGroup answer."""
    joined = broker.request(join_request(group=group), version)
    if joined.error_code == KafkaError.MEMBER_ID_REQUIRED:
        joined = broker.request(join_request(joined.member_id, group), version)
    assert joined.error_code == 0, joined
    synced = broker.request(sync_request(joined, group, **{joined.member_id: b"all"}))
    assert (synced.error_code, synced.assignment) == (0, b"all")
    return joined


def commit(broker: InMemoryBroker, offset: int = 5, group: str = "group", version: int = 9, **fields: Any) -> list[int]:
    """Commits partition 0 of orders, and one that is not there; gives both codes."""
    parts = [Commit.OffsetCommitRequestPartition(index, offset, -1, "note") for index in (0, 7)]
    topic = Commit.OffsetCommitRequestTopic(
        name="orders", topic_id=broker.broker.topics.id_of("orders"), partitions=parts
    )
    answer = broker.request(Commit(group_id=group, topics=[topic], **fields), version)
    codes = {part.partition_index: part.error_code for part in answer.topics[0].partitions}
    return [codes[0], codes[7]]


def committed(broker: InMemoryBroker, group: str = "group") -> tuple[int, str | None]:
    """Offset and metadata of partition 0 of orders."""
    topic = OffsetFetch.OffsetFetchRequestTopics(name="orders", partition_indexes=[0])
    wanted = OffsetFetch.OffsetFetchRequestGroup(group_id=group, topics=[topic])
    (answer,) = broker.request(OffsetFetch(groups=[wanted]), 9).groups
    assert answer.error_code == 0, answer
    part = answer.topics[0].partitions[0]
    return part.committed_offset, part.metadata


@pytest.mark.parametrize("version", range(10))
def test_a_single_member_leads_its_group(broker, version):
    joined = member(broker, version=version)

    assert joined.leader == joined.member_id
    assert [known.member_id for known in joined.members] == [joined.member_id]
    assert joined.protocol_name == "range"


def test_a_group_needs_a_name(broker):
    assert broker.request(join_request(group="")).error_code == KafkaError.INVALID_GROUP_ID


def test_members_wait_for_each_other(broker):
    first = member(broker)
    sessions = Session(), Session()
    name = broker.request(join_request()).member_id
    second = broker.send(join_request(name), session=sessions[1])
    before = second.over

    again = broker.send(join_request(first.member_id), session=sessions[0])

    assert not before
    assert again.answer.generation_id == second.answer.generation_id == first.generation_id + 1
    assert {known.member_id for known in again.answer.members} == {first.member_id, name}


def pair(broker: InMemoryBroker) -> tuple[Any, Any]:
    """Two members that have joined and not synced: the leader's answer and the other's."""
    first = member(broker)
    name = broker.request(join_request()).member_id
    second: Exchange = broker.send(join_request(name), session=Session())
    leader = broker.send(join_request(first.member_id), session=Session())
    return leader.answer, second.answer


def test_followers_get_their_assignment_when_the_leader_brings_it(broker):
    leader, follower = pair(broker)
    waiting = broker.send(sync_request(follower), session=Session())
    before = waiting.over

    own = broker.request(sync_request(leader, **{leader.member_id: b"one", follower.member_id: b"two"}))

    assert not before
    assert (own.assignment, waiting.answer.assignment) == (b"one", b"two")


def test_a_member_that_stays_silent_is_left_behind(broker):
    first = member(broker)
    name = broker.request(join_request()).member_id
    second = broker.send(join_request(name, session_timeout_ms=60_000), session=Session())

    broker.advance(20_000)

    assert first.member_id not in {known.member_id for known in second.answer.members}
    assert second.answer.leader == name


def heartbeat(broker: InMemoryBroker, joined: Any) -> int:
    request = messages.HeartbeatRequest(
        group_id="group", generation_id=joined.generation_id, member_id=joined.member_id
    )
    return broker.request(request).error_code


def test_heartbeats_keep_a_member(broker):
    joined = member(broker)

    codes = []
    for _ in range(4):
        broker.advance(6_000)
        codes.append(heartbeat(broker, joined))

    assert codes == [0, 0, 0, 0]


def test_without_heartbeats_a_member_is_unknown_after_its_session(broker):
    joined = member(broker)

    broker.advance(10_001)

    assert heartbeat(broker, joined) == KafkaError.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize("version", [0, 3, 5])
def test_a_member_that_leaves_is_unknown(broker, version):
    joined = member(broker)
    leave = messages.LeaveGroupRequest
    who = {"member_id": joined.member_id} if version < 3 else {"members": [leave.MemberIdentity(joined.member_id)]}

    answer = broker.request(leave(group_id="group", **who), version)

    assert answer.error_code == 0
    assert heartbeat(broker, joined) == KafkaError.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize("version", range(2, 11))
def test_offsets_are_committed_for_partitions_that_exist(broker, version):
    assert commit(broker, version=version) == [0, KafkaError.UNKNOWN_TOPIC_OR_PARTITION]
    assert committed(broker) == (5, "note")


def test_a_member_commits_in_its_generation_only(broker):
    joined = member(broker)
    mine = {"member_id": joined.member_id, "generation_id_or_member_epoch": joined.generation_id}

    assert commit(broker, **mine)[0] == 0
    assert commit(broker, **mine | {"generation_id_or_member_epoch": 9})[0] == KafkaError.ILLEGAL_GENERATION
    assert commit(broker, **mine | {"member_id": "other"})[0] == KafkaError.UNKNOWN_MEMBER_ID


def test_offsets_never_committed_are_minus_one(broker):
    commit(broker)

    assert committed(broker, "another") == (-1, "")


def test_all_offsets_of_a_group_are_fetched_by_null(broker):
    commit(broker)
    wanted = OffsetFetch.OffsetFetchRequestGroup(group_id="group", topics=None)

    (group,) = broker.request(OffsetFetch(groups=[wanted]), 9).groups
    one = broker.request(OffsetFetch(group_id="group", topics=None), 5)

    assert [(topic.name, len(topic.partitions)) for topic in group.topics] == [("orders", 1)]
    assert [(topic.name, len(topic.partitions)) for topic in one.topics] == [("orders", 1)]


def test_offsets_are_deleted_unless_the_group_reads_the_topic(broker):
    commit(broker)
    part = OffsetDelete.OffsetDeleteRequestPartition(0)
    request = OffsetDelete(group_id="group", topics=[OffsetDelete.OffsetDeleteRequestTopic("orders", [part])])

    answer = broker.request(request)

    assert (answer.error_code, answer.topics[0].partitions[0].error_code) == (0, 0)
    assert committed(broker) == (-1, "")


def test_offsets_of_a_deleted_topic_are_forgotten(broker):
    commit(broker)
    broker.request(messages.DeleteTopicsRequest(topic_names=["orders"], timeout_ms=1_000), 5)
    create(broker, "orders", 2)

    assert committed(broker) == (-1, "")


def test_groups_are_listed_and_described(broker):
    joined = member(broker)

    listed = broker.request(messages.ListGroupsRequest()).groups
    (described,) = broker.request(messages.DescribeGroupsRequest(groups=["group"])).groups

    assert [(group.group_id, group.group_state, group.group_type) for group in listed] == [
        ("group", "Stable", "classic")
    ]
    assert (described.group_state, described.protocol_type) == ("Stable", "consumer")
    assert [(known.member_id, known.client_host) for known in described.members] == [(joined.member_id, "/127.0.0.1")]
    assert described.authorized_operations == NOT_ASKED


def test_what_one_may_do_with_a_group_is_told_when_asked(broker):
    member(broker)
    request = messages.DescribeGroupsRequest(groups=["group"], include_authorized_operations=True)

    (described,) = broker.request(request, 5).groups

    assert described.authorized_operations == GROUP_OPERATIONS == 3400


def test_empty_groups_are_deleted_and_others_are_not(broker):
    member(broker, "busy")
    commit(broker, group="idle")

    results = broker.request(messages.DeleteGroupsRequest(groups_names=["busy", "idle", "nowhere", "idle"])).results

    assert {result.group_id: result.error_code for result in results} == {
        "busy": KafkaError.NON_EMPTY_GROUP,
        "idle": 0,
        "nowhere": KafkaError.GROUP_ID_NOT_FOUND,
    }
    assert committed(broker, "idle") == (-1, "")


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_groups_and_offsets_survive_the_broker(broker, how):
    joined = member(broker)
    mine = {"member_id": joined.member_id, "generation_id_or_member_epoch": joined.generation_id}
    commit(broker, 7, **mine)
    commit(broker, 8, group="other")

    getattr(broker, how)()

    assert committed(broker) == (7, "note")
    assert committed(broker, "other") == (8, "note")
    assert heartbeat(broker, joined) == 0


def test_an_offset_deleted_before_a_restart_stays_deleted(broker):
    commit(broker)
    broker.request(messages.DeleteGroupsRequest(groups_names=["group"]))

    broker.restart()

    assert committed(broker) == (-1, "")
    assert broker.request(messages.ListGroupsRequest()).groups == []


def test_a_connection_that_is_gone_leaves_its_join_unanswered(broker):
    member(broker)
    session = Session()
    name = broker.request(join_request()).member_id
    exchange = broker.send(join_request(name), session=session)

    broker.broker.waiting.cancel(session)
    broker.advance(20_000)

    assert not exchange.over
    assert broker.broker.coordinator._tickets == {}


def test_deleting_the_offsets_topic_sends_members_to_look_for_a_coordinator(broker):
    member(broker)
    name = broker.request(join_request()).member_id
    waiting = broker.send(join_request(name), session=Session())

    broker.request(messages.DeleteTopicsRequest(topic_names=["__consumer_offsets"], timeout_ms=1_000), 5)

    assert waiting.answer.error_code == KafkaError.NOT_COORDINATOR
    assert member(broker).generation_id == 1


class TestWhenAPartitionOfTheOffsetsTopicCannotBeRead:
    @pytest.fixture
    def broker(self) -> InMemoryBroker:
        """One partition of offsets; a commit is in it, and then rubbish."""
        broker = InMemoryBroker(SETTINGS | {"offsets.topic.num.partitions": "1"})
        create(broker, "orders")
        commit(broker)
        return broker

    def coordinator_error(self, broker: InMemoryBroker) -> int:
        request = messages.FindCoordinatorRequest(coordinator_keys=["group"])
        return broker.request(request).coordinators[0].error_code

    def test_its_groups_have_no_coordinator_and_the_broker_starts(self, broker):
        partition = broker.broker.topics.find("__consumer_offsets", 0)
        broker.broker.internal.append(partition, [(b"\0\1", b"rubbish")], broker.clock.now_ms())

        broker.restart()

        assert self.coordinator_error(broker) == KafkaError.COORDINATOR_NOT_AVAILABLE
        assert commit(broker)[0] == KafkaError.NOT_COORDINATOR
        assert produce(broker, batch()).error_code == 0

    def test_its_groups_come_back_with_it(self, broker, monkeypatch):
        read_plan = Partition.read_plan
        refused = Refused(KafkaError.KAFKA_STORAGE_ERROR, "the disk is gone")
        monkeypatch.setattr(
            Partition,
            "read_plan",
            lambda self, *given: refused if self.topic == "__consumer_offsets" else read_plan(self, *given),
        )
        broker.restart()
        during = self.coordinator_error(broker)
        monkeypatch.setattr(Partition, "read_plan", read_plan)
        partition = broker.broker.topics.find("__consumer_offsets", 0)

        broker.broker.sync_failed(partition, OSError(5, "Input/output error"))
        broker.advance(2_000)

        assert during == KafkaError.COORDINATOR_NOT_AVAILABLE
        assert self.coordinator_error(broker) == 0
        assert committed(broker) == (5, "note")


class TestWhenDurable:
    @pytest.fixture
    def broker(self) -> InMemoryBroker:
        broker = InMemoryBroker(SETTINGS, durable=True)
        create(broker, "orders", 2)
        return broker

    def test_a_commit_is_answered_when_it_is_on_disk(self, broker):
        commit(broker)
        broker.is_syncing = False
        part = Commit.OffsetCommitRequestPartition(0, 6, -1, None)
        topic = Commit.OffsetCommitRequestTopic(name="orders", partitions=[part])
        exchange = broker.send(Commit(group_id="group", topics=[topic]), 9)
        before = exchange.over

        broker.sync()
        broker.settle()

        assert not before
        assert exchange.answer.topics[0].partitions[0].error_code == 0

    def test_a_join_is_answered_when_it_is_on_disk_too(self, broker):
        leader, follower = pair(broker)
        waiting = broker.send(sync_request(follower), session=Session())
        broker.is_syncing = False
        assignments = {leader.member_id: b"one", follower.member_id: b"two"}
        own = broker.send(sync_request(leader, **assignments), session=Session())
        before = (waiting.over, own.over)

        broker.sync()
        broker.settle()

        assert before == (False, False)
        assert (own.answer.assignment, waiting.answer.assignment) == (b"one", b"two")

    def test_what_was_committed_survives_a_power_cut(self, broker):
        commit(broker, 7)

        broker.crash(power_cut=True)

        assert committed(broker) == (7, "note")

    def test_a_disk_that_fails_cuts_off_who_waits_for_it(self, broker):
        commit(broker)
        broker.is_syncing = False
        part = Commit.OffsetCommitRequestPartition(0, 6, -1, None)
        topic = Commit.OffsetCommitRequestTopic(name="orders", partitions=[part])
        exchange = broker.send(Commit(group_id="group", topics=[topic]), 9)

        for partition in list(broker.broker.to_sync):
            broker.broker.sync_failed(partition, OSError(5, "Input/output error"))
        broker.settle()

        assert "__consumer_offsets" in exchange.hangup


def test_an_assignment_is_told_to_nobody_before_it_is_on_disk():
    broker = InMemoryBroker({"group.initial.rebalance.delay.ms": "0"}, durable=True)
    create(broker)
    leader, follower = pair(broker)
    broker.is_syncing = False
    asked = [
        broker.send(sync_request(leader, **{leader.member_id: b"one", follower.member_id: b"two"}), session=Session()),
        broker.send(sync_request(follower), session=Session()),
    ]
    before = [exchange.over for exchange in asked]

    broker.is_syncing = True
    broker.settle()

    assert before == [False, False]
    assert [exchange.answer.assignment for exchange in asked] == [b"one", b"two"]


def test_an_offline_partition_is_not_taken_for_an_empty_one(broker):
    member(broker)
    partition = broker.broker.topics.find("__consumer_offsets", 0)
    partition.sync_failed(OSError(5, "the disk fails"))

    with pytest.raises(OSError, match="is offline"):
        list(read_all(partition))
