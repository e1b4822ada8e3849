"""The same admin requests to Apache Kafka and to us: the same answers, but for the words of errors."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.broker.admin.asks import (
    APPEND,
    BROKER,
    DELETE,
    GROUP,
    SET,
    SUBTRACT,
    TOPIC,
    change,
    change_all,
    create,
    delete,
    delete_by_id,
    delete_older,
    delete_states,
    describe,
    grow,
    growth,
    replace,
    topic,
)
from tests.broker.admin.wire import Wire

from penstock.protocol.errors import KafkaError
from penstock.testing.apache_kafka import apache_kafka
from penstock.testing.broker_in_memory import InMemoryBroker

pytestmark = pytest.mark.apache

NODE = 0
UNKNOWN_ID = b"0123456789abcdef"
NO_ID = bytes(16)


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Wire, InMemoryBroker]]:
    config = {"log.segment.bytes": 2_000_000}
    with apache_kafka(config=config) as node, Wire("127.0.0.1", node.port) as wire:
        ours = InMemoryBroker({"node.id": str(NODE), "log.segment.bytes": "2000000"})
        # Kafka does so by itself when it formats a cluster with eligible leader replicas.
        ours.request(change(BROKER, "", ("min.insync.replicas", SET, "1")))
        yield wire, ours


def answer(message: Any) -> list[Any]:
    """What must be the same: per entry the error, and what was made. Kafka's order of entries is by chance."""
    (entries,) = (
        getattr(message, field)
        for field in ("topics", "responses", "results")
        if getattr(message, field, None) is not None
    )
    return sorted(map(fact, entries), key=repr)


def fact(entry: Any) -> tuple[Any, ...]:
    name = getattr(entry, "name", None) or getattr(entry, "resource_name", None)
    made = (getattr(entry, "num_partitions", None), getattr(entry, "replication_factor", None))
    told = sorted((config.name, config.value, config.config_source) for config in getattr(entry, "configs", []))
    return name, KafkaError(entry.error_code).name, made, told


CREATED = [
    create(topic("a.b", 2), topic("plain", -1, -1), topic("compacted", 1, 1, {"cleanup.policy": "compact"})),
    create(topic("a.b"), topic("a_b")),
    create(topic(""), topic("."), topic(".."), topic("x" * 250), topic("a b"), topic("é")),
    create(topic("new", 0), topic("new2", -2), topic("new3", 1, 0), topic("new4", 1, -2), topic("new5", 1, 2)),
    create(topic("twice"), topic("twice"), topic("once")),
    create(topic("many", 10_001)),
    create(topic("many", 6_000), topic("more", 6_000)),
    create(topic("__cluster_metadata"), topic("__transaction_state", 3)),
    create(topic("checked", 3), topic("plain"), validate_only=True),
    create(
        *(
            topic(f"c{i}", 1, 1, configs)
            for i, configs in enumerate(
                [
                    {"retention.ms": "x"},
                    {"retention.ms": "-5"},
                    {"retention.ms": None},
                    {"retention.ms": ""},
                    {"retention.ms": " 7 "},
                    {"no.such": "1"},
                    {"preallocate": "yes"},
                    {"preallocate": "TRUE"},
                    {"compression.type": "foo"},
                    {"compression.gzip.level": "0"},
                    {"cleanup.policy": "foo"},
                    {"cleanup.policy": ""},
                    {"cleanup.policy": " compact , delete "},
                    {"segment.bytes": "5"},
                    {"segment.bytes": "5000000000"},
                    {"min.cleanable.dirty.ratio": "1.5"},
                    {"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"},
                    {"message.timestamp.type": "createtime"},
                    {"remote.storage.enable": "true"},
                    {"leader.replication.throttled.replicas": "*"},
                    {"leader.replication.throttled.replicas": "x"},
                    {"local.retention.ms": "100", "retention.ms": "10"},
                ]
            )
        )
    ),
    create(
        *(
            topic(f"m{i}", *numbers, assignments=assignments)
            for i, (numbers, assignments) in enumerate(
                [
                    ((-1, -1), {0: [NODE], 1: [NODE]}),
                    ((2, 1), {0: [NODE]}),
                    ((2, -1), {0: [NODE]}),
                    ((-1, 1), {0: [NODE]}),
                    ((-1, -1), {0: [NODE], 2: [NODE]}),
                    ((-1, -1), {0: [NODE + 1]}),
                    ((-1, -1), {0: [NODE, NODE]}),
                    ((-1, -1), {0: [NODE, NODE + 1]}),
                    ((-1, -1), {0: []}),
                    ((-1, -1), {0: [-1]}),
                ]
            )
        )
    ),
]

GROWN = [
    create(topic("grows", 4)),
    grow(growth("grows", 6)),
    grow(growth("grows", 6)),
    grow(growth("grows", 5), growth("grows2", 5)),
    grow(growth("grows", 0)),
    grow(growth("grows", 8), validate_only=True),
    grow(growth("grows", 8, [[NODE], [NODE]])),
    grow(growth("grows", 9, [[NODE], [NODE]])),
    grow(growth("grows", 9, [[NODE + 1]])),
    grow(growth("grows", 9, [[]])),
    grow(growth("grows", 9, [[NODE, NODE]])),
    grow(growth("grows", 9), growth("grows", 10)),
]

DELETED = [
    create(topic("d1"), topic("d2"), topic("d3")),
    delete("d1", "nothing", "a b"),
    delete("d2", "d2"),
    delete_by_id(UNKNOWN_ID),
    delete_states(("d3", UNKNOWN_ID), (None, NO_ID)),
    delete("__transaction_state", "__cluster_metadata"),
]

# One request changes one thing each: Kafka's answers come before its own describe shows them.
CHANGED = [
    create(topic("t", configs={"retention.ms": "5"}), topic("u")),
    change(TOPIC, "t", ("retention.ms", SET, "77"), ("cleanup.policy", APPEND, "compact")),
    change(TOPIC, "t", ("cleanup.policy", SUBTRACT, "delete")),
    change(TOPIC, "t", ("retention.ms", DELETE, None), ("nothing", DELETE, None)),
    change(TOPIC, "t", ("retention.ms", APPEND, "4")),
    change(TOPIC, "t", ("retention.ms", SET, None)),
    change(TOPIC, "t", ("cleanup.policy", APPEND, None)),
    change(TOPIC, "t", ("retention.ms", SET, "1"), ("retention.ms", SET, "2")),
    change_all((TOPIC, "t", ("retention.ms", SET, "1")), (TOPIC, "t", ("retention.ms", SET, "1"))),
    change_all((TOPIC, "t", ("retention.ms", SET, "1")), (TOPIC, "u", ("retention.ms", SET, "x"))),
    change(TOPIC, "nothing", ("retention.ms", SET, "1")),
    change(TOPIC, "", ("retention.ms", SET, "1")),
    change(TOPIC, "t", ("no.such", SET, "1")),
    change(TOPIC, "t"),
    change(TOPIC, "t", ("retention.ms", SET, "3"), validate_only=True),
    change(TOPIC, "t", ("retention.ms", SET, "x"), validate_only=True),
    change(BROKER, str(NODE), ("log.retention.ms", SET, "1234567")),
    change(BROKER, "", ("log.retention.ms", SET, "7654321"), ("message.max.bytes", SET, "1000000")),
    change(BROKER, str(NODE), ("num.partitions", SET, "3")),
    change(BROKER, "", ("num.partitions", SET, "3")),
    change(BROKER, "", ("listeners", SET, "PLAINTEXT://:1")),
    change(BROKER, str(NODE), ("message.max.bytes", SET, "x")),
    change(BROKER, str(NODE), ("log.retention.ms", SET, "0")),
    change(BROKER, str(NODE), ("log.retention.hours", SET, "10")),
    change(BROKER, str(NODE + 1), ("message.max.bytes", SET, "1")),
    change(BROKER, "x", ("message.max.bytes", SET, "1")),
    change(GROUP, "g", ("consumer.session.timeout.ms", SET, "50000")),
    change(GROUP, "g", ("consumer.session.timeout.ms", SET, "1")),
    change(GROUP, "g", ("consumer.heartbeat.interval.ms", SET, "50000")),
    change(GROUP, "g", ("share.auto.offset.reset", SET, "by_duration:PT1H")),
    change(GROUP, "g", ("share.auto.offset.reset", SET, "never")),
    change(GROUP, "g", ("share.delivery.count.limit", SET, "50")),
    change(GROUP, "g", ("no.such", SET, "1")),
    change(GROUP, "", ("consumer.session.timeout.ms", SET, "50000")),
    change(1, "x", ("root", SET, "1")),
    change(99, "x", ("root", SET, "1")),
    replace(TOPIC, "u", ("retention.ms", "9"), ("segment.bytes", "1048577")),
    replace(TOPIC, "t", ("retention.ms", None)),
    replace(TOPIC, "t", ("no.such", "1")),
    replace(TOPIC, "nothing", ("retention.ms", "1")),
    replace(BROKER, str(NODE), ("num.partitions", "4")),
    replace(GROUP, "h", ("consumer.session.timeout.ms", "51000")),
    replace(TOPIC, "t", ("retention.ms", "77"), validate_only=True),
    replace(8, str(NODE), ("root", "INFO")),
    replace(99, "x", ("root", "INFO")),
]

DESCRIBED = [
    describe(TOPIC, "t"),
    describe(TOPIC, "u", "retention.ms", "segment.bytes", "max.message.bytes", "no.such"),
    describe(TOPIC, "nothing"),
    describe(TOPIC, "a b"),
    describe(BROKER, str(NODE), "log.retention.ms", "log.retention.hours", "message.max.bytes", "no.such"),
    describe(BROKER, str(NODE + 1)),
    describe(BROKER, "x"),
    describe(GROUP, "g"),
    describe(GROUP, "h", "consumer.session.timeout.ms"),
    describe(GROUP, ""),
    describe(1, "x"),
    describe(99, "x"),
]


def compare(both: tuple[Wire, InMemoryBroker], messages: list[Any], version: int | None = None) -> None:
    apache, ours = both
    differences = []
    for number, message in enumerate(messages):
        wanted = ours.broker.served[_key(message)].max if version is None else version
        theirs, mine = answer(apache.request(message, wanted)), answer(ours.request(message, wanted))
        differences += [(number, "Kafka", fact) for fact in theirs if fact not in mine]
        differences += [(number, "ours", fact) for fact in mine if fact not in theirs]
    assert differences == []


def _key(message: Any) -> int:
    return message.DEFINITION.key


def test_topics_are_created_as_kafka_does(both):
    compare(both, CREATED)


def test_topics_grow_as_kafka_lets_them(both):
    compare(both, GROWN)


def test_topics_are_deleted_as_kafka_does(both):
    compare(both, DELETED)
    compare(both, [delete_older("d2", "nothing", "d3", "d3")], 5)
    compare(both, [create(topic("old", -1, -1)), create(topic("older", 1, 3))], 4)


def test_configs_are_changed_and_told_as_kafka_does(both):
    compare(both, CHANGED)
    # The metadata log of Kafka is read by its broker a moment after the answer: an answer to a later change is a bound.
    apache, _ = both
    for _ in range(200):
        (result,) = apache.request(describe(GROUP, "h", "consumer.session.timeout.ms"), 4).results
        if result.configs[0].value == "51000":
            break
    compare(both, DESCRIBED)
