"""Offsets and groups that are forgotten (KIP-211)."""

from tests.coordinate.group_world import World, stable_group, subscription
from tests.coordinate.test_offset_commit import as_member

from penstock.coordinate.groups import GroupSettings
from penstock.protocol.errors import KafkaError

MINUTE = 60_000
CHECK_MS = 10 * MINUTE
RETENTION_MS = 7 * 24 * 60 * MINUTE
LONG = {"session_timeout_ms": 1_800_000}


def wait_beating(world: World, ms: int, member: str) -> None:
    """Lets time pass while a member shows that it lives."""
    for _ in range(ms // (20 * MINUTE)):
        world.wait(20 * MINUTE)
        assert world.heartbeat(member, 1) is KafkaError.NONE


def test_a_simple_consumers_offset_lives_from_its_commit():
    world = World()
    world.commit({("t", 0): 1})

    world.wait(RETENTION_MS - 1)
    assert world.fetched() == {("t", 0): 1}
    world.wait(CHECK_MS)

    assert world.fetched() == {}
    assert world.describe().error_code == KafkaError.GROUP_ID_NOT_FOUND


def test_every_commit_gives_a_simple_consumers_offset_a_new_life():
    world = World()
    world.commit({("t", 0): 1, ("t", 1): 1})
    world.wait(RETENTION_MS - MINUTE)
    world.commit({("t", 1): 2})

    world.wait(CHECK_MS)

    assert world.fetched() == {("t", 1): 2}


def test_offsets_of_a_group_live_from_the_moment_it_became_empty():
    world = World()
    _, (member,) = stable_group(world, **LONG)
    world.commit({("t", 0): 1}, **as_member(member))
    wait_beating(world, RETENTION_MS + 2 * CHECK_MS, member)
    assert world.fetched() == {("t", 0): 1}
    world.leave((member, None))

    world.wait(RETENTION_MS - 1)
    assert world.fetched() == {("t", 0): 1}
    world.wait(CHECK_MS)

    assert world.fetched() == {}
    assert world.describe().error_code == KafkaError.GROUP_ID_NOT_FOUND


def test_a_restart_does_not_give_an_empty_groups_offsets_a_new_life():
    world = World()
    _, (member,) = stable_group(world)
    world.commit({("t", 0): 1}, **as_member(member))
    world.leave((member, None))
    world.wait(RETENTION_MS - MINUTE)

    world.restart()
    world.wait(CHECK_MS)

    assert world.fetched() == {}


def test_a_stable_group_loses_offsets_of_topics_it_reads_no_more():
    world = World()
    _, (member,) = stable_group(world, protocols=[("range", subscription("t"))], **LONG)
    world.commit({("t", 0): 1, ("u", 0): 2}, **as_member(member))

    wait_beating(world, RETENTION_MS + 2 * CHECK_MS, member)

    assert world.fetched() == {("t", 0): 1}
    assert world.state() == "Stable"


def test_a_stable_group_of_another_protocol_loses_nothing():
    world = World()
    _, (member,) = stable_group(world, protocol_type="connect", **LONG)
    world.commit({("t", 0): 1}, **as_member(member))

    wait_beating(world, RETENTION_MS + 2 * CHECK_MS, member)

    assert world.fetched() == {("t", 0): 1}


def test_until_version_4_a_client_could_ask_for_a_time_of_its_own():
    world = World()
    world.commit({("t", 0): 1}, version=4, retention_time_ms=30 * MINUTE)
    world.commit({("t", 1): 1}, version=4)

    world.restart()
    world.wait(30 * MINUTE + CHECK_MS)

    assert world.fetched() == {("t", 1): 1}


def test_an_empty_group_without_offsets_is_forgotten_at_the_next_look():
    world = World()
    _, (member,) = stable_group(world)
    world.leave((member, None))

    world.wait(CHECK_MS)

    assert world.describe().error_code == KafkaError.GROUP_ID_NOT_FOUND
    world.restart()
    assert world.describe().error_code == KafkaError.GROUP_ID_NOT_FOUND


def test_a_forgotten_group_begins_with_generation_1_again():
    world = World()
    _, (member,) = stable_group(world)
    world.leave((member, None))
    world.wait(CHECK_MS)

    assert stable_group(world)[0] == 1


def test_a_group_with_many_offsets_is_forgotten_in_pieces_itself_last():
    world = World(GroupSettings(offsets_retention_minutes=1))
    for start in range(0, 2_100, 700):
        world.commit({("t", index): 1 for index in range(start, start + 700)})
    world.now_ms += CHECK_MS
    outcomes = []
    while world.groups.next_deadline_ms() <= world.now_ms:
        outcomes += world.groups.tick(world.now_ms)

    pieces = [[value for _, value in outcome.records] for outcome in outcomes]

    assert [len(piece) for piece in pieces] == [1_000, 1_000, 101]
    assert outcomes[-1].records[-1][0][:2] == b"\x00\x02"
    for outcome in outcomes:
        world.settle(outcome)
    assert world.describe().error_code == KafkaError.GROUP_ID_NOT_FOUND


def test_the_partitions_are_looked_at_one_in_each_call():
    world = World(GroupSettings(offsets_retention_minutes=1))
    first, second = (
        "g",
        next(name for name in "abcdef" if world.groups.partition_of(name) != world.groups.partition_of("g")),
    )
    world.commit({("t", 0): 1}, group_id=first)
    world.commit({("t", 0): 1}, group_id=second)
    world.now_ms += CHECK_MS

    sizes = []
    while world.groups.next_deadline_ms() <= world.now_ms:
        sizes.append(len(list(world.groups.tick(world.now_ms))))

    assert max(sizes) == 1
    assert sum(sizes) == 2
    assert len(sizes) == 50


def test_an_unloaded_partition_is_looked_at_no_more():
    world = World()
    world.commit({("t", 0): 1})
    for partition in range(50):
        world.groups.unload(partition, world.now_ms)

    assert world.groups.next_deadline_ms() is None
