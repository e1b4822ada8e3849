"""Rules of CreatePartitions."""

import pytest
from tests.coordinate.metadata_world import NODE, World, errors, growth, topic

from penstock.coordinate.metadata.outcome import PartitionsAdded
from penstock.protocol.errors import KafkaError


@pytest.fixture
def world() -> World:
    world = World()
    world.create(topic("orders", 4))
    world.changes.clear()
    return world


def test_a_topic_grows_behind_its_last_partition(world):
    assert errors(world.grow(growth("orders", 6))) == [KafkaError.NONE]

    assert world.metadata.topic("orders").partitions == 6
    assert world.changes == [PartitionsAdded("orders", 4)]
    assert world.restarted().metadata.topic("orders").partitions == 6


def test_validation_alone_adds_nothing(world):
    assert errors(world.grow(growth("orders", 6), validate_only=True)) == [KafkaError.NONE]
    assert world.metadata.topic("orders").partitions == 4


@pytest.mark.parametrize("count", [4, 3, 0, -1])
def test_a_topic_never_shrinks(world, count):
    (result,) = world.grow(growth("orders", count))

    assert result.error_code == KafkaError.INVALID_PARTITIONS
    assert "4 partitions" in result.error_message


def test_an_assignment_to_this_node_is_taken(world):
    assert errors(world.grow(growth("orders", 6, [[NODE], [NODE]]))) == [KafkaError.NONE]


@pytest.mark.parametrize(
    "assignments", [[], [[NODE]], [[NODE]] * 3, [[NODE], [NODE + 1]], [[NODE], []], [[NODE] * 2] * 2]
)
def test_an_assignment_must_give_every_new_partition_this_node(world, assignments):
    results = world.grow(growth("orders", 6, assignments))

    assert errors(results) == [KafkaError.INVALID_REPLICA_ASSIGNMENT]
    assert world.metadata.topic("orders").partitions == 4


def test_topics_that_do_not_exist_and_topics_named_twice_are_refused(world):
    results = world.grow(growth("nothing", 2), growth("orders", 5), growth("orders", 6))

    assert [(result.name, result.error_code) for result in results] == [
        ("nothing", KafkaError.UNKNOWN_TOPIC_OR_PARTITION),
        ("orders", KafkaError.INVALID_REQUEST),
    ]


def test_one_request_cannot_add_more_than_its_share_nor_all_topics_more_than_theirs():
    world = World(request_partitions_max=10, partitions_max=12)
    world.create(topic("a"), topic("b"))

    assert errors(world.grow(growth("a", 12))) == [KafkaError.POLICY_VIOLATION]
    assert errors(world.grow(growth("a", 9), growth("b", 5))) == [KafkaError.NONE, KafkaError.POLICY_VIOLATION]
    assert errors(world.grow(growth("a", 12))) == [KafkaError.POLICY_VIOLATION]
    assert world.metadata.partition_count == 10


def test_when_nothing_can_be_written_nothing_grows(world):
    world.full = True

    results = world.grow(growth("orders", 6), growth("nothing", 2))

    assert errors(results) == [KafkaError.KAFKA_STORAGE_ERROR, KafkaError.UNKNOWN_TOPIC_OR_PARTITION]
    assert world.metadata.topic("orders").partitions == 4
