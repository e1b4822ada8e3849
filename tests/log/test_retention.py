"""What is let go, and when; what stays although it could go."""

import pytest

from penstock.testing.contract.log import LogWorld, fill
from penstock.testing.files import MemoryFiles

SEGMENTED = {"segment_bytes": 300, "index_interval_bytes": 100, "file_delete_delay_ms": 1000}
"""Six records a segment."""


def memory_log(**settings: object) -> LogWorld:
    return LogWorld(MemoryFiles(), "/data", **{**SEGMENTED, **settings})


def swept(world: LogWorld) -> list[int]:
    return world.directory.sweep(world.clock.now_ms()).get(("orders", 0), [])


def test_the_oldest_segments_go_when_the_log_is_too_large() -> None:
    world = memory_log(retention_bytes=600)
    values = fill(world, 15)

    dropped = swept(world)

    assert world.partition.size_bytes >= 600
    assert dropped == [0, 6]
    assert world.values() == values[12:]
    assert swept(world) == []


def test_the_active_segment_does_not_go_by_size() -> None:
    world = memory_log(retention_bytes=1)
    values = fill(world, 14)

    dropped = swept(world)

    assert dropped == [0, 6, 12, 18]
    assert world.values() == values[24:]


@pytest.mark.parametrize("batches", [2, 14])
def test_where_no_byte_may_stay_the_active_segment_goes_too(batches: int) -> None:
    world = memory_log(retention_bytes=0)
    fill(world, batches)

    dropped = swept(world)
    again = swept(world)

    assert dropped == list(range(0, 2 * batches, 6))
    assert (again, world.values(), world.partition.next_offset) == ([], [], 2 * batches)


def test_a_log_without_limits_keeps_everything() -> None:
    world = memory_log(retention_ms=-1, retention_bytes=-1)
    values = fill(world, 14)
    world.clock.advance(10**12)

    assert swept(world) == []
    assert world.values() == values


def test_a_compacted_log_does_not_go_by_time_or_size_but_by_its_start() -> None:
    world = memory_log(retention_ms=1, retention_bytes=1, cleanup_policy=frozenset({"compact"}))
    values = fill(world, 14)
    world.clock.advance(10**6)

    kept = swept(world)
    world.partition.delete_records_before(13)
    dropped = swept(world)

    assert (kept, dropped) == ([], [0, 6])
    assert world.values() == values[13:]


def test_segments_go_by_their_youngest_record_and_in_order() -> None:
    world = memory_log(retention_ms=1000)
    start = world.clock.now_ms()
    for number, age in enumerate([0, 0, 0, 900, 900, 900, 100, 100, 100, 900]):
        world.add(b"%08d" % number, b"%08d" % number, at=start + age)

    world.clock.advance(1050)
    first = swept(world)
    world.clock.advance(500)
    second = swept(world)
    world.clock.advance(500)
    third = swept(world)

    assert first == [0]
    assert second == []
    assert third == [6, 12, 18]
    assert (world.partition.log_start, world.partition.next_offset) == (20, 20)


def test_segments_without_timestamps_go_by_when_they_were_written() -> None:
    files = MemoryFiles()
    world = LogWorld(files, "/data", **SEGMENTED, retention_ms=1000)
    files.clock = world.clock
    fill(world, 7, at=-1)
    world.clock.advance(1000)

    early = swept(world)
    world.clock.advance(1)
    due = swept(world)

    assert early == []
    assert due == [0, 6, 12]


def test_records_that_are_not_visible_yet_do_not_go() -> None:
    world = memory_log(retention_ms=1000, durable=True)
    fill(world, 7)
    world.clock.advance(5000)

    invisible = swept(world)
    world.sync()
    visible = swept(world)

    assert invisible == []
    assert visible == [0, 6, 12]


def test_an_empty_log_is_left_alone() -> None:
    world = memory_log(retention_ms=0, retention_bytes=0)
    world.clock.advance(5000)

    assert swept(world) == []
    assert world.names(".log") == ["00000000000000000000.log"]


def test_a_log_that_nobody_touched_since_the_start_is_judged_without_opening_its_logs() -> None:
    world = memory_log(retention_ms=1000)
    fill(world, 14)
    world.restart()

    early = swept(world)
    cold = world.partition.active is None
    world.clock.advance(2000)
    due = swept(world)

    assert (early, cold) == ([], True)
    assert due == [0, 6, 12, 18, 24]
    assert world.partition.next_offset == 28
    assert world.add(b"next") == 28


def test_files_are_marked_first_and_removed_after_the_delay() -> None:
    world = memory_log(retention_bytes=300)
    fill(world, 9)
    before = set(world.names())

    swept(world)
    marked = set(world.names()) - before
    world.clock.advance(999)
    swept(world)
    still = set(world.names()) - before
    world.clock.advance(1)
    swept(world)

    assert marked == {f"00000000000000000000{kind}.deleted" for kind in (".log", ".index", ".timeindex")}
    assert still == marked
    assert [name for name in world.names() if name.startswith("00000000000000000000")] == []


def test_snapshots_and_epochs_of_what_went_go_too() -> None:
    world = memory_log(retention_bytes=300)
    fill(world, 5)
    world.partition.become_leader(2)
    fill(world, 5)

    swept(world)

    start = world.partition.log_start
    assert start > 0
    assert min(int(name[:20]) for name in world.names(".snapshot")) > start - 6
    assert world.partition.epochs.entries()[0] == (world.partition.epoch_at(start), start)
    world.restart()
    assert world.partition.epochs.entries()[0] == (world.partition.epoch_at(start), start)
