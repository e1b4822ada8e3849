"""A partition: its contract on each disk, and what an append refuses."""

from itertools import pairwise
from pathlib import Path

import pytest

from penstock.kit.files import Files, RealFiles
from penstock.kit.refusal import Refused
from penstock.log.results import Appended
from penstock.protocol.errors import KafkaError
from penstock.records.batch import check_stored
from penstock.records.header import BatchHeader
from penstock.testing.contract.log import LogContract, LogWorld, make_batch
from penstock.testing.files import MemoryFiles


class TestInMemory(LogContract):
    @pytest.fixture
    def files(self) -> Files:
        return MemoryFiles()

    @pytest.fixture
    def root(self) -> str:
        return "/data"


class TestOnDisk(LogContract):
    @pytest.fixture
    def files(self) -> Files:
        return RealFiles()

    @pytest.fixture
    def root(self, tmp_path: Path) -> str:
        return str(tmp_path / "data")


def memory_log(**settings: object) -> LogWorld:
    return LogWorld(MemoryFiles(), "/data", **settings)


@pytest.mark.parametrize("ahead", [3_600_001, 10**15])
def test_a_timestamp_too_far_ahead_is_refused(ahead: int) -> None:
    world = memory_log()

    refused = world.append(b"a", at=world.clock.now_ms() + ahead)
    taken = world.append(b"b", at=world.clock.now_ms() + 3_600_000)

    assert isinstance(refused, Refused)
    assert refused.error == KafkaError.INVALID_TIMESTAMP
    assert taken == Appended(0, -1, 0)


def test_a_timestamp_too_far_back_is_refused_where_there_is_a_limit() -> None:
    world = memory_log(message_timestamp_before_max_ms=1000)

    refused = world.append(b"a", at=world.clock.now_ms() - 1001)
    taken = [world.append(b"b", at=world.clock.now_ms() - 1000), world.append(b"c", at=-1)]

    assert isinstance(refused, Refused)
    assert refused.error == KafkaError.INVALID_TIMESTAMP
    assert taken == [Appended(0, -1, 0), Appended(1, -1, 0)]


def test_log_append_time_is_stamped_on_the_batch_and_answered() -> None:
    world = memory_log(message_timestamp_type="LogAppendTime")
    batch, header = make_batch([b"a", b"b"], 5)

    done = world.partition.append(batch, header, world.clock.now_ms())

    stamped = check_stored(batch)
    assert isinstance(stamped, BatchHeader)
    assert (stamped.is_log_append_time, stamped.max_timestamp) == (True, world.clock.now_ms())
    assert done == Appended(0, world.clock.now_ms(), 0)
    assert world.partition.max_timestamp() == (0, world.clock.now_ms())


def test_a_repeated_batch_answers_the_time_it_was_first_stamped_with() -> None:
    world = memory_log(message_timestamp_type="LogAppendTime")
    first = world.append(b"a", producer_id=7, producer_epoch=0, base_sequence=0)
    world.clock.advance(50)

    again = world.append(b"a", producer_id=7, producer_epoch=0, base_sequence=0)

    assert again == first
    assert first == Appended(0, world.clock.now_ms() - 50, 0)


def test_a_client_may_not_stamp_log_append_time() -> None:
    world = memory_log()

    refused = world.append(b"a", timestamp_type=1)

    assert isinstance(refused, Refused)
    assert refused.error == KafkaError.INVALID_TIMESTAMP


def test_a_batch_larger_than_a_segment_is_refused() -> None:
    world = memory_log(segment_bytes=200)
    world.add(b"a")

    refused = world.append(bytes(200))

    assert isinstance(refused, Refused)
    assert refused.error == KafkaError.RECORD_LIST_TOO_LARGE
    assert world.values() == [b"a"]


def test_nothing_refused_changes_the_log() -> None:
    world = memory_log()
    world.add(b"a", producer_id=7, producer_epoch=1, base_sequence=0)
    before = world.files.read(f"{world.path}/00000000000000000000.log")

    world.append(b"x", producer_id=7, producer_epoch=0, base_sequence=1)
    world.append(b"x", producer_id=7, producer_epoch=1, base_sequence=5)
    world.append(b"x", at=10**15)

    assert world.files.read(f"{world.path}/00000000000000000000.log") == before
    assert world.partition.next_offset == 1


@pytest.mark.parametrize(
    ("settings", "batches_per_segment"),
    [
        ({"segment_bytes": 3 * 70}, 3),
        ({"segment_ms": 25}, 3),
        ({"segment_index_bytes": 24, "index_interval_bytes": 0}, 2),
    ],
)
def test_a_full_segment_is_followed_by_another(settings: dict, batches_per_segment: int) -> None:
    world = memory_log(**settings)
    for _ in range(12):
        world.add(b"1")
        world.clock.advance(10)

    bases = [segment.base_offset for segment in world.partition.segments]

    assert bases == list(range(0, 12, batches_per_segment))
    assert world.values() == [b"1"] * 12


def test_offsets_too_far_from_the_base_begin_a_segment() -> None:
    world = memory_log()
    world.add(b"a")
    batch, header = make_batch([b"b"])
    huge = header._replace(last_offset_delta=(1 << 31) - 1)

    world.partition.append(batch, huge, world.clock.now_ms())

    assert [segment.base_offset for segment in world.partition.segments] == [0, 1]
    assert world.partition.next_offset == 1 + (1 << 31)


def test_new_settings_count_from_the_next_append_on() -> None:
    world = memory_log()
    world.add(b"a")

    world.partition.settings = LogWorld(MemoryFiles(), "/other", segment_bytes=100).settings
    world.add(b"b")

    assert [segment.base_offset for segment in world.partition.segments] == [0, 1]


def test_a_segment_is_left_when_a_record_comes_after_its_time() -> None:
    world = memory_log(segment_ms=1000)
    for wait_ms in (5000, 1000, 1, 1000):
        world.clock.advance(wait_ms)
        world.add(b"a")

    assert [segment.base_offset for segment in world.partition.segments] == [0, 2]


def test_jitter_keeps_segments_from_rolling_together() -> None:
    world = memory_log(segment_ms=1000, segment_jitter_ms=900)
    begun = []
    while len(begun) < 9:
        world.clock.advance(10)
        world.add(b"a")
        if len(world.partition.segments) > len(begun):
            begun.append(world.clock.now_ms())
    lives = [later - earlier for earlier, later in pairwise(begun)]

    assert len(set(lives)) > 4
    assert min(lives) > 100
    assert max(lives) <= 1010
