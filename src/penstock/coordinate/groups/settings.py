"""What an operator can set about groups, with Kafka's names and defaults, and the bounds that are ours."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """Kafka's settings first, dots for underscores; then bounds on what strangers can make grow, which Kafka lacks."""

    offsets_topic_num_partitions: int = 50
    group_min_session_timeout_ms: int = 6_000
    group_max_session_timeout_ms: int = 1_800_000
    group_initial_rebalance_delay_ms: int = 3_000
    group_max_size: int = 2_147_483_647
    offset_metadata_max_bytes: int = 4_096
    offsets_retention_minutes: int = 10_080
    offsets_retention_check_interval_ms: int = 600_000
    group_coordinator_rebalance_protocols: Sequence[str] = ("classic", "consumer", "streams")
    group_consumer_max_size: int = 2_147_483_647
    group_consumer_assignors: Sequence[str] = ("uniform", "range")
    group_consumer_migration_policy: str = "bidirectional"
    group_consumer_regex_refresh_interval_ms: int = 600_000
    group_streams_max_size: int = 2_147_483_647

    # A new member cannot send heartbeats before its JoinGroup is answered; Kafka gives it five minutes, not settable.
    new_member_join_timeout_ms: int = 300_000

    groups_max: int = 100_000
    # Named by MEMBER_ID_REQUIRED and not joined yet; each lives as long as its own session timeout says.
    named_members_max: int = 10_000
    # Subscriptions and assignments that one group may hold in memory.
    group_bytes_max: int = 64 << 20
    group_offsets_max: int = 100_000
    # Different patterns that the members of one group may read by; each is matched with all topic names.
    group_patterns_max: int = 100
    group_id_length_max: int = 4_096
    instance_id_length_max: int = 4_096

    @property
    def offsets_retention_ms(self) -> int:
        return self.offsets_retention_minutes * 60_000


# What groups have of their own; Kafka's defaults.
GROUP_DEFAULTS = {
    "consumer.session.timeout.ms": 45_000,
    "consumer.heartbeat.interval.ms": 5_000,
    "consumer.assignment.interval.ms": 1_000,
    "streams.session.timeout.ms": 45_000,
    "streams.heartbeat.interval.ms": 5_000,
    "streams.assignment.interval.ms": 1_000,
    "streams.initial.rebalance.delay.ms": 3_000,
    "streams.num.standby.replicas": 0,
}


def default_number(group_id: str, name: str) -> int:
    """The value that a group's config has where nobody set it."""
    return GROUP_DEFAULTS[name]
