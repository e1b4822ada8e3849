"""What the metadata commands are told: Kafka's settings, bounds of ours, and the rules for configs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from penstock.kit.refusal import Refused


class ConfigKind(IntEnum):
    """What has configs. The numbers are Kafka's resource types."""

    TOPIC = 2
    BROKER = 4
    GROUP = 32


_NOT_SERVED = {8: "log levels of brokers are not served", 16: "client metrics are not served"}


def kind_fault(resource_type: int) -> str:
    """Why resources of a type that is no ConfigKind have no configs."""
    return _NOT_SERVED.get(resource_type, f"there are no resources of type {resource_type} with configs")


@dataclass(frozen=True, slots=True)
class MetadataSettings:
    """node_id, num_partitions, delete_topic_enable: Kafka's settings; directory_id: of the log directory.

    Bounds: request_partitions_max is Kafka's own; the others are ours, Kafka has none.
    """

    node_id: int
    num_partitions: int = 1
    delete_topic_enable: bool = True
    directory_id: bytes = bytes(16)

    request_partitions_max: int = 10_000
    partitions_max: int = 200_000
    configured_groups_max: int = 10_000


class ConfigRules(Protocol):
    """What may be configured, and how; the broker knows, and this room asks."""

    def fault(self, kind: ConfigKind, name: str, configs: Mapping[str, str]) -> Refused | None:
        """Why the resource may not have exactly these configs of its own, None when it may."""
        ...

    def list_value(self, kind: ConfigKind, configs: Mapping[str, str], key: str) -> list[str] | None:
        """The elements that `key` has now, by `configs` or by default; None when it is no list."""
        ...
