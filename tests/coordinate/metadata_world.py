"""A metadata machine with its log, and requests in short."""

from collections.abc import Mapping
from typing import Any

from penstock.coordinate.metadata.commands import Metadata
from penstock.coordinate.metadata.outcome import Change, MetadataOutcome
from penstock.coordinate.metadata.settings import ConfigKind, MetadataSettings
from penstock.kit.refusal import Refused
from penstock.kit.settings import split_list
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.testing.dice import Dice

NODE = 7
LISTS = {"cleanup.policy": ["delete"]}
KNOWN = {"retention.ms", "segment.bytes", "consumer.session.timeout.ms", "log.retention.ms", *LISTS}


class Rules:
    """A few configs, all of them numbers but one list."""

    def fault(self, kind: ConfigKind, name: str, configs: Mapping[str, str]) -> Refused | None:
        for key, value in configs.items():
            if key not in KNOWN:
                return Refused(KafkaError.INVALID_CONFIG, f"there is no config {key!r}")
            if key not in LISTS and not value.isdecimal():
                return Refused(KafkaError.INVALID_CONFIG, f"{key} = {value!r} is no number")
        return None

    def list_value(self, kind: ConfigKind, configs: Mapping[str, str], key: str) -> list[str] | None:
        if key not in LISTS:
            return None
        return split_list(configs[key]) if key in configs else LISTS[key]


class World:
    """log: what was appended; changes: what the machine said had changed; full: appends are refused."""

    def __init__(self, log: list[bytes] | None = None, **settings: Any) -> None:
        self.settings = MetadataSettings(node_id=NODE, **settings)
        self.metadata = Metadata(self.settings, Rules(), Dice("metadata"))
        self.log: list[bytes] = []
        self.changes: list[Change] = []
        self.full = False
        for record in log or []:
            self.metadata.replay(record)
            self.log.append(record)

    def settle(self, outcome: MetadataOutcome) -> Any:
        settled = outcome.settle(self._append)
        self.changes += settled.changes
        return settled.reply

    def restarted(self) -> "World":
        return World(self.log)

    def create(self, *topics: Any, validate_only: bool = False) -> list[Any]:
        request = messages.CreateTopicsRequest(topics=list(topics), validate_only=validate_only)
        return self.settle(self.metadata.create_topics(request)).topics

    def delete(self, *names: str, ids: tuple[bytes, ...] = (), version: int = 6) -> list[Any]:
        state = messages.DeleteTopicsRequest.DeleteTopicState
        if version < 6:
            request = messages.DeleteTopicsRequest(topic_names=list(names))
        else:
            topics = [state(name=name) for name in names] + [state(topic_id=topic_id) for topic_id in ids]
            request = messages.DeleteTopicsRequest(topics=topics)
        return self.settle(self.metadata.delete_topics(request, version)).responses

    def grow(self, *topics: Any, validate_only: bool = False) -> list[Any]:
        request = messages.CreatePartitionsRequest(topics=list(topics), validate_only=validate_only)
        return self.settle(self.metadata.create_partitions(request)).results

    def change(self, *resources: Any, validate_only: bool = False) -> list[Any]:
        request = messages.IncrementalAlterConfigsRequest(resources=list(resources), validate_only=validate_only)
        return self.settle(self.metadata.alter_configs_incrementally(request)).responses

    def replace(self, *resources: Any, validate_only: bool = False) -> list[Any]:
        request = messages.AlterConfigsRequest(resources=list(resources), validate_only=validate_only)
        return self.settle(self.metadata.alter_configs(request)).responses

    def _append(self, outcome: MetadataOutcome) -> int | Refused:
        if self.full:
            return Refused(KafkaError.KAFKA_STORAGE_ERROR, "the disk is full")
        base = len(self.log)
        self.log += outcome.records
        return base


def topic(
    name: str,
    partitions: int = 1,
    factor: int = 1,
    configs: Mapping[str, str | None] | None = None,
    assignments: Mapping[int, list[int]] | None = None,
) -> Any:
    request = messages.CreateTopicsRequest
    return request.CreatableTopic(
        name=name,
        num_partitions=partitions,
        replication_factor=factor,
        configs=[request.CreatableTopicConfig(*entry) for entry in (configs or {}).items()],
        assignments=[request.CreatableReplicaAssignment(*entry) for entry in (assignments or {}).items()],
    )


def growth(name: str, count: int, assignments: list[list[int]] | None = None) -> Any:
    request = messages.CreatePartitionsRequest
    assigned = None if assignments is None else [request.CreatePartitionsAssignment(nodes) for nodes in assignments]
    return request.CreatePartitionsTopic(name, count, assigned)


def resource(kind: int, name: str, *changes: tuple[str, int, str | None]) -> Any:
    """changes: name, operation, value."""
    request = messages.IncrementalAlterConfigsRequest
    return request.AlterConfigsResource(kind, name, [request.AlterableConfig(*change) for change in changes])


def whole(kind: int, name: str, *configs: tuple[str, str | None]) -> Any:
    """configs: name, value; all that the resource shall have."""
    request = messages.AlterConfigsRequest
    return request.AlterConfigsResource(kind, name, [request.AlterableConfig(*config) for config in configs])


def errors(results: list[Any]) -> list[KafkaError]:
    return [KafkaError(result.error_code) for result in results]
