"""Topics and settings: made, changed, told and deleted."""

from __future__ import annotations

from typing import Any

from tests.oracle.dice import Dice
from tests.oracle.families import logs
from tests.oracle.script import Step, hexed, ref

TOPIC, BROKER, GROUP = 2, 4, 32
GOOD = (
    ("retention.ms", "60000"),
    ("cleanup.policy", "compact"),
    ("max.message.bytes", "300"),
    ("segment.bytes", "2000000"),
)
BAD = (
    ("retention.ms", "x"),
    ("no.such", "1"),
    ("cleanup.policy", "foo"),
    ("segment.bytes", "5"),
    ("retention.ms", None),
)
NAMES = ("retention.ms", "cleanup.policy", "max.message.bytes", "segment.bytes", "no.such", "compression.type")


def steps(dice: Dice) -> list[Step]:
    makers = (
        [create] * 4
        + [grow, grow, delete, delete, alter, alter, incrementally, incrementally, incrementally]
        + [describe, describe, metadata, metadata, partitions, cluster, resources, coordinator]
        + [logs.produce, logs.fetch]
    )
    return [dice.pick(*makers)(dice) for _ in range(dice.random.randint(3, 9))]


def name_of(dice: Dice) -> str:
    return dice.often("~n0", "~n1", "~t0", "~n2", share=0.5)


def create(dice: Dice) -> Step:
    topics = []
    for _ in range(dice.often(1, 2)):
        topic: dict[str, Any] = {
            "name": dice.often(name_of(dice), "", "a b", "..", share=0.95),
            "num_partitions": dice.often(dice.pick(1, 2, 3, -1), 0, -2),
            "replication_factor": dice.often(dice.pick(1, -1), 0, 2, -2),
        }
        if dice.maybe(0.1):
            topic |= {"num_partitions": -1, "replication_factor": -1}
            topic["assignments"] = [
                {"partition_index": dice.often(0, 1), "broker_ids": dice.often([0], [1], [], [0, 0])}
            ]
        if dice.maybe(0.4):
            config = dice.often(dice.pick(*GOOD), *BAD, share=0.7)
            topic["configs"] = [{"name": config[0], "value": config[1]}]
        topics.append(topic)
    return dice.step("CreateTopics", {"topics": topics, "timeout_ms": 10_000, "validate_only": dice.maybe(0.1)})


def grow(dice: Dice) -> Step:
    topic: dict[str, Any] = {"name": name_of(dice), "count": dice.pick(1, 2, 3, 4, 0, -1), "assignments": None}
    if dice.maybe(0.2):
        topic["assignments"] = [{"broker_ids": dice.often([0], [1], [])}]
    return dice.step("CreatePartitions", {"topics": [topic], "timeout_ms": 10_000, "validate_only": dice.maybe(0.1)})


def delete(dice: Dice) -> Step:
    name = name_of(dice)
    state: dict[str, Any] = {"name": name, "topic_id": hexed(bytes(16))}
    if dice.maybe(0.4):
        state = {"name": dice.often(None, name), "topic_id": ref(f"topic {name[1:]}")}
    body = {"topics": [state], "topic_names": [name, *(["~none"] if dice.maybe(0.2) else [])], "timeout_ms": 10_000}
    return dice.step("DeleteTopics", body)


def _resource(dice: Dice) -> dict[str, Any]:
    kind = dice.often(TOPIC, GROUP, 0, 9, share=0.9)
    return {"resource_type": kind, "resource_name": name_of(dice) if kind != BROKER else "0"}


def alter(dice: Dice) -> Step:
    found = {one[0]: one for one in [dice.often(dice.pick(*GOOD), *BAD) for _ in range(dice.pick(0, 1, 2))]}
    configs = [{"name": one[0], "value": one[1]} for one in found.values()]
    resources = [_resource(dice) | {"configs": configs}]
    return dice.step("AlterConfigs", {"resources": resources, "validate_only": dice.maybe(0.1)})


def incrementally(dice: Dice) -> Step:
    configs = []
    for _ in range(dice.often(1, 2)):
        name, value = dice.often(dice.pick(*GOOD), *BAD)
        configs.append(
            {"name": name, "value": value, "config_operation": dice.often(dice.pick(0, 1, 2, 3), 9, share=0.95)}
        )
    resources = [_resource(dice) | {"configs": configs}]
    return dice.step("IncrementalAlterConfigs", {"resources": resources, "validate_only": dice.maybe(0.1)})


def describe(dice: Dice) -> Step:
    keys = dice.random.sample(NAMES, dice.random.randint(1, 3)) if dice.maybe(0.9) else None
    resources = [_resource(dice) | {"configuration_keys": keys}]
    return dice.step("DescribeConfigs", {"resources": resources, "include_synonyms": dice.maybe(0.5)})


def metadata(dice: Dice) -> Step:
    topics: Any = [{"name": name_of(dice), "topic_id": hexed(bytes(16))}]
    if dice.maybe(0.2):
        topics = [{"name": None, "topic_id": ref(dice.pick("topic t0", "topic n0", "topic none"))}]
        return dice.step("Metadata", {"topics": topics, "allow_auto_topic_creation": False}, low=12)
    if dice.maybe(0.2):
        topics = dice.pick(None, [], [{"name": "a b", "topic_id": hexed(bytes(16))}])
    body = {
        "topics": topics,
        "allow_auto_topic_creation": dice.maybe(0.3),
        "include_topic_authorized_operations": dice.maybe(0.2),
    }
    return dice.step("Metadata", body, low=1)


def partitions(dice: Dice) -> Step:
    body: dict[str, Any] = {"topics": [{"name": name_of(dice)}], "response_partition_limit": dice.often(2_000, 1, 0)}
    if dice.maybe(0.2):
        body["cursor"] = {"topic_name": "~t0", "partition_index": dice.pick(0, 1, 5, -1)}
    return dice.step("DescribeTopicPartitions", body)


def cluster(dice: Dice) -> Step:
    return dice.step("DescribeCluster", {"endpoint_type": dice.often(1, 2, 9), "include_fenced_brokers": True})


def resources(dice: Dice) -> Step:
    return dice.step("ListConfigResources", {"resource_types": dice.pick([], [2], [32], [99])})


def coordinator(dice: Dice) -> Step:
    key = dice.often("~g0", "")
    body = {"key": key, "key_type": dice.often(dice.pick(0, 1), 2, 9), "coordinator_keys": [key]}
    return dice.step("FindCoordinator", body)
