"""What DescribeConfigs tells: each config's value, where it comes from, and what else would have had a say."""

from collections.abc import Collection, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from penstock.broker.configs.broker_settings import BrokerSettings, Layers
from penstock.broker.configs.catalog import BROKER, GROUP, TOPIC
from penstock.broker.configs.configs import Configs
from penstock.broker.configs.definition import Config, Update
from penstock.kit.settings import Kind, Value, to_text


class Source(IntEnum):
    """Who gave a value; the numbers travel."""

    TOPIC = 1
    BROKER = 2
    ALL_BROKERS = 3
    FILE = 4
    DEFAULT = 5
    GROUP = 8


class Given(NamedTuple):
    """One value among those a config might have had, under the name it was given by."""

    name: str
    value: str | None
    source: Source


class Described(NamedTuple):
    """One config of one resource. value: as text, None when it is not set or secret; synonyms: the first one counts."""

    config: Config
    value: str | None
    read_only: bool
    source: Source
    synonyms: list[Given]

    @property
    def is_sensitive(self) -> bool:
        return self.config.kind is Kind.PASSWORD


Keys = Collection[str] | None

# Configs that say the same in different units: asked about one of them, all are told.  Source: brokerConfigSynonyms.
_FAMILIES = (
    ("log.roll.ms", "log.roll.hours"),
    ("log.roll.jitter.ms", "log.roll.jitter.hours"),
    ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
)
_FAMILY = {name: family for family in _FAMILIES for name in family}
# Here the second is no other name of the first, only its default.
_FAMILY["log.flush.interval.ms"] = ("log.flush.interval.ms", "log.flush.scheduler.interval.ms")


class Describer:
    """Describes what the configs of one broker are at the moment."""

    def __init__(self, configs: Configs) -> None:
        self._configs = configs
        # Most topics have no configs of their own: what is told of those is made once for each state of the settings.
        self._plain: dict[str, Described] = {}
        self._plain_under: BrokerSettings | None = None

    def topic(self, own: Mapping[str, str], keys: Keys = None) -> list[Described]:
        """The configs of a topic. own: its own; keys: only these, None for all."""
        plain = self._plain_topic()
        if keys is not None:
            plain = {name: described for name, described in plain.items() if name in keys}
        if not own:
            return list(plain.values())
        values = self._configs.topics.values(own)
        return [
            _own(described.config, values[name], Source.TOPIC, described.synonyms) if name in own else described
            for name, described in plain.items()
        ]

    def group(self, own: Mapping[str, str], keys: Keys = None) -> list[Described]:
        """The configs of a group, whether it exists or not."""
        values = self._configs.groups.values(own)
        layers = self._configs.settings.layers
        described = []
        for config in _chosen(GROUP, keys):
            if config.synonyms:
                synonyms = broker_values(config.synonyms[0].name, layers)
            else:
                synonyms = [Given(config.name, config.default, Source.DEFAULT)]
            value = values[config.name]
            described.append(
                _own(config, value, Source.GROUP, synonyms)
                if config.name in own
                else _described(config, value, synonyms, read_only=False)
            )
        return described

    def broker(self, keys: Keys = None) -> list[Described]:
        """The configs of this broker."""
        settings = self._configs.settings
        return [
            _of_broker(config, settings.values[config.name], broker_values(config.name, settings.layers))
            for config in _chosen(BROKER, keys)
        ]

    def all_brokers(self, keys: Keys = None) -> list[Described]:
        """What was set for all brokers while they ran; only that."""
        layers = self._configs.settings.layers
        described = []
        for name in sorted(layers.all_brokers):
            if keys is None or name in keys:
                config = BROKER[name]
                synonyms = [given for given in broker_values(name, layers) if given.source is Source.ALL_BROKERS]
                described.append(_of_broker(config, config.parse(layers.all_brokers[name]), synonyms))
        return described

    def _plain_topic(self) -> dict[str, Described]:
        settings = self._configs.settings
        if self._plain_under is not settings:
            defaults = self._configs.topics.defaults
            self._plain = {}
            for config in _chosen(TOPIC, None):
                synonyms = broker_values(config.synonyms[0].name, settings.layers) if config.synonyms else []
                self._plain[config.name] = _described(config, defaults[config.name], synonyms, read_only=False)
            self._plain_under = settings
        return self._plain


def broker_values(name: str, layers: Layers) -> list[Given]:
    """All that was said about a broker config, what counts first; as in Kafka nothing if only synonyms were set."""
    family = _FAMILY.get(name, (name,))
    sources = (
        (layers.own, Source.BROKER),
        (layers.all_brokers, Source.ALL_BROKERS),
        (layers.file, Source.FILE),
        (_DEFAULTS, Source.DEFAULT),
    )
    given = [
        Given(member, _shown(BROKER[member], texts[member]), source)
        for texts, source in sources
        for member in family
        if member in texts
    ]
    first = next((place for place, value in enumerate(given) if value.name == name), len(given))
    return given[first:]


_DEFAULTS: Mapping[str, str] = {name: config.default for name, config in BROKER.items() if config.default is not None}


def _described(config: Config, value: Value, synonyms: list[Given], read_only: bool) -> Described:
    source = synonyms[0].source if synonyms else Source.DEFAULT
    return Described(config, _shown(config, to_text(value)), read_only, source, synonyms)


def _own(config: Config, value: Value, source: Source, others: list[Given]) -> Described:
    text = _shown(config, to_text(value))
    return Described(config, text, False, source, [Given(config.name, text, source), *others])


def _of_broker(config: Config, value: Value, synonyms: list[Given]) -> Described:
    return _described(config, value, synonyms, config.update is Update.READ_ONLY)


def _chosen(catalog: Mapping[str, Config], keys: Keys) -> Iterator[Config]:
    """Those that were asked for and are not internal, by name."""
    for name in sorted(catalog if keys is None else catalog.keys() & set(keys)):
        if not catalog[name].internal:
            yield catalog[name]


def _shown(config: Config, text: str | None) -> str | None:
    return None if config.kind is Kind.PASSWORD else text
