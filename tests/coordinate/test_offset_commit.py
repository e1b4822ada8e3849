"""OffsetCommit: who may commit, what is stored, what is refused."""

import pytest
from tests.coordinate.group_world import FixedTopics, World, stable_group

from penstock.coordinate.groups import GroupSettings
from penstock.protocol.errors import KafkaError

ID = bytes(range(16))
OTHER_ID = bytes(range(1, 17))
TOPICS = FixedTopics(t=(ID, 3), u=(OTHER_ID, 1))


def as_member(member_id: str, generation: int = 1) -> dict:
    return {"member_id": member_id, "generation_id_or_member_epoch": generation}


def test_a_member_commits_and_reads_back():
    world = World()
    _, (member,) = stable_group(world)

    result = world.commit({("t", 0): 41, ("t", 1): 42}, **as_member(member))

    assert set(result.values()) == {KafkaError.NONE}
    assert world.fetched({"t": [0, 1, 2]}) == {("t", 0): 41, ("t", 1): 42, ("t", 2): -1}


def test_a_commit_survives_a_restart():
    world = World()
    world.commit({("t", 0): 41}, metadata="mine", leader_epoch=7)

    world.restart()

    (topic,) = world.fetch(None).topics
    (partition,) = topic.partitions
    assert (partition.committed_offset, partition.committed_leader_epoch, partition.metadata) == (41, 7, "mine")


def test_a_simple_consumer_makes_its_group_be():
    world = World()

    assert world.commit({("t", 0): 1}) == {("t", 0): KafkaError.NONE}

    described = world.describe()
    assert (described.group_state, described.protocol_type) == ("Empty", "")


def test_the_empty_group_id_may_commit_as_of_old():
    world = World()

    assert world.commit({("t", 0): 1}, group_id="") == {("t", 0): KafkaError.NONE}
    assert world.fetched({"t": [0]}, group_id="") == {("t", 0): 1}


def test_an_operator_may_commit_for_an_empty_group_under_any_member_id():
    world = World()
    _, (member,) = stable_group(world)
    world.leave((member, None))

    assert world.commit({("t", 0): 1}, member_id="whoever") == {("t", 0): KafkaError.NONE}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, KafkaError.UNKNOWN_MEMBER_ID),
        ({"member_id": "stranger"}, KafkaError.UNKNOWN_MEMBER_ID),
        ({"generation_id_or_member_epoch": 1}, KafkaError.UNKNOWN_MEMBER_ID),
        ({"group_instance_id": "none"}, KafkaError.UNKNOWN_MEMBER_ID),
    ],
)
def test_only_members_commit_while_there_are_any(fields, expected):
    world = World()
    stable_group(world)

    assert world.commit({("t", 0): 1}, **fields) == {("t", 0): expected}


@pytest.mark.parametrize("generation", [-1, 0, 2])
def test_a_member_commits_in_its_own_generation_only(generation):
    world = World()
    _, (member,) = stable_group(world)

    assert world.commit({("t", 0): 1}, **as_member(member, generation)) == {("t", 0): KafkaError.ILLEGAL_GENERATION}


def test_members_may_commit_until_they_rejoin_but_not_before_they_synced():
    world = World()
    _, (leader, follower) = stable_group(world, 2)
    world.join(leader)

    assert world.commit({("t", 0): 1}, **as_member(follower)) == {("t", 0): KafkaError.NONE}

    world.join(follower)
    assert world.commit({("t", 0): 2}, **as_member(follower, 2)) == {("t", 0): KafkaError.REBALANCE_IN_PROGRESS}


@pytest.mark.parametrize(("version", "expected"), [(8, "ILLEGAL_GENERATION"), (9, "GROUP_ID_NOT_FOUND")])
def test_a_generation_of_a_group_that_does_not_exist_is_wrong(version, expected):
    result = World().commit({("t", 0): 1}, version=version, generation_id_or_member_epoch=1)

    assert result == {("t", 0): KafkaError[expected]}


def test_a_commit_prolongs_the_session():
    world = World()
    generation, (member,) = stable_group(world, session_timeout_ms=10_000)
    world.wait(9_999)
    world.commit({("t", 0): 1}, **as_member(member))

    world.wait(9_999)

    assert world.heartbeat(member, generation) is KafkaError.NONE


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("x" * 4_096, KafkaError.NONE),
        ("x" * 4_097, KafkaError.OFFSET_METADATA_TOO_LARGE),
        ("😀" * 2_048, KafkaError.NONE),  # Java counts two for each
        ("😀" * 2_049, KafkaError.OFFSET_METADATA_TOO_LARGE),
        (None, KafkaError.NONE),
    ],
)
def test_metadata_has_a_bounded_length(metadata, expected):
    world = World()

    assert world.commit({("t", 0): 1}, metadata=metadata) == {("t", 0): expected}
    assert world.fetched({"t": [0]}) == {("t", 0): 1 if expected is KafkaError.NONE else -1}


def test_topics_that_do_not_exist_are_refused_one_by_one():
    world = World(topics=TOPICS)

    result = world.commit({("t", 2): 1, ("t", 3): 2, ("t", -1): 3, ("none", 0): 4})

    unknown = KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    assert result == {("t", 2): KafkaError.NONE, ("t", 3): unknown, ("t", -1): unknown, ("none", 0): unknown}
    assert world.fetched() == {("t", 2): 1}


def test_from_version_10_topics_go_by_id():
    world = World(topics=TOPICS)

    result = world.commit({(ID, 0): 5, (bytes(15) + b"x", 0): 6}, version=10)

    assert result == {(ID, 0): KafkaError.NONE, (bytes(15) + b"x", 0): KafkaError.UNKNOWN_TOPIC_ID}
    assert world.fetched({"t": [0]}) == {("t", 0): 5}
    assert world.fetched({ID: [0]}, version=10) == {(ID, 0): 5}


def test_a_topic_id_is_kept_whatever_the_version_of_the_commit():
    world = World(topics=TOPICS)
    world.commit({("t", 0): 5}, version=2)

    world.restart()

    assert world.groups.committed_offset("g", "t", 0).topic_id == ID


def test_a_group_keeps_a_bounded_number_of_offsets():
    world = World(GroupSettings(group_offsets_max=2))
    world.commit({("t", 0): 1, ("t", 1): 1})

    assert world.commit({("t", 0): 2, ("t", 1): 2}) == {("t", 0): KafkaError.NONE, ("t", 1): KafkaError.NONE}
    assert world.commit({("t", 2): 3}) == {("t", 2): KafkaError.POLICY_VIOLATION}
    assert world.fetched() == {("t", 0): 2, ("t", 1): 2}


@pytest.mark.parametrize("version", range(2, 11))
def test_every_version_commits(version):
    world = World(topics=TOPICS)
    _, (member,) = stable_group(world)
    topic = ID if version >= 10 else "t"

    assert world.commit({(topic, 0): 9}, version=version, **as_member(member)) == {(topic, 0): KafkaError.NONE}
    assert world.fetched({"t": [0]}) == {("t", 0): 9}
