"""Disks for tests: one in memory that can lose its power or fill up, and one whose n-th call fails."""

import contextlib
import copy
import errno
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from penstock.kit.clock import Clock
from penstock.kit.files import File, Files, Lock, Locked
from penstock.kit.varint import Buffer

# What a power cut keeps or loses as a whole.
SECTOR_BYTES = 512

# Asked for each thing that was not synced: whether it got to the medium all the same.
Luck = Callable[[], bool]


class _FileNode:
    """What a name refers to; it lives on, nameless, while somebody has it open.

    lost: sectors that a failed sync left behind. The system takes them for clean, so only who writes them anew has
    them synced.
    """

    __slots__ = ("data", "lost", "modified_ms", "synced")

    def __init__(self) -> None:
        self.data = bytearray()
        self.synced = b""
        self.lost: set[int] = set()
        self.modified_ms = 0

    def write(self, position: int, data: Buffer) -> None:
        self.data.extend(bytes(max(0, position - len(self.data))))
        self.data[position : position + len(data)] = data
        if self.lost:
            self.lost.difference_update(range(position // SECTOR_BYTES, (position + len(data) - 1) // SECTOR_BYTES + 1))

    def sync(self) -> None:
        if not self.lost:
            self.synced = bytes(self.data)
            return
        synced = bytearray(self.data)
        for sector in self.lost:
            start, stop = sector * SECTOR_BYTES, min((sector + 1) * SECTOR_BYTES, len(synced))
            if start < stop:
                synced[start:stop] = self.synced[start:stop].ljust(stop - start, b"\x00")
        self.synced = bytes(synced)

    def fail_to_sync(self) -> None:
        self.lost.update(self._unsynced())

    def after_power_cut(self, luck: Luck | None) -> "_FileNode":
        """What the next boot finds: what was synced, and of the rest the sectors that were lucky."""
        left = _FileNode()
        left.modified_ms = self.modified_ms
        left.data = bytearray(self.synced)
        if luck is not None:
            if len(self.data) < len(self.synced) and luck():
                del left.data[len(self.data) :]
            for sector in self._unsynced():
                if luck():
                    start = sector * SECTOR_BYTES
                    left.data.extend(bytes(max(0, start - len(left.data))))
                    left.data[start : start + SECTOR_BYTES] = self.data[start : start + SECTOR_BYTES]
        left.synced = bytes(left.data)
        return left

    def _unsynced(self) -> list[int]:
        sectors = range((len(self.data) + SECTOR_BYTES - 1) // SECTOR_BYTES)
        places = [slice(n * SECTOR_BYTES, (n + 1) * SECTOR_BYTES) for n in sectors]
        return [n for n, place in zip(sectors, places, strict=True) if self.data[place] != self.synced[place]]


class _DirNode:
    """Names now, and the names that a power cut leaves."""

    __slots__ = ("children", "synced")

    def __init__(self) -> None:
        self.children: dict[str, _FileNode | _DirNode] = {}
        self.synced: dict[str, _FileNode | _DirNode] = {}


class MemoryFiles:
    """A disk in memory, empty at first.

    capacity: bytes that all files together may have, None for no limit; may be changed. More is ENOSPC, and nothing
    of it is written.
    clock: what `modified_ms` is read from, always 0 without one.
    """

    def __init__(self, *, capacity: int | None = None, clock: Clock | None = None) -> None:
        self.capacity = capacity
        self.clock = clock
        self._root = _DirNode()
        self._locked: set[str] = set()

    def after_kill(self) -> "MemoryFiles":
        """The disk as the next process finds it: everything written is there, no lock is held."""
        return self._with_root(copy.deepcopy(self._root))

    def after_power_cut(self, luck: Luck | None = None) -> "MemoryFiles":
        """The disk as the next boot finds it: only what was synced, of names as of bytes.

        luck: says of each directory whose names, and each sector whose bytes were not synced, whether they are there
        all the same; without it none are.
        """
        return self._with_root(_durable(self._root, luck))

    def open(self, path: str, *, create: bool = False) -> File:
        parent, name = self._parent(path)
        if create and name not in parent.children:
            parent.children[name] = _FileNode()
        return MemoryFile(self, path, self._file(path))

    def exists(self, path: str) -> bool:
        return self._find(path) is not None

    def is_dir(self, path: str) -> bool:
        return isinstance(self._find(path), _DirNode)

    def list(self, path: str) -> list[str]:
        return sorted(self._dir(path).children)

    def size(self, path: str) -> int:
        return len(self._file(path).data)

    def modified_ms(self, path: str) -> int:
        return self._file(path).modified_ms

    def make_dirs(self, path: str) -> None:
        here = self._root
        for part in _parts(path):
            node = here.children.setdefault(part, _DirNode())
            if not isinstance(node, _DirNode):
                raise FileExistsError(errno.EEXIST, "a file is in the way", path)
            here = node

    def spread(self, path: str) -> None:
        return

    def rename(self, source: str, target: str) -> None:
        node = self._find(source)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", source)
        if self.is_dir(target):
            raise OSError(errno.ENOTEMPTY, "a directory is in the way", target)
        parent, name = self._parent(target)
        parent.children[name] = node
        parent, name = self._parent(source)
        del parent.children[name]

    def remove(self, path: str) -> None:
        self._file(path)
        parent, name = self._parent(path)
        del parent.children[name]

    def remove_tree(self, path: str) -> None:
        if self.exists(path):
            parent, name = self._parent(path)
            del parent.children[name]

    def sync_dir(self, path: str) -> None:
        node = self._dir(path)
        node.synced = dict(node.children)

    def sync_all(self) -> None:
        return

    def read(self, path: str) -> bytes:
        return bytes(self._file(path).data)

    def write_atomic(self, path: str, data: Buffer, *, sync: bool = True) -> None:
        temporary = path + ".tmp"
        file = self.open(temporary, create=True)
        file.truncate(0)
        file.append(data)
        if sync:
            file.sync()
        self.rename(temporary, path)
        if sync:
            self.sync_dir(str(PurePosixPath(path).parent))

    def free_bytes(self, path: str) -> int:
        self._dir(path)
        return 1 << 40 if self.capacity is None else max(0, self.capacity - _used(self._root))

    def total_bytes(self, path: str) -> int:
        self._dir(path)
        return 1 << 40 if self.capacity is None else self.capacity

    def open_max(self) -> int:
        return 1 << 20

    def lock(self, path: str) -> Lock:
        if path in self._locked:
            raise Locked(f"{path} is held: close what was opened there first")
        self.open(path, create=True)
        self._locked.add(path)
        return _MemoryLock(self._locked, path)

    def _with_root(self, root: _DirNode) -> "MemoryFiles":
        files = MemoryFiles(capacity=self.capacity, clock=self.clock)
        files._root = root
        return files

    def _find(self, path: str) -> _FileNode | _DirNode | None:
        here: _FileNode | _DirNode | None = self._root
        for part in _parts(path):
            if not isinstance(here, _DirNode):
                return None
            here = here.children.get(part)
        return here

    def _file(self, path: str) -> _FileNode:
        node = self._find(path)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        if isinstance(node, _DirNode):
            raise IsADirectoryError(errno.EISDIR, "a directory, not a file", path)
        return node

    def _dir(self, path: str) -> _DirNode:
        node = self._find(path)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, "no such directory", path)
        if isinstance(node, _FileNode):
            raise NotADirectoryError(errno.ENOTDIR, "a file, not a directory", path)
        return node

    def _parent(self, path: str) -> tuple[_DirNode, str]:
        parts = _parts(path)
        return self._dir("/".join(parts[:-1])), parts[-1]


class MemoryFile:
    """A file of `MemoryFiles`."""

    broken = False

    def __init__(self, files: MemoryFiles, path: str, node: _FileNode) -> None:
        self._files = files
        self._node = node
        self.path = path

    @property
    def size(self) -> int:
        return len(self._node.data)

    def append(self, data: Buffer) -> int:
        position = self.size
        self.write_at(position, data)
        return position

    def write_at(self, position: int, data: Buffer) -> None:
        growth = position + len(data) - self.size
        if self._files.capacity is not None and growth > self._files.free_bytes("/"):
            raise OSError(errno.ENOSPC, f"the disk in memory has {self._files.capacity} bytes", self.path)
        self._node.write(position, data)
        self._touch()

    def pread(self, size: int, position: int) -> bytes:
        return bytes(memoryview(self._node.data)[position : position + size])

    def truncate(self, size: int) -> None:
        del self._node.data[size:]
        self._node.data.extend(bytes(size - self.size))
        self._touch()

    def sync(self) -> None:
        self._node.sync()

    def fail_to_sync(self) -> None:
        """As fsync(2) does it: an error, and what was to be written counts as clean, though it is not on the medium."""
        self._node.fail_to_sync()

    def close(self) -> None:
        return

    def fileno(self) -> None:
        return None

    def _touch(self) -> None:
        if self._files.clock is not None:
            self._node.modified_ms = self._files.clock.now_ms()


class _MemoryLock:
    def __init__(self, held: set[str], path: str) -> None:
        self._held = held
        self._path = path

    def close(self) -> None:
        self._held.discard(self._path)


class FaultyFiles:
    """Another disk whose calls are counted by name in `calls`, and of which the n-th one that works on it fails.

    fail_at_nth_call: counted from 1 over all files, 0 for never; failures: how many calls in a row fail from there.
    torn: a failing append leaves half its bytes behind and the file broken, as when taking them back fails too.
    `failed` names the calls that did.
    """

    def __init__(
        self,
        inner: Files,
        fail_at_nth_call: int = 0,
        error: OSError | None = None,
        *,
        failures: int = 1,
        torn: bool = False,
    ) -> None:
        self.inner = inner
        self.fail_at_nth_call = fail_at_nth_call
        self.error = error or OSError(errno.EIO, "the test makes this call fail")
        self.failures = failures
        self.torn = torn
        self.calls: Counter[str] = Counter()
        self.failed: list[str] = []

    def fail_from_now(self, failures: int = 1 << 30) -> None:
        """The next calls fail, without an end unless a number is given."""
        self.fail_at_nth_call = self.calls.total() + 1
        self.failures = failures

    def heal(self) -> None:
        """No call fails from now on."""
        self.fail_at_nth_call = 0

    def count(self, verb: str, path: str) -> None:
        """One more call; raises the error when its turn has come."""
        self.calls[verb] += 1
        turn = self.calls.total() - self.fail_at_nth_call
        if self.fail_at_nth_call and 0 <= turn < self.failures:
            self.failed.append(f"{verb} {path}")
            raise OSError(self.error.errno, self.error.strerror, path)

    def open(self, path: str, *, create: bool = False) -> File:
        self.count("open", path)
        return FaultyFile(self, self.inner.open(path, create=create))

    def exists(self, path: str) -> bool:
        return self.inner.exists(path)

    def is_dir(self, path: str) -> bool:
        return self.inner.is_dir(path)

    def list(self, path: str) -> list[str]:
        self.count("list", path)
        return self.inner.list(path)

    def size(self, path: str) -> int:
        self.count("size", path)
        return self.inner.size(path)

    def modified_ms(self, path: str) -> int:
        self.count("modified_ms", path)
        return self.inner.modified_ms(path)

    def make_dirs(self, path: str) -> None:
        self.count("make_dirs", path)
        self.inner.make_dirs(path)

    def spread(self, path: str) -> None:
        self.inner.spread(path)

    def rename(self, source: str, target: str) -> None:
        self.count("rename", source)
        self.inner.rename(source, target)

    def remove(self, path: str) -> None:
        self.count("remove", path)
        self.inner.remove(path)

    def remove_tree(self, path: str) -> None:
        self.count("remove_tree", path)
        self.inner.remove_tree(path)

    def sync_dir(self, path: str) -> None:
        self.count("sync_dir", path)
        self.inner.sync_dir(path)

    def sync_all(self) -> None:
        self.inner.sync_all()

    def read(self, path: str) -> bytes:
        self.count("read", path)
        return self.inner.read(path)

    def write_atomic(self, path: str, data: Buffer, *, sync: bool = True) -> None:
        self.count("write_atomic", path)
        self.inner.write_atomic(path, data, sync=sync)

    def free_bytes(self, path: str) -> int:
        return self.inner.free_bytes(path)

    def total_bytes(self, path: str) -> int:
        return self.inner.total_bytes(path)

    def open_max(self) -> int:
        return self.inner.open_max()

    def lock(self, path: str) -> Lock:
        self.count("lock", path)
        return self.inner.lock(path)


class FaultyFile:
    """A file of `FaultyFiles`."""

    def __init__(self, files: FaultyFiles, inner: File) -> None:
        self._files = files
        self._inner = inner
        self._good_size: int | None = None
        self.path = inner.path

    @property
    def size(self) -> int:
        return self._inner.size if self._good_size is None else self._good_size

    @property
    def broken(self) -> bool:
        return self._good_size is not None or self._inner.broken

    def append(self, data: Buffer) -> int:
        if self.broken:
            raise OSError(errno.EIO, "an earlier write failed and could not be taken back", self.path)
        try:
            self._files.count("append", self.path)
        except OSError:
            self._tear(data)
            raise
        return self._inner.append(data)

    def write_at(self, position: int, data: Buffer) -> None:
        self._files.count("write_at", self.path)
        self._inner.write_at(position, data)

    def pread(self, size: int, position: int) -> bytes:
        self._files.count("pread", self.path)
        return self._inner.pread(size, position)

    def truncate(self, size: int) -> None:
        self._files.count("truncate", self.path)
        self._inner.truncate(size)
        self._good_size = None

    def sync(self) -> None:
        try:
            self._files.count("sync", self.path)
        except OSError:
            if isinstance(self._inner, MemoryFile):
                self._inner.fail_to_sync()
            raise
        self._inner.sync()

    def close(self) -> None:
        self._inner.close()

    def fileno(self) -> int | None:
        return self._inner.fileno()

    def _tear(self, data: Buffer) -> None:
        if self._files.torn:
            self._good_size = self._inner.size
            self._inner.append(data[: len(data) // 2])


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Within, the system writes up to `size` bytes of a real file and refuses the rest: a short write, then EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _used(node: _FileNode | _DirNode) -> int:
    if isinstance(node, _FileNode):
        return len(node.data)
    return sum(map(_used, node.children.values()))


def _durable(here: _DirNode, luck: Luck | None) -> _DirNode:
    left = _DirNode()
    is_lucky = luck is not None and here.children != here.synced and luck()
    for name, node in (here.children if is_lucky else here.synced).items():
        left.children[name] = _durable(node, luck) if isinstance(node, _DirNode) else node.after_power_cut(luck)
    left.synced = dict(left.children)
    return left
