"""What was written is what is true: replaying the log gives the same metadata, whatever was asked before."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.coordinate.metadata_world import World, growth, resource, topic, whole

from penstock.coordinate.metadata.commands import PRODUCER_ID_MAX
from penstock.coordinate.metadata.records import KEPT, PASSED_OVER, MetadataError, from_bytes, to_bytes
from penstock.coordinate.metadata.settings import ConfigKind
from penstock.coordinate.metadata.state import _REPLAY
from penstock.kit.refusal import Refused
from penstock.protocol import messages

NAMES = st.sampled_from(["a", "b.c", "b_c", "d"])
KEYS = st.sampled_from(["retention.ms", "segment.bytes", "cleanup.policy", "unknown"])
VALUES = st.sampled_from(["1", "2", "compact", ""])
CONFIGS = st.dictionaries(KEYS, VALUES, max_size=2)
KINDS = st.sampled_from(list(ConfigKind))
RESOURCES = st.sampled_from(["a", "b.c", "", "7", "group"])

STEPS = st.one_of(
    st.tuples(st.just("create"), NAMES, st.integers(-2, 4), CONFIGS),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("grow"), NAMES, st.integers(0, 8)),
    st.tuples(st.just("change"), KINDS, RESOURCES, KEYS, st.integers(0, 3), VALUES),
    st.tuples(st.just("replace"), KINDS, RESOURCES, CONFIGS),
    st.tuples(st.just("producers")),
    st.tuples(st.just("features"), st.integers(0, 2)),
    st.tuples(st.just("full"), st.booleans()),
)


def step(world: World, what: str, *arguments: Any) -> None:
    match what, *arguments:
        case "create", name, partitions, configs:
            world.create(topic(name, partitions, configs=configs))
        case "delete", name:
            world.delete(name)
        case "grow", name, count:
            world.grow(growth(name, count))
        case "change", kind, name, key, operation, value:
            world.change(resource(kind, name, (key, operation, value)))
        case "replace", kind, name, configs:
            world.replace(whole(kind, name, *configs.items()))
        case ("producers",):
            world.settle(world.metadata.next_producer_ids())
        case "features", level:
            world.settle(world.metadata.set_features({"group.version": level}))
        case "full", full:
            world.full = full


def facts(world: World) -> Any:
    """All that can be asked of the metadata."""
    metadata = world.metadata
    topics = {
        name: (
            found.topic_id,
            found.partitions,
            found.configs,
            found.internal,
            metadata.colliding(name.replace(".", "_")),
        )
        for name, found in metadata.topics.items()
    }
    ids = {found.topic_id: metadata.topic_by_id(found.topic_id).name for found in metadata.topics.values()}
    return topics, ids, metadata.configs, metadata.features, metadata.next_producer_id, metadata.partition_count


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_a_restart_changes_nothing(steps):
    world = World()

    for what in steps:
        step(world, *what)

    assert facts(world.restarted()) == facts(world)
    assert facts(world)[-1] == sum(found.partitions for found in world.metadata.topics.values())


def test_ten_thousand_topics_are_replayed_in_two_seconds():
    world = World(request_partitions_max=20_000)
    world.create(*(topic(f"topic-{number}", configs={"retention.ms": "1"}) for number in range(10_000)))

    begin = time.process_time()
    again = world.restarted()

    assert time.process_time() - begin < 2
    assert len(again.metadata.topics) == 10_000


def test_producer_ids_are_never_given_twice():
    world = World()

    first = world.settle(world.metadata.next_producer_ids())
    restarted = world.restarted()
    second = restarted.settle(restarted.metadata.next_producer_ids())

    assert (first, second) == (range(1000), range(1000, 2000))


def test_producer_ids_end_before_their_number_overflows():
    world = World()
    world.metadata.next_producer_id = PRODUCER_ID_MAX - 10

    assert isinstance(world.settle(world.metadata.next_producer_ids()), Refused)


def test_producer_ids_that_could_not_be_written_are_not_given():
    world = World()
    world.full = True

    assert isinstance(world.settle(world.metadata.next_producer_ids()), Refused)
    assert world.metadata.next_producer_id == 0


def test_a_feature_of_level_0_is_gone():
    world = World()
    world.settle(world.metadata.set_features({"metadata.version": 30, "group.version": 1}))

    world.settle(world.metadata.set_features({"group.version": 0, "metadata.version": 30}))

    assert world.metadata.features == {"metadata.version": 30}
    assert len(world.log) == 3


def test_every_record_has_one_way_to_be_replayed():
    assert set(_REPLAY) == {*KEPT, *PASSED_OVER}
    assert not set(KEPT) & set(PASSED_OVER)


@pytest.mark.parametrize("name", PASSED_OVER)
def test_records_of_a_real_cluster_that_mean_nothing_here_are_passed_over(name):
    record = getattr(messages, name)()
    framed = to_bytes(record)

    world = World([framed])

    assert from_bytes(framed) == record
    assert facts(world) == facts(World())


def test_configs_may_come_before_their_topic():
    world = World()
    world.create(topic("orders", configs={"retention.ms": "5"}))

    moved = World([world.log[1], world.log[0], *world.log[2:]])

    assert moved.metadata.topic("orders").configs == {"retention.ms": "5"}


def test_changes_of_leaders_and_client_metrics_are_passed_over():
    world = World()
    (created,) = world.create(topic("orders"))
    change = messages.PartitionChangeRecord(partition_id=0, topic_id=created.topic_id, leader=7)
    metrics = messages.ConfigRecord(resource_type=16, resource_name="m", name="interval.ms", value="5")

    again = World([*world.log, to_bytes(change), to_bytes(metrics)])

    assert facts(again) == facts(world)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (messages.RemoveTopicRecord(topic_id=bytes(16)), "which no topic has"),
        (messages.PartitionRecord(partition_id=0, topic_id=bytes(16)), "which no topic has"),
    ],
)
def test_a_record_that_does_not_fit_is_an_error(record, text):
    with pytest.raises(MetadataError, match=text):
        World([to_bytes(record)])


def test_a_topic_twice_or_a_gap_in_its_partitions_is_an_error():
    world = World()
    world.create(topic("orders", 3))

    with pytest.raises(MetadataError, match="a second time"):
        World([world.log[0], world.log[0]])
    with pytest.raises(MetadataError, match="adds partition 1 to 'orders', expected 0"):
        World([world.log[0], world.log[2]])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "cannot be read"),
        (b"\x01\x02", "cannot be read"),
        (b"\x02\x02\x00", "frame version 2"),
        (b"\x01\x7f\x00", "type 127 are not known"),
        (b"\x01\x02\x09", "cannot be read"),
        (b"\x01\x02\x00\x02", "cannot be read"),
    ],
)
def test_bytes_that_are_no_record_are_an_error(data, text):
    with pytest.raises(MetadataError, match=text):
        from_bytes(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_record_or_a_clear_error(data):
    try:
        record = from_bytes(data)
    except MetadataError:
        return
    assert from_bytes(to_bytes(record)).DEFINITION is record.DEFINITION


def test_a_record_is_framed_as_kafka_does():
    record = messages.TopicRecord(name="foo", topic_id=bytes(range(16)))

    assert to_bytes(record) == b"\x01\x02\x00" + b"\x04foo" + bytes(range(16)) + b"\x00"
