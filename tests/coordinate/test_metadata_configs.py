"""Rules of AlterConfigs and IncrementalAlterConfigs."""

import pytest
from tests.coordinate.metadata_world import NODE, World, errors, resource, topic, whole

from penstock.coordinate.metadata.outcome import BrokerConfigured, GroupConfigured, TopicConfigured
from penstock.coordinate.metadata.settings import ConfigKind
from penstock.protocol.errors import KafkaError

SET, DELETE, APPEND, SUBTRACT = range(4)
TOPIC, BROKER, GROUP = ConfigKind.TOPIC, ConfigKind.BROKER, ConfigKind.GROUP


@pytest.fixture
def world() -> World:
    world = World()
    world.create(topic("orders", configs={"retention.ms": "5"}))
    world.changes.clear()
    return world


def own(world: World, kind: ConfigKind = TOPIC, name: str = "orders") -> dict[str, str]:
    assert world.restarted().metadata.configs_of(kind, name) == world.metadata.configs_of(kind, name)
    return world.metadata.configs_of(kind, name)


def test_what_is_not_named_stays(world):
    results = world.change(resource(TOPIC, "orders", ("segment.bytes", SET, "9"), ("nothing", DELETE, None)))

    assert errors(results) == [KafkaError.NONE]
    assert own(world) == {"retention.ms": "5", "segment.bytes": "9"}
    assert world.metadata.topic("orders").configs == own(world)
    assert world.changes == [TopicConfigured("orders")]


def test_a_deleted_config_has_its_default_again(world):
    world.change(resource(TOPIC, "orders", ("retention.ms", DELETE, "ignored")))

    assert own(world) == {}


@pytest.mark.parametrize(
    ("steps", "value"),
    [
        ([(APPEND, "compact")], "delete,compact"),
        ([(SET, "compact"), (APPEND, "delete, compact")], "compact,delete"),
        ([(SET, "compact,delete"), (SUBTRACT, "delete,other")], "compact"),
        ([(SUBTRACT, "delete")], ""),
        ([(SUBTRACT, "delete"), (APPEND, "compact")], "compact"),
    ],
)
def test_lists_are_added_to_and_taken_from_beginning_with_the_default(world, steps, value):
    for operation, given in steps:
        assert errors(world.change(resource(TOPIC, "orders", ("cleanup.policy", operation, given)))) == [0]

    assert own(world)["cleanup.policy"] == value


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("retention.ms", APPEND, "1"), KafkaError.INVALID_CONFIG),
        (("unheard.of", SUBTRACT, "1"), KafkaError.INVALID_CONFIG),
        (("unheard.of", SET, "1"), KafkaError.INVALID_CONFIG),
        (("retention.ms", SET, "soon"), KafkaError.INVALID_CONFIG),
        (("retention.ms", SET, None), KafkaError.INVALID_REQUEST),
        (("cleanup.policy", APPEND, None), KafkaError.INVALID_REQUEST),
        (("retention.ms", 4, "1"), KafkaError.INVALID_REQUEST),
        (("retention.ms", -1, "1"), KafkaError.INVALID_REQUEST),
    ],
)
def test_a_change_that_cannot_be_made_changes_nothing(world, change, error):
    results = world.change(resource(TOPIC, "orders", ("segment.bytes", SET, "9"), change))

    assert errors(results) == [error]
    assert own(world) == {"retention.ms": "5"}
    assert world.changes == []


def test_the_older_request_replaces_everything(world):
    assert errors(world.replace(whole(TOPIC, "orders", ("segment.bytes", "9")))) == [KafkaError.NONE]
    assert own(world) == {"segment.bytes": "9"}

    assert errors(world.replace(whole(TOPIC, "orders"))) == [KafkaError.NONE]
    assert own(world) == {}


def test_the_older_request_needs_a_value_for_every_config(world):
    assert errors(world.replace(whole(TOPIC, "orders", ("segment.bytes", None)))) == [KafkaError.INVALID_REQUEST]
    assert errors(world.replace(whole(TOPIC, "orders", ("segment.bytes", "x")))) == [KafkaError.INVALID_CONFIG]
    assert own(world) == {"retention.ms": "5"}


@pytest.mark.parametrize("kind", [0, 1, 8, 16, 99])
def test_other_resources_have_no_configs_that_change(world, kind):
    assert errors(world.change(resource(kind, "orders", ("retention.ms", SET, "1")))) == [KafkaError.INVALID_REQUEST]
    assert errors(world.replace(whole(kind, "orders"))) == [KafkaError.INVALID_REQUEST]


@pytest.mark.parametrize(
    ("kind", "name", "error"),
    [
        (TOPIC, "", KafkaError.INVALID_REQUEST),
        (TOPIC, "nothing", KafkaError.UNKNOWN_TOPIC_OR_PARTITION),
        (BROKER, str(NODE + 1), KafkaError.INVALID_REQUEST),
        (BROKER, "seven", KafkaError.INVALID_REQUEST),
        (GROUP, "", KafkaError.INVALID_REQUEST),
        (GROUP, "g" * 5000, KafkaError.INVALID_REQUEST),
    ],
)
def test_a_resource_must_be_there_to_be_configured(world, kind, name, error):
    assert errors(world.change(resource(kind, name))) == [error]
    assert errors(world.replace(whole(kind, name))) == [error]


def test_a_resource_or_config_named_twice_is_refused(world):
    twice = resource(TOPIC, "orders", ("retention.ms", SET, "1"))
    same_key = resource(TOPIC, "orders", ("retention.ms", SET, "1"), ("retention.ms", DELETE, None))

    assert errors(world.change(twice, twice)) == [KafkaError.INVALID_REQUEST] * 2
    assert errors(world.change(same_key)) == [KafkaError.INVALID_REQUEST]
    assert own(world) == {"retention.ms": "5"}


def test_brokers_and_groups_have_configs_too(world):
    results = world.change(
        resource(BROKER, str(NODE), ("log.retention.ms", SET, "1")),
        resource(BROKER, "", ("log.retention.ms", SET, "2")),
        resource(GROUP, "readers", ("consumer.session.timeout.ms", SET, "3")),
    )

    assert errors(results) == [KafkaError.NONE] * 3
    assert own(world, BROKER, str(NODE)) == {"log.retention.ms": "1"}
    assert own(world, BROKER, "") == {"log.retention.ms": "2"}
    assert own(world, GROUP, "readers") == {"consumer.session.timeout.ms": "3"}
    assert world.changes == [BrokerConfigured(str(NODE)), BrokerConfigured(""), GroupConfigured("readers")]


def test_validation_alone_changes_nothing(world):
    good = resource(TOPIC, "orders", ("retention.ms", SET, "6"))
    bad = resource(TOPIC, "orders", ("retention.ms", SET, "x"))

    assert errors(world.change(good, validate_only=True)) == [KafkaError.NONE]
    assert errors(world.change(bad, validate_only=True)) == [KafkaError.INVALID_CONFIG]
    assert own(world) == {"retention.ms": "5"}


def test_a_change_to_the_same_value_writes_nothing(world):
    before = len(world.log)

    world.change(resource(TOPIC, "orders", ("retention.ms", SET, "5")))

    assert len(world.log) == before
    assert world.changes == []


def test_groups_that_have_configs_are_limited():
    world = World(configured_groups_max=2)
    timeout = ("consumer.session.timeout.ms", SET, "3")

    results = world.change(*(resource(GROUP, name, timeout) for name in ("a", "b", "c")))

    assert errors(results) == [KafkaError.NONE, KafkaError.NONE, KafkaError.POLICY_VIOLATION]
    assert errors(world.change(resource(GROUP, "a", ("consumer.session.timeout.ms", SET, "4")))) == [KafkaError.NONE]
    assert errors(world.change(resource(GROUP, "b", ("consumer.session.timeout.ms", DELETE, None)))) == [0]
    assert errors(world.change(resource(GROUP, "c", timeout))) == [KafkaError.NONE]


def test_when_nothing_can_be_written_nothing_changes(world):
    world.full = True

    results = world.change(
        resource(TOPIC, "orders", ("retention.ms", SET, "6")), resource(TOPIC, "nothing", ("retention.ms", SET, "6"))
    )

    assert errors(results) == [KafkaError.KAFKA_STORAGE_ERROR, KafkaError.UNKNOWN_TOPIC_OR_PARTITION]
    assert own(world) == {"retention.ms": "5"}
