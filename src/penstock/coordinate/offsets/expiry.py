"""Offsets nobody needs any more, and groups that are empty and have none (KIP-211).

An offset lives for offsets.retention.minutes, counted from
- the moment the group became empty, if it ever had members;
- its commit, if the group never had any (a simple consumer), or if the group is stable but reads that topic no more;
- its commit in a consumer or streams group, for topics that no member reads.
OffsetCommit v2 to v4 could ask for a time of its own, which counts from the commit.
"""

from __future__ import annotations

from penstock.coordinate.group_records import NO_EXPIRY, Committed, OffsetKey
from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.groups.group import UNKNOWN_TIME, ClassicGroup
from penstock.coordinate.groups.newer import Newer
from penstock.coordinate.groups.states import State
from penstock.coordinate.groups.subscription import CONSUMER
from penstock.coordinate.offsets.delete import TOMBSTONE_BYTES_MAX, TOMBSTONES_MAX, removals
from penstock.coordinate.outcome import Outcome


def expire(desk: Desk, partition: int) -> list[Outcome]:
    """Tombstones for what is due among the groups of a partition of `__consumer_offsets`."""
    outcomes: list[Outcome] = []
    keys: list[OffsetKey] = []
    group_ids: list[str] = []
    size = 0
    for group in desk.in_partition(partition):
        if not isinstance(group, ClassicGroup | Newer):
            continue
        due, is_done = _due(desk, group)
        keys += due
        if is_done and group.is_empty:
            group_ids.append(group.group_id)
            size += len(group.group_id.encode())
        if len(keys) + len(group_ids) >= TOMBSTONES_MAX or size >= TOMBSTONE_BYTES_MAX:
            outcomes += removals(desk, partition, keys, group_ids)
            keys, group_ids, size = [], [], 0
    return outcomes + removals(desk, partition, keys, group_ids)


def _due(desk: Desk, group: ClassicGroup | Newer) -> tuple[list[OffsetKey], bool]:
    """(offsets to remove, whether none is left then)."""
    group_id = group.group_id
    has_open = desk.offsets.has_open(group_id)
    topics = desk.offsets.of_group(group_id)
    if not topics:
        return [], not has_open
    counts_from = _counting(group)
    if counts_from is None:
        return [], False
    retention_ms = desk.settings.offsets_retention_ms
    due: list[OffsetKey] = []
    for topic, partitions in topics.items():
        if group.is_subscribed_to(topic):
            continue
        for index, committed in partitions.items():
            start_ms = committed.committed_ms if counts_from == UNKNOWN_TIME else counts_from
            is_due = _is_due(committed, start_ms, desk.now_ms, retention_ms)
            if is_due and not desk.offsets.is_unstable(group_id, topic, index):
                due.append(OffsetKey(group_id, topic, index))
    return due, len(due) == desk.offsets.count(group_id) and not has_open


def _counting(group: ClassicGroup | Newer) -> int | None:
    """Since when retention counts: a time, UNKNOWN_TIME for each offset's commit, None while nothing expires."""
    if isinstance(group, Newer):
        return UNKNOWN_TIME
    if group.protocol_type is None:
        return UNKNOWN_TIME
    if group.is_empty:
        return group.state_since_ms
    if group.protocol_type == CONSUMER and group.subscribed is not None and group.state is State.STABLE:
        return UNKNOWN_TIME
    return None


def _is_due(committed: Committed, start_ms: int, now_ms: int, retention_ms: int) -> bool:
    if committed.expires_ms != NO_EXPIRY:
        return now_ms >= committed.expires_ms
    return now_ms - start_ms >= retention_ms
