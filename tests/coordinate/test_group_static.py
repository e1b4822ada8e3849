"""Static members (group.instance.id): they come back under a new member id and keep their place."""

import pytest
from tests.coordinate.group_world import World, subscription

from penstock.coordinate.outcome import Pending
from penstock.protocol.errors import KafkaError

# Nobody's session ends while the test looks elsewhere.
LONG = {"session_timeout_ms": 1_000_000}


def static_group(world: World, *instances: str, **fields) -> tuple[int, dict[str, str]]:
    """A stable group of static members; generation and member id by instance id, the leader first."""
    fields = LONG | fields
    waiting = {name: world.join(group_instance_id=name, **fields) for name in instances}
    world.wait(0)
    joined = {name: world.answer(reply) for name, reply in waiting.items()}
    members = {name: reply.member_id for name, reply in joined.items()}
    generation = next(iter(joined.values())).generation_id
    leader = next(iter(members))
    assignments = {member_id: name.encode() for name, member_id in members.items()}
    world.sync(members[leader], generation, group_instance_id=leader, assignments=assignments)
    for name in instances[1:]:
        world.sync(members[name], generation, group_instance_id=name)
    return generation, members


def test_a_static_member_needs_no_name_first():
    world = World()

    waiting = world.join(group_instance_id="i-1")
    world.wait(0)

    reply = world.answer(waiting)
    assert reply.member_id == "i-1-00000000-0000-4000-8000-000000000001"
    assert [member.group_instance_id for member in reply.members] == ["i-1"]


def test_a_static_member_comes_back_to_a_stable_group_without_a_rebalance():
    world = World()
    generation, members = static_group(world, "leader", "i-1")

    back = world.join(group_instance_id="i-1", **LONG)

    assert back.error_code == KafkaError.NONE
    assert back.member_id != members["i-1"]
    assert (back.generation_id, back.leader, back.members) == (generation, members["leader"], [])
    assert world.state() == "Stable"
    assert world.sync(back.member_id, generation, group_instance_id="i-1").assignment == b"i-1"


def test_the_new_member_id_survives_a_restart():
    world = World()
    generation, _ = static_group(world, "leader", "i-1")
    back = world.join(group_instance_id="i-1", **LONG)

    world.restart()

    assert world.heartbeat(back.member_id, generation, group_instance_id="i-1") == KafkaError.NONE


def test_the_old_member_id_is_fenced():
    world = World()
    generation, members = static_group(world, "leader", "i-1")
    world.join(group_instance_id="i-1", **LONG)
    old = members["i-1"]

    fenced = KafkaError.FENCED_INSTANCE_ID
    assert world.heartbeat(old, generation, group_instance_id="i-1") == fenced
    assert world.join(old, group_instance_id="i-1", **LONG).error_code == fenced
    assert world.sync(old, generation, group_instance_id="i-1").error_code == fenced
    assert world.leave((old, "i-1")).members[0].error_code == fenced
    committed = world.commit(
        {("t", 0): 1}, member_id=old, group_instance_id="i-1", generation_id_or_member_epoch=generation
    )
    assert committed == {("t", 0): fenced}


def test_from_version_9_a_leader_that_comes_back_sees_the_members_but_must_not_assign():
    world = World()
    generation, members = static_group(world, "leader", "i-1")

    back = world.join(group_instance_id="leader", **LONG)

    assert back.skip_assignment
    assert back.leader == back.member_id
    assert {member.group_instance_id for member in back.members} == {"leader", "i-1"}
    assert world.sync(back.member_id, generation, group_instance_id="leader").assignment == b"leader"
    assert back.member_id != members["leader"]


@pytest.mark.parametrize("version", [5, 8])
def test_before_version_9_a_leader_that_comes_back_is_told_of_the_leader_it_was(version):
    world = World()
    _, members = static_group(world, "leader", "i-1")

    back = world.join(group_instance_id="leader", version=version, **LONG)

    assert back.leader == members["leader"]
    assert back.member_id != back.leader
    assert back.members == []
    assert world.state() == "Stable"


def test_a_static_member_whose_return_changes_the_protocol_starts_a_rebalance():
    world = World()
    both = [("range", subscription("t")), ("sticky", subscription("t"))]
    static_group(world, "leader", "i-1", protocols=both)

    back = world.join(group_instance_id="i-1", protocols=[("sticky", subscription("t"))], **LONG)

    assert isinstance(back, Pending)
    assert world.state() == "PreparingRebalance"


def test_a_static_member_with_another_subscription_but_the_same_protocol_starts_none():
    world = World()
    static_group(world, "leader", "i-1")

    back = world.join(group_instance_id="i-1", protocols=[("range", subscription("t", "u"))], **LONG)

    assert back.error_code == KafkaError.NONE
    assert world.state() == "Stable"


def test_a_static_member_that_comes_back_while_assignments_are_awaited_starts_a_rebalance():
    world = World()
    waiting = [world.join(group_instance_id=name, **LONG) for name in ("leader", "i-1")]
    world.wait(0)
    old = world.answer(waiting[1])
    sync_waiting = world.sync(old.member_id, 1, group_instance_id="i-1")

    back = world.join(group_instance_id="i-1", **LONG)

    assert isinstance(back, Pending)
    assert world.answer(sync_waiting).error_code == KafkaError.FENCED_INSTANCE_ID
    assert world.state() == "PreparingRebalance"


def test_a_static_member_that_comes_back_during_the_join_phase_takes_its_own_place():
    world = World()
    generation, members = static_group(world, "leader", "i-1")
    leader_waiting = world.join(members["leader"], group_instance_id="leader", **LONG)

    back = world.join(group_instance_id="i-1", **LONG)

    assert world.answer(leader_waiting).generation_id == generation + 1
    assert back.generation_id == generation + 1


def test_a_static_member_that_joins_twice_is_fenced_in_the_first_place():
    world = World()
    _, members = static_group(world, "leader", "i-1", "i-2")
    world.join(members["leader"], group_instance_id="leader", **LONG)
    first = world.join(group_instance_id="i-1", **LONG)

    second = world.join(group_instance_id="i-1", **LONG)

    assert world.answer(first).error_code == KafkaError.FENCED_INSTANCE_ID
    assert world.answer(second) is None


def test_a_static_member_that_does_not_rejoin_keeps_its_place_until_its_session_ends():
    world = World()
    generation, members = static_group(world, "leader", "i-1", rebalance_timeout_ms=20_000)
    waiting = world.join(members["leader"], group_instance_id="leader", rebalance_timeout_ms=20_000, **LONG)

    world.wait(20_000)

    reply = world.answer(waiting)
    assert reply.generation_id == generation + 1
    assert {member.group_instance_id for member in reply.members} == {"leader", "i-1"}


def test_a_group_of_static_members_that_all_stay_away_waits_for_their_sessions_to_end():
    world = World()
    _, members = static_group(world, "leader", "i-1", "i-2", rebalance_timeout_ms=20_000)
    world.leave(("", "leader"))

    world.wait(900_000)
    assert world.state() == "PreparingRebalance"
    world.wait(200_000)

    assert world.state() == "Empty"
    assert members["i-1"] not in {member.member_id for member in world.describe().members}


def test_a_rebalance_timeout_of_0_does_not_make_the_wait_for_static_members_spin():
    world = World()
    static_group(world, "leader", "i-1", rebalance_timeout_ms=0)
    world.leave(("", "leader"))

    deadlines = set()
    for _ in range(5):
        deadline_ms = world.groups.next_deadline_ms()
        deadlines.add(deadline_ms)
        world.wait(deadline_ms - world.now_ms)

    assert len(deadlines) == 5


def test_an_operator_removes_a_static_member_by_its_instance_id():
    world = World()
    _, members = static_group(world, "leader", "i-1")

    reply = world.leave(("", "i-1"))

    assert [(entry.member_id, entry.group_instance_id) for entry in reply.members] == [("", "i-1")]
    assert reply.members[0].error_code == KafkaError.NONE
    assert [member.member_id for member in world.describe().members] == [members["leader"]]


def test_an_instance_id_the_group_does_not_know_is_unknown():
    world = World()
    generation, members = static_group(world, "leader")

    assert world.heartbeat(members["leader"], generation, group_instance_id="other") == KafkaError.UNKNOWN_MEMBER_ID


def test_a_named_dynamic_member_cannot_come_back_as_a_static_one():
    world = World()
    named = world.join()

    reply = world.join(named.member_id, group_instance_id="i-1")

    assert reply.error_code == KafkaError.UNKNOWN_MEMBER_ID


def test_an_instance_id_has_a_bounded_length():
    assert World().join(group_instance_id="x" * 4_097).error_code == KafkaError.INVALID_REQUEST


def test_a_static_member_replaced_before_it_synced_still_gets_its_assignment_without_a_rebalance():
    world = World()
    waiting = [world.join(group_instance_id=name, **LONG) for name in ("leader", "i-1")]
    world.wait(0)
    leader, late = (world.answer(reply).member_id for reply in waiting)
    world.sync(leader, 1, group_instance_id="leader", assignments={late: b"two"})

    back = world.join(group_instance_id="i-1", **LONG)
    synced = world.sync(back.member_id, 1, group_instance_id="i-1")
    world.wait(200_000)

    assert synced.assignment == b"two"
    assert world.state() == "Stable"
