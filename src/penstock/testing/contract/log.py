"""What a partition does on every disk: inherit, and give the fixtures `files` and `root`.

`LogWorld` is also for tests of your own: a log directory with one partition, to append to, read, stop and crash.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from penstock.kit.files import Files
from penstock.kit.refusal import Refused
from penstock.log.directory import LogDirectory
from penstock.log.partition import Partition
from penstock.log.results import Appended
from penstock.log.settings import LogSettings
from penstock.protocol.errors import KafkaError
from penstock.records.batch import BatchHeader, build, check, walk
from penstock.records.record import Record, decode_records
from penstock.testing.clock import ManualClock
from penstock.testing.dice import Dice

TOPIC_ID = bytes(range(16))


def make_batch(
    values: Iterable[bytes], timestamps: int | Iterable[int] = 0, **options: Any
) -> tuple[memoryview, BatchHeader]:
    """A checked batch, ready to be appended. options: those of `records.batch.build`."""
    values = list(values)
    times = [timestamps] * len(values) if isinstance(timestamps, int) else list(timestamps)
    records = [Record(None, value, timestamp_ms=time) for value, time in zip(values, times, strict=True)]
    view = memoryview(build(records, **options))
    header = check(view, 1 << 30)
    assert isinstance(header, BatchHeader), header
    return view, header


class LogWorld:
    """A log directory with the partition `orders-0`, made when missing, on the disk and under the clock it is given."""

    def __init__(self, files: Files, root: str, clock: ManualClock | None = None, **settings: Any) -> None:
        self.files = files
        self.root = root
        self.clock = clock or ManualClock()
        self.settings = LogSettings(**settings)
        self.dice = Dice()
        self.directory = self._open()
        if ("orders", 0) not in self.directory.partitions:
            self.directory.create("orders", 0, TOPIC_ID)

    @property
    def partition(self) -> Partition:
        return self.directory.partitions["orders", 0]

    @property
    def path(self) -> str:
        return f"{self.root}/orders-0"

    def append(self, *values: bytes, at: int | Iterable[int] | None = None, **options: Any) -> Appended | Refused:
        """Appends the values as one batch. at: their timestamps, now if not given."""
        batch, header = make_batch(values, self.clock.now_ms() if at is None else at, **options)
        return self.partition.append(batch, header, self.clock.now_ms())

    def add(self, *values: bytes, at: int | Iterable[int] | None = None, **options: Any) -> int:
        """As `append`, which must succeed; gives the base offset."""
        done = self.append(*values, at=at, **options)
        assert isinstance(done, Appended), done
        return done.base_offset

    def records(self, offset: int | None = None, max_bytes: int = 1 << 20) -> list[Record]:
        """All visible records from `offset` on, read as consumers do, fetch by fetch."""
        position = self.partition.log_start if offset is None else offset
        found: list[Record] = []
        while True:
            plan = self.partition.read_plan(position, max_bytes, False, True)
            assert not isinstance(plan, Refused), plan
            if not len(plan.slice):
                return found
            for header, view in walk(plan.slice.read()):
                assert header.next_offset > position, f"a fetch at {position} was answered with {header}"
                found += [record for record in decode_records(view, 1 << 30) if record.offset >= position]
                position = header.next_offset

    def values(self, offset: int | None = None) -> list[bytes | None]:
        return [record.value for record in self.records(offset)]

    def sync(self) -> None:
        """What the server does in a thread and then on the loop."""
        self.partition.synced(self.partition.sync())

    def restart(self) -> None:
        """A clean shutdown and a start."""
        assert self.directory.close()
        self.directory = self._open()

    def crash(self, files: Files | None = None) -> None:
        """Nothing is brought to an end; the next process starts, on another disk if one is given."""
        self.directory.abandon()
        self.files = files or self.files
        self.directory = self._open()

    def names(self, suffix: str = "") -> list[str]:
        """The files of the partition, those with one suffix only if it is given."""
        return [name for name in self.files.list(self.path) if name.endswith(suffix)]

    def _open(self) -> LogDirectory:
        directory = LogDirectory(self.files, self.root, self.clock, self.dice, settings=self.settings)
        directory.open()
        return directory


def numbered(start: int, stop: int) -> list[bytes]:
    """Values that tell their number."""
    return [b"value %d" % number for number in range(start, stop)]


def fill(world: LogWorld, batches: int, records: int = 2, **options: Any) -> list[bytes]:
    """Appends so many batches of so many numbered values; gives those values."""
    for number in range(batches):
        world.add(*numbered(number * records, (number + 1) * records), **options)
    return numbered(0, batches * records)


class LogContract:
    """`files`: a disk; `root`: a directory on it that may be missing or empty."""

    @pytest.fixture
    def world(self, files: Files, root: str) -> LogWorld:
        return LogWorld(files, root)

    def test_offsets_count_records(self, world: LogWorld) -> None:
        answers = [world.append(b"a"), world.append(b"b", b"c", b"d"), world.append(b"e")]

        assert answers == [Appended(0, -1, 0), Appended(1, -1, 0), Appended(4, -1, 0)]
        assert (world.partition.next_offset, world.partition.high_watermark) == (5, 5)
        assert [(record.offset, record.value) for record in world.records()] == list(
            enumerate([b"a", b"b", b"c", b"d", b"e"])
        )

    @pytest.mark.parametrize("segment_bytes", [1 << 30, 200])
    def test_what_was_appended_is_there_after_a_restart_and_after_a_crash(
        self, files: Files, root: str, segment_bytes: int
    ) -> None:
        world = LogWorld(files, root, segment_bytes=segment_bytes)
        values = fill(world, 20)

        world.restart()
        after_restart = world.values()
        world.add(b"more")
        world.crash()

        assert after_restart == values
        assert world.values() == [*values, b"more"]
        assert world.partition.topic_id == TOPIC_ID

    def test_a_fetch_begins_in_any_segment(self, files: Files, root: str) -> None:
        world = LogWorld(files, root, segment_bytes=300, index_interval_bytes=100)
        values = fill(world, 20)

        assert len(world.partition.segments) > 5
        for offset in range(len(values)):
            assert world.values(offset) == values[offset:]

    def test_outside_of_the_log_there_is_nothing_to_read(self, world: LogWorld) -> None:
        world.add(b"a", b"b")

        at_end = world.partition.read_plan(2, 100, False, True)
        beyond = world.partition.read_plan(3, 100, False, True)
        before = world.partition.read_plan(-1, 100, False, True)

        assert not isinstance(at_end, Refused)
        assert len(at_end.slice) == 0
        for refused in (beyond, before):
            assert isinstance(refused, Refused)
            assert refused.error == KafkaError.OFFSET_OUT_OF_RANGE

    def test_a_batch_sent_twice_is_written_once(self, world: LogWorld) -> None:
        first = world.append(b"a", b"b", producer_id=7, producer_epoch=0, base_sequence=0)
        world.add(b"other")

        again = world.append(b"a", b"b", producer_id=7, producer_epoch=0, base_sequence=0)

        assert again == first
        assert world.values() == [b"a", b"b", b"other"]

    @pytest.mark.parametrize("crash", [False, True])
    def test_a_producer_is_known_after_a_start(self, world: LogWorld, crash: bool) -> None:
        world.add(b"a", b"b", producer_id=7, producer_epoch=0, base_sequence=0)

        (world.crash if crash else world.restart)()
        again = world.append(b"a", b"b", producer_id=7, producer_epoch=0, base_sequence=0)
        gap = world.append(b"d", producer_id=7, producer_epoch=0, base_sequence=3)
        following = world.append(b"c", producer_id=7, producer_epoch=0, base_sequence=2)

        assert isinstance(gap, Refused)
        assert gap.error == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER
        assert (again, following) == (Appended(0, -1, 0), Appended(2, -1, 0))

    def test_records_are_found_by_time(self, files: Files, root: str) -> None:
        world = LogWorld(files, root, segment_bytes=300, index_interval_bytes=100)
        start = world.clock.now_ms()
        for number in range(0, 60, 3):
            world.add(b"a", b"b", b"c", at=[start + 10 * (number + step) for step in range(3)])

        found = [world.partition.offset_at_time(start + 10 * number - 5) for number in range(60)]

        assert found == [(number, start + 10 * number) for number in range(60)]
        assert world.partition.offset_at_time(start + 591) is None
        assert world.partition.max_timestamp() == (59, start + 590)

    def test_deleted_records_are_gone_and_stay_gone(self, files: Files, root: str) -> None:
        world = LogWorld(files, root, segment_bytes=300, file_delete_delay_ms=1000)
        values = fill(world, 20)

        low = world.partition.delete_records_before(15)
        dropped = world.partition.apply_retention(world.clock.now_ms())
        marked = world.names(".deleted")
        world.restart()
        world.directory.sweep(world.clock.advance(1000))

        assert low == 15
        assert dropped == [0, 6]
        assert marked != []
        assert world.names(".deleted") == []
        assert world.values() == values[15:]
        assert isinstance(world.partition.read_plan(14, 100, False, True), Refused)

    def test_old_segments_go_by_time(self, files: Files, root: str) -> None:
        world = LogWorld(files, root, retention_ms=1000, segment_ms=500)
        world.add(b"old")
        world.clock.advance(600)
        world.add(b"young")

        first = world.partition.apply_retention(world.clock.advance(500))
        left = world.values()
        second = world.partition.apply_retention(world.clock.advance(600))

        assert (first, left) == ([0], [b"young"])
        assert second == [1]
        assert (world.partition.log_start, world.partition.next_offset, world.values()) == (2, 2, [])

    def test_leader_epochs_tell_where_they_ended(self, world: LogWorld) -> None:
        world.add(b"a", b"b")
        world.partition.become_leader(3)
        world.add(b"c")

        world.restart()

        assert world.partition.leader_epoch == 3
        assert [world.partition.epoch_end_offset(epoch) for epoch in (0, 1, 3, 4)] == [(0, 2), (0, 2), (3, 3), (-1, -1)]
        assert [record_epoch(world, offset) for offset in range(3)] == [0, 0, 3]


def record_epoch(world: LogWorld, offset: int) -> int:
    """The leader epoch stamped on the batch that holds `offset`."""
    plan = world.partition.read_plan(offset, 1 << 20, False, True)
    assert not isinstance(plan, Refused), plan
    header, _ = next(walk(plan.slice.read()))
    return header.leader_epoch
