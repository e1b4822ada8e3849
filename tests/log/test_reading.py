"""Where a fetch finds its bytes, how much it gets, and what that costs."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.kit.files import RealFiles
from penstock.kit.refusal import Refused
from penstock.log.results import ReadPlan
from penstock.protocol.errors import KafkaError
from penstock.records.batch import walk
from penstock.records.codec import Codec
from penstock.testing.contract.log import LogWorld, fill, make_batch
from penstock.testing.files import FaultyFiles, MemoryFiles


def memory_log(**settings: object) -> LogWorld:
    return LogWorld(MemoryFiles(), "/data", **settings)


def plan(world: LogWorld, offset: int, max_bytes: int, must_give_one: bool = True) -> ReadPlan:
    found = world.partition.read_plan(offset, max_bytes, False, must_give_one)
    assert isinstance(found, ReadPlan), found
    return found


def sizes(world: LogWorld) -> list[int]:
    """Of all batches, in order."""
    return [header.size for header, _ in walk(b"".join(part(world, base) for base in bases(world)))]


def bases(world: LogWorld) -> list[int]:
    return [segment.base_offset for segment in world.partition.segments if segment.size]


def part(world: LogWorld, offset: int) -> bytes:
    return plan(world, offset, 1 << 20).slice.read()


@pytest.mark.parametrize(
    ("max_bytes", "must_give_one", "size"),
    [
        (1, True, "one"),
        (1, False, 0),
        (0, True, "one"),
        (0, False, 0),
        (-5, False, 0),
        (150, True, 150),
        (150, False, 150),
    ],
)
def test_a_slice_is_cut_at_its_limit_but_the_first_batch_may_be_given_whole(
    max_bytes: int, must_give_one: bool, size: int | str
) -> None:
    world = memory_log()
    fill(world, 10)

    found = plan(world, 4, max_bytes, must_give_one)

    assert len(found.slice) == (sizes(world)[2] if size == "one" else size)


def test_a_plan_tells_the_bounds_of_the_log() -> None:
    world = memory_log()
    fill(world, 3)
    world.partition.delete_records_before(2)

    found = plan(world, 4, 1 << 20)

    assert (found.high_watermark, found.last_stable_offset, found.log_start) == (6, 6, 2)


def test_a_slice_begins_with_the_batch_that_holds_the_offset() -> None:
    world = memory_log()
    world.add(*[b"v"] * 10)
    world.add(b"w")

    header, _ = next(walk(plan(world, 7, 1 << 20).slice.read()))

    assert (header.base_offset, header.last_offset) == (0, 9)


@pytest.mark.parametrize("fresh", [True, False], ids=["at the tail", "after a restart"])
@pytest.mark.parametrize("interval", [0, 200, 1 << 30])
def test_every_offset_is_found_wherever_its_position_is_kept(fresh: bool, interval: int) -> None:
    world = memory_log(index_interval_bytes=interval)
    for number in range(1500):
        world.add(*[b"%d" % number] * (1 + number % 3))
    if not fresh:
        world.restart()

    for offset in range(0, world.partition.next_offset, 7):
        header, _ = next(walk(plan(world, offset, 200).slice.read()))

        assert header.base_offset <= offset <= header.last_offset


def test_the_tail_is_read_without_a_call_to_the_disk() -> None:
    files = FaultyFiles(MemoryFiles())
    world = LogWorld(files, "/data")
    fill(world, 2000)
    before = files.calls.copy()

    for offset in range(3600, 4001):
        plan(world, offset, 1 << 20)
        world.partition.bytes_after(offset)

    assert files.calls == before


def test_an_old_offset_costs_one_read() -> None:
    files = FaultyFiles(MemoryFiles())
    world = LogWorld(files, "/data")
    fill(world, 2000)

    for offset in range(0, 3000, 100):
        before = files.calls["pread"]
        plan(world, offset, 1 << 20)
        assert files.calls["pread"] - before == 1


def test_positions_of_large_batches_are_found_by_their_headers_alone() -> None:
    files = FaultyFiles(MemoryFiles())
    world = LogWorld(files, "/data", index_interval_bytes=1 << 30)
    for number in range(6):
        world.add(bytes([number]) * 300_000)
    world.restart()
    world.values(5)

    assert [record.value[:1] for record in world.records()] == [bytes([number]) for number in range(6)]


def test_a_slice_in_flight_outlives_the_deletion_of_its_segment(tmp_path: Path) -> None:
    world = LogWorld(RealFiles(), str(tmp_path), segment_bytes=300, file_delete_delay_ms=0)
    values = fill(world, 9)
    in_flight = plan(world, 0, 1 << 20).slice
    world.partition.delete_records_before(18)
    world.partition.apply_retention(world.clock.now_ms())
    world.partition.apply_retention(world.clock.advance(1))

    assert not os.path.exists(f"{world.path}/00000000000000000000.log")
    assert [header.base_offset for header, _ in walk(in_flight.read())] == [0, 2, 4]
    assert len(values) == 18


def test_files_are_closed_when_nobody_reads_them_any_more(tmp_path: Path) -> None:
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    world = LogWorld(RealFiles(), str(tmp_path), segment_bytes=300)
    fill(world, 30)
    world.values()

    assert world.directory.close()
    gc.collect()

    assert len(os.listdir("/dev/fd")) == before


def test_bytes_after_counts_to_the_end_over_all_segments() -> None:
    world = memory_log(segment_bytes=300, index_interval_bytes=0)
    fill(world, 20)
    total = sum(sizes(world))

    assert world.partition.bytes_after(0) == total == world.partition.size_bytes
    assert world.partition.bytes_after(40) == 0
    assert world.partition.bytes_after(99) == 0
    found = [world.partition.bytes_after(2 * number) for number in range(20)]
    assert found == [total - sum(sizes(world)[:number]) for number in range(20)]


def test_a_damaged_batch_is_answered_as_such() -> None:
    world = memory_log(segment_bytes=300)
    fill(world, 9)
    world.restart()
    log = world.files.open(f"{world.path}/00000000000000000000.log")
    log.write_at(0, bytes(len(log.pread(1 << 20, 0))))

    refused = world.partition.read_plan(2, 1 << 20, False, True)

    assert isinstance(refused, Refused)
    assert refused.error == KafkaError.CORRUPT_MESSAGE


def test_an_unreadable_batch_does_not_hide_that_its_time_has_come() -> None:
    world = memory_log()
    now = world.clock.now_ms()
    world.add(b"a", at=now)
    batch, header = make_batch([b"b", b"c"], now + 10, codec=Codec.GZIP)
    batch[61:] = bytes(len(batch) - 61)
    world.partition.append(batch, header, now)
    world.add(b"d", at=now + 20)

    found = [world.partition.offset_at_time(now + step) for step in (0, 5, 10, 15, 20)]

    assert found == [(0, now), (1, now + 10), (1, now + 10), (3, now + 20), (3, now + 20)]


def test_the_largest_timestamp_is_that_of_a_record_that_is_still_there() -> None:
    world = memory_log()
    now = world.clock.now_ms()
    world.add(b"a", b"b", b"c", at=[now + 50, now + 40, now + 10])
    world.add(b"d", b"e", at=[now + 20, now + 30])

    answers = []
    for start in range(6):
        world.partition.delete_records_before(start)
        answers.append(world.partition.max_timestamp())

    assert answers == [(0, now + 50), (1, now + 40), (4, now + 30), (4, now + 30), (4, now + 30), (-1, -1)]


def test_records_without_a_timestamp_have_no_time() -> None:
    world = memory_log()
    world.add(b"a", at=-1)

    assert world.partition.max_timestamp() == (-1, -1)
    assert world.partition.offset_at_time(0) is None


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(-1, 42), st.sampled_from([0, 150, 5000]))
def test_a_time_is_found_as_in_a_list(times: list[int], wanted: int, interval: int) -> None:
    world = memory_log(segment_bytes=400, index_interval_bytes=interval)
    for start in range(0, len(times), 3):
        world.add(*[b"v"] * len(times[start : start + 3]), at=times[start : start + 3])

    found = world.partition.offset_at_time(wanted)

    assert found == next(((at, time) for at, time in enumerate(times) if time >= wanted), None)
