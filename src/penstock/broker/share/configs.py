"""What is set about a share group, from the broker's settings and the group's own configs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from penstock.coordinate.metadata.settings import ConfigKind
from penstock.coordinate.share_groups.settings import ShareConfig

if TYPE_CHECKING:
    from penstock.broker.core import Broker

_BY_DURATION = "by_duration:"
_DURATION = re.compile(r"P(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]*)?)S)?)?", re.IGNORECASE)
_UNITS_MS = (86_400_000, 3_600_000, 60_000, 1_000)


def share_config(broker: Broker, group_id: str) -> ShareConfig:
    """As it is now: configs may change at any time. A bound that the broker's settings got since is kept to."""
    own = broker.controller.metadata.configs_of(ConfigKind.GROUP, group_id)
    values: Any = broker.configs.groups.values(own)
    return ShareConfig(**{name: values[f"share.{name.replace('_', '.')}"] for name in ShareConfig.__dataclass_fields__})


def reset_duration_ms(reset: str) -> int | None:
    """How far back `by_duration:...` begins, in milliseconds; None when the reset is another one."""
    if not reset.startswith(_BY_DURATION):
        return None
    match = _DURATION.fullmatch(reset.removeprefix(_BY_DURATION))
    assert match is not None, f"{reset!r} was accepted as a config"
    return sum(int(float(number or 0) * unit) for number, unit in zip(match.groups(), _UNITS_MS, strict=True))
