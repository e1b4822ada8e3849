"""The configs of a running broker as they are now, and what may become of them."""

import logging
from collections.abc import Mapping

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.configs.catalog import BROKER, GROUP, TOPIC
from penstock.broker.configs.definition import Config, Update
from penstock.broker.configs.group_configs import GroupConfigs
from penstock.broker.configs.topic_configs import TopicConfigs
from penstock.coordinate.metadata.settings import ConfigKind
from penstock.kit.refusal import Refused
from penstock.kit.settings import Kind, SettingError, Value, split_list, unknown
from penstock.protocol.errors import KafkaError

log = logging.getLogger("penstock.broker")

CATALOG: Mapping[ConfigKind, Mapping[str, Config]] = {
    ConfigKind.TOPIC: TOPIC,
    ConfigKind.BROKER: BROKER,
    ConfigKind.GROUP: GROUP,
}


class Configs:
    """Settings, topics and groups under them; and the rules that `coordinate.metadata` asks for (`ConfigRules`)."""

    def __init__(self, settings: BrokerSettings) -> None:
        self.settings = settings
        self.topics = TopicConfigs(settings)
        self.groups = GroupConfigs(settings)

    def renew(self, all_brokers: Mapping[str, str], own: Mapping[str, str]) -> None:
        """Takes the dynamic broker configs of all brokers and of this one; they were accepted by `fault`.

        What would not be accepted now, because it was by another version or under another file, is left out.
        """
        settings = self._with_dynamic(dict(all_brokers), dict(own))
        self.topics, self.groups = TopicConfigs(settings), GroupConfigs(settings)
        self.settings = settings

    def fault(self, kind: ConfigKind, name: str, configs: Mapping[str, str]) -> Refused | None:
        """Why the resource may not have exactly these configs of its own.

        Topics and groups: INVALID_CONFIG. Brokers: INVALID_REQUEST, as Kafka answers; unknown names INVALID_CONFIG.
        """
        if kind is ConfigKind.BROKER:
            return self._broker_fault(name, configs)
        own = self.topics if kind is ConfigKind.TOPIC else self.groups
        fault = own.fault(configs)
        return Refused(KafkaError.INVALID_CONFIG, f"{kind.name.lower()} {name!r}: {fault}") if fault else None

    def list_value(self, kind: ConfigKind, configs: Mapping[str, str], key: str) -> list[str] | None:
        """The elements that `key` has now, by `configs` or by default; None when it is no list."""
        config = CATALOG[kind].get(key)
        if config is None or config.kind is not Kind.LIST:
            return None
        if key in configs:
            return split_list(configs[key])
        value = self._default(kind, key)
        return list(value) if isinstance(value, list) else []

    def _with_dynamic(self, all_brokers: dict[str, str], own: dict[str, str]) -> BrokerSettings:
        """Error: SettingError, when it is not about a dynamic config."""
        while True:
            try:
                return self.settings.with_dynamic(all_brokers, own)
            except SettingError as error:
                layer = next((layer for layer in (own, all_brokers) if error.name in layer), None)
                if layer is None:
                    raise
                log.warning("a dynamic config of the broker is left out: %s", error)
                del layer[error.name]

    def _default(self, kind: ConfigKind, key: str) -> Value:
        if kind is ConfigKind.TOPIC:
            return self.topics.defaults[key]
        if kind is ConfigKind.GROUP:
            return self.groups.defaults[key]
        return self.settings.values[key]

    def _broker_fault(self, name: str, configs: Mapping[str, str]) -> Refused | None:
        fault = _unchangeable(name, configs)
        if fault is not None:
            return fault
        layers = self.settings.layers
        try:
            if name:
                self.settings.with_dynamic(layers.all_brokers, configs)
            else:
                self.settings.with_dynamic(configs, layers.own)
        except SettingError as error:
            return Refused(KafkaError.INVALID_REQUEST, str(error))
        return None


def _unchangeable(name: str, configs: Mapping[str, str]) -> Refused | None:
    for key in configs:
        config = BROKER.get(key)
        if config is None:
            if key.startswith("listener.name."):
                text = f"{key}: settings of a single listener are not served yet"
                return Refused(KafkaError.INVALID_REQUEST, text)
            return Refused(KafkaError.INVALID_CONFIG, unknown(key, BROKER, "broker config"))
        if config.update is Update.READ_ONLY:
            text = f"{key} cannot be changed while the broker runs; set it in server.properties"
            return Refused(KafkaError.INVALID_REQUEST, text)
        if config.update is Update.PER_BROKER and not name:
            text = f"{key} belongs to one broker and cannot be set for all; name the broker"
            return Refused(KafkaError.INVALID_REQUEST, text)
    return None
