"""A directory of partitions: whose it is, what is in it, and how little is opened before it is needed."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.kit.files import Files, Locked, RealFiles
from penstock.kit.properties import read_properties
from penstock.log.checkpoints import encode_properties
from penstock.log.directory import DirectoryRefused, LogDirectory
from penstock.log.results import Appended, ReadPlan
from penstock.log.settings import LogSettings
from penstock.testing.clock import ManualClock
from penstock.testing.contract.log import TOPIC_ID, LogWorld, fill, make_batch
from penstock.testing.dice import Dice
from penstock.testing.files import FaultyFiles, MemoryFiles


def directory(files: Files, path: str = "/data", **options: object) -> LogDirectory:
    return LogDirectory(files, path, ManualClock(), Dice(), **options)


def opened(files: Files, path: str = "/data", **options: object) -> LogDirectory:
    found = directory(files, path, **options)
    found.open()
    return found


def test_a_new_directory_gets_an_identity_and_keeps_it() -> None:
    files = MemoryFiles()
    first = opened(files, cluster_id="AAAAAAAAAAAAAAAAAAAAAA", node_id=3)
    assert first.close()

    second = opened(files)

    written = read_properties(files.read("/data/meta.properties").decode())
    assert set(written) == {"version", "cluster.id", "node.id", "directory.id"}
    assert (written["version"], written["cluster.id"], written["node.id"]) == ("1", "AAAAAAAAAAAAAAAAAAAAAA", "3")
    assert len(written["directory.id"]) == 22
    assert second.identity == first.identity


def test_a_directory_without_a_name_makes_one_up() -> None:
    found = opened(MemoryFiles())

    assert found.identity.cluster_id is not None
    assert len(found.identity.cluster_id) == 22
    assert found.identity.node_id == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cluster_id": "other"}, r"meta.properties: cluster.id is \S+, expected other: use another directory"),
        ({"node_id": 9}, r"node.id is 0, expected 9"),
    ],
)
def test_the_directory_of_somebody_else_is_refused(options: dict, text: str) -> None:
    files = MemoryFiles()
    assert opened(files).close()

    with pytest.raises(DirectoryRefused, match=text):
        opened(files, **options)

    # The refusal does not keep the lock.
    assert opened(files).close()


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ({"version": "\\u00"}, r"line 1: '\\u00' is no character"),
        ({"version": "0", "broker.id": "1"}, "version 0, expected 1"),
        ({}, "version None, expected 1"),
        ({"version": "1", "node.id": "1"}, "cluster.id is missing"),
        ({"version": "1", "cluster.id": "a", "node.id": "one"}, "node.id is 'one', expected a number"),
    ],
)
def test_a_directory_of_an_unknown_form_is_refused(entries: dict[str, str], text: str) -> None:
    files = MemoryFiles()
    files.make_dirs("/data")
    files.write_atomic("/data/meta.properties", encode_properties(entries))

    with pytest.raises(DirectoryRefused, match=text):
        opened(files)


def test_a_directory_is_opened_by_one_at_a_time() -> None:
    files = MemoryFiles()
    first = opened(files)

    with pytest.raises(Locked):
        opened(files)

    first.close()
    opened(files)


def test_another_process_is_told_that_the_directory_is_taken(tmp_path: Path) -> None:
    held = opened(RealFiles(), str(tmp_path))
    program = (
        "from penstock.kit.files import RealFiles\n"
        "from penstock.kit.clock import SystemClock\n"
        "from penstock.log.directory import LogDirectory\n"
        f"LogDirectory(RealFiles(), {str(tmp_path)!r}, SystemClock(), bytes).open()"
    )

    refused = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert refused.returncode != 0
    assert f"{tmp_path}/.lock is held by another process: stop it, or use another directory" in refused.stderr
    assert held.close()


def test_the_checkpoints_of_a_clean_shutdown_name_every_partition() -> None:
    world = LogWorld(MemoryFiles(), "/data", segment_bytes=300)
    fill(world, 9)
    world.directory.create("other", 3, TOPIC_ID)
    world.partition.delete_records_before(8)

    assert world.directory.close(broker_epoch=17)

    read = world.files.read
    assert sorted(read("/data/recovery-point-offset-checkpoint").split(b"\n"))[1:] == [
        b"0",
        b"2",
        b"orders 0 18",
        b"other 3 0",
    ]
    assert read("/data/replication-offset-checkpoint") == read("/data/recovery-point-offset-checkpoint")
    assert read("/data/log-start-offset-checkpoint") == b"0\n1\norders 0 8\n"
    assert read("/data/.kafka_cleanshutdown") == b'{"version":0,"brokerEpoch":17}'
    world.crash()
    assert world.directory.previous_broker_epoch == 17
    assert not world.files.exists("/data/.kafka_cleanshutdown")


def test_a_log_start_is_written_down_at_once_when_asked() -> None:
    world = LogWorld(MemoryFiles(), "/data")
    values = fill(world, 9)
    world.partition.delete_records_before(7)
    world.directory.checkpoint_starts()
    world.sync()

    world.crash(world.files.after_power_cut())

    assert world.values() == values[7:]


def test_a_partition_that_was_not_shut_down_cleanly_denies_the_directory_the_mark() -> None:
    files = FaultyFiles(MemoryFiles(), torn=True)
    world = LogWorld(files, "/data")
    world.add(b"a")
    files.fail_from_now(1)
    world.append(b"torn")

    assert not world.directory.close()
    assert not files.exists("/data/.kafka_cleanshutdown")
    world.crash()
    assert world.values() == [b"a"]


def test_a_full_disk_does_not_keep_a_directory_from_being_opened() -> None:
    files = MemoryFiles()
    world = LogWorld(files, "/data")
    values = fill(world, 5)
    world.directory.abandon()
    files.capacity = 0

    found = opened(files)
    plan = found.partitions["orders", 0].read_plan(0, 1 << 20, False, True)

    assert isinstance(plan, ReadPlan)
    assert len(plan.slice) > 0
    assert found.partitions["orders", 0].next_offset == len(values)
    assert not found.close()


def test_a_deleted_partition_is_gone_at_once_and_its_files_later() -> None:
    world = LogWorld(MemoryFiles(), "/data", file_delete_delay_ms=1000)
    world.add(b"a")
    deleted = world.partition

    world.directory.delete("orders", 0)
    renamed = [name for name in world.files.list("/data") if name.endswith("-delete")]
    answer = deleted.append(*make_batch([b"b"]), world.clock.now_ms())
    world.directory.sweep(world.clock.advance(999))
    still = [name for name in world.files.list("/data") if name.endswith("-delete")]
    world.directory.sweep(world.clock.advance(1))

    assert ("orders", 0) not in world.directory.partitions
    assert len(renamed) == 1
    assert renamed == still
    assert renamed[0].startswith("orders-0.")
    assert not isinstance(answer, Appended)
    assert not deleted.try_recover(world.clock.advance(10**9))
    assert [name for name in world.files.list("/data") if name.endswith("-delete")] == []


def test_a_topic_can_be_made_again_while_its_old_files_wait() -> None:
    world = LogWorld(MemoryFiles(), "/data")
    world.add(b"old")
    world.directory.delete("orders", 0)

    world.directory.create("orders", 0, bytes(reversed(TOPIC_ID)))
    world.add(b"new")
    world.restart()

    assert world.values() == [b"new"]
    assert world.partition.topic_id == bytes(reversed(TOPIC_ID))


def test_what_was_deleted_before_a_start_does_not_hold_it_up() -> None:
    files = FaultyFiles(MemoryFiles())
    world = LogWorld(files, "/data", file_delete_delay_ms=1000)
    world.directory.delete("orders", 0)

    world.restart()
    removed_by_start = files.calls["remove_tree"]
    world.directory.sweep(world.clock.now_ms())

    assert removed_by_start == 0
    assert [name for name in world.files.list("/data") if name.endswith("-delete")] == []


def test_segments_deleted_before_a_start_do_not_hold_up_who_opens_their_partition() -> None:
    files = FaultyFiles(MemoryFiles())
    world = LogWorld(files, "/data", segment_bytes=300, retention_bytes=600, file_delete_delay_ms=1000)
    fill(world, 15)
    world.partition.apply_retention(world.clock.now_ms())
    marked = world.names(".deleted")

    world.restart()
    world.add(b"opened")
    left = world.names(".deleted")
    world.directory.sweep(world.clock.now_ms(), 0)

    assert marked != []
    assert left == marked
    assert world.names(".deleted") == []


def test_partitions_need_not_lie_together() -> None:
    told: list[str] = []

    class Told(MemoryFiles):
        def spread(self, path: str) -> None:
            told.append(path)

    opened(Told()).close()

    assert told == ["/data"]


def test_deleted_partitions_wait_for_one_sync_not_for_one_each() -> None:
    files = FaultyFiles(MemoryFiles())
    found = opened(files)
    for index in range(5):
        found.create("orders", index, TOPIC_ID)
    before = files.calls["sync_dir"]

    for index in range(5):
        found.delete("orders", index)

    assert files.calls["sync_dir"] == before


def test_files_of_old_segments_are_left_to_whoever_takes_the_rubbish() -> None:
    files = FaultyFiles(MemoryFiles())
    world = LogWorld(files, "/data", segment_bytes=300, retention_bytes=600, file_delete_delay_ms=1000)
    fill(world, 15)
    rubbish = world.directory.ground.rubbish

    world.partition.apply_retention(world.clock.now_ms())
    marked = world.names(".deleted")
    early = rubbish.take(world.clock.advance(999))
    world.partition.apply_retention(world.clock.advance(1))
    unlinked = [name for name in marked if not files.exists(f"/data/orders-0/{name}")]
    taken = rubbish.take(world.clock.now_ms())
    for path in [*taken, *taken]:
        rubbish.remove(path)

    assert marked != []
    assert (early, unlinked) == ([], [])
    assert sorted(taken) == [f"/data/orders-0/{name}" for name in marked]
    assert world.names(".deleted") == []


def test_what_is_no_partition_is_left_alone() -> None:
    files = MemoryFiles()
    world = LogWorld(files, "/data")
    files.make_dirs("/data/lost+found")
    files.make_dirs("/data/orders-1.0123456789abcdef0123456789abcdef-stray")
    files.open("/data/notes-1", create=True)

    world.restart()

    assert list(world.directory.partitions) == [("orders", 0)]
    assert {"lost+found", "notes-1", "orders-1.0123456789abcdef0123456789abcdef-stray"} < set(files.list("/data"))


def test_an_empty_directory_with_the_name_of_a_partition_becomes_one() -> None:
    files = MemoryFiles()
    files.make_dirs("/data/orders-0")

    world = LogWorld(files, "/data")

    assert world.partition.topic_id == bytes(16)
    assert world.add(b"a") == 0


def test_a_partition_that_cannot_be_made_leaves_nothing_behind() -> None:
    for nth in range(1, 20):
        files = FaultyFiles(MemoryFiles())
        found = opened(files)
        before = files.list("/data")
        files.fail_at_nth_call = files.calls.total() + nth
        try:
            found.create("orders", 0, TOPIC_ID)
        except OSError:
            assert files.inner.list("/data") == before
            assert found.partitions == {}
        else:
            assert files.failed == []
            return
    pytest.fail("every call failed in turn, and there was always one more")


def test_a_sweep_takes_its_partitions_in_turn() -> None:
    files = MemoryFiles()
    found = opened(files, settings=LogSettings(retention_ms=1000, segment_ms=1))
    for index in range(5):
        partition = found.create("orders", index, TOPIC_ID)
        partition.append(*make_batch([b"a"], 5), ManualClock().now_ms())

    rounds = [sorted(found.sweep(ManualClock().now_ms(), 2)) for _ in range(4)]

    assert rounds == [[("orders", 0), ("orders", 1)], [("orders", 2), ("orders", 3)], [("orders", 4)], []]


def many(files: Files, count: int) -> LogDirectory:
    found = opened(files)
    for index in range(count):
        partition = found.create("orders", index, TOPIC_ID)
        if index % 100 == 0:
            partition.append(*make_batch([b"value"] * 3, ManualClock().now_ms()), ManualClock().now_ms())
    return found


def test_ten_thousand_partitions_are_found_without_opening_a_log() -> None:
    files = FaultyFiles(MemoryFiles())
    assert many(files, 10_000).close()
    files.calls.clear()

    found = opened(files)
    at_open = files.calls.copy()
    bounds = [(partition.next_offset, partition.high_watermark) for partition in found.partitions.values()]
    plan = found.partitions["orders", 300].read_plan(1, 1 << 20, False, True)

    assert len(found.partitions) == 10_000
    assert at_open["open"] == 0
    # Topic id and leader epochs of each, and the four files of the directory.
    assert at_open["read"] == 2 * 10_000 + 4
    assert at_open["list"] == 10_000 + 1
    assert bounds.count((3, 3)) == 100
    assert bounds.count((0, 0)) == 9_900
    assert len(plan.slice) > 0
    # The log and the two indexes of that one.
    assert files.calls["open"] == 3


def test_files_open_at_once_are_bounded(tmp_path: Path) -> None:
    found = opened(RealFiles(), str(tmp_path), open_segments_max=10)
    now = ManualClock().now_ms()
    for index in range(50):
        found.create("orders", index, TOPIC_ID)
    before = open_files(tmp_path)

    for sequence in range(3):
        for index in range(50):
            answer = found.partitions["orders", index].append(*make_batch([b"%d" % sequence], now), now)
            assert answer == Appended(sequence, -1, 0)
    during = open_files(tmp_path)
    in_flight = [found.partitions["orders", index].read_plan(0, 1 << 20, False, True).slice for index in range(50)]
    with_replies = open_files(tmp_path)
    sizes = {len(piece.read()) for piece in in_flight}
    del in_flight

    assert before <= 10
    assert during <= 10
    assert with_replies == 50
    assert len(sizes) == 1
    assert open_files(tmp_path) <= 10
    assert found.close()


def open_files(path: Path) -> int:
    """Descriptors of this process that refer to logs below `path`."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    targets = []
    for link in links:
        try:
            targets.append(str(link.readlink()))
        except FileNotFoundError:
            continue
    return sum(target.startswith(str(path)) and target.endswith(".log") for target in targets)


def test_a_deleted_partition_takes_no_place_among_the_open_ones() -> None:
    world = LogWorld(MemoryFiles(), "/data", segment_bytes=300, retention_bytes=600)
    open_segments = world.directory.ground.open_segments
    fill(world, 30)

    world.directory.sweep(world.clock.now_ms())
    swept = len(open_segments)
    kept = len(world.partition.segments)
    world.directory.delete("orders", 0)

    assert (swept, len(open_segments)) == (kept, 0)


def test_indexes_of_sealed_segments_are_let_go_and_read_again() -> None:
    world = LogWorld(MemoryFiles(), "/data", segment_bytes=2000, index_interval_bytes=0)
    open_segments = world.directory.ground.open_segments
    open_segments.index_bytes_max = 800
    values = fill(world, 300)

    for _ in range(2):
        assert world.values() == values
        assert world.values(301) == values[301:]

    held = sum(segment.index_bytes for segment in world.partition.segments)
    assert open_segments.index_bytes == held
    assert held <= 800 + 500


def test_what_was_written_down_about_a_deleted_partition_does_not_hold_for_the_next_of_its_name() -> None:
    world = LogWorld(MemoryFiles(), "/data")
    fill(world, 9)
    world.partition.delete_records_before(16)
    world.directory.checkpoint()
    world.directory.delete("orders", 0)
    world.directory.create("orders", 0, bytes(16))
    values = fill(world, 5)

    world.crash(world.files.after_kill())

    assert world.values() == values


def test_a_checkpoint_that_comes_back_after_a_power_cut_does_not_hold_either() -> None:
    world = LogWorld(MemoryFiles(), "/data", segment_bytes=300)
    fill(world, 9)
    world.sync()
    world.directory.checkpoint(sync=True)
    world.directory.delete("orders", 0)
    world.directory.checkpoint()
    world.directory.create("orders", 0, TOPIC_ID)

    left = world.files.after_power_cut()

    assert left.read("/data/recovery-point-offset-checkpoint") == b"0\n0\n"


def test_a_log_start_is_kept_while_its_partition_cannot_be_opened() -> None:
    world = LogWorld(MemoryFiles(), "/data")
    values = fill(world, 9)
    world.partition.delete_records_before(7)
    world.directory.checkpoint_starts()

    world.crash(Unlistable(world.files.after_kill()))
    offline = world.partition.offline
    world.crash(world.files.inner.after_kill())

    assert offline is not None
    assert world.values() == values[7:]


class Unlistable(FaultyFiles):
    """Denies a look into the directory of `orders-0`."""

    def list(self, path: str) -> list[str]:
        if path.endswith("/orders-0"):
            raise OSError(errno.EIO, "the test makes this call fail", path)
        return super().list(path)


def test_deleted_records_stay_deleted_when_the_names_of_their_segments_come_back() -> None:
    world = LogWorld(MemoryFiles(), "/data", segment_bytes=300)
    values = fill(world, 20)
    world.sync()
    world.partition.delete_records_before(12)
    world.partition.apply_retention(world.clock.now_ms())
    first = world.partition.segments[0].base_offset
    world.directory.checkpoint(sync=True)

    world.crash(world.files.after_power_cut())

    assert first == 12
    assert world.partition.segments[0].base_offset == 0
    assert world.values() == values[12:]
