"""Rules of CreateTopics."""

import pytest
from tests.coordinate.metadata_world import NODE, World, errors, topic

from penstock.coordinate.metadata.ids import new_cluster_id, random_id
from penstock.coordinate.metadata.outcome import TopicCreated
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import ZERO_UUID, to_base64


def test_a_created_topic_has_an_id_partitions_and_its_configs():
    world = World()

    (created,) = world.create(topic("orders", 3, configs={"retention.ms": "5"}))

    found = world.metadata.topic("orders")
    assert (created.error_code, created.num_partitions, created.replication_factor) == (KafkaError.NONE, 3, 1)
    assert (found.topic_id, found.partitions, found.configs) == (created.topic_id, 3, {"retention.ms": "5"})
    assert world.metadata.topic_by_id(created.topic_id) is found
    assert world.changes == [TopicCreated("orders")]
    assert world.metadata.partition_count == 3


def test_what_is_not_said_is_the_default():
    world = World(num_partitions=4)

    (created,) = world.create(topic("orders", -1, -1))

    assert (created.num_partitions, created.replication_factor) == (4, 1)


def test_validation_alone_creates_nothing():
    world = World()

    results = world.create(topic("orders", 3), topic("no name"), validate_only=True)

    assert errors(results) == [KafkaError.NONE, KafkaError.INVALID_TOPIC_EXCEPTION]
    assert results[0].num_partitions == 3
    assert results[0].topic_id == ZERO_UUID
    assert (world.metadata.topics, world.log) == ({}, [])


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 250, "a b", "a/b", "é", "a\n"])
def test_a_name_that_no_topic_can_have_is_refused(name):
    assert errors(World().create(topic(name))) == [KafkaError.INVALID_TOPIC_EXCEPTION]


def test_the_longest_name_and_all_legal_characters_are_taken():
    assert errors(World().create(topic("x" * 249), topic("aZ0._-"), topic("...", 1))) == [KafkaError.NONE] * 3


def test_names_that_differ_only_in_dots_and_underscores_collide():
    world = World()
    world.create(topic("a.b_c"))

    results = world.create(topic("a_b.c"), topic("x.y"), topic("x_y"))

    assert errors(results) == [
        KafkaError.INVALID_TOPIC_EXCEPTION,
        KafkaError.NONE,
        KafkaError.INVALID_TOPIC_EXCEPTION,
    ]
    assert "'a.b_c'" in results[0].error_message


def test_a_name_is_free_again_after_deletion():
    world = World()
    world.create(topic("a.b"))
    world.delete("a.b")

    assert errors(world.create(topic("a_b"))) == [KafkaError.NONE]


def test_a_topic_that_exists_is_not_created_again():
    world = World()
    world.create(topic("orders"))

    assert errors(world.create(topic("orders", 3))) == [KafkaError.TOPIC_ALREADY_EXISTS]
    assert world.metadata.topic("orders").partitions == 1


def test_a_name_given_twice_is_refused_once_and_the_others_are_created():
    results = World().create(topic("a"), topic("b"), topic("a"))

    assert [(result.name, result.error_code) for result in results] == [
        ("a", KafkaError.INVALID_REQUEST),
        ("b", KafkaError.NONE),
    ]


def test_the_log_of_the_cluster_cannot_be_created_but_internal_topics_can():
    world = World()

    results = world.create(topic("__cluster_metadata"), topic("__consumer_offsets"), topic("other"))

    assert errors(results) == [KafkaError.INVALID_REQUEST, KafkaError.NONE, KafkaError.NONE]
    assert world.metadata.topic("__consumer_offsets").internal
    assert not world.metadata.topic("other").internal


@pytest.mark.parametrize(
    ("partitions", "factor", "error"),
    [
        (0, 1, KafkaError.INVALID_PARTITIONS),
        (-2, 1, KafkaError.INVALID_PARTITIONS),
        (1, 0, KafkaError.INVALID_REPLICATION_FACTOR),
        (1, -2, KafkaError.INVALID_REPLICATION_FACTOR),
        (1, 3, KafkaError.INVALID_REPLICATION_FACTOR),
        (0, 0, KafkaError.INVALID_REPLICATION_FACTOR),
    ],
)
def test_numbers_that_one_node_cannot_serve_are_refused(partitions, factor, error):
    assert errors(World().create(topic("orders", partitions, factor))) == [error]


def test_a_manual_assignment_to_this_node_counts_the_partitions():
    (created,) = World().create(topic("orders", -1, -1, assignments={1: [NODE], 0: [NODE]}))

    assert (created.error_code, created.num_partitions) == (KafkaError.NONE, 2)


@pytest.mark.parametrize(
    ("partitions", "factor", "assignments", "error"),
    [
        (2, -1, {0: [NODE], 1: [NODE]}, KafkaError.INVALID_REQUEST),
        (-1, 1, {0: [NODE]}, KafkaError.INVALID_REQUEST),
        (-1, -1, {0: [NODE + 1]}, KafkaError.INVALID_REPLICA_ASSIGNMENT),
        (-1, -1, {0: [-1]}, KafkaError.INVALID_REPLICA_ASSIGNMENT),
        (-1, -1, {0: [NODE, NODE]}, KafkaError.INVALID_REPLICA_ASSIGNMENT),
        (-1, -1, {0: [NODE, NODE + 1]}, KafkaError.INVALID_REPLICA_ASSIGNMENT),
        (-1, -1, {0: []}, KafkaError.INVALID_REPLICA_ASSIGNMENT),
        (-1, -1, {0: [NODE], 2: [NODE]}, KafkaError.INVALID_REPLICA_ASSIGNMENT),
        (-1, -1, {1: [NODE]}, KafkaError.INVALID_REPLICA_ASSIGNMENT),
    ],
)
def test_a_manual_assignment_must_describe_a_topic_on_this_node(partitions, factor, assignments, error):
    results = World().create(topic("orders", partitions, factor, assignments=assignments))

    assert errors(results) == [error]


@pytest.mark.parametrize("configs", [{"retention.ms": "soon"}, {"no.such.config": "1"}, {"retention.ms": None}])
def test_a_config_that_cannot_be_taken_refuses_the_topic(configs):
    (result,) = World().create(topic("orders", configs=configs))

    assert result.error_code == KafkaError.INVALID_CONFIG
    assert next(iter(configs)) in result.error_message


def test_one_request_cannot_create_more_partitions_than_its_share():
    world = World(request_partitions_max=10)

    results = world.create(topic("a", 6), topic("b", 5))

    assert errors(results) == [KafkaError.POLICY_VIOLATION] * 2
    assert world.metadata.topics == {}


def test_all_topics_together_have_a_limit():
    world = World(partitions_max=10)
    world.create(topic("a", 6))

    results = world.create(topic("b", 3), topic("c", 2), topic("d", 1))

    assert errors(results) == [KafkaError.NONE, KafkaError.POLICY_VIOLATION, KafkaError.NONE]


def test_when_nothing_can_be_written_nothing_is_created_and_every_success_is_taken_back():
    world = World()
    world.full = True

    results = world.create(topic("orders"), topic("no name"))

    assert errors(results) == [KafkaError.KAFKA_STORAGE_ERROR, KafkaError.INVALID_TOPIC_EXCEPTION]
    assert (results[0].topic_id, results[0].num_partitions) == (ZERO_UUID, -1)
    assert "the disk is full" in results[0].error_message
    assert (world.metadata.topics, world.changes) == ({}, [])


@pytest.mark.parametrize("first", range(256))
def test_ids_are_version_4_and_never_look_like_an_option(first):
    made = random_id(lambda count: bytes([first] * count))

    assert (made[6] >> 4, made[8] >> 6) == (4, 2)
    assert not to_base64(made).startswith("-")
    assert new_cluster_id(lambda count: bytes([first] * count)) == to_base64(made)
