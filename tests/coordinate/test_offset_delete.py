"""OffsetDelete, and offsets that go with their topic."""

import pytest
from tests.coordinate.group_world import FixedTopics, World, over_wire, stable_group, subscription
from tests.coordinate.test_offset_commit import ID, OTHER_ID, TOPICS, as_member

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
