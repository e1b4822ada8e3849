"""Admin requests in short."""

from collections.abc import Mapping
from typing import Any

from penstock.protocol import messages

TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)

CreateTopics = messages.CreateTopicsRequest
DeleteTopics = messages.DeleteTopicsRequest
CreatePartitions = messages.CreatePartitionsRequest
DescribeConfigs = messages.DescribeConfigsRequest
AlterConfigs = messages.AlterConfigsRequest
IncrementalAlterConfigs = messages.IncrementalAlterConfigsRequest


def topic(
    name: str,
    partitions: int = 1,
    factor: int = 1,
    configs: Mapping[str, str | None] | None = None,
    assignments: Mapping[int, list[int]] | None = None,
) -> Any:
    return CreateTopics.CreatableTopic(
        name=name,
        num_partitions=partitions,
        replication_factor=factor,
        configs=[CreateTopics.CreatableTopicConfig(*config) for config in (configs or {}).items()],
        assignments=[CreateTopics.CreatableReplicaAssignment(*entry) for entry in (assignments or {}).items()],
    )


def create(*topics: Any, validate_only: bool = False) -> Any:
    return CreateTopics(topics=list(topics), timeout_ms=10_000, validate_only=validate_only)


def delete(*names: str) -> Any:
    return DeleteTopics(topics=[DeleteTopics.DeleteTopicState(name=name) for name in names], timeout_ms=10_000)


def delete_states(*states: tuple[str | None, bytes]) -> Any:
    return DeleteTopics(topics=[DeleteTopics.DeleteTopicState(*state) for state in states], timeout_ms=10_000)


def delete_by_id(*ids: bytes) -> Any:
    return delete_states(*((None, topic_id) for topic_id in ids))


def delete_older(*names: str) -> Any:
    """Up to version 5."""
    return DeleteTopics(topic_names=list(names), timeout_ms=10_000)


def growth(name: str, count: int, assignments: list[list[int]] | None = None) -> Any:
    assigned = assignments and [CreatePartitions.CreatePartitionsAssignment(nodes) for nodes in assignments]
    return CreatePartitions.CreatePartitionsTopic(name, count, assigned)


def grow(*topics: Any, validate_only: bool = False) -> Any:
    return CreatePartitions(topics=list(topics), timeout_ms=10_000, validate_only=validate_only)


def change(kind: int, name: str, *changes: tuple[str, int, str | None], validate_only: bool = False) -> Any:
    """changes: name, operation, value."""
    return change_all((kind, name, *changes), validate_only=validate_only)


def change_all(*resources: Any, validate_only: bool = False) -> Any:
    """resources: kind, name, and then changes."""
    request = IncrementalAlterConfigs
    return request(
        resources=[
            request.AlterConfigsResource(kind, name, [request.AlterableConfig(*change) for change in changes])
            for kind, name, *changes in resources
        ],
        validate_only=validate_only,
    )


def replace(kind: int, name: str, *configs: tuple[str, str | None], validate_only: bool = False) -> Any:
    """configs: name and value, all that the resource shall have."""
    request = AlterConfigs
    resource = request.AlterConfigsResource(kind, name, [request.AlterableConfig(*config) for config in configs])
    return request(resources=[resource], validate_only=validate_only)


def describe(kind: int, name: str, *keys: str, synonyms: bool = False, documentation: bool = False) -> Any:
    """keys: none for all."""
    resource = DescribeConfigs.DescribeConfigsResource(kind, name, list(keys) or None)
    return DescribeConfigs(resources=[resource], include_synonyms=synonyms, include_documentation=documentation)
