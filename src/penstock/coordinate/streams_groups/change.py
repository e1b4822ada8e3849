"""What a request is about to do to a streams group: entries that count once they are in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.coordinate.groups.desk import Desk, Stored, nothing
from penstock.coordinate.outcome import Outcome, Record
from penstock.coordinate.streams_groups.applying import apply
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.coordinate.streams_groups.records import Entry, record_of
from penstock.protocol.errors import KafkaError


class Change:
    """A group as it is before the request, and the entries that the request adds.

    group: not among the desk's groups yet when the request creates it; first: records of an empty classic group whose
    place it takes; after: what is done with the group once the entries have taken effect.
    """

    __slots__ = ("after", "desk", "entries", "first", "group")

    def __init__(self, desk: Desk, group: StreamsGroup) -> None:
        self.desk = desk
        self.group = group
        self.entries: list[Entry] = []
        self.first: list[Record] = []
        self.after: list[Callable[[StreamsGroup], None]] = []

    @property
    def is_new(self) -> bool:
        return self.desk.groups.get(self.group.group_id) is not self.group

    def conclude(
        self,
        reply: Any,
        on_refused: Callable[[KafkaError], Any] | None = None,
        undone: Callable[[KafkaError], None] = nothing,
    ) -> Outcome:
        """The outcome; on_refused: the reply when the log did not take the records; undone: what is done then."""
        desk, group = self.desk, self.group
        if not self.entries:
            for step in self.after:
                step(group)
            return desk.conclude(group.partition, None, reply)

        def applied(_: int) -> None:
            for entry in self.entries:
                apply(desk, entry)
            now = desk.groups.get(group.group_id)
            for step in self.after:
                if isinstance(now, StreamsGroup):
                    step(now)

        records = self.first + [record_of(entry) for entry in self.entries]
        return desk.conclude(group.partition, Stored(records, applied, undone), reply, on_refused=on_refused)
