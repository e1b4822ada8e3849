"""Partitions of __consumer_offsets that come and go, and groups that are read back from them."""

import pytest
from tests.coordinate.group_world import World, stable_group
from tests.coordinate.test_group_static import static_group

from penstock.coordinate.groups import Groups, GroupSettings
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError, Malformed

LOADING = KafkaError.COORDINATOR_LOAD_IN_PROGRESS
ELSEWHERE = KafkaError.NOT_COORDINATOR


def answers(world: World) -> set[KafkaError]:
    """What each command says about a group that is not ours to answer for; but for Heartbeat."""
    return {
        KafkaError(world.join().error_code),
        KafkaError(world.sync("m", 1).error_code),
        KafkaError(world.leave(("m", None)).error_code),
        world.commit({("t", 0): 1})["t", 0],
        KafkaError(world.fetch(None).error_code),
        KafkaError(world.describe().error_code),
        KafkaError(world.settle(world.groups.delete("g", world.now_ms)).error_code),
        KafkaError(
            world.settle(
                world.groups.offset_delete(messages.OffsetDeleteRequest(group_id="g"), 0, world.now_ms)
            ).error_code
        ),
    }


def test_a_group_of_a_partition_that_is_not_ours_is_somebody_elses():
    world = World()
    world.groups = Groups(world.settings, world.dice)

    assert answers(world) == {ELSEWHERE}
    assert world.heartbeat("m", 1) is ELSEWHERE


def test_a_group_of_a_partition_that_is_loading_has_to_wait_but_heartbeats_are_fine():
    world = World()
    world.groups.load_started(world.groups.partition_of("g"))

    assert answers(world) == {LOADING}
    assert world.heartbeat("m", 1) is KafkaError.NONE


def test_a_restart_keeps_a_stable_group_as_it_was():
    world = World()
    generation, members = stable_group(world, 3)
    before = world.describe()

    world.restart()

    assert world.describe() == before
    assert [world.heartbeat(name, generation) for name in members] == [KafkaError.NONE] * 3
    assert world.sync(members[1], generation).assignment == b"of " + members[1].encode()


def test_a_restart_keeps_static_members():
    world = World()
    generation, members = static_group(world, "leader", "i-1")

    world.restart()

    assert world.heartbeat(members["i-1"], generation, group_instance_id="i-1") is KafkaError.NONE
    assert world.join(group_instance_id="i-1", session_timeout_ms=10_000).generation_id == generation


def test_a_restart_starts_every_session_anew():
    world = World()
    generation, (member,) = stable_group(world, session_timeout_ms=10_000)
    world.wait(9_000)

    world.restart()
    world.wait(9_999)

    assert world.heartbeat(member, generation) is KafkaError.NONE
    world.wait(10_000)
    assert world.heartbeat(member, generation) is KafkaError.UNKNOWN_MEMBER_ID


def test_a_restart_in_the_middle_of_a_rebalance_goes_back_to_the_generation_before():
    world = World()
    generation, (member,) = stable_group(world)
    world.join(member)
    world.wait(0)

    world.restart()

    assert world.state() == "Stable"
    assert world.heartbeat(member, generation + 1) is KafkaError.ILLEGAL_GENERATION


def test_a_group_that_was_empty_is_empty_after_a_restart():
    world = World()
    generation, (member,) = stable_group(world)
    world.leave((member, None))

    world.restart()

    assert world.state() == "Empty"
    assert world.join_named() is not None
    world.wait(0)
    assert next(iter(world.replies.values())).generation_id == generation + 2


def test_after_a_restart_a_member_that_offers_more_protocols_than_the_stored_one_rebalances():
    world = World()
    both = [("range", b"\0\0"), ("sticky", b"\0\0")]
    _, (_, follower) = stable_group(world, 2, protocols=both)
    assert world.join(follower, protocols=both).generation_id == 1

    world.restart()
    world.join(follower, protocols=both)

    assert world.state() == "PreparingRebalance"


def test_members_of_an_unloaded_partition_learn_where_to_go():
    world = World()
    _, (leader, _) = stable_group(world, 2)
    joining = world.join(leader)
    partition = world.groups.partition_of("g")

    replies = world.groups.unload(partition, world.now_ms)

    assert [reply.error_code for reply in replies.values()] == [ELSEWHERE]
    assert list(replies) == [joining.ticket]
    assert answers(world) == {ELSEWHERE}
    before = dict(world.replies)
    world.wait(1_000_000)
    assert world.replies == before


def test_an_unloaded_partition_takes_only_its_own_groups_and_offsets():
    world = World()
    world.commit({("t", 0): 1}, group_id="g")
    world.commit({("t", 0): 2}, group_id="other")
    assert world.groups.partition_of("g") != world.groups.partition_of("other")

    world.groups.unload(world.groups.partition_of("g"), world.now_ms)

    assert world.fetch(None, group_id="g").error_code == ELSEWHERE
    assert world.fetched(group_id="other") == {("t", 0): 2}


def test_a_partition_that_comes_back_is_as_it_was():
    world = World()
    generation, (member,) = stable_group(world)
    partition = world.groups.partition_of("g")
    world.groups.unload(partition, world.now_ms)

    world.groups.load_started(partition)
    for _, key, value, _ in world.log:
        world.groups.replay(key, value)
    world.groups.loaded(partition, world.now_ms)

    assert world.heartbeat(member, generation) is KafkaError.NONE


def test_a_loaded_group_over_the_limit_rejoins():
    world = World()
    generation, members = stable_group(world, 3)
    world.settings = GroupSettings(group_max_size=2)

    world.restart()

    assert world.heartbeat(members[0], generation) is KafkaError.REBALANCE_IN_PROGRESS


def test_records_of_unknown_types_are_passed_over():
    groups = World().groups

    assert groups.replay(b"\x00\x63\x00\x01g", b"\x00\x00" + bytes(5)) is False


@pytest.mark.parametrize("key", [b"", b"\x00", b"\x00\x02", b"\x00\x01\x00\x01g", b"\x00\x02\xff\xff"])
def test_a_key_that_is_none_is_malformed(key):
    with pytest.raises(Malformed):
        World().groups.replay(key, None)


@pytest.mark.parametrize("value", [b"", b"\x00\x03", b"\x00\x03\x00\x01"])
def test_a_value_that_is_none_is_malformed(value):
    with pytest.raises(Malformed):
        World().groups.replay(b"\x00\x02\x00\x01g", value)
