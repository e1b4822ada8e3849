"""What is set about one group: the one way in which coordinators of all kinds of groups read its configs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.coordinate.metadata.settings import ConfigKind
from penstock.coordinate.share_groups.settings import ShareConfig

if TYPE_CHECKING:
    from penstock.broker.core import Broker

_SHARE_NAMES = {name: f"share.{name.replace('_', '.')}" for name in ShareConfig.__dataclass_fields__}


def group_value(broker: Broker, group_id: str, name: str) -> Any:
    """A config of the group as it is now, its own or the broker's: it may change at any time."""
    own = broker.controller.metadata.configs_of(ConfigKind.GROUP, group_id)
    return broker.configs.groups.value(name, own)


def share_config(broker: Broker, group_id: str) -> ShareConfig:
    """All configs of a share group as they are now."""
    return ShareConfig(**{field: group_value(broker, group_id, name) for field, name in _SHARE_NAMES.items()})
