"""What is kept of share partitions in `__share_group_state`: who asks gets records, and only replay changes anything.

A snapshot says everything about one share partition; the updates after it say what changed. Source: KIP-932, share
coordinator of Apache Kafka 4.3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from penstock.coordinate.framing import framed, number_of
from penstock.coordinate.groups.placement import group_partition
from penstock.coordinate.outcome import Record
from penstock.coordinate.share.flight import TERMINAL, StateBatch, merged
from penstock.protocol import messages
from penstock.protocol.codec import decode
from penstock.protocol.primitives import to_base64

_SNAPSHOT = 0
_UPDATE = 1
_VALUE_VERSION = 0
_VALUE = "value of __share_group_state"
NOWHERE = -1
UNKNOWN = -1


class ShareKey(NamedTuple):
    """One partition of one share group."""

    group_id: str
    topic_id: bytes
    partition: int


class Kept(NamedTuple):
    """The state of a share partition. start: NOWHERE until the first record was handed out; complete_count: offsets
    after `start` that are done with, UNKNOWN before; batches: in order, none over another, none before `start`.
    """

    snapshot_epoch: int
    state_epoch: int
    leader_epoch: int
    start: int
    complete_count: int
    created_ms: int
    written_ms: int
    batches: tuple[StateBatch, ...] = ()


class ShareStates:
    """All share partitions. updates_max: between two snapshots of one of them.

    snapshots: where the last snapshot of each lies, so that what lies before all of them can be deleted: partition of
    the topic, and offset.
    """

    __slots__ = ("_updates", "kept", "partition_count", "snapshots", "updates_max")

    def __init__(self, partition_count: int, updates_max: int) -> None:
        self.partition_count = partition_count
        self.updates_max = updates_max
        self.kept: dict[ShareKey, Kept] = {}
        self.snapshots: dict[ShareKey, tuple[int, int]] = {}
        self._updates: dict[ShareKey, int] = {}

    def partition_of(self, key: ShareKey) -> int:
        """The partition of `__share_group_state`.  Source: SharePartitionKey.asCoordinatorKey."""
        return group_partition(coordinator_key(key), self.partition_count)

    # Records

    def initialize(self, key: ShareKey, state_epoch: int, start: int, now_ms: int) -> Record:
        """A new beginning. start: NOWHERE to begin where the group's config says."""
        before = self.kept.get(key)
        epoch = 0 if before is None else before.snapshot_epoch + 1
        count = UNKNOWN if start == NOWHERE else 0
        leader_epoch = 0 if before is None else before.leader_epoch
        return _snapshot_record(key, Kept(epoch, state_epoch, leader_epoch, start, count, now_ms, now_ms))

    def write(
        self,
        key: ShareKey,
        leader_epoch: int,
        start: int,
        complete_count: int,
        batches: Sequence[StateBatch],
        now_ms: int,
    ) -> Record:
        """What changed: an update, or a snapshot when there are updates enough."""
        before = self.kept.get(key)
        if before is not None and self._updates.get(key, 0) < self.updates_max:
            return _update_record(key, before.snapshot_epoch, leader_epoch, start, complete_count, batches)
        if before is None:
            before = Kept(-1, 0, leader_epoch, start, complete_count, now_ms, now_ms)
        after = _changed(before, leader_epoch, start, complete_count, batches)
        epoch = before.snapshot_epoch + 1
        return _snapshot_record(key, after._replace(snapshot_epoch=epoch, written_ms=now_ms))

    def cold(self, before_ms: int) -> list[ShareKey]:
        """Those that had no snapshot since `before_ms`."""
        return [key for key, kept in self.kept.items() if kept.written_ms < before_ms]

    def summed_up(self, key: ShareKey, now_ms: int) -> Record:
        """A new snapshot that says what is kept already."""
        kept = self.kept[key]
        return _snapshot_record(key, kept._replace(snapshot_epoch=kept.snapshot_epoch + 1, written_ms=now_ms))

    def first_needed(self) -> dict[int, int]:
        """By partition of the topic, the offset before which it says nothing that counts."""
        first: dict[int, int] = {}
        for partition, offset in self.snapshots.values():
            first[partition] = min(offset, first.get(partition, offset))
        return first

    # Replay

    def replay(self, partition: int, key: bytes, value: bytes | None, offset: int) -> None:
        """Applies a record of a partition of the topic. Error: Malformed."""
        kind = number_of(key, "key of __share_group_state")
        found, _ = decode(messages.ShareUpdateKey if kind == _UPDATE else messages.ShareSnapshotKey, 0, key, 2)
        share = ShareKey(found.group_id, found.topic_id, found.partition)
        if value is None:
            for part in (self.kept, self.snapshots, self._updates):
                part.pop(share, None)
        elif kind == _UPDATE:
            change, _ = decode(messages.ShareUpdateValue, number_of(value, _VALUE), value, 2)
            before = self.kept.get(share)
            if before is not None:
                complete_count = change.delivery_complete_count
                batches = _read_batches(change)
                self.kept[share] = _changed(before, change.leader_epoch, change.start_offset, complete_count, batches)
                self._updates[share] = self._updates.get(share, 0) + 1
        else:
            self.kept[share] = _read_snapshot(value)
            self.snapshots[share] = partition, offset
            self._updates[share] = 0

    def forget(self, partition: int) -> None:
        """A partition of the topic is not to be had."""
        for key in [key for key, (where, _) in self.snapshots.items() if where == partition]:
            for part in (self.kept, self.snapshots, self._updates):
                part.pop(key, None)


def tombstone(key: ShareKey) -> Record:
    """Nothing is kept any more."""
    return _key(_SNAPSHOT, key), None


def coordinator_key(key: ShareKey) -> str:
    """How FindCoordinator names it."""
    return f"{key.group_id}:{to_base64(key.topic_id)}:{key.partition}"


def combined(before: Sequence[StateBatch], after: Sequence[StateBatch], start: int) -> tuple[StateBatch, ...]:
    """What holds after both: the later word counts; nothing of what lies before `start`. Both are in order, and none
    of their batches lies over another.
    """
    result: list[StateBatch] = []
    place = 0
    for old in before:
        first = old.first
        # The last one that was looked at may reach into this batch too.
        while place < len(after) and after[place].last < first:
            place += 1
        at = place
        while at < len(after) and after[at].first <= old.last:
            if first < after[at].first:
                result.append(old._replace(first=first, last=after[at].first - 1))
            first = after[at].last + 1
            at += 1
        if first <= old.last:
            result.append(old._replace(first=first))
    clipped = (batch._replace(first=max(batch.first, start)) for batch in sorted([*result, *after]))
    return tuple(merged([batch for batch in clipped if batch.first <= batch.last]))


def _changed(before: Kept, leader_epoch: int, start: int, complete_count: int, batches: Sequence[StateBatch]) -> Kept:
    start = before.start if start == NOWHERE else start
    return before._replace(
        leader_epoch=before.leader_epoch if leader_epoch == UNKNOWN else leader_epoch,
        start=start,
        complete_count=before.complete_count if complete_count == UNKNOWN else complete_count,
        batches=combined(before.batches, batches, start),
    )


def completed(batches: Sequence[StateBatch]) -> int:
    """How many offsets of `batches` are done with."""
    return sum(batch.last - batch.first + 1 for batch in batches if batch.state in TERMINAL)


def _snapshot_record(key: ShareKey, kept: Kept) -> Record:
    batch_class = messages.ShareSnapshotValue.StateBatch
    value = messages.ShareSnapshotValue(
        snapshot_epoch=kept.snapshot_epoch,
        state_epoch=kept.state_epoch,
        leader_epoch=kept.leader_epoch,
        start_offset=kept.start,
        delivery_complete_count=kept.complete_count,
        create_timestamp=kept.created_ms,
        write_timestamp=kept.written_ms,
        state_batches=[batch_class(*batch) for batch in kept.batches],
    )
    return _key(_SNAPSHOT, key), framed(_VALUE_VERSION, value, _VALUE_VERSION)


def _update_record(
    key: ShareKey, snapshot_epoch: int, leader_epoch: int, start: int, count: int, batches: Sequence[StateBatch]
) -> Record:
    batch_class = messages.ShareUpdateValue.StateBatch
    value = messages.ShareUpdateValue(
        snapshot_epoch=snapshot_epoch,
        leader_epoch=leader_epoch,
        start_offset=start,
        delivery_complete_count=count,
        state_batches=[batch_class(*batch) for batch in batches],
    )
    return _key(_UPDATE, key), framed(_VALUE_VERSION, value, _VALUE_VERSION)


def _read_snapshot(value: bytes) -> Kept:
    found, _ = decode(messages.ShareSnapshotValue, number_of(value, _VALUE), value, 2)
    return Kept(
        found.snapshot_epoch,
        found.state_epoch,
        found.leader_epoch,
        found.start_offset,
        found.delivery_complete_count,
        found.create_timestamp,
        found.write_timestamp,
        _read_batches(found),
    )


def _read_batches(value: Any) -> tuple[StateBatch, ...]:
    return tuple(
        StateBatch(batch.first_offset, batch.last_offset, batch.delivery_state, batch.delivery_count)
        for batch in value.state_batches
    )


def _key(kind: int, key: ShareKey) -> bytes:
    message = messages.ShareUpdateKey if kind == _UPDATE else messages.ShareSnapshotKey
    return framed(kind, message(group_id=key.group_id, topic_id=key.topic_id, partition=key.partition), 0)
