"""Groups that change from one protocol to the other while their members go on."""

from __future__ import annotations

from typing import Any

import pytest
from tests.coordinate.consumer_world import Consumer, ConsumerWorld, error, given, settle, state_of, topic_id
from tests.coordinate.group_world import stable_group, subscription

from penstock.coordinate.consumer.embedded import assignment_bytes, read_assignment
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.groups import GroupSettings
from penstock.coordinate.groups.group import ClassicGroup
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

EAGER = {"session_timeout_ms": 10_000, "rebalance_timeout_ms": 20_000}


def make(policy: str = "bidirectional", **settings: Any) -> ConsumerWorld:
    return ConsumerWorld(
        GroupSettings(group_initial_rebalance_delay_ms=0, group_consumer_migration_policy=policy, **settings)
    )


@pytest.fixture
def world() -> ConsumerWorld:
    return make()


def classic_of_four(world: ConsumerWorld) -> tuple[int, str]:
    """A stable classic group of one member that has all of "t"; its generation and its member id."""
    named = world.join(**EAGER)
    waiting = world.join(named.member_id, **EAGER)
    world.wait(0)
    joined = world.answer(waiting)
    data = assignment_bytes(world.changing, {topic_id("t"): [0, 1, 2, 3]}, 1)
    world.sync(joined.member_id, joined.generation_id, assignments={joined.member_id: data})
    assert world.state() == "Stable"
    return joined.generation_id, joined.member_id


def partitions_in(reply: Any) -> list[int]:
    (entry,) = read_assignment(bytes(reply.assignment)).assigned_partitions or [None]
    return [] if entry is None else list(entry.partitions)


def group_of(world: ConsumerWorld) -> Any:
    return world.groups._desk.groups["g"]


def test_a_classic_group_becomes_a_consumer_group_when_a_new_member_joins(world):
    generation, old = classic_of_four(world)

    reply = world.enter("n")

    assert (given(reply), reply.member_epoch) == ({}, generation + 1)
    assert world.about().group_state == "Reconciling"
    assert {member.member_id: member.member_type for member in world.about().members} == {old: 0, "n": 1}
    assert world.groups.list(messages.ListGroupsRequest(), 5).groups[0].group_type == "consumer"
    assert world.heartbeat(old, generation) is KafkaError.REBALANCE_IN_PROGRESS


def test_both_kinds_of_members_share_what_they_read(world):
    generation, old = classic_of_four(world)
    new = Consumer(world, "n")
    new.join()

    # An eager consumer gives everything back before it joins again.
    joined = world.join(old, **EAGER)
    got = partitions_in(world.sync(old, joined.generation_id))

    assert joined.generation_id == generation + 1
    settle(new)
    assert sorted(got + new.owned["t"]) == [0, 1, 2, 3]
    assert (len(got), world.about().group_state) == (2, "Stable")
    assert world.heartbeat(old, joined.generation_id) is KafkaError.NONE


def test_the_group_goes_back_when_the_last_new_member_leaves(world):
    _, old = classic_of_four(world)
    new = Consumer(world, "n")
    new.join()
    joined = world.join(old, **EAGER)
    world.sync(old, joined.generation_id)

    new.leave()

    group = group_of(world)
    assert isinstance(group, ClassicGroup)
    assert (group.state.value, list(group.members)) == ("PreparingRebalance", [old])
    assert world.heartbeat(old, joined.generation_id) is KafkaError.REBALANCE_IN_PROGRESS
    again = world.answer(world.join(old, **EAGER))
    assert again.leader == old
    assert again.generation_id > joined.generation_id


def test_a_restart_finds_each_kind_of_group_where_it_was(world):
    _, old = classic_of_four(world)
    world.enter("n")
    before = state_of(world.group)

    world.restart()

    assert state_of(world.group) == before
    world.beat("n", -1)
    world.restart()
    assert isinstance(group_of(world), ClassicGroup)
    assert list(group_of(world).members) == [old]


def test_offsets_stay_through_all_changes(world):
    generation, old = classic_of_four(world)
    world.commit({("t", 0): 7}, member_id=old, generation_id_or_member_epoch=generation)

    world.enter("n")
    assert world.fetched() == {("t", 0): 7}
    world.restart()
    world.beat("n", -1)

    assert world.fetched() == {("t", 0): 7}


def test_who_waits_in_the_classic_group_is_sent_to_the_new_one(world):
    classic_of_four(world)
    waiting = world.join("", version=3, **EAGER)

    world.enter("n")

    assert world.answer(waiting).error_code == KafkaError.REBALANCE_IN_PROGRESS


@pytest.mark.parametrize("policy", ["downgrade", "disabled"])
def test_without_the_policy_a_classic_group_stays_one(policy):
    world = make(policy)
    classic_of_four(world)

    reply = world.enter("n")

    text = "Cannot upgrade classic group g to consumer group because online upgrade is disabled."
    assert (error(reply), reply.error_message) == (KafkaError.GROUP_ID_NOT_FOUND, text)


@pytest.mark.parametrize(("policy", "kind"), [("upgrade", ConsumerGroup), ("bidirectional", ClassicGroup)])
def test_without_the_policy_a_consumer_group_stays_one(policy, kind):
    world = make(policy)
    classic_of_four(world)
    world.enter("n")

    world.beat("n", -1)

    assert isinstance(group_of(world), kind)


def test_a_group_of_something_else_is_not_upgraded(world):
    stable_group(world, protocol_type="connect", protocols=[("range", b"")])

    assert error(world.enter("n")) is KafkaError.GROUP_ID_NOT_FOUND


def test_a_full_disk_upgrades_and_downgrades_nothing(world):
    generation, old = classic_of_four(world)
    world.refuse_with = KafkaError.KAFKA_STORAGE_ERROR
    assert error(world.enter("n")) is KafkaError.NOT_COORDINATOR
    assert world.heartbeat(old, generation) is KafkaError.NONE
    world.refuse_with = None
    world.enter("n")
    world.refuse_with = KafkaError.KAFKA_STORAGE_ERROR

    assert error(world.beat("n", -1)) is KafkaError.NOT_COORDINATOR

    assert isinstance(group_of(world), ConsumerGroup)
    assert set(world.group.members) == {old, "n"}


def test_an_empty_group_of_either_kind_gives_way(world):
    _, old = classic_of_four(world)
    world.leave((old, None))
    assert given(world.enter("n")) == {"t": [0, 1, 2, 3]}

    world.beat("n", -1)
    named = world.join(**EAGER)

    assert named.error_code == KafkaError.MEMBER_ID_REQUIRED
    assert isinstance(group_of(world), ClassicGroup)
    world.restart()
    assert isinstance(group_of(world), ClassicGroup)


def test_a_classic_member_that_never_syncs_or_never_rejoins_is_out(world):
    world.enter("n")
    named = world.join(**EAGER)
    joined = world.join(named.member_id, **EAGER | {"session_timeout_ms": 40_000})
    assert joined.error_code == 0

    world.wait(20_001)

    assert list(world.group.members) == ["n"]


def test_a_member_whose_protocols_do_not_fit_is_refused(world):
    world.enter("n")
    joined = world.join("k", **EAGER)
    assert joined.error_code == 0

    other = world.join("l", protocols=[("roundrobin", subscription("t"))], **EAGER)

    assert other.error_code == KafkaError.INCONSISTENT_GROUP_PROTOCOL
    assert world.join("l", protocols=[("range", b"\x00")], **EAGER).error_code == KafkaError.INCONSISTENT_GROUP_PROTOCOL


def test_a_static_member_comes_back_with_the_classic_protocol_and_takes_the_group_along(world):
    new = Consumer(world, "n", instance_id="i")
    new.join()

    joined = world.join("", group_instance_id="i", **EAGER)

    group = group_of(world)
    assert isinstance(group, ClassicGroup)
    assert (joined.error_code, joined.generation_id) == (0, group.generation)
    assert partitions_in(world.sync(joined.member_id, joined.generation_id)) == [0, 1, 2, 3]
    assert world.state() == "Stable"


def test_members_that_fall_silent_together_go_one_after_the_other(world):
    """The last new member and a classic one: the group goes back with whoever is left."""
    _, old = classic_of_four(world)
    new = Consumer(world, "n")
    new.join()
    joined = world.join(old, session_timeout_ms=60_000, rebalance_timeout_ms=60_000)
    world.sync(old, joined.generation_id)
    second = world.join("", version=3, session_timeout_ms=45_000, rebalance_timeout_ms=60_000)
    group = group_of(world)
    assert len(group.members) == 3
    # So that both are silent at the very same moment.
    for member_id in ("n", second.member_id):
        world.groups._desk.timers.set(group.clocks_of(member_id).session, world.now_ms + 5_000)
        group.clocks_of(member_id).revocation.stop()
        group.clocks_of(member_id).sync.stop()
        group.clocks_of(member_id).join.stop()
    group.clocks_of(old).join.stop()
    group.clocks_of(old).sync.stop()

    world.wait(5_000)

    found = group_of(world)
    assert isinstance(found, ClassicGroup), found
    assert set(found.members) == {old, second.member_id}
