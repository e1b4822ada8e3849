"""Durable mode: what is visible survives a power cut; and when a sync is due otherwise."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.kit.files import RealFiles
from penstock.kit.refusal import Refused
from penstock.log.housekeeping import UnsyncedNames
from penstock.log.settings import LogSettings
from penstock.testing.contract.log import LogWorld, fill, numbered
from penstock.testing.files import FaultyFiles, MemoryFiles


def durable_log(**settings: object) -> LogWorld:
    return LogWorld(MemoryFiles(), "/data", durable=True, **settings)


def test_an_append_is_visible_only_when_it_is_synced() -> None:
    world = durable_log()
    world.add(b"a", b"b")

    before = world.values()
    end = world.partition.sync()
    world.add(b"c")
    between = world.values()
    world.partition.synced(end)

    assert (before, between, world.values()) == ([], [], [b"a", b"b"])
    assert (world.partition.high_watermark, world.partition.next_offset) == (2, 3)
    assert world.partition.bytes_after(0) > 0
    assert world.partition.bytes_after(2) == 0


def test_what_waits_for_a_sync_is_visible_at_once_when_durability_is_given_up() -> None:
    world = durable_log()
    world.add(b"a", b"b")

    world.partition.settings = LogSettings()

    assert world.values() == [b"a", b"b"]


def test_offsets_that_are_not_visible_yet_are_no_error_and_no_answer() -> None:
    world = durable_log()
    world.add(b"a", b"b")

    plan = world.partition.read_plan(1, 100, False, True)

    assert not isinstance(plan, Refused)
    assert (len(plan.slice), plan.high_watermark) == (0, 0)


@pytest.mark.parametrize("segment_bytes", [1 << 30, 300])
def test_a_fetch_never_goes_past_the_high_watermark(segment_bytes: int) -> None:
    world = durable_log(segment_bytes=segment_bytes, index_interval_bytes=100)
    for number in range(40):
        world.add(b"value %d" % number)
        if number % 7 == 0:
            world.sync()
        visible = world.partition.high_watermark

        for offset in range(visible):
            assert world.values(offset) == numbered(offset, visible)


@pytest.mark.parametrize("segment_bytes", [1 << 30, 300])
@pytest.mark.parametrize("synced", range(0, 20, 3))
def test_what_was_visible_survives_a_power_cut(segment_bytes: int, synced: int) -> None:
    world = durable_log(segment_bytes=segment_bytes)
    for number in range(20):
        world.add(b"value %d" % number, producer_id=7, producer_epoch=0, base_sequence=number)
        if number == synced:
            world.sync()
        if number == 10:
            world.directory.checkpoint()

    world.directory.abandon()
    after = LogWorld(world.files.after_power_cut(), "/data", durable=True, segment_bytes=segment_bytes)

    assert after.partition.topic_id == world.partition.topic_id
    assert after.values() == numbered(0, synced + 1)
    assert after.add(b"next", producer_id=7, producer_epoch=0, base_sequence=synced + 1) == synced + 1


def test_what_a_shutdown_left_survives_a_power_cut() -> None:
    world = LogWorld(MemoryFiles(), "/data", segment_bytes=300)
    values = fill(world, 20)
    assert world.directory.close()

    after = LogWorld(world.files.after_power_cut(), "/data")

    assert after.directory.previous_broker_epoch == -1
    assert not after.files.exists("/data/.kafka_cleanshutdown")
    assert after.values() == values


def test_visible_records_stay_visible_when_a_durable_log_is_started_again() -> None:
    world = durable_log()
    values = fill(world, 5)

    world.crash()

    # What was found is synced before it is shown.
    assert world.values() == values
    assert LogWorld(world.files.after_power_cut(), "/data").values() == values


@pytest.mark.parametrize(
    ("settings", "appended", "waited_ms", "due"),
    [
        ({}, 1000, 10**9, False),
        ({"durable": True}, 0, 0, True),
        ({"durable": True}, 1, 0, True),
        ({"flush_messages": 10}, 9, 0, False),
        ({"flush_messages": 10}, 10, 0, True),
        ({"flush_ms": 500}, 1, 499, False),
        ({"flush_ms": 500}, 1, 500, True),
        ({"flush_ms": 500}, 0, 500, False),
        ({"segment_bytes": 300}, 10, 0, True),
    ],
)
def test_a_sync_is_due(settings: dict, appended: int, waited_ms: int, due: bool) -> None:
    world = LogWorld(MemoryFiles(), "/data", **settings)
    for _ in range(appended):
        world.add(b"a")

    now_ms = world.clock.advance(waited_ms)

    assert world.partition.wants_sync(now_ms) == due
    world.sync()
    assert not world.partition.wants_sync(now_ms)


def test_a_sync_in_a_thread_promises_no_more_than_was_there_when_it_began(tmp_path: Path) -> None:
    world = LogWorld(RealFiles(), str(tmp_path), durable=True, segment_bytes=5000)
    promised: list[int] = []
    stop = threading.Event()

    def sync_again_and_again() -> None:
        promised.append(world.partition.sync())
        while not stop.is_set():
            promised.append(world.partition.sync())

    thread = threading.Thread(target=sync_again_and_again)
    thread.start()
    for number in range(500):
        world.add(b"value %d" % number)
        if promised:
            world.partition.synced(promised[-1])
        assert world.partition.high_watermark <= number + 1
    stop.set()
    thread.join()
    world.partition.synced(promised[-1])

    assert promised == sorted(promised)
    assert world.values() == numbered(0, promised[-1])


def test_the_names_of_a_new_partition_are_synced_by_the_next_process_if_they_were_not_by_the_first() -> None:
    world = durable_log()

    world.crash(world.files.after_kill())
    world.add(b"a")
    world.sync()
    world.crash(world.files.after_power_cut())

    assert world.values() == [b"a"]


def test_the_names_of_a_new_segment_are_synced_by_the_next_process_if_they_were_not_by_the_first() -> None:
    world = durable_log(retention_ms=1000)
    world.add(b"a")
    world.sync()
    assert world.partition.apply_retention(world.clock.advance(2000)) == [0]
    world.directory.checkpoint()

    world.crash(world.files.after_kill())
    world.add(b"b")
    world.sync()
    world.crash(world.files.after_power_cut())

    assert world.values() == [b"b"]


class Interrupted(MemoryFiles):
    """Something happens just after a directory was synced, once."""

    then: Callable[[], object] | None = None

    def sync_dir(self, path: str) -> None:
        super().sync_dir(path)
        then, self.then = self.then, None
        if then is not None:
            then()


def test_a_segment_begun_while_the_names_are_synced_is_not_forgotten() -> None:
    files = Interrupted()
    world = LogWorld(files, "/data", durable=True, segment_bytes=100)
    world.add(b"a")
    files.then = lambda: world.add(b"b")

    world.sync()
    world.sync()
    world.crash(files.after_power_cut())

    assert world.values() == [b"a", b"b"]


def test_names_that_could_not_be_synced_are_tried_again() -> None:
    inner = MemoryFiles()
    inner.make_dirs("/data")
    inner.sync_dir("/")
    files = FaultyFiles(inner)
    names = UnsyncedNames(files, "/data")
    inner.open("/data/a", create=True).append(b"1")
    names.add("a")

    files.fail_from_now(1)
    with pytest.raises(OSError, match="makes this call fail"):
        names.sync()
    left = len(names)
    names.sync()

    assert (left, len(names)) == (2, 0)
    assert inner.after_power_cut().read("/data/a") == b"1"


def test_a_sync_waits_for_the_one_that_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first has taken over the names that must be on disk: the second may not end before they are."""
    world = durable_log()
    world.add(b"a")
    entered, going_on = threading.Event(), threading.Event()
    sync = UnsyncedNames.sync

    def slow(self: UnsyncedNames) -> None:
        entered.set()
        assert going_on.wait(30)
        sync(self)

    monkeypatch.setattr(UnsyncedNames, "sync", slow)
    first = threading.Thread(target=world.partition.sync)
    first.start()
    assert entered.wait(30)
    entered.clear()
    second = threading.Thread(target=world.partition.sync)
    second.start()
    came_in = entered.wait(0.2)
    going_on.set()
    first.join(30)
    second.join(30)

    assert not came_in
    assert entered.is_set()
