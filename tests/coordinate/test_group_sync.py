"""SyncGroup, Heartbeat, LeaveGroup, and sessions that end."""

import pytest
from tests.coordinate.group_world import World, stable_group

from penstock.protocol.errors import KafkaError


def completing_group(world: World, size: int = 2) -> tuple[int, list[str]]:
    """A group whose join phase just ended; the leader is first."""
    members = [world.join(session_timeout_ms=300_000).member_id for _ in range(size)]
    waiting = [world.join(name, session_timeout_ms=300_000) for name in members]
    world.wait(0)
    generations = {world.answer(reply).generation_id for reply in waiting}
    return generations.pop(), members


def test_followers_wait_for_the_leaders_assignments():
    world = World()
    generation, (leader, follower) = completing_group(world)

    waiting = world.sync(follower, generation)
    assert world.answer(waiting) is None
    own = world.sync(leader, generation, assignments={leader: b"one", follower: b"two"})

    assert own.assignment == b"one"
    assert world.answer(waiting).assignment == b"two"
    assert (own.protocol_type, own.protocol_name) == ("consumer", "range")


def test_whom_the_leader_leaves_out_gets_an_empty_assignment():
    world = World()
    generation, (leader, follower) = completing_group(world)
    waiting = world.sync(follower, generation)

    world.sync(leader, generation, assignments={leader: b"all", "stranger": b"none of it"})

    assert world.answer(waiting).assignment == b""
    assert [member.member_assignment for member in world.describe().members] == [b"all", b""]


def test_a_late_follower_gets_its_assignment_at_once():
    world = World()
    generation, (leader, follower) = completing_group(world)
    world.sync(leader, generation, assignments={follower: b"two"})

    assert world.sync(follower, generation).assignment == b"two"


def test_a_second_sync_of_a_waiting_member_lets_the_first_one_go():
    world = World()
    generation, (_, follower) = completing_group(world)
    first = world.sync(follower, generation)

    second = world.sync(follower, generation)

    assert world.answer(first).error_code == KafkaError.REBALANCE_IN_PROGRESS
    assert world.answer(second) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"generation": 2}, KafkaError.ILLEGAL_GENERATION),
        ({"generation": -1}, KafkaError.ILLEGAL_GENERATION),
        ({"member_id": "stranger"}, KafkaError.UNKNOWN_MEMBER_ID),
        ({"member_id": ""}, KafkaError.UNKNOWN_MEMBER_ID),
        ({"group_instance_id": "none"}, KafkaError.UNKNOWN_MEMBER_ID),
        ({"protocol_type": "connect"}, KafkaError.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocol_name": "sticky"}, KafkaError.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocol_name": None}, KafkaError.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocol_type": None}, KafkaError.INCONSISTENT_GROUP_PROTOCOL),
        ({"group_id": ""}, KafkaError.INVALID_GROUP_ID),
        ({"group_id": "other"}, KafkaError.UNKNOWN_MEMBER_ID),
    ],
)
def test_a_sync_must_fit_the_generation(fields, expected):
    world = World()
    generation, (leader, _) = completing_group(world)

    reply = world.sync(**{"member_id": leader, "generation": generation} | fields)

    assert reply.error_code == expected


def test_a_rebalance_sends_those_who_wait_for_assignments_back_to_join():
    world = World()
    generation, (_, follower) = completing_group(world)
    waiting = world.sync(follower, generation)

    newcomer = world.join()
    world.join(newcomer.member_id)

    assert world.answer(waiting).error_code == KafkaError.REBALANCE_IN_PROGRESS
    assert world.sync(follower, generation).error_code == KafkaError.REBALANCE_IN_PROGRESS


def test_members_that_do_not_sync_in_time_are_out():
    world = World()
    generation, (leader, silent) = completing_group(world)
    waiting = world.sync(leader, generation)

    world.wait(60_000)

    assert waiting.error_code == KafkaError.NONE
    assert world.heartbeat(silent, generation) == KafkaError.UNKNOWN_MEMBER_ID
    assert world.heartbeat(leader, generation) == KafkaError.REBALANCE_IN_PROGRESS


def test_a_leader_that_does_not_sync_in_time_is_out_and_the_others_rejoin():
    world = World()
    generation, (leader, follower) = completing_group(world)
    waiting = world.sync(follower, generation)

    world.wait(60_000)

    assert world.answer(waiting).error_code == KafkaError.REBALANCE_IN_PROGRESS
    assert world.heartbeat(leader, generation) == KafkaError.UNKNOWN_MEMBER_ID
    assert world.join(follower).leader == follower


def test_a_heartbeat_prolongs_the_session():
    world = World()
    generation, (member,) = stable_group(world, session_timeout_ms=10_000)

    for _ in range(5):
        world.wait(9_999)
        assert world.heartbeat(member, generation) == KafkaError.NONE
    world.wait(10_000)

    assert world.heartbeat(member, generation) == KafkaError.UNKNOWN_MEMBER_ID
    assert world.state() == "Empty"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"generation": 2}, KafkaError.ILLEGAL_GENERATION),
        ({"member_id": "stranger"}, KafkaError.UNKNOWN_MEMBER_ID),
        ({"group_id": ""}, KafkaError.INVALID_GROUP_ID),
        ({"group_id": "other"}, KafkaError.UNKNOWN_MEMBER_ID),
        ({"group_instance_id": "none"}, KafkaError.UNKNOWN_MEMBER_ID),
    ],
)
def test_a_heartbeat_must_come_from_a_member_of_the_generation(fields, expected):
    world = World()
    generation, (member,) = stable_group(world)

    assert world.heartbeat(**{"member_id": member, "generation": generation} | fields) == expected


def test_heartbeats_are_fine_while_assignments_are_awaited():
    world = World()
    generation, (_, follower) = completing_group(world)

    assert world.heartbeat(follower, generation) == KafkaError.NONE


def test_a_member_whose_session_ends_makes_the_others_rejoin():
    world = World()
    generation, (leader, follower) = stable_group(world, 2, session_timeout_ms=10_000)
    world.wait(9_000)
    world.heartbeat(follower, generation)

    world.wait(1_000)

    assert world.heartbeat(follower, generation) == KafkaError.REBALANCE_IN_PROGRESS
    assert world.heartbeat(leader, generation) == KafkaError.UNKNOWN_MEMBER_ID
    assert world.join(follower).leader == follower


def test_a_member_that_waits_for_the_join_phase_needs_no_heartbeats():
    world = World()
    _, (leader, follower) = stable_group(world, 2, session_timeout_ms=10_000, rebalance_timeout_ms=60_000)
    newcomer = world.join()
    waiting = world.join(leader)
    world.join(newcomer.member_id)

    for _ in range(6):
        world.wait(9_000)
        world.heartbeat(follower, 1)

    assert world.answer(waiting) is None
    world.wait(6_000)
    assert world.answer(waiting).generation_id == 2


def test_a_new_member_that_waits_too_long_must_join_again():
    world = World()
    stable_group(world, session_timeout_ms=1_800_000, rebalance_timeout_ms=1_800_000)
    waiting = world.join_named()

    world.wait(299_999)
    assert world.answer(waiting) is None
    world.wait(1)

    assert world.answer(waiting).error_code == KafkaError.UNKNOWN_MEMBER_ID


def test_the_last_member_to_leave_makes_the_group_empty():
    world = World()
    generation, (member,) = stable_group(world)

    reply = world.leave((member, None))

    assert [entry.error_code for entry in reply.members] == [KafkaError.NONE]
    described = world.describe()
    assert (described.group_state, described.protocol_type, described.members) == ("Empty", "consumer", [])
    assert world.heartbeat(member, generation) == KafkaError.UNKNOWN_MEMBER_ID


def test_a_member_that_leaves_makes_the_others_rejoin():
    world = World()
    generation, (leader, follower) = stable_group(world, 2)

    world.leave((leader, None))

    assert world.heartbeat(follower, generation) == KafkaError.REBALANCE_IN_PROGRESS
    assert world.join(follower).generation_id == generation + 1


def test_many_members_leave_with_one_request_each_with_its_result():
    world = World()
    _, (first, second, third) = stable_group(world, 3)

    reply = world.leave((first, None), ("stranger", None), (second, "none"), ("", None))

    assert [(entry.member_id, KafkaError(entry.error_code)) for entry in reply.members] == [
        (first, KafkaError.NONE),
        ("stranger", KafkaError.UNKNOWN_MEMBER_ID),
        (second, KafkaError.UNKNOWN_MEMBER_ID),
        ("", KafkaError.UNKNOWN_MEMBER_ID),
    ]
    assert [member.member_id for member in world.describe().members] == [second, third]


@pytest.mark.parametrize("version", [0, 1, 2])
def test_before_version_3_the_one_members_result_is_the_requests(version):
    world = World()
    _, (member,) = stable_group(world)

    assert world.leave(("stranger", None), version=version).error_code == KafkaError.UNKNOWN_MEMBER_ID
    assert world.leave((member, None), version=version).error_code == KafkaError.NONE
    assert world.leave((member, None), version=version, group_id="other").error_code == KafkaError.UNKNOWN_MEMBER_ID
    assert world.leave((member, None), version=version, group_id="").error_code == KafkaError.INVALID_GROUP_ID


def test_nobody_leaves_a_group_that_does_not_exist():
    reply = World().leave(("a", None), ("b", "i"))

    assert reply.error_code == KafkaError.NONE
    assert [entry.error_code for entry in reply.members] == [KafkaError.UNKNOWN_MEMBER_ID] * 2


def test_a_member_that_leaves_while_it_waits_is_told_so():
    world = World()
    generation, (_, follower) = completing_group(world)
    sync_waiting = world.sync(follower, generation)

    world.leave((follower, None))

    assert world.answer(sync_waiting).error_code == KafkaError.UNKNOWN_MEMBER_ID


def test_a_member_that_leaves_while_it_waits_to_join_is_told_so():
    world = World()
    _, (leader, _) = stable_group(world, 2)
    waiting = world.join(leader)

    world.leave((leader, None))

    assert world.answer(waiting).error_code == KafkaError.UNKNOWN_MEMBER_ID


def test_a_named_member_may_leave_before_it_joined():
    world = World()
    named = world.join()

    reply = world.leave((named.member_id, None))

    assert reply.members[0].error_code == KafkaError.NONE
    assert world.join(named.member_id).error_code == KafkaError.UNKNOWN_MEMBER_ID


def test_all_who_leave_during_the_first_join_phase_leave_an_empty_group_behind():
    world = World()
    named = world.join()
    waiting = world.join(named.member_id)

    world.leave((named.member_id, None))
    world.wait(0)

    assert world.answer(waiting).error_code == KafkaError.UNKNOWN_MEMBER_ID
    assert world.state() == "Empty"
