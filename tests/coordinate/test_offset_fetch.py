"""OffsetFetch: one group or many, some topics or all, by name or by id."""

import pytest
from tests.coordinate.group_world import FixedTopics, World, stable_group
from tests.coordinate.test_offset_commit import ID, OTHER_ID, TOPICS

from penstock.protocol import messages
from penstock.protocol.errors import KafkaError


@pytest.mark.parametrize("version", range(1, 11))
def test_every_version_fetches_what_was_committed(version):
    world = World(topics=TOPICS)
    world.commit({("t", 0): 41}, metadata="mine", leader_epoch=3)
    topic = ID if version >= 10 else "t"

    reply = world.fetch({topic: [0, 1]}, version=version)

    first, second = reply.topics[0].partitions
    assert (first.committed_offset, first.metadata, first.error_code) == (41, "mine", 0)
    assert (second.committed_offset, second.metadata, second.error_code) == (-1, "", 0)
    assert first.committed_leader_epoch == (3 if version >= 5 else -1)


@pytest.mark.parametrize("version", range(2, 10))
def test_all_topics_are_those_with_offsets(version):
    world = World()
    world.commit({("t", 0): 1, ("u", 5): 2})

    assert world.fetched(None, version=version) == {("t", 0): 1, ("u", 5): 2}


def test_a_group_that_does_not_exist_has_committed_nothing():
    world = World()

    assert world.fetched({"t": [0]}) == {("t", 0): -1}
    assert world.fetch(None).topics == []
    assert world.fetch(None).error_code == KafkaError.NONE


def test_by_id_an_unknown_topic_is_told_apart_from_one_without_offsets():
    world = World(topics=TOPICS)
    world.commit({("t", 0): 1})

    reply = world.fetch({OTHER_ID: [0], bytes(15) + b"x": [0]}, version=10)

    assert [(topic.partitions[0].committed_offset, topic.partitions[0].error_code) for topic in reply.topics] == [
        (-1, KafkaError.NONE),
        (-1, KafkaError.UNKNOWN_TOPIC_ID),
    ]


def test_by_id_all_topics_are_those_that_still_exist():
    world = World(topics=FixedTopics(t=(ID, 1), u=(OTHER_ID, 1)))
    world.commit({("t", 0): 1, ("u", 0): 2})
    del world.topics.topics["u"]

    assert world.fetched(None, version=10) == {(ID, 0): 1}
    assert world.fetched(None, version=9) == {("t", 0): 1, ("u", 0): 2}


def test_an_offset_of_an_earlier_topic_of_the_same_name_does_not_count_by_id():
    world = World(topics=FixedTopics(t=(ID, 1)))
    world.commit({("t", 0): 41})
    world.topics.topics["t"] = (OTHER_ID, 1)

    assert world.fetched({OTHER_ID: [0]}, version=10) == {(OTHER_ID, 0): -1}
    assert world.fetched({"t": [0]}, version=9) == {("t", 0): 41}


def test_the_member_epoch_of_the_newer_protocol_means_nothing_to_a_classic_group():
    world = World()
    stable_group(world)
    group = messages.OffsetFetchRequest.OffsetFetchRequestGroup(
        group_id="g", member_id="stranger", member_epoch=9, topics=None
    )

    assert world.groups.offset_fetch(group, False, 9).error_code == KafkaError.NONE


@pytest.mark.parametrize("version", [1, 2, 8])
def test_a_fault_of_the_group_is_told_where_the_version_has_a_place_for_it(version):
    world = World()
    world.groups.unload(world.groups.partition_of("g"), world.now_ms)

    reply = world.fetch({"t": [0]}, version=version)

    if version == 1:
        assert reply.topics[0].partitions[0].error_code == KafkaError.NOT_COORDINATOR
    else:
        assert (reply.error_code, reply.topics) == (KafkaError.NOT_COORDINATOR, [])
