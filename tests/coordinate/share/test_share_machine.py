"""Members of a share group that do anything at any time, with timeouts, restarts and a log that loses its beginning.

Beside the machine stands a plain table, one row for each record: who holds it, and how often it was handed out.
"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from penstock.coordinate.share.acknowledge import Ack, AckRules, AckType, acknowledge
from penstock.coordinate.share.acquire import Limits, Want, acquire
from penstock.coordinate.share.flight import TERMINAL, RecordState
from penstock.coordinate.share.partition import SharePartition, Transition
from penstock.coordinate.share.store import NOWHERE, ShareKey, ShareStates
from penstock.kit.refusal import Refused

KEY = ShareKey("group", b"\1" * 16, 0)
LOCK_MS = 100
LOCKS_MAX = 40
MEMBERS = ["ann", "bob"]


class Row:
    """One record as the table knows it. kept: deliveries as they are on disk, since those of nobody are forgotten."""

    def __init__(self) -> None:
        self.holder = ""
        self.due_ms = 0
        self.deliveries = 0
        self.kept = 0
        self.done = False


class ShareMachine(RuleBasedStateMachine):
    """A log of batches, a share partition on it, the store that outlives it, and the table."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_000
        self.log: list[tuple[int, int]] = []
        self.log_start = 0
        self.rows: list[Row] = []
        self.states = ShareStates(1, updates_max=3)
        self.written = 0
        self.disk: list[tuple[bytes, bytes | None]] = []
        self.machine = SharePartition(0)
        self.limit = 2

    @initialize(limit=st.integers(2, 4))
    def start(self, limit: int) -> None:
        self.limit = limit
        self.write(self.states.initialize(KEY, 1, NOWHERE, self.now_ms))

    # The world around

    @rule(size=st.integers(1, 12))
    def produce(self, size: int) -> None:
        self.log.append((len(self.rows), len(self.rows) + size - 1))
        self.rows += [Row() for _ in range(size)]

    @rule(ms=st.integers(1, 2 * LOCK_MS))
    def wait(self, ms: int) -> None:
        self.now_ms += ms
        due = [row for row in self.rows if row.holder and row.due_ms <= self.now_ms]
        self.change(self.machine.expire(self.now_ms, self.limit))
        for row in due:
            self.give_back(row)

    @rule(drop=st.integers(1, 20))
    def lose_the_beginning(self, drop: int) -> None:
        self.log_start = min(self.log_start + drop, len(self.rows))
        self.log = [(first, last) for first, last in self.log if last >= self.log_start]
        self.machine.move_start(self.log_start)

    @rule()
    def restart(self) -> None:
        """What was written is all there is; nobody holds anything."""
        again = ShareStates(1, updates_max=3)
        for offset, record in enumerate(self.disk):
            again.replay(0, *record, offset)
        assert again.kept == self.states.kept
        kept = again.kept[KEY]
        self.states = again
        self.machine = SharePartition(max(kept.start, 0), kept.batches)
        self.machine.move_start(self.log_start)
        for row in self.rows:
            if row.holder:
                row.holder, row.deliveries = "", row.kept

    # What members do

    @rule(
        member=st.sampled_from(MEMBERS),
        count=st.integers(0, 30),
        batch_size=st.integers(1, 20),
        strict=st.booleans(),
        read=st.integers(1, 5),
    )
    def take(self, member: str, count: int, batch_size: int, strict: bool, read: int) -> None:
        self.fetch(member, count, batch_size, strict, read)

    def fetch(self, member: str, count: int, batch_size: int, strict: bool, read: int) -> None:
        offset = self.machine.fetch_offset()
        log = [batch for batch in self.log if batch[1] >= offset][:read]
        if not log or not self.machine.can_acquire(LOCKS_MAX):
            return
        before = self.machine.in_flight
        limits = Limits(LOCKS_MAX, self.limit, self.now_ms + LOCK_MS)

        got = acquire(self.machine, Want(member, count, batch_size, strict), limits, offset, log)

        assert got == sorted(got)
        for first, last, deliveries in got:
            for at in range(first, last + 1):
                row = self.rows[at]
                assert not row.holder, f"offset {at} is held by {row.holder}"
                assert not row.done, at
                assert at >= self.log_start
                row.holder, row.due_ms = member, limits.due_ms
                row.deliveries += 1
                assert deliveries == row.deliveries, at
                assert row.deliveries <= self.limit
        total = sum(last - first + 1 for first, last, _ in got)
        assert not (strict and total > count)
        assert self.machine.in_flight <= max(before, LOCKS_MAX) + 12
        if count:
            assert got or self.machine.fetch_offset() != offset, "the same is read for ever"

    @rule(member=st.sampled_from(MEMBERS), data=st.data())
    def acknowledge(self, member: str, data: st.DataObject) -> None:
        held = [at for at, row in enumerate(self.rows) if row.holder == member]
        if not held:
            return
        first = data.draw(st.sampled_from(held))
        last = first
        while last + 1 < len(self.rows) and self.rows[last + 1].holder == member and data.draw(st.booleans()):
            last += 1
        kind = st.sampled_from(AckType)
        one = data.draw(st.booleans())
        types = (
            [data.draw(kind)]
            if one
            else data.draw(st.lists(kind, min_size=last - first + 1, max_size=last - first + 1))
        )
        rules = AckRules(self.limit, True, self.now_ms + LOCK_MS)

        done = acknowledge(self.machine, member, [Ack(first, last, types)], rules)

        assert not isinstance(done, Refused), done
        live = [at for at in range(first, last + 1) if at >= self.machine.start]
        self.change(done)
        for at in live:
            self.say(self.rows[at], types[0] if one else types[at - first])

    @rule(member=st.sampled_from(MEMBERS), first=st.integers(0, 60), size=st.integers(1, 20))
    def acknowledge_anything(self, member: str, first: int, size: int) -> None:
        """Whoever speaks of what is not all its own is refused, and nothing changes."""
        last = first + size - 1
        start = self.machine.start
        mine = all(at < len(self.rows) and self.rows[at].holder == member for at in range(max(first, start), last + 1))
        rules = AckRules(self.limit, True, self.now_ms + LOCK_MS)

        done = acknowledge(self.machine, member, [Ack(first, last, [AckType.ACCEPT])], rules)

        if last < start:
            assert not isinstance(done, Refused)
            assert done.batches == []
        else:
            assert isinstance(done, Refused) != mine

    @rule(member=st.sampled_from(MEMBERS))
    def leave(self, member: str) -> None:
        self.change(self.machine.release(member, self.limit))
        for row in self.rows:
            if row.holder == member:
                self.give_back(row)

    @rule(member=st.sampled_from(MEMBERS), times=st.integers(1, 3))
    def fail_again_and_again(self, member: str, times: int) -> None:
        for _ in range(times):
            self.fetch(member, 30, 10, False, 3)
            self.leave(member)

    # The table

    def say(self, row: Row, kind: int) -> None:
        if kind == AckType.RENEW:
            row.due_ms = self.now_ms + LOCK_MS
        elif kind == AckType.RELEASE:
            self.give_back(row)
        else:
            row.holder, row.done, row.kept = "", True, row.deliveries

    def give_back(self, row: Row) -> None:
        at = self.rows.index(row)
        row.holder, row.kept = "", row.deliveries
        row.done = row.deliveries >= self.limit or (at < self.machine.start and at < self.log_start)

    def change(self, transition: Transition) -> None:
        if transition.batches:
            count = self.machine.complete_count_after(transition)
            self.write(self.states.write(KEY, 0, self.machine.start, count, transition.batches, self.now_ms))
        self.machine.apply(transition)

    def write(self, record: tuple[bytes, bytes | None]) -> None:
        self.disk.append(record)
        self.states.replay(0, *record, len(self.disk) - 1)

    # What holds at any time

    @invariant()
    def the_machine_says_what_the_table_says(self) -> None:
        machine = self.machine
        states = {at: run for run in machine.runs() for at in range(max(run.first, machine.start), run.last + 1)}
        assert sorted(states) == list(range(machine.start, machine.next)) or not machine.batches
        for at, run in states.items():
            row = self.rows[at]
            assert (run.state is RecordState.ACQUIRED) == bool(row.holder), (at, run)
            assert run.member == row.holder
            assert (run.state in TERMINAL) == row.done, (at, run)
            if row.holder:
                assert run.due_ms == row.due_ms
            assert run.deliveries == row.deliveries or row.done

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """Before the start all is done with or gone from the log; the rest can still be handed out."""
        machine = self.machine
        for at, row in enumerate(self.rows):
            if at < machine.start:
                assert row.done or at < self.log_start, at
            if at >= machine.next:
                assert not row.holder

    @invariant()
    def batches_lie_side_by_side(self) -> None:
        ends = [(batch.first, batch.last) for batch in self.machine.batches]
        assert all(before[1] < after[0] for before, after in pairwise(ends))
        for batch in self.machine.batches:
            assert all(a.last + 1 == b.first for a, b in pairwise(batch.runs))


ShareMachine.TestCase.settings = settings(
    max_examples=50, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
TestShareMachine = ShareMachine.TestCase
