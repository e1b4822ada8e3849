"""The configs of groups: what a group has of its own over what the broker gives all groups."""

from collections.abc import Mapping
from typing import Any

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.configs.catalog import BROKER, GROUP
from penstock.broker.configs.definition import taken
from penstock.kit.settings import SettingError, Value, unknown

_STANDBY = "streams.num.standby.replicas"


def _bounds(name: str) -> tuple[str | None, str | None]:
    """The broker configs between which a group's config must lie: group.share.min.x and .max.x for share.x."""
    kind, _, rest = name.partition(".")
    low, high = f"group.{kind}.min.{rest}", f"group.{kind}.max.{rest}"
    if name == _STANDBY:
        high = "group.streams.max.standby.replicas"
    return (low if low in BROKER else None), (high if high in BROKER else None)


_BOUNDS = {name: _bounds(name) for name in GROUP}
_KINDS = sorted({name.partition(".")[0] for name in GROUP})


class GroupConfigs:
    """All groups under one state of the broker's settings."""

    def __init__(self, broker: BrokerSettings) -> None:
        self.broker = broker
        self.defaults: dict[str, Value] = {
            name: broker.values[config.synonyms[0].name] if config.synonyms else config.default_value
            for name, config in GROUP.items()
        }

    def values(self, own: Mapping[str, str]) -> Mapping[str, Value]:
        """Every group config, typed. own: configs that were accepted by `fault`, now or by another version."""
        return {**self.defaults, **taken(GROUP, own)}

    def value(self, name: str, own: Mapping[str, str]) -> Any:
        """One of `values`; without the others, as each heartbeat asks for it."""
        return taken(GROUP, {name: own[name]} if name in own else {}).get(name, self.defaults[name])

    def fault(self, own: Mapping[str, str]) -> str:
        """Why a group may not have these configs; "" when it may."""
        for name, text in own.items():
            config = GROUP.get(name)
            if config is None:
                return unknown(name, GROUP, "group config")
            try:
                value: Any = config.parse(text)
            except SettingError as error:
                return str(error)
            fault = self._bound_fault(name, value)
            if fault:
                return fault
        return self._session_fault(self.values(own), own)

    def _bound_fault(self, name: str, value: Any) -> str:
        low, high = _BOUNDS[name]
        if low is not None and value < self.broker.number(low):
            return f"{name} = {value} is below the broker's {low} = {self.broker.number(low)}"
        if high is not None and value > self.broker.number(high):
            return f"{name} = {value} is above the broker's {high} = {self.broker.number(high)}"
        return ""

    def _session_fault(self, values: Mapping[str, Any], own: Mapping[str, str]) -> str:
        """A member that reports less often than its session lasts is thrown out between two reports."""
        for kind in _KINDS:
            beat, session = f"{kind}.heartbeat.interval.ms", f"{kind}.session.timeout.ms"
            if (beat in own or session in own) and values[beat] >= values[session]:
                return f"{beat} = {values[beat]}: expected less than {session} = {values[session]}"
        return ""
