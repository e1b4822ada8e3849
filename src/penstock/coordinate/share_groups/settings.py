"""What an operator can set about share groups, for all of them and for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShareConfig:
    """Of one group. Kafka's names without `share.`, dots for underscores; all times in milliseconds."""

    session_timeout_ms: int = 45_000
    heartbeat_interval_ms: int = 5_000
    assignment_interval_ms: int = 1_000
    auto_offset_reset: str = "latest"
    isolation_level: str = "read_uncommitted"
    record_lock_duration_ms: int = 30_000
    delivery_count_limit: int = 5
    partition_max_record_locks: int = 2_000
    renew_acknowledge_enable: bool = True


# By group id.
ShareConfigs = Callable[[str], ShareConfig]


@dataclass(frozen=True, slots=True)
class ShareSettings:
    """Of all groups: group.share.max.size is Kafka's, the others are bounds of ours on what strangers make grow."""

    group_share_max_size: int = 200
    topics_max: int = 10_000
    member_id_length_max: int = 4_096


def same_for_all(_: str) -> ShareConfig:
    """Kafka's defaults, for whatever group."""
    return ShareConfig()
