"""AlterConfigs and IncrementalAlterConfigs: the configs that topics, brokers and groups have of their own."""

from collections import Counter
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from penstock.coordinate.metadata.outcome import (
    BrokerConfigured,
    Change,
    GroupConfigured,
    MetadataOutcome,
    TopicConfigured,
)
from penstock.coordinate.metadata.records import to_bytes
from penstock.coordinate.metadata.settings import ConfigKind, kind_fault
from penstock.kit.refusal import Refused
from penstock.kit.settings import split_list
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.coordinate.metadata.commands import Metadata

Configs = dict[str, str]

_CHANGE: dict[ConfigKind, Callable[[str], Change]] = {
    ConfigKind.TOPIC: TopicConfigured,
    ConfigKind.BROKER: BrokerConfigured,
    ConfigKind.GROUP: GroupConfigured,
}


class Operation(IntEnum):
    """What an incremental change does with one config; the numbers travel."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


def alter_configs(metadata: "Metadata", request: Any) -> MetadataOutcome:
    """Replaces all configs of each resource by those given.  Source: AlterConfigsRequest v0-2."""
    return _Alteration(metadata, _replaced).run(request, messages.AlterConfigsResponse)


def alter_configs_incrementally(metadata: "Metadata", request: Any) -> MetadataOutcome:
    """Changes only what is named.  Source: IncrementalAlterConfigsRequest v0-1, KIP-339."""
    return _Alteration(metadata, _changed).run(request, messages.IncrementalAlterConfigsResponse)


# From the configs that a resource has, and its part of a request, to those it shall have.
Wanted = Callable[["Metadata", ConfigKind, Configs, Any], "Configs | Refused"]


def _replaced(metadata: "Metadata", kind: ConfigKind, has: Configs, resource: Any) -> Configs | Refused:
    for config in resource.configs:
        if config.value is None:
            return Refused(KafkaError.INVALID_REQUEST, f"{config.name} has no value; leave it out to have its default")
    return {config.name: config.value for config in resource.configs}


def _changed(metadata: "Metadata", kind: ConfigKind, has: Configs, resource: Any) -> Configs | Refused:
    wanted = dict(has)
    for config in resource.configs:
        name, value = config.name, config.value
        try:
            operation = Operation(config.config_operation)
        except ValueError:
            text = f"{name}: there is no operation {config.config_operation}; expected 0 to 3"
            return Refused(KafkaError.INVALID_REQUEST, text)
        if operation is Operation.DELETE:
            wanted.pop(name, None)
            continue
        if value is None:
            return Refused(KafkaError.INVALID_REQUEST, f"{name} has no value to {operation.name}; DELETE needs none")
        if operation is Operation.SET:
            wanted[name] = value
            continue
        elements = metadata.rules.list_value(kind, has, name)
        if elements is None:
            text = f"{operation.name} works on lists, and {name} is none; use SET"
            return Refused(KafkaError.INVALID_CONFIG, text)
        wanted[name] = ",".join(_combined(operation, elements, split_list(value)))
    return wanted


def _combined(operation: Operation, elements: list[str], given: list[str]) -> list[str]:
    if operation is Operation.APPEND:
        return list(dict.fromkeys([*elements, *given]))
    return [element for element in elements if element not in given]


class _Alteration:
    """The changes of one request, as far as they were accepted."""

    def __init__(self, metadata: "Metadata", wanted: Wanted) -> None:
        self.metadata = metadata
        self.wanted = wanted
        self.records: list[bytes] = []
        self.changes: list[Change] = []
        self.new_groups = 0

    def run(self, request: Any, response: Any) -> MetadataOutcome:
        counts = Counter((resource.resource_type, resource.resource_name) for resource in request.resources)
        results = [
            self._result(response, resource, counts[resource.resource_type, resource.resource_name])
            for resource in request.resources
        ]
        reply = response(responses=results)
        if request.validate_only:
            return MetadataOutcome(reply)
        undone = _Undone(reply)
        return MetadataOutcome(reply, self.records, self.changes, self.metadata.replay, undone)

    def _result(self, response: Any, resource: Any, times: int) -> Any:
        fault = self._fault(resource, times)
        error, text = (fault.error, fault.message) if fault is not None else (KafkaError.NONE, None)
        return response.AlterConfigsResourceResponse(
            error_code=error,
            error_message=text,
            resource_type=resource.resource_type,
            resource_name=resource.resource_name,
        )

    def _fault(self, resource: Any, times: int) -> Refused | None:
        """Adds the records for one resource, or says why not."""
        invalid = KafkaError.INVALID_REQUEST
        if times > 1:
            return Refused(invalid, f"the request names this resource {times} times; name it once")
        name = resource.resource_name
        try:
            kind = ConfigKind(resource.resource_type)
        except ValueError:
            return Refused(invalid, kind_fault(resource.resource_type))
        keys = Counter(config.name for config in resource.configs)
        for key, given in keys.items():
            if given > 1:
                return Refused(invalid, f"the request names the config {key} {given} times; name it once")
        fault = self.metadata.resource_fault(kind, name)
        return fault if fault is not None else self._change(kind, name, resource)

    def _change(self, kind: ConfigKind, name: str, resource: Any) -> Refused | None:
        metadata = self.metadata
        has = metadata.configs_of(kind, name)
        wanted = self.wanted(metadata, kind, has, resource)
        if isinstance(wanted, Refused):
            return wanted
        fault = metadata.rules.fault(kind, name, wanted) or self._bound(kind, has, wanted)
        if fault is not None:
            return fault
        values = {key: wanted.get(key) for key in {**has, **wanted} if has.get(key) != wanted.get(key)}
        record = messages.ConfigRecord
        self.records += [
            to_bytes(record(resource_type=kind, resource_name=name, name=key, value=value))
            for key, value in sorted(values.items())
        ]
        if values:
            self.changes.append(_CHANGE[kind](name))
        return None

    def _bound(self, kind: ConfigKind, has: Configs, wanted: Configs) -> Refused | None:
        """Groups get configs before they exist, so nothing else bounds how many of them do."""
        if kind is not ConfigKind.GROUP or has or not wanted:
            return None
        self.new_groups += 1
        limit = self.metadata.settings.configured_groups_max
        if len(self.metadata.configs[kind]) + self.new_groups > limit:
            text = f"{limit} groups have configs of their own, and no more may; delete those of old groups"
            return Refused(KafkaError.POLICY_VIOLATION, text)
        return None


class _Undone:
    """The reply when nothing could be written."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply

    def __call__(self, why: Refused) -> Any:
        for result in self.reply.responses:
            if not result.error_code:
                result.error_code = why.error
                result.error_message = f"the configs were not changed: {why.message}"
        return self.reply
