"""OffsetDelete, and offsets that go with their topic."""

import pytest
from tests.coordinate.group_world import FixedTopics, World, over_wire, stable_group, subscription
from tests.coordinate.test_offset_commit import ID, OTHER_ID, TOPICS, as_member

from penstock.coordinate.group_records import group_tombstone
from penstock.coordinate.groups import GroupSettings
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError


def delete(world: World, *places: tuple[str, int], group_id: str = "g"):
    topic_class = messages.OffsetDeleteRequest.OffsetDeleteRequestTopic
    partition_class = messages.OffsetDeleteRequest.OffsetDeleteRequestPartition
    request = messages.OffsetDeleteRequest(
        group_id=group_id,
        topics=[
            topic_class(name=topic, partitions=[partition_class(partition_index=index)]) for topic, index in places
        ],
    )
    outcome = world.groups.offset_delete(over_wire(request, 0), 0, world.now_ms)
    return over_wire(world.settle(outcome), 0)


def results(reply) -> list[KafkaError]:
    return [KafkaError(partition.error_code) for topic in reply.topics for partition in topic.partitions]


def settle_all(world: World, outcomes) -> None:
    for outcome in outcomes:
        world.settle(outcome)


def test_offsets_of_topics_nobody_reads_go():
    world = World()
    _, (member,) = stable_group(world, protocols=[("range", subscription("t"))])
    world.commit({("t", 0): 1, ("u", 0): 2}, **as_member(member))

    reply = delete(world, ("t", 0), ("u", 0), ("u", 9))

    assert results(reply) == [KafkaError.GROUP_SUBSCRIBED_TO_TOPIC, KafkaError.NONE, KafkaError.NONE]
    assert world.fetched() == {("t", 0): 1}
    world.restart()
    assert world.fetched() == {("t", 0): 1}


def test_a_group_whose_subscription_cannot_be_read_might_read_any_topic():
    world = World()
    _, (member,) = stable_group(world, protocols=[("range", b"garbage")])
    world.commit({("u", 0): 2}, **as_member(member))

    assert results(delete(world, ("u", 0))) == [KafkaError.GROUP_SUBSCRIBED_TO_TOPIC]


def test_an_empty_group_reads_nothing():
    world = World()
    _, (member,) = stable_group(world)
    world.commit({("t", 0): 1}, **as_member(member))
    world.leave((member, None))

    assert results(delete(world, ("t", 0))) == [KafkaError.NONE]
    assert world.fetched() == {}


def test_members_of_another_protocol_keep_all_their_offsets():
    world = World()
    stable_group(world, protocol_type="connect")

    assert delete(world, ("t", 0)).error_code == KafkaError.NON_EMPTY_GROUP


@pytest.mark.parametrize(("group_id", "expected"), [("", "INVALID_GROUP_ID"), ("none", "GROUP_ID_NOT_FOUND")])
def test_the_group_must_exist(group_id, expected):
    assert delete(World(), ("t", 0), group_id=group_id).error_code == KafkaError[expected]


def test_the_topic_must_exist():
    world = World(topics=TOPICS)
    world.commit({("t", 0): 1})

    unknown = KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    assert results(delete(world, ("none", 0), ("t", 3), ("t", 0))) == [unknown, unknown, KafkaError.NONE]


def test_offsets_go_with_their_topic():
    world = World(topics=FixedTopics(t=(ID, 1), u=(OTHER_ID, 1)))
    for number in range(20):
        world.commit({("t", 0): 1, ("u", 0): 2}, group_id=f"g{number}")

    settle_all(world, world.groups.topics_deleted([("t", ID)], world.now_ms))

    world.restart()
    assert [world.fetched(group_id=f"g{number}") for number in range(20)] == [{("u", 0): 2}] * 20


def test_offsets_of_a_newer_topic_of_the_same_name_stay():
    world = World(topics=FixedTopics(t=(OTHER_ID, 1)))
    world.commit({("t", 0): 1})

    settle_all(world, world.groups.topics_deleted([("t", ID)], world.now_ms))

    assert world.fetched() == {("t", 0): 1}


def test_a_large_removal_comes_in_pieces():
    world = World()
    for start in range(0, 2_500, 500):
        world.commit({("t", index): 1 for index in range(start, start + 500)})

    outcomes = world.groups.topics_deleted([("t", ID)], world.now_ms)

    assert [len(outcome.records) for outcome in outcomes] == [1_000, 1_000, 500]
    settle_all(world, outcomes)
    assert world.fetched() == {}


LONG_ID = "g" * 4_000
APPEND_BYTES_MAX = 1 << 20


class Bounded(World):
    """Whose log takes up to a MiB at once, as a topic does by default. appends: the keys of each one."""

    def __init__(self, *args, **kwargs) -> None:
        self.appends: list[list[bytes]] = []
        super().__init__(*args, **kwargs)

    def append(self, outcome):
        if sum(len(key) for key, _ in outcome.records) > APPEND_BYTES_MAX:
            return Refused(KafkaError.MESSAGE_TOO_LARGE, "more than the log takes")
        self.appends.append([key for key, _ in outcome.records])
        return super().append(outcome)


def many_offsets(world: World, group_id: str, count: int, step: int = 500) -> None:
    for start in range(0, count, step):
        places = {("t", index): 1 for index in range(start, min(start + step, count))}
        assert set(world.commit(places, group_id=group_id).values()) == {KafkaError.NONE}


@pytest.mark.parametrize(("group_id", "count", "step"), [("g", 12_000, 500), (LONG_ID, 600, 100)])
def test_a_group_goes_however_many_offsets_it_has(group_id, count, step):
    world = Bounded()
    many_offsets(world, group_id, count, step)
    world.appends.clear()

    reply = world.settle(world.groups.delete(group_id, world.now_ms))

    assert reply.error_code == 0
    assert sum(map(len, world.appends)) == count + 1
    assert world.appends[-1][-1] == group_tombstone(group_id)[0]
    world.restart()
    assert world.fetched(group_id=group_id) == {}
    assert world.describe(group_id).error_code == KafkaError.GROUP_ID_NOT_FOUND


def test_a_deletion_that_ended_halfway_can_be_asked_for_again():
    world = Bounded()
    many_offsets(world, "g", 2_500)
    world.appends.clear()
    outcome = world.groups.delete("g", world.now_ms)

    def append(proposal):
        return world.append(proposal) if not world.appends else Refused(KafkaError.KAFKA_STORAGE_ERROR, "it broke")

    reply = outcome.settle(append).reply
    live = len(world.fetched())
    world.restart()
    again = world.settle(world.groups.delete("g", world.now_ms))

    assert reply.error_code == KafkaError.NOT_COORDINATOR
    assert live == 1_500
    assert again.error_code == 0
    assert world.fetched() == {}


def test_many_offsets_may_be_deleted_with_one_request():
    world = Bounded()
    many_offsets(world, LONG_ID, 600, 100)

    reply = delete(world, *(("t", index) for index in range(590)), group_id=LONG_ID)

    assert set(results(reply)) == {KafkaError.NONE}
    assert len(world.fetched(group_id=LONG_ID)) == 10


def test_groups_with_long_ids_expire_too():
    world = Bounded(GroupSettings(offsets_topic_num_partitions=1))
    ids = [f"{number}-{LONG_ID}" for number in range(400)]
    for group_id in ids:
        many_offsets(world, group_id, 1)

    world.wait(30 * 86_400_000)

    assert [world.describe(group_id).error_code for group_id in ids] == [KafkaError.GROUP_ID_NOT_FOUND] * 400
