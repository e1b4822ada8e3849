"""What is committed: offsets by group, topic and partition, and those of transactions still open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from penstock.coordinate.group_records import Committed, OffsetKey

_EMPTY: Mapping[str, Mapping[int, Committed]] = {}


class Offsets:
    """All committed offsets of a coordinator; changed only by records, in their order.

    An open transaction is known by (partition of `__consumer_offsets`, producer id): its marker comes per partition.
    """

    __slots__ = ("_committed", "_counts", "_open", "_pending")

    def __init__(self) -> None:
        self._committed: dict[str, dict[str, dict[int, Committed]]] = {}
        self._counts: dict[str, int] = {}
        self._pending: dict[tuple[int, int], dict[OffsetKey, Committed]] = {}
        # How many open transactions have an offset of this group, topic and partition; by group, for quick answers.
        self._open: dict[str, dict[tuple[str, int], int]] = {}

    def of_group(self, group_id: str) -> Mapping[str, Mapping[int, Committed]]:
        """By topic and partition index."""
        return self._committed.get(group_id, _EMPTY)

    def count(self, group_id: str) -> int:
        return self._counts.get(group_id, 0)

    def total(self) -> int:
        return sum(self._counts.values())

    def get(self, group_id: str, topic: str, partition: int) -> Committed | None:
        return self.of_group(group_id).get(topic, {}).get(partition)

    def put(self, key: OffsetKey, committed: Committed) -> None:
        partitions = self._committed.setdefault(key.group_id, {}).setdefault(key.topic, {})
        if key.partition not in partitions:
            self._counts[key.group_id] = self._counts.get(key.group_id, 0) + 1
        partitions[key.partition] = committed

    def remove(self, key: OffsetKey) -> None:
        """What a tombstone does: the offset is gone, also from transactions that are still open."""
        topics = self._committed.get(key.group_id)
        partitions = None if topics is None else topics.get(key.topic)
        if topics is not None and partitions is not None and partitions.pop(key.partition, None) is not None:
            if not partitions:
                del topics[key.topic]
            self._counts[key.group_id] -= 1
            if not topics:
                del self._committed[key.group_id], self._counts[key.group_id]
        if (key.topic, key.partition) in self._open.get(key.group_id, {}):
            for pending in self._pending.values():
                if pending.pop(key, None) is not None:
                    self._close(key)

    # Transactions

    def put_pending(self, transaction: tuple[int, int], key: OffsetKey, committed: Committed) -> None:
        pending = self._pending.setdefault(transaction, {})
        if key not in pending:
            open_keys = self._open.setdefault(key.group_id, {})
            place = (key.topic, key.partition)
            open_keys[place] = open_keys.get(place, 0) + 1
        pending[key] = committed

    def end(self, transaction: tuple[int, int], *, commit: bool) -> list[OffsetKey]:
        """Its offsets count from now on, or never did; the newer record wins over a commit outside of transactions."""
        taken: list[OffsetKey] = []
        for key, committed in self._pending.pop(transaction, {}).items():
            self._close(key)
            if not commit:
                continue
            existing = self.get(*key)
            if existing is None or committed.record_offset > existing.record_offset:
                self.put(key, committed)
                taken.append(key)
        return taken

    def is_unstable(self, group_id: str, topic: str, partition: int) -> bool:
        """Whether an open transaction may still change this offset."""
        return (topic, partition) in self._open.get(group_id, {})

    def has_open(self, group_id: str) -> bool:
        return group_id in self._open

    # Whole groups

    def keys(self, group_id: str) -> Iterator[OffsetKey]:
        """All partitions with an offset, committed or in an open transaction."""
        for topic, partitions in self.of_group(group_id).items():
            for partition in partitions:
                yield OffsetKey(group_id, topic, partition)
        for topic, partition in self._open.get(group_id, {}):
            if self.get(group_id, topic, partition) is None:
                yield OffsetKey(group_id, topic, partition)

    def groups(self) -> set[str]:
        """All groups with an offset."""
        return self._committed.keys() | self._open.keys()

    def forget_group(self, group_id: str) -> None:
        """Drops a group from memory, as when its partition moves away."""
        self._committed.pop(group_id, None)
        self._counts.pop(group_id, None)

    def forget_partition(self, partition: int) -> None:
        """Drops the open transactions of a partition of `__consumer_offsets`."""
        for transaction in [transaction for transaction in self._pending if transaction[0] == partition]:
            self.end(transaction, commit=False)

    def _close(self, key: OffsetKey) -> None:
        open_keys = self._open[key.group_id]
        place = (key.topic, key.partition)
        open_keys[place] -= 1
        if not open_keys[place]:
            del open_keys[place]
            if not open_keys:
                del self._open[key.group_id]
