"""Handing records out: which of those that were read become whose.  Source: KIP-932, KIP-1206; Kafka 4.3.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from penstock.coordinate.share.flight import Acquired, Batch, RecordState, Run
from penstock.coordinate.share.partition import SharePartition

# First and last offset of a batch of the log.
LogBatch = tuple[int, int]


class Want(NamedTuple):
    """What a member asks for. records_max: a soft limit, batches are not torn, unless `strict` (record-limit mode);
    batch_size: about how many records go into one range.
    """

    member: str
    records_max: int
    batch_size: int
    strict: bool = False


class Limits(NamedTuple):
    """What the group allows. due_ms: until when what is acquired now belongs to its member."""

    locks_max: int
    delivery_max: int
    due_ms: int

    @property
    def careful_from(self) -> int:
        """From so many deliveries on records go out in ever smaller parts, so that one bad record does not use up the
        deliveries of its neighbours.
        """
        return max(2, (self.delivery_max + 1) // 2)


def acquire(
    partition: SharePartition, want: Want, limits: Limits, fetch_offset: int, log: Sequence[LogBatch]
) -> list[Acquired]:
    """Gives records to a member; the ranges that are its own now, in order.

    fetch_offset: from where the log was read; log: the batches that were read, in order, at least one.
    """
    if want.records_max <= 0 or log[-1][1] < partition.start:
        return []
    return _Acquisition(partition, want, limits, log).run(fetch_offset)


class _Acquisition:
    """One call. left: records still to be acquired; first, last: the offsets that were read."""

    __slots__ = ("first", "last", "left", "limits", "log", "partition", "result", "want")

    def __init__(self, partition: SharePartition, want: Want, limits: Limits, log: Sequence[LogBatch]) -> None:
        self.partition = partition
        self.want = want
        self.limits = limits
        self.log = log
        self.first, self.last = log[0][0], log[-1][1]
        self.result: list[Acquired] = []

    def run(self, fetch_offset: int) -> list[Acquired]:
        partition = self.partition
        self.left = min(self.want.records_max, self.limits.locks_max - partition.in_flight)
        if self.left <= 0:
            # No new ones, but some in between came back.
            self.last = min(self.last, partition.next - 1)
            self.left = min(self.want.records_max, partition.next - fetch_offset)
            if self.left <= 0:
                return []
        if fetch_offset < self.first and partition.batches:
            partition.drop_gap(fetch_offset, self.first - 1)
        if self._again() and self.last >= partition.next:
            self._new()
        return self.result

    def _again(self) -> bool:
        """Acquires among what was in flight before; whether there is room for more."""
        partition = self.partition
        place = partition.place(self.first)
        for batch in partition.batches[place:]:
            if batch.first > self.last or self.left <= 0:
                break
            careful = self._is_careful(batch)
            if careful and self.result:
                return False
            is_whole = batch.first >= self.first and batch.last <= self.last and not batch.split
            if careful or not is_whole or batch.is_fresh or (self.want.strict and batch.size > self.left):
                taken = self._part(batch)
                if careful and taken:
                    return False
                self.left -= taken
            elif batch.runs[0].state is RecordState.AVAILABLE:
                run = batch.runs[0]
                run.acquire(self.want.member, self.limits.due_ms)
                self.result.append(Acquired(run.first, run.last, run.deliveries))
                self.left -= run.size
        return self.left > 0

    def _is_careful(self, batch: Batch) -> bool:
        counts = (
            run.deliveries
            for run in batch.runs
            if run.state is RecordState.AVAILABLE and run.last >= self.first and run.first <= self.last
        )
        return max(counts, default=0) >= self.limits.careful_from

    def _part(self, batch: Batch) -> int:
        """Acquires what is available of a batch, record by record as it were; how many."""
        delivery_max, careful_from = self.limits.delivery_max, self.limits.careful_from
        taken, allowed = 0, -1
        pieces: list[Acquired] = []
        for run in list(batch.runs):
            first, last = max(run.first, self.first, self.partition.start), min(run.last, self.last)
            if run.state is not RecordState.AVAILABLE or last < first:
                continue
            is_last_try = run.deliveries == delivery_max - 1 and delivery_max > 2
            if is_last_try and taken:
                break
            if run.deliveries >= careful_from and allowed < 0:
                allowed = max(1, batch.size >> (run.deliveries - careful_from + 1))
            room = 1 if is_last_try else self._room(run, first, taken)
            if allowed >= 0:
                room = min(room, allowed - taken)
            if room <= 0:
                break
            piece = self._take(batch, first, min(last, first + room - 1))
            taken += piece.last - piece.first + 1
            _add(pieces, piece)
            if is_last_try:
                break
        batch.join()
        self.result += pieces
        return taken

    def _room(self, run: Run, first: int, taken: int) -> int:
        """How many records of `run` may be acquired from `first` on."""
        left = self.left - taken
        if self.want.strict:
            return left
        if run.deliveries:
            return run.size
        return self._batch_end(first + left - 1) - first + 1 if left > 0 else 0

    def _take(self, batch: Batch, first: int, last: int) -> Acquired:
        batch.split = True
        (run,) = batch.cut(first, last)
        run.acquire(self.want.member, self.limits.due_ms)
        return Acquired(first, last, run.deliveries)

    def _new(self) -> None:
        """Acquires records that were never in flight."""
        partition = self.partition
        first, last = max(self.first, partition.next), self.last
        if first > partition.next:
            if partition.batches:
                partition.batches.append(Batch([Run(partition.next, first - 1, RecordState.ARCHIVED, 0)]))
            else:
                partition.start = first
        if self.left < last - first + 1:
            last = min(last, max(self._batch_end(first + self.left - 1), first))
        partition.next = last + 1
        held = last
        if self.want.strict and last - first + 1 > self.left:
            held = first + self.left - 1
            rest = Run(held + 1, last, RecordState.AVAILABLE, 0)
            partition.batches.append(Batch([self._run(first, held), rest], split=True))
            partition.may_have_available = True
            self.result.append(Acquired(first, held, 1))
            return
        for begin, end in self._ranges(first, held):
            partition.batches.append(Batch([self._run(begin, end)]))
            self.result.append(Acquired(begin, end, 1))

    def _run(self, first: int, last: int) -> Run:
        return Run(first, last, RecordState.ACQUIRED, 1, self.want.member, self.limits.due_ms)

    def _ranges(self, first: int, last: int) -> list[LogBatch]:
        """`first` to `last` in parts of about batch_size records, each ending where a batch of the log ends."""
        size = self.want.batch_size
        ranges: list[LogBatch] = []
        if not self.want.strict and last - first + 1 > size:
            for base, _ in self.log:
                if base > last:
                    break
                if base - first >= max(1, size):
                    ranges.append((first, base - 1))
                    first = base
        return [*ranges, (first, last)]

    def _batch_end(self, offset: int) -> int:
        """The last offset of the batch of the log that holds `offset`, or of the one before it."""
        end = offset
        for base, last in self.log:
            if base > offset:
                break
            end = last
        return end


def _add(pieces: list[Acquired], piece: Acquired) -> None:
    before = pieces[-1] if pieces else None
    if before is not None and before.last + 1 == piece.first and before.deliveries == piece.deliveries:
        pieces[-1] = before._replace(last=piece.last)
    else:
        pieces.append(piece)
