"""The disk refuses: whatever call it is, what was acknowledged stays, and the partition works again afterwards."""

import contextlib
import errno
from pathlib import Path

import pytest

from penstock.kit.files import RealFiles
from penstock.kit.refusal import Refused
from penstock.log.directory import LogDirectory
from penstock.log.results import Appended
from penstock.log.settings import LogSettings
from penstock.protocol.errors import KafkaError
from penstock.testing.clock import ManualClock
from penstock.testing.contract.log import TOPIC_ID, LogWorld, make_batch
from penstock.testing.dice import Dice
from penstock.testing.files import FaultyFiles, MemoryFiles, file_size_limit

SETTINGS = {"segment_bytes": 400, "index_interval_bytes": 100, "file_delete_delay_ms": 0}
CALLS = 120
"""About as many as the story below makes; a test asserts that it is enough."""


class Story:
    """A short life of a partition. `acknowledged`: the values a producer was told are written, in order."""

    def __init__(self, files: FaultyFiles) -> None:
        self.files = files
        self.clock = ManualClock()
        self.acknowledged: list[bytes] = []
        self.deleted = 0
        self.sequence = 0
        self.directory = LogDirectory(files, "/data", self.clock, Dice(), settings=LogSettings(**SETTINGS))

    def tell(self) -> None:
        self.directory.open()
        self.directory.create("orders", 0, TOPIC_ID)
        partition = self.directory.partitions["orders", 0]
        for number in range(20):
            self.append(number)
            if number in (7, 15):
                try:
                    partition.synced(partition.sync())
                except OSError as error:
                    partition.sync_failed(error)
                with contextlib.suppress(OSError):
                    self.directory.checkpoint()
            if number == 12:
                low = partition.delete_records_before(4)
                self.deleted = low if isinstance(low, int) else 0
                self.directory.sweep(self.clock.now_ms())
        self.directory.close()

    def append(self, number: int) -> None:
        """Twice when refused: a producer tries again, with the same sequence."""
        value = b"value %d" % number
        for _ in range(2):
            partition = self.directory.partitions["orders", 0]
            partition.try_recover(self.clock.advance(2000))
            batch, header = make_batch(
                [value], self.clock.now_ms(), producer_id=7, producer_epoch=0, base_sequence=self.sequence
            )
            answer = partition.append(batch, header, self.clock.now_ms())
            if isinstance(answer, Appended):
                self.acknowledged.append(value)
                self.sequence += 1
                return


def left(files: MemoryFiles, deleted: int) -> tuple[list[bytes | None], LogWorld]:
    """What the next process finds, from the first record that was not deleted."""
    world = LogWorld(files, "/data", **SETTINGS)
    partition = world.partition
    assert partition.log_start <= max(deleted, partition.segments[0].base_offset)
    return world.values(max(deleted, partition.log_start)), world


@pytest.mark.parametrize(
    ("failures", "error", "torn"), [(1, errno.EIO, False), (1, errno.EIO, True), (3, errno.ENOSPC, False)]
)
@pytest.mark.parametrize("nth", range(1, CALLS + 1))
def test_a_failed_disk_call_loses_nothing_acknowledged(nth: int, failures: int, error: int, torn: bool) -> None:
    files = FaultyFiles(MemoryFiles(), nth, OSError(error, "the disk says no"), failures=failures, torn=torn)
    story = Story(files)

    with contextlib.suppress(OSError):
        story.tell()

    if ("orders", 0) not in story.directory.partitions:
        assert story.acknowledged == []
        return
    assert len(story.acknowledged) >= 20 - failures
    found, world = left(files.inner.after_kill(), story.deleted)
    assert found == story.acknowledged[story.deleted :]
    world.crash()
    assert world.values(max(story.deleted, world.partition.log_start)) == found


def test_the_story_makes_no_more_calls_than_are_tried() -> None:
    files = FaultyFiles(MemoryFiles())
    story = Story(files)

    story.tell()

    assert len(story.acknowledged) == 20
    assert story.deleted == 4
    assert files.calls.total() <= CALLS


def test_a_partition_that_cannot_be_opened_does_not_keep_the_others_from_it() -> None:
    files = MemoryFiles()
    world = LogWorld(files, "/data")
    world.directory.create("other", 0, TOPIC_ID)
    world.add(b"a")
    world.directory.abandon()
    faulty = FaultyFiles(files)
    for nth in range(1, 40):
        faulty.heal()
        faulty.calls.clear()
        faulty.fail_at_nth_call = nth
        directory = LogDirectory(faulty, "/data", world.clock, Dice())
        with contextlib.suppress(OSError):
            directory.open()
            offline = [key for key, partition in directory.partitions.items() if partition.offline is not None]
            assert len(offline) <= 1
            for partition in directory.partitions.values():
                assert partition.try_recover(world.clock.advance(2000))
            assert directory.partitions["orders", 0].next_offset == 1
        directory.abandon()
        files = files.after_kill()


def test_a_full_disk_refuses_and_takes_appends_again_when_there_is_room() -> None:
    files = MemoryFiles()
    world = LogWorld(files, "/data")
    world.add(b"before")
    files.capacity = used(files) + 10

    refused = world.append(b"does not fit")
    still = world.values()
    files.capacity = None
    world.add(b"after")

    assert isinstance(refused, Refused)
    assert refused.error == KafkaError.KAFKA_STORAGE_ERROR
    assert "the disk in memory has" in refused.message
    assert still == [b"before"]
    assert world.values() == [b"before", b"after"]


def used(files: MemoryFiles) -> int:
    files.capacity = 1 << 30
    return (1 << 30) - files.free_bytes("/")


def test_a_real_write_cut_short_is_taken_back(tmp_path: Path) -> None:
    world = LogWorld(RealFiles(), str(tmp_path))
    world.add(b"before")

    with file_size_limit(world.partition.size_bytes + 30):
        refused = world.append(b"does not fit")
        still = world.values()
    world.add(b"after")
    world.crash()

    assert isinstance(refused, Refused)
    assert refused.error == KafkaError.KAFKA_STORAGE_ERROR
    assert still == [b"before"]
    assert world.values() == [b"before", b"after"]


def test_a_failed_append_takes_one_partition_offline_and_not_the_others() -> None:
    files = FaultyFiles(MemoryFiles(), torn=True)
    world = LogWorld(files, "/data")
    other = world.directory.create("other", 0, TOPIC_ID)
    world.add(b"a")

    files.fail_from_now(1)
    refused = world.append(b"b")
    second = world.append(b"b")
    batch, header = make_batch([b"x"])

    assert isinstance(refused, Refused)
    assert isinstance(second, Refused)
    assert world.partition.offline == KafkaError.KAFKA_STORAGE_ERROR
    assert isinstance(world.partition.read_plan(0, 100, False, True), Refused)
    assert other.append(batch, header, world.clock.now_ms()) == Appended(0, -1, 0)


def test_an_offline_partition_is_back_when_the_disk_is_and_not_before() -> None:
    files = FaultyFiles(MemoryFiles(), torn=True)
    world = LogWorld(files, "/data")
    values = [b"a", b"b"]
    for value in values:
        world.add(value)
    files.fail_from_now()
    world.append(b"torn")

    too_early = world.partition.try_recover(world.clock.now_ms())
    files.heal()
    within_a_second = world.partition.try_recover(world.clock.advance(999))
    in_time = world.partition.try_recover(world.clock.advance(1))

    assert (too_early, within_a_second, in_time) == (False, False, True)
    assert world.partition.offline is None
    assert world.values() == values
    assert world.add(b"c") == 2
    assert world.values() == [*values, b"c"]


def test_a_partition_whose_acknowledged_end_is_damaged_stays_offline() -> None:
    files = FaultyFiles(MemoryFiles(), torn=True)
    world = LogWorld(files, "/data")
    world.add(b"a")
    world.add(b"b")
    files.fail_from_now(1)
    size = world.partition.size_bytes
    world.append(b"torn")
    log = files.inner.open(f"{world.path}/00000000000000000000.log")
    log.write_at(100, bytes([log.pread(1, 100)[0] ^ 1]))

    back = world.partition.try_recover(world.clock.advance(5000))

    assert not back
    assert "does not end soundly at offset 2" in world.partition.offline_reason
    assert log.size == size


def test_after_a_failed_sync_everything_is_written_again() -> None:
    files = FaultyFiles(MemoryFiles())
    world = LogWorld(files, "/data", durable=True, segment_bytes=300)
    for number in range(12):
        world.add(b"%d" % number)
    files.fail_from_now(1)
    with pytest.raises(OSError) as caught:
        world.partition.sync()
    world.partition.sync_failed(caught.value)
    offline = world.append(b"x")

    before = files.calls["write_at"]
    back = world.partition.try_recover(world.clock.advance(2000))

    assert isinstance(offline, Refused)
    assert back
    assert files.calls["write_at"] - before >= 12
    assert world.partition.high_watermark == 12
    assert LogWorld(files.inner.after_power_cut(), "/data").values() == [b"%d" % number for number in range(12)]


def test_a_read_that_fails_answers_so_and_leaves_the_partition_online() -> None:
    files = FaultyFiles(MemoryFiles())
    world = LogWorld(files, "/data", segment_bytes=300)
    for number in range(12):
        world.add(b"%d" % number)
    world.restart()
    world.values(11)

    files.fail_from_now(1)
    refused = world.partition.read_plan(0, 100, False, True)

    assert isinstance(refused, Refused)
    assert refused.error == KafkaError.KAFKA_STORAGE_ERROR
    assert world.values()[0] == b"0"
