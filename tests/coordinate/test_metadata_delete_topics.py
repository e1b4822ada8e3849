"""Rules of DeleteTopics."""

import pytest
from tests.coordinate.metadata_world import World, errors, resource, topic

from penstock.coordinate.metadata.outcome import TopicDeleted
from penstock.coordinate.metadata.settings import ConfigKind
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import ZERO_UUID

UNKNOWN_ID = b"0123456789abcdef"
State = messages.DeleteTopicsRequest.DeleteTopicState


@pytest.mark.parametrize("version", [1, 5, 6])
def test_a_topic_goes_by_name_with_its_configs(version):
    world = World()
    (created,) = world.create(topic("orders", 2, configs={"retention.ms": "5"}))

    (deleted,) = world.delete("orders", version=version)

    assert (deleted.name, deleted.topic_id, deleted.error_code) == ("orders", created.topic_id, KafkaError.NONE)
    assert world.metadata.topic("orders") is None
    assert world.metadata.topic_by_id(created.topic_id) is None
    assert world.metadata.configs_of(ConfigKind.TOPIC, "orders") == {}
    assert world.metadata.partition_count == 0
    assert world.changes[-1] == TopicDeleted("orders", created.topic_id)


def test_a_topic_goes_by_id():
    world = World()
    (created,) = world.create(topic("orders"))

    (deleted,) = world.delete(ids=(created.topic_id,))

    assert (deleted.name, deleted.topic_id, deleted.error_code) == ("orders", created.topic_id, KafkaError.NONE)


def test_a_topic_of_the_same_name_has_another_id():
    world = World()
    (first,) = world.create(topic("orders"))
    world.delete("orders")

    (second,) = world.create(topic("orders"))

    assert first.topic_id != second.topic_id


def test_internal_topics_may_be_deleted():
    world = World()
    world.create(topic("__consumer_offsets"))

    assert errors(world.delete("__consumer_offsets")) == [KafkaError.NONE]


def test_what_does_not_exist_is_not_deleted():
    results = World().delete("nothing", "a b", ids=(UNKNOWN_ID,))

    assert errors(results) == [
        KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
        KafkaError.UNKNOWN_TOPIC_ID,
    ]
    assert [(result.name, result.topic_id) for result in results] == [
        ("nothing", ZERO_UUID),
        ("a b", ZERO_UUID),
        (None, UNKNOWN_ID),
    ]


def test_what_is_named_twice_stays():
    world = World()
    first, second, third = (world.create(topic(name))[0].topic_id for name in ("a", "b", "c"))

    results = world.delete("a", "a", "b", ids=(second, third, third))

    assert [(result.name, result.topic_id) for result in results] == [
        ("a", ZERO_UUID),
        ("b", ZERO_UUID),
        (None, second),
        (None, third),
    ]
    assert errors(results) == [KafkaError.INVALID_REQUEST] * 4
    assert set(world.metadata.topics) == {"a", "b", "c"}
    assert world.metadata.topic_by_id(first) is not None


def test_an_entry_has_a_name_or_an_id():
    world = World()
    (created,) = world.create(topic("orders"))
    request = messages.DeleteTopicsRequest(topics=[State("orders", created.topic_id), State(None, ZERO_UUID)])

    reply = world.settle(world.metadata.delete_topics(request, 6))

    assert errors(reply.responses) == [KafkaError.INVALID_REQUEST] * 2
    assert "orders" in world.metadata.topics


@pytest.mark.parametrize(
    ("version", "error"),
    [(1, KafkaError.INVALID_REQUEST), (3, KafkaError.TOPIC_DELETION_DISABLED), (6, KafkaError.TOPIC_DELETION_DISABLED)],
)
def test_deletion_can_be_switched_off(version, error):
    world = World(delete_topic_enable=False)
    world.create(topic("orders"))

    assert errors(world.delete("orders", version=version)) == [error]
    assert "orders" in world.metadata.topics


def test_when_nothing_can_be_written_nothing_is_deleted():
    world = World()
    world.create(topic("orders"))
    world.full = True

    results = world.delete("orders", "nothing")

    assert errors(results) == [KafkaError.KAFKA_STORAGE_ERROR, KafkaError.UNKNOWN_TOPIC_OR_PARTITION]
    assert "orders" in world.metadata.topics


def test_configs_of_a_deleted_topic_do_not_come_back_with_its_name():
    world = World()
    world.create(topic("orders"))
    world.change(resource(ConfigKind.TOPIC, "orders", ("retention.ms", 0, "5")))
    world.delete("orders")

    world.create(topic("orders"))

    assert world.metadata.topic("orders").configs == {}
    assert world.restarted().metadata.topic("orders").configs == {}
