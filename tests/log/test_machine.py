"""A partition against a list: whatever is done to it in whatever order, it holds what the list holds."""

from dataclasses import dataclass, field
from typing import NamedTuple

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from penstock.kit.refusal import Refused
from penstock.log.results import Appended
from penstock.protocol.errors import KafkaError
from penstock.records.codec import Codec
from penstock.testing.contract.log import LogWorld
from penstock.testing.files import MemoryFiles

SETTINGS = {
    "segment_bytes": 500,
    "index_interval_bytes": 150,
    "segment_ms": 400,
    "retention_ms": 1000,
    "file_delete_delay_ms": 50,
}


class Sent(NamedTuple):
    """A batch of a producer."""

    sequence: int
    count: int
    base: int


@dataclass
class History:
    """All batches of a producer that the list holds; the last `known` of them may be sent again."""

    batches: list[Sent] = field(default_factory=list)
    known: int = 0

    @property
    def sequence(self) -> int:
        return self.batches[-1].sequence + self.batches[-1].count if self.batches else 0


class LogMachine(RuleBasedStateMachine):
    @initialize(durable=st.booleans())
    def begin(self, durable: bool) -> None:
        self.world = LogWorld(MemoryFiles(), "/data", durable=durable, **SETTINGS)
        # Until then a power cut takes the whole partition.
        self.world.sync()
        self.durable = durable
        self.begun = self.world.clock.now_ms()
        # Value and timestamp of every record ever written, by offset; those before log_start may be gone.
        self.records: list[tuple[bytes, int]] = []
        self.log_start = 0
        self.synced = 0
        self.producers: dict[int, History] = {}

    @property
    def partition(self):
        return self.world.partition

    @rule(
        count=st.integers(1, 4),
        size=st.sampled_from([0, 1, 30, 90]),
        ages=st.lists(st.integers(-50, 300), min_size=4, max_size=4),
        codec=st.sampled_from(list(Codec)),
        producer=st.one_of(st.none(), st.integers(0, 2)),
    )
    def append(self, count: int, size: int, ages: list[int], codec: Codec, producer: int | None) -> None:
        base = len(self.records)
        values = [b"%d:" % (base + step) + bytes(size) for step in range(count)]
        times = [self.world.clock.now_ms() - age for age in ages[:count]]
        options = {}
        if producer is not None:
            history = self.producers.setdefault(producer, History())
            options = {"producer_id": producer, "producer_epoch": 0, "base_sequence": history.sequence}
            history.batches.append(Sent(history.sequence, count, base))
            history.known = min(5, history.known + 1)

        done = self.world.append(*values, at=times, codec=codec, **options)

        assert done == Appended(base, -1, self.log_start)
        self.records += zip(values, times, strict=True)

    @precondition(lambda self: self.known_producers())
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        producer = data.draw(st.sampled_from(self.known_producers()))
        history = self.producers[producer]
        sent = data.draw(st.sampled_from(history.batches[-history.known :]))

        again = self.world.append(
            *[b"x"] * sent.count, producer_id=producer, producer_epoch=0, base_sequence=sent.sequence
        )

        assert again == Appended(sent.base, -1, self.log_start)

    @precondition(lambda self: self.known_producers())
    @rule(data=st.data(), gap=st.integers(1, 5))
    def leave_a_gap(self, data: st.DataObject, gap: int) -> None:
        producer = data.draw(st.sampled_from(self.known_producers()))

        refused = self.world.append(
            b"x", producer_id=producer, producer_epoch=0, base_sequence=self.producers[producer].sequence + gap
        )

        assert isinstance(refused, Refused)
        assert refused.error == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER

    def known_producers(self) -> list[int]:
        return sorted(producer for producer, history in self.producers.items() if history.known)

    @rule(where=st.floats(0, 1), max_bytes=st.sampled_from([1, 100, 1000, 1 << 20]))
    def read(self, where: float, max_bytes: int) -> None:
        visible = self.partition.high_watermark
        offset = self.log_start + int(where * (visible - self.log_start))

        found = self.world.records(offset, max_bytes)

        assert [(record.value, record.timestamp_ms) for record in found] == self.records[offset:visible]
        assert [record.offset for record in found] == list(range(offset, visible))
        assert (self.partition.bytes_after(offset) > 0) == (offset < visible)

    @rule(age=st.integers(-100, 1500))
    def look_up_a_time(self, age: int) -> None:
        wanted = self.world.clock.now_ms() - age
        visible = range(self.log_start, self.partition.high_watermark)
        # The first record of the whole log counts, visible or not: a later one must not be answered before it.
        matching = [offset for offset in range(self.log_start, len(self.records)) if self.records[offset][1] >= wanted]
        expected = (matching[0], self.records[matching[0]][1]) if matching and matching[0] in visible else None

        assert self.partition.offset_at_time(wanted) == expected

    @rule()
    def look_up_the_largest_time(self) -> None:
        times = [timestamp for _, timestamp in self.records[self.log_start :]]
        largest = max(times, default=-1)
        offset = self.log_start + times.index(largest) if times else -1

        assert self.partition.max_timestamp() == (offset, largest)

    @rule(where=st.floats(0, 1))
    def delete_records(self, where: float) -> None:
        offset = int(where * self.partition.high_watermark)

        low = self.partition.delete_records_before(offset)

        self.log_start = max(self.log_start, offset)
        assert low == self.log_start

    @rule(ms=st.integers(1, 500))
    def time_goes_by(self, ms: int) -> None:
        now_ms = self.world.clock.advance(ms)
        visible = self.partition.high_watermark

        self.world.directory.sweep(now_ms)

        start = self.partition.log_start
        assert self.log_start <= start <= visible
        assert all(now_ms - timestamp > 1000 for _, timestamp in self.records[self.log_start : start])
        self.log_start = start

    @rule()
    def sync(self) -> None:
        self.world.sync()
        self.synced = len(self.records)
        assert self.partition.high_watermark == len(self.records)

    @rule()
    def checkpoint(self) -> None:
        self.world.directory.checkpoint()

    @rule()
    def restart(self) -> None:
        self.world.restart()

        self.synced = len(self.records)
        self.forget_all_but_the_last()
        self.check_bounds()

    @rule()
    def crash(self) -> None:
        self.world.crash()

        self.adopt_start()
        self.forget_all_but_the_last()
        self.check_bounds()

    @rule()
    def power_cut(self) -> None:
        promised = max(self.synced, self.partition.high_watermark if self.durable else 0)

        self.world.crash(self.world.files.after_power_cut())

        self.adopt_start()
        assert promised <= self.partition.next_offset <= len(self.records)
        self.adopt_end()
        # A snapshot that was not synced may be missing, and what it was taken from deleted.
        for history in self.producers.values():
            history.known = 0

    def adopt_start(self) -> None:
        """Where a deletion was not written down, the log may begin earlier again, but not later."""
        assert self.partition.log_start <= self.log_start
        self.log_start = self.partition.log_start

    def adopt_end(self) -> None:
        """Records from some offset on are gone, and their batches."""
        end = self.partition.next_offset
        del self.records[end:]
        self.synced = min(self.synced, end)
        for history in self.producers.values():
            kept = [sent for sent in history.batches if sent.base + sent.count <= end]
            history.known = max(0, history.known - len(history.batches) + len(kept))
            history.batches = kept
        self.check_bounds()

    def forget_all_but_the_last(self) -> None:
        for history in self.producers.values():
            history.known = min(history.known, 1)

    @invariant()
    def check_bounds(self) -> None:
        if not hasattr(self, "world"):
            return
        assert self.partition.offline is None, self.partition.offline_reason
        assert (self.partition.log_start, self.partition.next_offset) == (self.log_start, len(self.records))
        if not self.durable:
            assert self.partition.high_watermark == len(self.records)


TestLogMachine = LogMachine.TestCase
TestLogMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
