"""DescribeConfigs, AlterConfigs and IncrementalAlterConfigs: configs of topics, brokers and groups."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from penstock.broker.configs.describe import Described, Describer
from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.coordinate.metadata.names import name_fault
from penstock.coordinate.metadata.settings import ConfigKind, kind_fault
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

Response = messages.DescribeConfigsResponse
Result = Response.DescribeConfigsResult
ConfigAnswer = Response.DescribeConfigsResourceResult
SynonymAnswer = Response.DescribeConfigsSynonym

Keys = frozenset[str] | None


class ConfigApis:
    """The handlers of one broker."""

    __slots__ = ("_describers", "configs", "controller", "describer", "metadata")

    def __init__(self, broker: "Broker") -> None:
        self.configs = broker.configs
        self.describer = Describer(broker.configs)
        self.controller = broker.controller
        self.metadata = broker.controller.metadata
        self._describers: dict[int, Callable[[str, Keys], list[Described] | Refused]] = {
            ConfigKind.TOPIC: self._topic,
            ConfigKind.BROKER: self._broker,
            ConfigKind.GROUP: self._group,
        }

    def describe(self, request: Any, session: Session, now_ms: int) -> Reply:
        """Every resource alone. A resource named twice is described twice.  Source: DescribeConfigsRequest v1-4."""
        return Reply(Response(results=[self._result(resource, request) for resource in request.resources]))

    def alter(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Answered when the new configs are in force."""
        reply = self.controller.settle(self.metadata.alter_configs(request), now_ms)
        return self.controller.when_on_disk(Reply(reply))

    def alter_incrementally(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Answered when the new configs are in force."""
        reply = self.controller.settle(self.metadata.alter_configs_incrementally(request), now_ms)
        return self.controller.when_on_disk(Reply(reply))

    def _result(self, resource: Any, request: Any) -> Any:
        kind, name = resource.resource_type, resource.resource_name
        # Tools that want everything send null or nothing.
        keys = frozenset(resource.configuration_keys) if resource.configuration_keys else None
        describe = self._describers.get(kind)
        if describe is None:
            described: list[Described] | Refused = Refused(KafkaError.INVALID_REQUEST, kind_fault(kind))
        else:
            described = describe(name, keys)
        if isinstance(described, Refused):
            return Result(described.error, described.message, kind, name)
        answers = [_answer(entry, request.include_synonyms, request.include_documentation) for entry in described]
        return Result(KafkaError.NONE, None, kind, name, answers)

    def _topic(self, name: str, keys: Keys) -> list[Described] | Refused:
        fault = name_fault(name)
        if fault:
            return Refused(KafkaError.INVALID_TOPIC_EXCEPTION, fault)
        topic = self.metadata.topic(name)
        if topic is None:
            return Refused(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, f"there is no topic {name!r}")
        return self.describer.topic(topic.configs, keys)

    def _broker(self, name: str, keys: Keys) -> list[Described] | Refused:
        if not name:
            return self.describer.all_brokers(keys)
        node = str(self.configs.settings.node_id)
        if name != node:
            text = f"there is no broker {name!r}; expected {node!r}, or '' for the defaults of all brokers"
            return Refused(KafkaError.INVALID_REQUEST, text)
        return self.describer.broker(keys)

    def _group(self, name: str, keys: Keys) -> list[Described] | Refused:
        if not name:
            return Refused(KafkaError.INVALID_REQUEST, "a group needs a name, the empty text is none")
        return self.describer.group(self.metadata.configs_of(ConfigKind.GROUP, name), keys)


def _answer(entry: Described, with_synonyms: bool, with_documentation: bool) -> Any:
    return ConfigAnswer(
        name=entry.config.name,
        value=entry.value,
        read_only=entry.read_only,
        config_source=entry.source,
        is_sensitive=entry.is_sensitive,
        synonyms=[SynonymAnswer(*given) for given in entry.synonyms] if with_synonyms else [],
        config_type=entry.config.kind,
        documentation=entry.config.documentation if with_documentation else None,
    )
