"""ListGroups, DescribeGroups, DeleteGroups, and the numbers metrics read."""

import pytest
from tests.coordinate.group_world import HOST, World, over_wire, stable_group, subscription

from penstock.coordinate.groups import GroupFacts, GroupSettings, GroupType
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError


class ForeignGroup:
    """Stands for a group of a type that is not served yet."""

    group_type = GroupType.CONSUMER
    group_id = "g"
    partition = 3


def world_with_foreign_group() -> World:
    world = World()
    world.groups._desk.put(ForeignGroup())
    return world


def listed(world: World, version: int = 5, **filters):
    request = messages.ListGroupsRequest(**filters)
    return over_wire(world.groups.list(over_wire(request, version), version), version)


def delete(world: World, group_id: str = "g") -> KafkaError:
    return KafkaError(world.settle(world.groups.delete(group_id, world.now_ms)).error_code)


def test_a_list_shows_state_and_type_from_the_versions_that_have_them():
    world = World()
    stable_group(world)

    (entry,) = listed(world).groups

    assert (entry.group_id, entry.protocol_type, entry.group_state, entry.group_type) == (
        "g",
        "consumer",
        "Stable",
        "classic",
    )
    assert [(entry.group_state, entry.group_type) for entry in listed(world, version=3).groups] == [("", "")]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {"stable", "simple"}),
        ({"states_filter": ["Stable"]}, {"stable"}),
        ({"states_filter": [" eMPTY "]}, {"simple"}),
        ({"states_filter": ["Empty", "Stable"]}, {"stable", "simple"}),
        ({"states_filter": ["Nonsense"]}, set()),
        ({"types_filter": ["Classic"]}, {"stable", "simple"}),
        ({"types_filter": ["consumer", "share"]}, set()),
        ({"types_filter": ["classic"], "states_filter": ["stable"]}, {"stable"}),
    ],
)
def test_a_list_is_filtered_by_state_and_type_in_any_case(filters, expected):
    world = World()
    named = world.join(group_id="stable")
    world.join(named.member_id, group_id="stable")
    world.wait(0)
    world.sync(named.member_id, 1, group_id="stable")
    world.commit({("t", 0): 1}, group_id="simple")

    assert {entry.group_id for entry in listed(world, **filters).groups} == expected


def test_nothing_is_listed_while_groups_are_loading():
    world = World()
    stable_group(world)
    world.groups.load_started(7)

    reply = listed(world)

    assert (reply.error_code, reply.groups) == (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, [])


def test_a_description_shows_members_with_what_they_read_and_have():
    world = World()
    _, (member,) = stable_group(world, client_id="shop")

    described = world.describe()

    (entry,) = described.members
    assert (described.group_state, described.protocol_type, described.protocol_data) == ("Stable", "consumer", "range")
    assert (entry.member_id, entry.client_id, entry.client_host) == (member, "shop", HOST)
    assert (entry.member_metadata, entry.member_assignment) == (subscription("t"), b"of " + member.encode())


def test_a_description_hides_subscriptions_until_the_group_is_stable():
    world = World()
    _, (member,) = stable_group(world)
    world.join(member)
    world.wait(0)

    described = world.describe()

    assert (described.group_state, described.protocol_data) == ("CompletingRebalance", "")
    assert described.members[0].member_metadata == b""


def test_a_group_that_does_not_exist_is_dead_and_from_version_6_not_found():
    world = World()

    old, new = world.describe("none", version=5), world.describe("none", version=6)

    assert (old.error_code, old.group_state) == (KafkaError.NONE, "Dead")
    assert (new.error_code, new.group_state) == (KafkaError.GROUP_ID_NOT_FOUND, "Dead")
    assert new.error_message == "Group none not found."


@pytest.mark.parametrize("version", range(7))
def test_every_version_describes(version):
    world = World()
    stable_group(world)

    assert world.describe(version=version).group_state == "Stable"


def test_a_group_with_members_is_not_deleted():
    world = World()
    stable_group(world)

    assert delete(world) is KafkaError.NON_EMPTY_GROUP


def test_an_empty_group_goes_with_its_offsets():
    world = World()
    _, (member,) = stable_group(world)
    world.commit({("t", 0): 1, ("u", 3): 2}, member_id=member, generation_id_or_member_epoch=1)
    world.leave((member, None))

    assert delete(world) is KafkaError.NONE

    assert delete(world) is KafkaError.GROUP_ID_NOT_FOUND
    assert world.fetched() == {}
    world.restart()
    assert delete(world) is KafkaError.GROUP_ID_NOT_FOUND
    assert world.fetched() == {}


def test_a_named_member_of_a_deleted_group_is_forgotten():
    world = World()
    named = world.join()

    delete(world)

    assert world.join(named.member_id).error_code == KafkaError.UNKNOWN_MEMBER_ID


def test_metrics_see_groups_and_their_offsets():
    world = World()
    _, (member,) = stable_group(world)
    world.commit({("t", 0): 11, ("t", 1): 12}, member_id=member, generation_id_or_member_epoch=1)

    facts = list(world.groups.overview())
    offsets = list(world.groups.committed("g"))

    assert facts == [GroupFacts("g", "classic", "Stable", 1, 1, 2)]
    assert [(entry.topic, entry.partition, entry.offset) for entry in offsets] == [("t", 0, 11), ("t", 1, 12)]


def test_the_classic_protocol_answers_a_group_of_another_type_as_kafka_does():
    world = world_with_foreign_group()

    assert world.join().error_code == KafkaError.INCONSISTENT_GROUP_PROTOCOL
    assert world.sync("m", 1).error_code == KafkaError.UNKNOWN_MEMBER_ID
    assert world.heartbeat("m", 1) is KafkaError.UNKNOWN_MEMBER_ID
    assert world.leave(("m", None)).members[0].error_code == KafkaError.UNKNOWN_MEMBER_ID
    assert world.describe().error_message == "Group g is not a classic group."
    assert world.commit({("t", 0): 1}) == {("t", 0): KafkaError.GROUP_ID_NOT_FOUND}
    assert delete(world) is KafkaError.GROUP_ID_NOT_FOUND


def test_sessions_that_end_together_are_ended_a_bounded_number_at_a_time():
    world = World(GroupSettings(group_initial_rebalance_delay_ms=0))
    for number in range(600):
        world.join(group_id=f"g{number}", session_timeout_ms=6_000)
    world.now_ms += 6_000

    list(world.groups.tick(world.now_ms))

    assert world.groups.next_deadline_ms() <= world.now_ms
    list(world.groups.tick(world.now_ms))
    assert world.groups.next_deadline_ms() > world.now_ms
