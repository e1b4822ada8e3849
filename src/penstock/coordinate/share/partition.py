"""One partition of one share group: which records are whose, and how often they were delivered.

Offsets from `start` to `next` are in flight: every one of them lies in exactly one run of one batch. Before `start` all
is done with; from `next` on nothing was handed out yet. Only `acquire`, `apply` and `move_start` change anything.
Source: KIP-932; Apache Kafka 4.3.1, whose answers the tests compare.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from penstock.coordinate.share.flight import NEVER_MS, Batch, RecordState, Run, StateBatch, merged

_first = attrgetter("first")
_last = attrgetter("last")


class Change(NamedTuple):
    """Offsets of one run that are to get another state. due_ms: not NEVER_MS when only their lock is prolonged."""

    first: int
    last: int
    state: RecordState
    deliveries: int
    due_ms: int = NEVER_MS


class Transition(NamedTuple):
    """Changes to be written and then applied, all of them or none. batches: what is written; empty: nothing is."""

    changes: list[Change]
    batches: list[StateBatch]


class SharePartition:
    """start, next: see above; batches: by offset; may_have_available: False when none of them can be handed out."""

    __slots__ = ("batches", "may_have_available", "next", "start")

    def __init__(self, start: int, batches: Iterable[StateBatch] = ()) -> None:
        """As it was left. batches: in order, none over another; what lies between them was never handed out, or was
        and is nobody's now.
        """
        self.start = self.next = start
        self.batches: list[Batch] = []
        for first, last, state, deliveries in batches:
            first = max(first, start)
            if last < first:
                continue
            if first > self.next:
                self.batches.append(Batch([Run(self.next, first - 1, RecordState.AVAILABLE, 0)]))
            self.batches.append(Batch([Run(first, last, RecordState(state), deliveries)]))
            self.next = last + 1
        self.may_have_available = bool(self.batches)
        self.advance()

    # What is there

    @property
    def in_flight(self) -> int:
        """Offsets that count against the limit of record locks."""
        return self.next - self.start if self.batches else 0

    @property
    def complete_count(self) -> int:
        """Offsets in flight that nobody needs any more."""
        return sum(run.last - max(run.first, self.start) + 1 for run in self.runs() if run.is_terminal)

    def runs(self, from_offset: int | None = None) -> Iterator[Run]:
        """The runs in flight that reach `from_offset`, `start` by default; what lies before `start` is passed over."""
        floor = self.start if from_offset is None else from_offset
        for batch in self.batches[self.place(floor) :]:
            for run in batch.runs:
                if run.last >= floor:
                    yield run

    def place(self, offset: int) -> int:
        """The index of the first batch that reaches `offset`."""
        return bisect_left(self.batches, offset, key=_last)

    def fetch_offset(self) -> int:
        """From where the log is read next: the first record that may be handed out."""
        if self.may_have_available:
            for run in self.runs():
                if run.state is RecordState.AVAILABLE:
                    return max(run.first, self.start)
            self.may_have_available = False
        return self.next

    def can_acquire(self, locks_max: int) -> bool:
        return self.fetch_offset() != self.next or self.in_flight < locks_max

    def next_due_ms(self) -> int | None:
        """When the first lock ends."""
        dues = (run.due_ms for batch in self.batches for run in batch.runs if run.state is RecordState.ACQUIRED)
        return min(dues, default=None)

    def is_held_by(self, member: str) -> bool:
        """Whether anything in flight is the member's."""
        return any(run.member == member for batch in self.batches for run in batch.runs)

    # What becomes of records that somebody holds

    def release(self, member: str, delivery_max: int) -> Transition:
        """Gives back what a member holds, as when it leaves."""
        return self._given_back(lambda run: run.member == member, delivery_max)

    def expire(self, now_ms: int, delivery_max: int) -> Transition:
        """Gives back what was held too long."""
        return self._given_back(lambda run: run.due_ms <= now_ms, delivery_max)

    def _given_back(self, wanted: Callable[[Run], bool], delivery_max: int) -> Transition:
        changes = []
        for batch in self.batches:
            for run in batch.runs:
                if run.state is RecordState.ACQUIRED and wanted(run):
                    changes += self.released(run, run.first, run.last, delivery_max)
        return self.transition(changes)

    def released(self, run: Run, first: int, last: int, delivery_max: int) -> list[Change]:
        """What giving back a part of `run` comes to: another try, unless it was the last or the log is past it."""
        changes = []
        if first < self.start:
            changes.append(Change(first, min(last, self.start - 1), RecordState.ARCHIVED, run.deliveries))
        if last >= self.start:
            state = RecordState.ARCHIVED if run.deliveries >= delivery_max else RecordState.AVAILABLE
            changes.append(Change(max(first, self.start), last, state, run.deliveries))
        return changes

    def archive(self, ranges: Sequence[tuple[int, int]]) -> Transition:
        """Records that nobody may see, as those of aborted transactions: (first, last), in order."""
        changes = []
        for first, last in ranges:
            for run in self.runs(max(first, self.start)):
                if run.first > last:
                    break
                if not run.is_terminal:
                    piece = max(first, run.first, self.start), min(last, run.last)
                    changes.append(Change(*piece, RecordState.ARCHIVED, run.deliveries))
        return self.transition(changes)

    def transition(self, changes: list[Change]) -> Transition:
        """Locks and what lies before `start` are not written."""
        changes = sorted(changes)
        written = [
            StateBatch(change.first, change.last, change.state, change.deliveries)
            for change in changes
            if change.due_ms == NEVER_MS and change.first >= self.start
        ]
        return Transition(changes, merged(written))

    def complete_count_after(self, transition: Transition) -> int:
        """What `complete_count` is with the changes, before `start` moves."""
        terminal = (RecordState.ACKNOWLEDGED, RecordState.ARCHIVED)
        added = sum(batch.last - batch.first + 1 for batch in transition.batches if batch.state in terminal)
        return self.complete_count + added

    def apply(self, transition: Transition) -> None:
        """The changes count from now on."""
        changes = transition.changes
        done = 0
        for batch in self.batches[self.place(changes[0].first) :] if changes else ():
            last = batch.last
            count = bisect_right(changes, last, lo=done, key=_first) - done
            if count:
                # All at once: thousands of records may be told apart one by one.
                self._apply_to(batch, changes[done : done + count])
            # One that reaches further concerns the next batch too.
            done += count - (count > 0 and changes[done + count - 1].last > last)
            if done == len(changes):
                break
        self.advance()

    def _apply_to(self, batch: Batch, changes: Sequence[Change]) -> None:
        batch.cut_at(sorted({edge for change in changes for edge in (change.first, change.last + 1)}))
        place = 0
        for run in batch.runs:
            while place < len(changes) and changes[place].last < run.first:
                place += 1
            if place == len(changes):
                break
            change = changes[place]
            if run.first < change.first:
                continue
            if change.due_ms != NEVER_MS:
                run.due_ms = change.due_ms
            else:
                run.settle(change.state)
                self.may_have_available |= change.state is RecordState.AVAILABLE
        batch.join()

    # Where it begins

    def move_start(self, offset: int) -> None:
        """The log begins at `offset` now. Who holds records before it keeps them, they just come back to nobody."""
        if offset <= self.start:
            return
        self._archive_available(self.start, offset - 1)
        self.start = offset
        self.advance()

    def drop_gap(self, first: int, last: int) -> None:
        """The log has no records there any more (compaction): what of it could be handed out is done with."""
        self._archive_available(max(first, self.start), last)
        self.advance()

    def _archive_available(self, first: int, last: int) -> None:
        for batch in self.batches[self.place(first) :]:
            if batch.first > last:
                break
            for run in batch.cut(first, last):
                if run.state is RecordState.AVAILABLE:
                    run.settle(RecordState.ARCHIVED)

    def advance(self) -> None:
        """Moves `start` over all that is done with, and forgets the batches that lie before it and are nobody's."""
        start = self.start
        for run in self.runs():
            if not run.is_terminal:
                break
            start = run.last + 1
        self.start = start
        kept = self.place(start)
        if kept:
            held = [b for b in self.batches[:kept] if any(run.state is RecordState.ACQUIRED for run in b.runs)]
            self.batches[:kept] = held
        self.next = max(self.next, start)
