"""The configs of topics: what a topic has of its own over what the broker gives all topics."""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.configs.catalog import TOPIC
from penstock.broker.configs.definition import Config, taken
from penstock.kit.settings import SettingError, Value, unknown
from penstock.log.settings import LogSettings

_NOT_OF_TOPICS = frozenset(("producer_id_expiration_ms", "durable"))
_LOG_FIELDS = {
    field.name: field.name.replace("_", ".") for field in fields(LogSettings) if field.name not in _NOT_OF_TOPICS
}


class TopicConfigs:
    """All topics under one state of the broker's settings. defaults: what a topic without configs of its own has."""

    def __init__(self, broker: BrokerSettings) -> None:
        self.broker = broker
        self.defaults: Mapping[str, Value] = MappingProxyType(
            {name: _default(config, broker.values) for name, config in TOPIC.items()}
        )
        # Most topics have no configs of their own: one object for all of them.
        self._plain = self._log_settings(self.defaults)

    def values(self, own: Mapping[str, str]) -> Mapping[str, Value]:
        """Every topic config, typed. own: configs that were accepted by `fault`."""
        return {**self.defaults, **taken(TOPIC, own)} if own else self.defaults

    def log_settings(self, own: Mapping[str, str]) -> LogSettings:
        """What a partition's log goes by. own: configs that were accepted by `fault`."""
        return self._log_settings(self.values(own)) if own else self._plain

    def fault(self, own: Mapping[str, str]) -> str:
        """Why a topic may not have these configs; "" when it may."""
        for name, text in own.items():
            config = TOPIC.get(name)
            if config is None:
                return unknown(name, TOPIC, "topic config")
            try:
                config.parse(text)
            except SettingError as error:
                return str(error)
        values: Mapping[str, Any] = self.values(own)
        low, high = values["min.compaction.lag.ms"], values["max.compaction.lag.ms"]
        if low > high:
            return f"min.compaction.lag.ms = {low} is above max.compaction.lag.ms = {high}"
        return ""

    def _log_settings(self, values: Mapping[str, Any]) -> LogSettings:
        given = {field: values[name] for field, name in _LOG_FIELDS.items()}
        given["cleanup_policy"] = frozenset(values["cleanup.policy"])
        given["segment_bytes"] = values["internal.segment.bytes"] or values["segment.bytes"]
        return LogSettings(
            producer_id_expiration_ms=self.broker.producer_id_expiration_ms, durable=self.broker.durable, **given
        )


def _default(config: Config, broker: Mapping[str, Any]) -> Any:
    """The first of the broker's configs for it that is set; in the unit of the topic's."""
    for synonym in config.synonyms:
        value = broker[synonym.name]
        if value is not None:
            # A negative number of hours means "without end", which topics write as -1.
            return value if synonym.factor == 1 else max(-1, value * synonym.factor)
    return config.default_value
