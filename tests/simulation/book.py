"""What was sent and what was seen: the values of a run, each of which is written once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from penstock.records.batch import walk
from penstock.records.control import ControlType, read_marker
from penstock.records.record import decode_records

Place = tuple[str, int]
Fail = Callable[[str, str], None]


class Attempt:
    """One transaction as its producer knows it. outcome: what EndTxn answered, "" while that is not known."""

    def __init__(self, name: str, producer_id: int, epoch: int) -> None:
        self.name = name
        self.producer = producer_id, epoch
        self.sent: list[bytes] = []
        self.acknowledged: set[bytes] = set()
        self.is_commit_sent = False
        self.outcome = ""
        self.offsets: dict[Place, int] = {}


class Sent(NamedTuple):
    """A value on its way. key: values of one are in the order of their numbers; is_kept: what its ack promises."""

    place: Place
    key: str
    number: int
    attempt: Attempt | None
    is_kept: bool


class Batch(NamedTuple):
    """A batch as a reader gets it. ends: whether it is a marker, and which."""

    first: int
    last: int
    producer_id: int
    is_transactional: bool
    marker: ControlType | None
    records: list[tuple[int, bytes]]


# Each batch is read by many, and its records take the longest to take apart.
_KNOWN: dict[bytes, Batch] = {}
_KNOWN_MAX = 20_000


def batches_of(data: Any) -> list[Batch]:
    """The batches of a Fetch response's partition."""
    found = []
    for header, view in walk(data or b""):
        key = bytes(view)
        batch = _KNOWN.get(key)
        if batch is None:
            if len(_KNOWN) >= _KNOWN_MAX:
                _KNOWN.clear()
            batch = _KNOWN[key] = _batch(header, view)
        found.append(batch)
    return found


def _batch(header: Any, view: memoryview) -> Batch:
    records = decode_records(view, 1 << 24)
    marker = None
    if header.is_control:
        told = read_marker(records[0])
        marker = None if told is None else told.type
        records = []
    pairs = [(record.offset, record.value or b"") for record in records]
    return Batch(header.base_offset, header.last_offset, header.producer_id, header.is_transactional, marker, pairs)


def committed_of(batches: list[Batch], aborted: Any) -> list[tuple[int, bytes]]:
    """What a read_committed consumer hands out of these batches, as the clients of Kafka do it."""
    waiting = sorted((one.first_offset, one.producer_id) for one in aborted or [])
    active: set[int] = set()
    kept: list[tuple[int, bytes]] = []
    for batch in batches:
        while waiting and waiting[0][0] <= batch.last:
            active.add(waiting.pop(0)[1])
        if batch.marker is not None:
            if batch.marker is ControlType.ABORT:
                active.discard(batch.producer_id)
        elif not (batch.is_transactional and batch.producer_id in active):
            kept += batch.records
    return kept


class Span:
    """What one reader got of one place without a break: from `start`, before `end`."""

    def __init__(self, reader: str, place: Place, committed: bool, start: int) -> None:
        self.reader = reader
        self.place = place
        self.committed = committed
        self.start = self.end = start
        self.values: dict[int, bytes] = {}


class Book:
    """All that was sent, acknowledged and read in a run; says at once what cannot be."""

    def __init__(self, fail: Fail) -> None:
        self.fail = fail
        self.sent: dict[bytes, Sent] = {}
        self.kept: dict[bytes, int] = {}
        self.at: defaultdict[Place, dict[int, bytes]] = defaultdict(dict)
        self.attempts: dict[str, Attempt] = {}
        self.spans: list[Span] = []

    def acknowledge(self, value: bytes, offset: int) -> None:
        """A producer got its answer."""
        sent = self.sent[value]
        if sent.attempt is not None:
            sent.attempt.acknowledged.add(value)
        if sent.is_kept and offset >= 0:
            self.kept[value] = offset
            self.place(sent.place, offset, value)

    def place(self, place: Place, offset: int, value: bytes) -> None:
        """Somebody was told that this value has this offset."""
        before = self.at[place].setdefault(offset, value)
        if before != value:
            self.fail("an offset has one value", f"{place} {offset}: {before!r}, and then {value!r}")
        if value not in self.sent:
            self.fail("what is read was written", f"{place} {offset}: nobody wrote {value!r}")
        elif self.sent[value].place != place:
            self.fail("what is read was written", f"{value!r} was written to {self.sent[value].place}, not to {place}")

    def read(self, span: Span, batches: list[Batch], aborted: Any, position: int) -> int:
        """A reader at `position` got these batches; gives where it goes on."""
        every = [one for batch in batches for one in batch.records]
        found = committed_of(batches, aborted) if span.committed else every
        reached = position
        for offset, value in found:
            if offset < position:
                continue
            if offset < reached:
                self.fail("polls are monotonic", f"{span.reader} got {offset} of {span.place} after {reached - 1}")
            reached = offset + 1
            self.place(span.place, offset, value)
            span.values[offset] = value
            if span.committed:
                self.judge_committed(span.reader, span.place, offset, value)
        if batches:
            span.end = position = max(position, batches[-1].last + 1)
        return position

    def judge_committed(self, reader: str, place: Place, offset: int, value: bytes) -> None:
        """A committed read gives nothing of a transaction that nobody asked to commit, or that was aborted."""
        sent = self.sent.get(value)
        attempt = None if sent is None else sent.attempt
        if attempt is None:
            return
        if not attempt.is_commit_sent:
            rule = "no aborted read" if attempt.outcome == "aborted" else "no read before the commit"
            self.fail(rule, f"{reader} got {value!r} at {place} {offset}; {attempt.name} was not to be committed")
        elif attempt.outcome == "aborted":
            self.fail("no aborted read", f"{reader} got {value!r} at {place} {offset}")
