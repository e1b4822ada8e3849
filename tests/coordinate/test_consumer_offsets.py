"""Offsets of consumer groups: who may commit, what expires, what goes with the group."""

from __future__ import annotations

import pytest
from tests.coordinate.consumer_world import Consumer, ConsumerWorld, settle

from penstock.coordinate.groups import GroupSettings
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

DAY_MS = 86_400_000


@pytest.fixture
def world() -> ConsumerWorld:
    settings = GroupSettings(offsets_retention_minutes=1_440, offsets_retention_check_interval_ms=60_000)
    return ConsumerWorld(settings, t=2, u=1)


def commit(world: ConsumerWorld, partition: int, epoch: int, topic: str = "t", member_id: str = "a") -> KafkaError:
    said = world.commit({(topic, partition): 5}, member_id=member_id, generation_id_or_member_epoch=epoch)
    return said[topic, partition]


def test_a_member_that_is_behind_commits_what_it_had_then(world):
    first, second = Consumer(world, "a"), Consumer(world, "b")
    first.join()
    second.join()
    settle(first, second)
    (kept,), (given_away,) = first.owned["t"], second.owned["t"]
    assert first.epoch == 3

    assert commit(world, kept, 2) is KafkaError.NONE
    assert commit(world, kept, 1) is KafkaError.STALE_MEMBER_EPOCH
    assert commit(world, given_away, 2) is KafkaError.STALE_MEMBER_EPOCH
    assert commit(world, given_away, 3) is KafkaError.NONE
    assert commit(world, kept, 4) is KafkaError.STALE_MEMBER_EPOCH
    assert commit(world, kept, 3, member_id="z") is KafkaError.UNKNOWN_MEMBER_ID


def test_a_stranger_is_told_so_before_the_size_of_what_it_commits(world):
    world.enter("a")

    said = world.commit({("t", 0): 5}, metadata="x" * 4_097, member_id="z", generation_id_or_member_epoch=1)

    assert said == {("t", 0): KafkaError.UNKNOWN_MEMBER_ID}


def test_an_empty_group_takes_offsets_from_anybody(world):
    world.enter("a")
    assert commit(world, 0, -1, member_id="") is KafkaError.UNKNOWN_MEMBER_ID
    world.beat("a", -1)

    assert commit(world, 0, -1, member_id="") is KafkaError.NONE


def test_offsets_of_topics_that_nobody_reads_expire_and_the_others_stay(world):
    member = Consumer(world, "a", ["t", "u"])
    member.join()
    commit(world, 0, member.epoch)
    commit(world, 0, member.epoch, "u")
    member.read(["t"])
    settle(member)

    for _ in range(25 * 60 * 2):
        world.wait(30_000)
        member.beat()

    assert world.fetched() == {("t", 0): 5}


def test_an_empty_group_goes_when_its_last_offset_has_expired(world):
    world.enter("a")
    commit(world, 0, 2)
    world.beat("a", -1)

    world.wait(DAY_MS + 60_000)

    assert world.about().error_code == KafkaError.GROUP_ID_NOT_FOUND
    world.restart()
    assert world.about().error_code == KafkaError.GROUP_ID_NOT_FOUND
    assert world.fetched() == {}


def test_a_group_is_deleted_with_its_offsets_when_it_is_empty(world):
    world.enter("a")
    commit(world, 0, 2)
    assert world.settle(world.groups.delete("g", world.now_ms)).error_code == KafkaError.NON_EMPTY_GROUP
    world.beat("a", -1)

    assert world.settle(world.groups.delete("g", world.now_ms)).error_code == 0

    world.restart()
    assert world.about().error_code == KafkaError.GROUP_ID_NOT_FOUND
    assert world.fetched() == {}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["g"]),
        ({"types_filter": ["Consumer"]}, ["g"]),
        ({"types_filter": ["classic"]}, []),
        ({"states_filter": ["stable"]}, ["g"]),
        ({"states_filter": ["Empty"]}, []),
    ],
)
def test_groups_are_listed_by_type_and_state(world, filters, found):
    world.enter("a")

    listed = world.groups.list(messages.ListGroupsRequest(**filters), 5).groups

    assert [group.group_id for group in listed] == found
    kinds = {(group.group_type, group.protocol_type, group.group_state) for group in listed}
    assert kinds <= {("consumer", "consumer", "Stable")}
