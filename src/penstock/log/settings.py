"""What a topic asks of its partitions' logs: Kafka's topic configs, with Kafka 4.3's defaults."""

from dataclasses import dataclass
from typing import Final

_INT64_MAX: Final = (1 << 63) - 1
_DAY_MS: Final = 86_400_000

LOG_APPEND_TIME: Final = "LogAppendTime"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """Fields are the config names with `_` for `.`; times in milliseconds, -1 where Kafka takes it for "no limit".

    durable: an append is visible, and so acknowledged with acks=all, only after fsync(2); ours, not Kafka's.
    producer_id_expiration_ms is a broker's config in Kafka, given here because a partition forgets producers alone.
    min_insync_replicas, unclean... and the like have no meaning on one node; those kept here are echoed by the broker.
    """

    segment_bytes: int = 1 << 30
    segment_ms: int = 7 * _DAY_MS
    segment_jitter_ms: int = 0
    segment_index_bytes: int = 10 << 20
    index_interval_bytes: int = 4096
    retention_ms: int = 7 * _DAY_MS
    retention_bytes: int = -1
    flush_messages: int = _INT64_MAX
    flush_ms: int = _INT64_MAX
    # A megabyte and the twelve bytes of a batch that its length does not count.
    max_message_bytes: int = (1 << 20) + 12
    message_timestamp_type: str = "CreateTime"
    message_timestamp_before_max_ms: int = _INT64_MAX
    message_timestamp_after_max_ms: int = 3_600_000
    compression_type: str = "producer"
    cleanup_policy: frozenset[str] = frozenset({"delete"})
    preallocate: bool = False
    file_delete_delay_ms: int = 60_000
    min_insync_replicas: int = 1
    delete_retention_ms: int = _DAY_MS
    min_compaction_lag_ms: int = 0
    max_compaction_lag_ms: int = _INT64_MAX
    min_cleanable_dirty_ratio: float = 0.5
    producer_id_expiration_ms: int = _DAY_MS
    durable: bool = False
