"""What of a partition is in flight for a share group: ranges of offsets, each in one state.  Source: KIP-932."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

NOBODY = ""
NEVER_MS = -1


class RecordState(IntEnum):
    """The numbers are those of `__share_group_state`; ACQUIRED is never written there."""

    AVAILABLE = 0
    ACQUIRED = 1
    ACKNOWLEDGED = 2
    ARCHIVED = 4


TERMINAL = frozenset((RecordState.ACKNOWLEDGED, RecordState.ARCHIVED))


class StateBatch(NamedTuple):
    """Offsets `first` to `last`, both included, as they are kept on disk. deliveries: so far."""

    first: int
    last: int
    state: int
    deliveries: int


class Acquired(NamedTuple):
    """Offsets handed to a member. deliveries: which one this is, from 1 on."""

    first: int
    last: int
    deliveries: int


class Run:
    """Offsets in one state. deliveries: so far, 0 for records never handed out; member and due_ms: who holds
    them and until when, while ACQUIRED.
    """

    __slots__ = ("deliveries", "due_ms", "first", "last", "member", "state")

    def __init__(
        self, first: int, last: int, state: RecordState, deliveries: int, member: str = NOBODY, due_ms: int = NEVER_MS
    ) -> None:
        assert first <= last, (first, last)
        self.first = first
        self.last = last
        self.state = state
        self.deliveries = deliveries
        self.member = member
        self.due_ms = due_ms

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    @property
    def is_terminal(self) -> bool:
        return self.state in TERMINAL

    def acquire(self, member: str, due_ms: int) -> None:
        assert self.state is RecordState.AVAILABLE, self
        self.state = RecordState.ACQUIRED
        self.deliveries += 1
        self.member = member
        self.due_ms = due_ms

    def settle(self, state: RecordState) -> None:
        """It is nobody's any more."""
        self.state = state
        self.member = NOBODY
        self.due_ms = NEVER_MS

    def __repr__(self) -> str:
        return f"Run({self.first}-{self.last} {self.state.name} x{self.deliveries} {self.member!r} until {self.due_ms})"


class Batch:
    """Offsets that were handed out together, or may be: the unit of delivery while all of them share one fate.

    runs: in order, without gaps, at least one; split: its offsets go their own ways since some moment, and are handed
    out one by one from then on.
    """

    __slots__ = ("runs", "split")

    def __init__(self, runs: list[Run], split: bool = False) -> None:
        self.runs = runs
        self.split = split

    @property
    def first(self) -> int:
        return self.runs[0].first

    @property
    def last(self) -> int:
        return self.runs[-1].last

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    @property
    def is_fresh(self) -> bool:
        """Whether some of it was never handed out: what a start found between the records that had been."""
        return any(run.deliveries == 0 and run.state is RecordState.AVAILABLE for run in self.runs)

    def cut(self, first: int, last: int) -> list[Run]:
        """The runs of `first` to `last` alone; those that reach further are cut in two."""
        self.cut_at((first, last + 1))
        return [run for run in self.runs if first <= run.first and run.last <= last]

    def cut_at(self, edges: Sequence[int]) -> None:
        """Cuts the runs that hold one of `edges` and do not begin there. edges: in order."""
        runs: list[Run] = []
        place = 0
        for run in self.runs:
            while place < len(edges) and edges[place] <= run.last:
                if edges[place] > run.first:
                    head = Run(run.first, edges[place] - 1, run.state, run.deliveries, run.member, run.due_ms)
                    run.first = edges[place]
                    runs.append(head)
                place += 1
            runs.append(run)
        if len(runs) > len(self.runs):
            self.runs = runs
            self.split = True

    def join(self) -> None:
        """Makes one run of neighbours that do not differ, so that a batch acknowledged piece by piece stays small."""
        joined = self.runs[:1]
        for run in self.runs[1:]:
            before = joined[-1]
            same = before.state is run.state and before.deliveries == run.deliveries
            if same and before.member == run.member and before.due_ms == run.due_ms:
                before.last = run.last
            else:
                joined.append(run)
        self.runs = joined


def merged(batches: list[StateBatch]) -> list[StateBatch]:
    """The same offsets in as few batches as possible. batches: in order, none over another."""
    result: list[StateBatch] = []
    for batch in batches:
        before = result[-1] if result else None
        if before is not None and before.last + 1 == batch.first and before[2:] == batch[2:]:
            result[-1] = before._replace(last=batch.last)
        else:
            result.append(batch)
    return result
