"""A commit being checked: which of its partitions may be stored, and what each one is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.coordinate.group_records import NO_EXPIRY, Committed, OffsetKey, offset_record
from penstock.coordinate.groups.desk import Desk, Stored, nothing
from penstock.coordinate.offsets.resolve import Resolved
from penstock.coordinate.outcome import Outcome
from penstock.protocol.errors import KafkaError

Faults = list[list[KafkaError]]

# Who may not commit at all is told so before anybody looks at what there was to commit, as Kafka does.
_SAID_FIRST = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.UNSUPPORTED_VERSION)


class Draft:
    """The partitions of an OffsetCommit or TxnOffsetCommit with their faults, and the offsets that remain.

    reply_of: makes the response from the faults, one list per topic, one fault per partition.
    """

    __slots__ = ("_reply_of", "_resolved", "_topics", "desk", "entries", "faults", "group_id")

    def __init__(
        self,
        desk: Desk,
        group_id: str,
        topics: list[Any],
        resolved: list[Resolved],
        reply_of: Callable[[list[Any], list[Resolved], Faults], Any],
    ) -> None:
        self.desk = desk
        self.group_id = group_id
        self.entries: list[tuple[OffsetKey, Committed]] = []
        self._topics = topics
        self._resolved = resolved
        self._reply_of = reply_of
        self.faults: Faults = [
            [topic.fault_of(partition.partition_index) for partition in requested.partitions]
            for requested, topic in zip(topics, resolved, strict=True)
        ]

    @property
    def is_hopeless(self) -> bool:
        """Whether no partition is left that could be stored."""
        return not any(fault is KafkaError.NONE for row in self.faults for fault in row)

    def reply(self, error: KafkaError = KafkaError.NONE) -> Any:
        """The response; `error` stands for all partitions that have no fault of their own."""
        silent = (KafkaError.NONE, KafkaError.OFFSET_METADATA_TOO_LARGE) if error in _SAID_FIRST else (KafkaError.NONE,)
        faults = [[error if fault in silent else fault for fault in row] for row in self.faults]
        return self._reply_of(self._topics, self._resolved, faults)

    def fill(self, expires_ms: int = NO_EXPIRY) -> KafkaError:
        """Collects the offsets whose metadata is not too large; POLICY_VIOLATION if the group has no room for them."""
        desk = self.desk
        for requested, topic, row in zip(self._topics, self._resolved, self.faults, strict=True):
            for number, partition in enumerate(requested.partitions):
                if row[number] is not KafkaError.NONE:
                    continue
                if _is_too_large(partition.committed_metadata, desk.settings.offset_metadata_max_bytes):
                    row[number] = KafkaError.OFFSET_METADATA_TOO_LARGE
                    continue
                committed = Committed(
                    partition.committed_offset,
                    partition.committed_leader_epoch,
                    partition.committed_metadata or "",
                    desk.now_ms,
                    expires_ms,
                    topic.topic_id,
                )
                self.entries.append((OffsetKey(self.group_id, topic.name, partition.partition_index), committed))
        return self._fault_of_count()

    def conclude(self, put: Callable[[OffsetKey, Committed], None]) -> Outcome:
        """Appends the records; `put` is called for each offset once it is in the log."""
        if not self.entries:
            return Outcome(self.reply())

        def applied(record_offset: int) -> None:
            for number, (key, committed) in enumerate(self.entries):
                put(key, committed._replace(record_offset=record_offset + number))

        stored = Stored([offset_record(*entry) for entry in self.entries], applied, nothing)
        return self.desk.conclude(self.desk.partition_of(self.group_id), stored, self.reply(), on_refused=self.reply)

    def _fault_of_count(self) -> KafkaError:
        offsets = self.desk.offsets
        room = self.desk.settings.group_offsets_max - offsets.count(self.group_id)
        if len(self.entries) <= room:
            return KafkaError.NONE
        # Offsets that are there already take no room; they are told apart only now that it matters.
        added = {key for key, _ in self.entries if offsets.get(*key) is None}
        return KafkaError.NONE if len(added) <= room else KafkaError.POLICY_VIOLATION


def _is_too_large(metadata: str | None, size_max: int) -> bool:
    """Kafka counts characters as Java does, in UTF-16 code units, in spite of the setting's name."""
    if metadata is None or len(metadata) * 2 <= size_max:
        return False
    return len(metadata.encode("utf-16-le", "surrogatepass")) // 2 > size_max
