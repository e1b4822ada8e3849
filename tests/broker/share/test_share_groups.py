"""ShareGroupHeartbeat, ShareGroupDescribe, and what operators do with share groups and their offsets."""

import pytest
from tests.broker.calls import create, produce
from tests.broker.share.calls import ANN, BOB, Member, configure, described_offsets, heartbeat, records

from penstock.broker.internal import read_all
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol import messages as m
from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import InMemoryBroker

SESSION_MS = 45_000


@pytest.fixture
def broker() -> InMemoryBroker:
    broker = InMemoryBroker({"offsets.topic.num.partitions": "2", "share.coordinator.state.topic.num.partitions": "2"})
    create(broker, "orders", 4)
    return broker


def assigned(answer):
    """Partitions of the one topic; None when the answer says nothing of them."""
    if answer.assignment is None:
        return None
    return [index for topic in answer.assignment.topic_partitions for index in topic.partitions]


def described(broker, group="group"):
    (found,) = broker.request(m.ShareGroupDescribeRequest(group_ids=[group])).groups
    return found


def state(broker):
    """What is known of the group, as a value."""
    found = described(broker)
    return repr(found)


def test_the_first_answer_tells_a_member_what_is_its_own(broker):
    answer = heartbeat(broker.request, "group", ANN, 0, ["orders"])

    assert (answer.error_code, answer.member_epoch, answer.heartbeat_interval_ms) == (0, 2, 5_000)
    assert assigned(answer) == [0, 1, 2, 3]
    assert assigned(heartbeat(broker.request, "group", ANN, 2)) is None


def test_members_share_evenly_and_learn_it_with_their_next_heartbeat(broker):
    heartbeat(broker.request, "group", ANN, 0, ["orders"])
    broker.advance(1_000)
    bob = heartbeat(broker.request, "group", BOB, 0, ["orders"])
    ann = heartbeat(broker.request, "group", ANN, 2)

    assert sorted(assigned(ann) + assigned(bob)) == [0, 1, 2, 3]
    assert len(assigned(ann)) == 2
    assert ann.member_epoch == bob.member_epoch == 3


def test_a_target_is_not_older_than_its_interval(broker):
    heartbeat(broker.request, "group", ANN, 0, ["orders"])
    early = heartbeat(broker.request, "group", BOB, 0, ["orders"])
    broker.advance(1_000)
    late = heartbeat(broker.request, "group", BOB, 2)

    assert (assigned(early), early.member_epoch) == ([], 2)
    assert (len(assigned(late)), late.member_epoch) == (2, 3)


def test_more_members_than_partitions_have_one_partition_each(broker):
    members = [f"member-{n}" for n in range(6)]
    epochs = {}
    for name in members:
        broker.advance(1_000)
        epochs[name] = heartbeat(broker.request, "group", name, 0, ["orders"]).member_epoch
    for name in members:
        heartbeat(broker.request, "group", name, epochs[name])

    shares = [
        [index for topic in member.assignment.topic_partitions for index in topic.partitions]
        for member in described(broker).members
    ]

    assert all(len(share) == 1 for share in shares)
    assert {index for share in shares for index in share} == {0, 1, 2, 3}


def test_a_silent_member_is_out_and_the_rest_get_its_share(broker):
    heartbeat(broker.request, "group", ANN, 0, ["orders"])
    broker.advance(1_000)
    heartbeat(broker.request, "group", BOB, 0, ["orders"])
    broker.advance(SESSION_MS - 1_001)
    heartbeat(broker.request, "group", BOB, 3)

    broker.advance(1)
    answer = heartbeat(broker.request, "group", BOB, 3)

    assert [member.member_id for member in described(broker).members] == [BOB]
    assert assigned(answer) == [0, 1, 2, 3]


def test_further_partitions_and_topics_are_taken_up(broker):
    heartbeat(broker.request, "group", ANN, 0, ["orders", "later"])
    wanted = m.CreatePartitionsRequest.CreatePartitionsTopic("orders", 6, None)
    broker.request(m.CreatePartitionsRequest(topics=[wanted], timeout_ms=1))
    create(broker, "later")
    broker.advance(1_000)

    answer = heartbeat(broker.request, "group", ANN, 2)

    assert sorted(len(topic.partitions) for topic in answer.assignment.topic_partitions) == [1, 6]
    assert len(described_offsets(broker.request, "group")) == 7


@pytest.mark.parametrize("ending", ["restart", "crash"])
def test_a_group_is_the_same_after_a_start(broker, ending):
    heartbeat(broker.request, "group", ANN, 0, ["orders"])
    broker.advance(1_000)
    heartbeat(broker.request, "group", BOB, 0, ["orders"], rack_id="r1")
    before = state(broker)

    getattr(broker, ending)()

    assert state(broker) == before
    assert heartbeat(broker.request, "group", BOB, 3).error_code == 0
    broker.advance(SESSION_MS)
    assert described(broker).group_state == "Empty"


@pytest.mark.parametrize(
    ("epoch", "member", "error"),
    [
        (9, ANN, KafkaError.FENCED_MEMBER_EPOCH),
        (1, ANN, KafkaError.FENCED_MEMBER_EPOCH),
        (2, BOB, KafkaError.UNKNOWN_MEMBER_ID),
        (-1, BOB, KafkaError.UNKNOWN_MEMBER_ID),
        (-2, ANN, KafkaError.INVALID_REQUEST),
        (2, "", KafkaError.INVALID_REQUEST),
        (2, "x" * 5_000, KafkaError.INVALID_REQUEST),
    ],
)
def test_who_is_no_member_or_behind_is_told(broker, epoch, member, error):
    heartbeat(broker.request, "group", ANN, 0, ["orders"])

    assert heartbeat(broker.request, "group", member, epoch).error_code == error


def test_groups_of_one_kind_are_no_groups_of_another(broker):
    heartbeat(broker.request, "group", ANN, 0, ["orders"])
    join = m.JoinGroupRequest
    protocol = join.JoinGroupRequestProtocol("range", b"")
    timeouts = {"session_timeout_ms": 10_000, "rebalance_timeout_ms": 10_000}

    joined = broker.request(join(group_id="group", protocol_type="consumer", protocols=[protocol], **timeouts))
    classic = broker.request(m.DescribeGroupsRequest(groups=["group"])).groups[0]

    assert joined.error_code == KafkaError.INCONSISTENT_GROUP_PROTOCOL
    assert classic.error_code == KafkaError.GROUP_ID_NOT_FOUND


def test_share_groups_are_listed_by_type_and_state(broker):
    heartbeat(broker.request, "group", ANN, 0, ["orders"])

    found = broker.request(m.ListGroupsRequest(types_filter=["Share"], states_filter=["stable"])).groups
    others = broker.request(m.ListGroupsRequest(types_filter=["classic"])).groups

    assert [(g.group_id, g.protocol_type, g.group_state, g.group_type) for g in found] == [
        ("group", "share", "Stable", "share")
    ]
    assert others == []


def test_a_group_is_full_at_its_size():
    broker = InMemoryBroker({"group.share.max.size": "1"})
    create(broker, "orders")
    heartbeat(broker.request, "group", ANN, 0, ["orders"])

    assert heartbeat(broker.request, "group", BOB, 0, ["orders"]).error_code == KafkaError.GROUP_MAX_SIZE_REACHED
    assert heartbeat(broker.request, "group", ANN, 0, ["orders"]).error_code == 0


def test_a_group_with_members_is_not_deleted_and_one_without_goes_with_all_it_kept(broker):
    heartbeat(broker.request, "group", ANN, 0, ["orders"])
    delete = m.DeleteGroupsRequest(groups_names=["group"])

    refused = broker.request(delete).results[0]
    heartbeat(broker.request, "group", ANN, -1)
    done = broker.request(delete).results[0]
    broker.restart()

    assert (refused.error_code, done.error_code) == (KafkaError.NON_EMPTY_GROUP, 0)
    assert described(broker).error_code == KafkaError.GROUP_ID_NOT_FOUND
    assert broker.broker.shares.states.kept == {}


def test_offsets_are_moved_and_deleted_only_without_members(broker):
    produce(broker, records(), index=1)
    configure(broker.request, "group", auto_offset_reset="earliest")
    heartbeat(broker.request, "group", ANN, 0, ["orders"])
    alter, remove = m.AlterShareGroupOffsetsRequest, m.DeleteShareGroupOffsetsRequest
    part = alter.AlterShareGroupOffsetsRequestPartition
    move = alter(group_id="group", topics=[alter.AlterShareGroupOffsetsRequestTopic("orders", [part(1, 3)])])
    drop = remove(group_id="group", topics=[remove.DeleteShareGroupOffsetsRequestTopic("orders")])

    refused = [broker.request(message).error_code for message in (move, drop)]
    heartbeat(broker.request, "group", ANN, -1)
    moved = broker.request(move)
    broker.restart()
    after = described_offsets(broker.request, "group")
    dropped = broker.request(drop)

    assert refused == [KafkaError.NON_EMPTY_GROUP] * 2
    assert moved.responses[0].partitions[0].error_code == dropped.responses[0].error_code == 0
    assert after["orders", 1] == (3, 7)
    assert after["orders", 0] == (-1, -1)
    assert described_offsets(broker.request, "group") == {}


def test_states_and_names_have_their_bounds(broker):
    broker.broker.shares.states_max = 3

    full = heartbeat(broker.request, "group", ANN, 0, ["orders"])
    long = heartbeat(broker.request, "x" * 5_000, ANN, 0, ["orders"])
    alter = m.AlterShareGroupOffsetsRequest
    altered = broker.request(alter(group_id="x" * 5_000, topics=[]))

    assert full.error_code == KafkaError.INVALID_REQUEST
    assert broker.broker.shares.states.kept == {}
    assert long.error_code == altered.error_code == KafkaError.INVALID_GROUP_ID


def test_share_groups_are_among_the_metrics_of_groups(broker):
    heartbeat(broker.request, "group", ANN, 0, ["orders"])

    (facts,) = broker.broker.coordinator.groups.overview()

    assert tuple(facts) == ("group", "share", "Stable", 2, 1, 4)


def test_share_partitions_have_their_coordinator_from_version_6_on(broker):
    topic = "AQEBAQEBAQEBAQEBAQEBAQ"
    keys = [f"a:b:{topic}:0", "group", f"group:{topic}:x", "group:zz:0"]
    request = m.FindCoordinatorRequest(key_type=2, coordinator_keys=keys)

    found = broker.request(request, 6).coordinators

    assert [one.error_code for one in found] == [0, *[KafkaError.INVALID_REQUEST] * 3]
    assert found[0].node_id == 1
    assert {one.error_code for one in broker.request(request, 5).coordinators} == {KafkaError.INVALID_REQUEST}


def test_the_states_of_many_partitions_are_written_together(broker):
    create(broker, "many", 300)

    answer = heartbeat(broker.request, "group", ANN, 0, ["many"])

    homes = broker.broker.topics.by_name["__share_group_state"].partitions
    assert sum(home.next_offset for home in homes) == 300
    assert sum(1 for home in homes for _ in read_all(home)) <= 4
    assert len(assigned(answer)) == 300


def test_a_new_group_of_an_old_name_begins_anew(broker):
    """The state of the old one is still there, as when the broker dies while a group is deleted."""
    heartbeat(broker.request, "group", ANN, 0, ["orders"])
    heartbeat(broker.request, "group", ANN, -1)
    move(broker, 1, 3)
    coordinator = broker.broker.coordinator
    coordinator.settle(coordinator.groups.delete("group", broker.clock.now_ms()), broker.clock.now_ms())
    broker.crash()

    heartbeat(broker.request, "group", ANN, 0, ["orders"])

    assert described_offsets(broker.request, "group")["orders", 1] == (-1, -1)


def test_a_state_that_is_gone_while_its_group_knows_of_it_begins_anew(broker):
    configure(broker.request, "group", auto_offset_reset="earliest")
    produce(broker, records(), index=1)
    topic_id = heartbeat(broker.request, "group", ANN, 0, ["orders"]).assignment.topic_partitions[0].topic_id
    shares = broker.broker.shares
    shares.delete(shares.keys_of("group"), broker.clock.now_ms())
    broker.crash()

    ann = Member(lambda message, version: broker.request(message, version), "group", ANN, topic_id)

    assert ann.take(partitions=(1,)) == [(0, 9, 1)]


def test_offsets_whose_group_cannot_be_written_are_not_deleted(broker, monkeypatch):
    heartbeat(broker.request, "group", ANN, 0, ["orders"])
    heartbeat(broker.request, "group", ANN, -1)
    move(broker, 1, 3)
    append = Partition.append

    def full(self, *rest):
        if self.topic == "__consumer_offsets":
            return Refused(KafkaError.KAFKA_STORAGE_ERROR, "no room")
        return append(self, *rest)

    monkeypatch.setattr(Partition, "append", full)
    remove = m.DeleteShareGroupOffsetsRequest
    dropped = broker.request(remove(group_id="group", topics=[remove.DeleteShareGroupOffsetsRequestTopic("orders")]))
    moved = move(broker, 2, 1)

    assert dropped.error_code == moved.error_code == KafkaError.NOT_COORDINATOR
    assert described_offsets(broker.request, "group")["orders", 1] == (3, 0)


def move(broker, index, offset):
    alter = m.AlterShareGroupOffsetsRequest
    part = alter.AlterShareGroupOffsetsRequestPartition(index, offset)
    return broker.request(alter(group_id="group", topics=[alter.AlterShareGroupOffsetsRequestTopic("orders", [part])]))


def test_a_clock_that_is_set_back_holds_up_no_assignment(broker):
    heartbeat(broker.request, "group", ANN, 0, ["orders"])
    broker.clock.set_wall(broker.clock.now_ms() - 3_600_000)

    answer = heartbeat(broker.request, "group", BOB, 0, ["orders"])

    assert len(assigned(answer)) == 2


def test_offsets_of_many_partitions_are_moved_together_each_once(broker):
    create(broker, "many", 300)
    alter = m.AlterShareGroupOffsetsRequest
    parts = [alter.AlterShareGroupOffsetsRequestPartition(index, 0) for _ in range(3) for index in range(300)]

    answer = broker.request(alter(group_id="group", topics=[alter.AlterShareGroupOffsetsRequestTopic("many", parts)]))

    homes = broker.broker.topics.by_name["__share_group_state"].partitions
    assert [part.error_code for part in answer.responses[0].partitions] == [0] * 900
    assert sum(home.next_offset for home in homes) == 300
    assert sum(1 for home in homes for _ in read_all(home)) <= 4
    assert described_offsets(broker.request, "group")["many", 299] == (0, 0)
