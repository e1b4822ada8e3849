"""What a request is about to do to a consumer group: entries that count once they are in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.coordinate.consumer.applying import apply, apply_to
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.consumer.records import Entry, record_of
from penstock.coordinate.groups.desk import Desk, Stored, nothing
from penstock.coordinate.outcome import Outcome, Record
from penstock.protocol.errors import KafkaError


class Change:
    """A group as it is before the request, and the entries that the request adds.

    group: not among the desk's groups yet when the request creates or converts it; entries: what is appended; before:
    what is done once that is in the log, ahead of the entries taking effect; after: what is done with the group then;
    first, last: records of a classic group that it takes the place of, or that takes its place; at_end: begins that.
    """

    __slots__ = ("after", "at_end", "before", "desk", "entries", "first", "group", "last")

    def __init__(self, desk: Desk, group: ConsumerGroup) -> None:
        self.desk = desk
        self.group = group
        self.entries: list[Entry] = []
        self.first: list[Record] = []
        self.last: list[Record] = []
        self.before: list[Callable[[], None]] = []
        self.after: list[Callable[[ConsumerGroup], None]] = []
        self.at_end: list[Callable[[], None]] = []

    def convert(self, entries: list[Entry]) -> None:
        """Entries that the request starts from: the group has them already, for what follows to see."""
        for entry in entries:
            apply_to(self.group, entry)
        self.entries += entries

    def conclude(
        self, reply: Any, on_refused: Callable[[KafkaError], Any] | None = None, *, ticket: int = 0
    ) -> Outcome:
        """The outcome; on_refused: the reply when the log did not take the records."""
        desk, group = self.desk, self.group
        records = self.first + [record_of(entry) for entry in self.entries] + self.last
        if not records:
            for step in self.after:
                step(group)
            return desk.conclude(group.partition, None, reply, ticket=ticket)

        def applied(_: int) -> None:
            for prepare in self.before:
                prepare()
            for entry in self.entries:
                apply(desk, entry)
            now = desk.groups.get(group.group_id)
            for step in self.after:
                if isinstance(now, ConsumerGroup):
                    step(now)
            for begin in self.at_end:
                begin()

        return desk.conclude(
            group.partition, Stored(records, applied, nothing), reply, ticket=ticket, on_refused=on_refused
        )
