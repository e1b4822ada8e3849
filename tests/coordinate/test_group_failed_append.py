"""What is not in the log did not happen: refused appends are undone and the clients told so."""

import pytest
from tests.coordinate.group_world import World, stable_group
from tests.coordinate.test_group_static import LONG, static_group
from tests.coordinate.test_group_sync import completing_group

from penstock.coordinate.outcome import Pending
from penstock.protocol.errors import KafkaError

CLIENT_CODES = [
    (KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.COORDINATOR_NOT_AVAILABLE),
    (KafkaError.UNKNOWN_TOPIC_OR_PARTITION, KafkaError.COORDINATOR_NOT_AVAILABLE),
    (KafkaError.REQUEST_TIMED_OUT, KafkaError.COORDINATOR_NOT_AVAILABLE),
    (KafkaError.KAFKA_STORAGE_ERROR, KafkaError.NOT_COORDINATOR),
    (KafkaError.NOT_LEADER_OR_FOLLOWER, KafkaError.NOT_COORDINATOR),
    (KafkaError.MESSAGE_TOO_LARGE, KafkaError.UNKNOWN_SERVER_ERROR),
    (KafkaError.UNKNOWN_SERVER_ERROR, KafkaError.UNKNOWN_SERVER_ERROR),
]


@pytest.mark.parametrize(("refused", "told"), CLIENT_CODES)
def test_assignments_that_cannot_be_stored_fail_for_all_and_the_group_rejoins(refused, told):
    world = World()
    generation, (leader, follower) = completing_group(world)
    waiting = world.sync(follower, generation)

    world.refuse_with = refused
    own = world.sync(leader, generation, assignments={leader: b"one", follower: b"two"})

    assert own.error_code == told
    assert world.answer(waiting).error_code == told
    assert world.state() == "PreparingRebalance"
    assert [member.member_assignment for member in world.describe().members] == [b"", b""]


def test_a_new_group_that_cannot_be_stored_does_not_exist():
    world = World()
    world.refuse_with = KafkaError.NOT_ENOUGH_REPLICAS

    reply = world.join()

    assert reply.error_code == KafkaError.COORDINATOR_NOT_AVAILABLE
    assert world.describe().error_code == KafkaError.GROUP_ID_NOT_FOUND
    assert world.groups.next_deadline_ms() == world.now_ms + 600_000  # only the search for expired offsets


def test_a_new_group_that_cannot_be_stored_does_not_leave_its_member_waiting():
    world = World()
    world.refuse_with = KafkaError.NOT_ENOUGH_REPLICAS

    reply = world.join(version=3)

    assert not isinstance(reply, Pending)
    assert reply.error_code == KafkaError.COORDINATOR_NOT_AVAILABLE


def test_a_static_members_return_that_cannot_be_stored_leaves_the_old_one_in_place():
    world = World()
    generation, members = static_group(world, "leader", "i-1")
    world.refuse_with = KafkaError.NOT_ENOUGH_REPLICAS

    reply = world.join(group_instance_id="i-1", session_timeout_ms=50_000, protocols=[("range", b"new")])

    assert reply.error_code == KafkaError.COORDINATOR_NOT_AVAILABLE
    assert (reply.member_id, reply.generation_id, reply.leader) == ("", generation, members["leader"])
    assert world.heartbeat(members["i-1"], generation, group_instance_id="i-1") == KafkaError.NONE
    assert world.join(members["i-1"], group_instance_id="i-1", **LONG).generation_id == generation
    assert world.state() == "Stable"


def test_an_offset_that_cannot_be_stored_is_not_committed():
    world = World()
    world.refuse_with = KafkaError.KAFKA_STORAGE_ERROR

    result = world.commit({("t", 0): 5})

    assert result == {("t", 0): KafkaError.NOT_COORDINATOR}
    assert world.fetched({"t": [0]}) == {("t", 0): -1}
    assert world.describe().error_code == KafkaError.GROUP_ID_NOT_FOUND


def test_a_group_whose_tombstone_cannot_be_stored_stays():
    world = World()
    world.commit({("t", 0): 5})
    world.refuse_with = KafkaError.NOT_ENOUGH_REPLICAS

    reply = world.settle(world.groups.delete("g", world.now_ms))

    assert reply.error_code == KafkaError.COORDINATOR_NOT_AVAILABLE
    assert world.fetched() == {("t", 0): 5}


def test_members_leave_even_if_the_empty_group_cannot_be_stored():
    world = World()
    _, (member,) = stable_group(world)
    world.refuse_with = KafkaError.NOT_ENOUGH_REPLICAS

    reply = world.leave((member, None))

    assert reply.error_code == KafkaError.COORDINATOR_NOT_AVAILABLE
    assert world.state() == "Empty"
