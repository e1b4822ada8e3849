"""The disks: what both do (the contract), and what only one of them can."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.kit.files import Files, FileSlice, Locked, RealFiles
from penstock.testing.clock import ManualClock
from penstock.testing.contract.files import FilesContract
from penstock.testing.files import FaultyFiles, MemoryFiles, file_size_limit


class TestMemoryFiles(FilesContract):
    @pytest.fixture
    def files(self) -> Files:
        return MemoryFiles()

    @pytest.fixture
    def root(self, files: Files) -> str:
        files.make_dirs("/data")
        return "/data"


class TestRealFiles(FilesContract):
    @pytest.fixture
    def files(self) -> Files:
        return RealFiles()

    @pytest.fixture
    def root(self, tmp_path: Path) -> str:
        return str(tmp_path)


class TestFaultyFilesThatNeverFail(FilesContract):
    @pytest.fixture
    def files(self) -> Files:
        return FaultyFiles(MemoryFiles())

    @pytest.fixture
    def root(self, files: Files) -> str:
        files.make_dirs("/data")
        return "/data"


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


@pytest.mark.parametrize("room", [0, 1, 4])
def test_a_write_that_does_not_fit_is_taken_back_whole(tmp_path: Path, room: int) -> None:
    file = RealFiles().open(f"{tmp_path}/a", create=True)
    file.append(b"kept")

    with file_size_limit(4 + room), pytest.raises(OSError) as caught:
        file.append(b"lost!")

    assert caught.value.errno == errno.EFBIG
    assert (file.size, file.broken) == (4, False)
    assert (tmp_path / "a").read_bytes() == b"kept"
    assert file.append(b"next") == 4


def test_a_descriptor_is_given_back_on_close_and_when_nobody_holds_the_file(tmp_path: Path) -> None:
    before = open_descriptors()
    closed = RealFiles().open(f"{tmp_path}/a", create=True)
    dropped = RealFiles().open(f"{tmp_path}/b", create=True)
    dropped.append(b"xyz")
    in_flight = FileSlice(dropped, 0, 3)

    closed.close()
    closed.close()
    del dropped

    assert open_descriptors() == before + 1
    assert in_flight.read() == b"xyz"
    del in_flight
    assert open_descriptors() == before


def test_a_lock_keeps_another_process_out(tmp_path: Path) -> None:
    lock = f"{tmp_path}/.lock"
    program = f"from penstock.kit.files import RealFiles; RealFiles().lock({lock!r})"
    held = RealFiles().lock(lock)

    refused = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    held.close()
    taken = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert "Locked: " in refused.stderr
    assert "is held by another process: stop it, or use another directory" in refused.stderr
    assert taken.returncode == 0, taken.stderr


def test_an_empty_slice_needs_no_file() -> None:
    assert FileSlice(None, 0, 0).read() == b""
    assert len(FileSlice(None, 0, 0)) == 0


def test_a_power_cut_leaves_what_was_synced() -> None:
    files = MemoryFiles()
    files.make_dirs("/data")
    named = files.open("/data/named", create=True)
    named.append(b"synced")
    named.sync()
    files.sync_dir("/")
    files.sync_dir("/data")
    named.append(b", not synced")
    unnamed = files.open("/data/unnamed", create=True)
    unnamed.append(b"bytes are safe, the name is not")
    unnamed.sync()
    files.write_atomic("/data/hasty", b"renamed", sync=False)

    killed, cut = files.after_kill(), files.after_power_cut()

    assert killed.list("/data") == ["hasty", "named", "unnamed"]
    assert killed.read("/data/named") == b"synced, not synced"
    assert cut.list("/data") == ["named"]
    assert cut.read("/data/named") == b"synced"
    assert files.read("/data/named") == b"synced, not synced"


def test_a_renamed_file_may_have_its_old_name_after_a_power_cut() -> None:
    files = MemoryFiles()
    files.open("/old", create=True).sync()
    files.sync_dir("/")

    files.rename("/old", "/new")

    assert files.after_power_cut().list("/") == ["old"]
    files.sync_dir("/")
    assert files.after_power_cut().list("/") == ["new"]


def test_a_killed_process_holds_no_lock() -> None:
    files = MemoryFiles()
    files.lock("/.lock")

    with pytest.raises(Locked):
        files.lock("/.lock")

    files.after_kill().lock("/.lock")


def test_a_full_disk_in_memory_refuses_and_takes_more_when_it_grows() -> None:
    files = MemoryFiles(capacity=10)
    file = files.open("/a", create=True)
    file.append(b"12345678")

    with pytest.raises(OSError) as caught:
        file.append(b"abc")
    files.capacity = 11
    position = file.append(b"abc")

    assert caught.value.errno == errno.ENOSPC
    assert position == 8
    assert files.free_bytes("/") == 0


def test_the_time_of_the_last_write_is_kept() -> None:
    clock = ManualClock(1000)
    files = MemoryFiles(clock=clock)
    file = files.open("/a", create=True)

    file.append(b"x")
    clock.advance(5)
    files.open("/a")

    assert files.modified_ms("/a") == 1000


def test_the_nth_call_fails_and_the_next_works_again() -> None:
    files = FaultyFiles(MemoryFiles(), 2, OSError(errno.ENOSPC, "no space left"))
    file = files.open("/a", create=True)

    with pytest.raises(OSError) as caught:
        file.append(b"first")
    file.append(b"second")

    assert caught.value.errno == errno.ENOSPC
    assert files.failed == ["append /a"]
    assert files.calls == {"open": 1, "append": 2}
    assert files.inner.read("/a") == b"second"


def test_a_torn_append_breaks_the_file_until_it_is_truncated() -> None:
    files = FaultyFiles(MemoryFiles(), 3, torn=True)
    file = files.open("/a", create=True)
    file.append(b"kept")

    with pytest.raises(OSError):
        file.append(b"torn")
    with pytest.raises(OSError, match="could not be taken back"):
        file.append(b"more")

    assert (file.size, file.broken) == (4, True)
    assert files.inner.read("/a") == b"keptto"
    file.truncate(4)
    assert (file.append(b"more"), file.broken) == (4, False)


def test_a_disk_fails_from_now_until_it_is_healed() -> None:
    files = FaultyFiles(MemoryFiles())
    file = files.open("/a", create=True)

    files.fail_from_now()
    for _ in range(3):
        with pytest.raises(OSError):
            file.append(b"x")
    files.heal()

    assert file.append(b"x") == 0


def test_the_manual_clock_moves_only_by_hand() -> None:
    clock = ManualClock(5_000)

    assert (clock.now_ms(), clock.monotonic_ms()) == (5_000, 0)
    assert clock.advance(20) == 5_020
    clock.set_wall(1_000)
    assert (clock.now_ms(), clock.monotonic_ms()) == (1_000, 20)


def attributes(path: Path) -> str:
    """What lsattr(1) shows of a directory; "" where there is no such program or file system."""
    lsattr = shutil.which("lsattr")
    if lsattr is None:
        return ""
    shown = subprocess.run([lsattr, "-d", str(path)], capture_output=True, text=True, check=False)
    return shown.stdout.split(" ")[0]


def test_the_directories_in_one_that_is_spread_need_not_lie_together(tmp_path: Path) -> None:
    if "e" not in attributes(tmp_path):
        pytest.skip("not on ext4, or without lsattr")

    RealFiles().spread(str(tmp_path))

    assert "T" in attributes(tmp_path)
