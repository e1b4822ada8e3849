"""The disk as an argument: a port narrow enough to be kept in memory, cut off or made to fail, and the real one.

Paths are strings. Every fault of the disk is an `OSError`; the port adds no kind of its own but `Locked`.
"""

import contextlib
import errno
import fcntl
import os
import resource
import shutil
import struct
from typing import Final, Protocol

from penstock.kit.varint import Buffer

# More than this is written in pieces. Linux keeps what one call wrote in one folio as large as the call, and ext4 on a
# virtual machine took up to ten times as long for new memory in folios of a MiB as for four of 256 KiB each:
# docs/decisions/0003-the-disk-inside-the-loop.md.
PIECE_BYTES: Final = 256 << 10

_TEMPORARY: Final = ".tmp"
_CLOSED: Final = -1
_OPEN_UNLIMITED: Final = 1 << 20
# FS_IOC_GETFLAGS and FS_IOC_SETFLAGS of Linux, and the flag that chattr(1) calls T. What another system or file system
# does not know, it refuses.
_FLAGS: Final = struct.Struct("l")
_GET_FLAGS: Final = 2 << 30 | _FLAGS.size << 16 | ord("f") << 8 | 1
_SET_FLAGS: Final = 1 << 30 | _FLAGS.size << 16 | ord("f") << 8 | 2
_TOP_OF_HIERARCHY: Final = 0x20000

# macOS: there fsync(2) leaves the bytes in the drive's own cache, and fdatasync(2) does not exist.
_FULL_SYNC: Final[int | None] = getattr(fcntl, "F_FULLFSYNC", None)

_pwrite = os.pwrite
_pread = os.pread
_close = os.close


class Locked(RuntimeError):
    """Somebody else, in this process or another, holds the lock file."""


class File(Protocol):
    """An open file that grows at its end. `size` is kept in memory: asking for it costs no system call.

    broken: a failed write could not be taken back, so the end of the file is unknown; nothing more is appended.
    The descriptor is given back on `close()` or when nobody refers to the file any more, so a file that was
    removed meanwhile can still be read by a reply in flight.
    """

    @property
    def path(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def broken(self) -> bool: ...

    def append(self, data: Buffer) -> int:
        """The position at which `data` now lies. Whole or not at all: what was half written is cut off again."""
        ...

    def write_at(self, position: int, data: Buffer) -> None:
        """Overwrites, and grows the file where it goes past the end."""
        ...

    def pread(self, size: int, position: int) -> bytes:
        """Up to `size` bytes; fewer only at the end of the file."""
        ...

    def truncate(self, size: int) -> None:
        """Cuts the file to `size` bytes; it is whole again if it was broken."""
        ...

    def sync(self) -> None:
        """Returns when every byte is on the medium. After an error nobody knows which are."""
        ...

    def close(self) -> None: ...

    def fileno(self) -> int | None:
        """The descriptor for sendfile(2), None in memory."""
        ...


class Lock(Protocol):
    """A held lock file; free again after `close()` or the end of the process."""

    def close(self) -> None: ...


class Files(Protocol):
    """What the rooms may do with a disk. Missing files raise FileNotFoundError, as `os` does."""

    def open(self, path: str, *, create: bool = False) -> File:
        """For reading and writing; with `create` an empty one is made when none is there."""
        ...

    def exists(self, path: str) -> bool: ...

    def is_dir(self, path: str) -> bool: ...

    def list(self, path: str) -> list[str]:
        """The names in a directory, sorted."""
        ...

    def size(self, path: str) -> int: ...

    def modified_ms(self, path: str) -> int:
        """When the content last changed, epoch milliseconds."""
        ...

    def make_dirs(self, path: str) -> None:
        """The directory and those above it; one that is there already is fine."""
        ...

    def spread(self, path: str) -> None:
        """Says that the directories in this one have nothing to do with each other. A hint: it cannot fail."""
        ...

    def rename(self, source: str, target: str) -> None:
        """Replaces a target file; a target directory must not exist."""
        ...

    def remove(self, path: str) -> None: ...

    def remove_tree(self, path: str) -> None:
        """A directory and all in it; nothing happens when it is not there."""
        ...

    def sync_dir(self, path: str) -> None:
        """Returns when the names in the directory are on the medium."""
        ...

    def sync_all(self) -> None:
        """Has the system write out whatever it holds. Promises nothing, but many syncs after it are quick."""
        ...

    def read(self, path: str) -> bytes: ...

    def write_atomic(self, path: str, data: Buffer, *, sync: bool = True) -> None:
        """Afterwards the file holds the old bytes or the new, never a part; with `sync` even after a power cut."""
        ...

    def free_bytes(self, path: str) -> int: ...

    def total_bytes(self, path: str) -> int:
        """The size of the file system that holds `path`."""
        ...

    def open_max(self) -> int:
        """How many descriptors, of files as of sockets, this process may have open."""
        ...

    def lock(self, path: str) -> Lock:
        """Takes the lock file, which is made when missing. Error: Locked, at once, when it is held."""
        ...


class FileSlice:
    """Bytes of a file that nobody has read yet: an opaque part of an encoded reply.

    Holding it keeps the file's descriptor open. An empty slice needs no file.
    """

    __slots__ = ("file", "position", "size")

    def __init__(self, file: File | None, position: int, size: int) -> None:
        self.file = file
        self.position = position
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"FileSlice({self.file and self.file.path}, position={self.position}, size={self.size})"

    def read(self) -> bytes:
        """All its bytes. Error: OSError(EIO) when the file has become shorter since."""
        if self.file is None or self.size == 0:
            return b""
        data = self.file.pread(self.size, self.position)
        if len(data) != self.size:
            raise OSError(errno.EIO, f"{len(data)} of {self.size} bytes at {self.position} are left", self.file.path)
        return data


class RealFile:
    """A file of the machine. Positions are given with every call, so the descriptor's own offset never matters."""

    __slots__ = ("_fd", "broken", "path", "size")

    def __init__(self, path: str, fd: int) -> None:
        self._fd = fd
        self.path = path
        self.broken = False
        self.size = os.fstat(fd).st_size

    def __del__(self) -> None:
        self.close()

    def append(self, data: Buffer) -> int:
        position = self.size
        size = len(data)
        if self.broken:
            raise self._refusal()
        try:
            if size > PIECE_BYTES or _pwrite(self._fd, data, position) != size:
                self.write_at(position, data)
        except OSError:
            self._take_back(position)
            raise
        self.size = position + size
        return position

    def write_at(self, position: int, data: Buffer) -> None:
        view = memoryview(data)
        while view:
            written = _pwrite(self._fd, view[:PIECE_BYTES], position)
            view = view[written:]
            position += written
        self.size = max(self.size, position)

    def pread(self, size: int, position: int) -> bytes:
        data = _pread(self._fd, size, position)
        if len(data) == size or position + len(data) >= self.size:
            return data
        # The system reads at most 2 GiB - 4 KiB at once, and less when a signal comes in between.
        return data + self.pread(size - len(data), position + len(data)) if data else data

    def truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)
        self.size = size
        self.broken = False

    def sync(self) -> None:
        _sync(self._fd)

    def close(self) -> None:
        fd, self._fd = self._fd, _CLOSED
        if fd != _CLOSED:
            _close(fd)

    def fileno(self) -> int:
        return self._fd

    def _refusal(self) -> OSError:
        return OSError(errno.EIO, "an earlier write failed and could not be taken back", self.path)

    def _take_back(self, size: int) -> None:
        self.size = size
        try:
            os.ftruncate(self._fd, size)
        except OSError:
            self.broken = True


class _HeldLock:
    __slots__ = ("_fd", "_path")

    def __init__(self, path: str, fd: int) -> None:
        self._path = path
        self._fd = fd

    def close(self) -> None:
        fd, self._fd = self._fd, _CLOSED
        if fd != _CLOSED:
            _held.discard(self._path)
            _close(fd)


# A POSIX lock guards against other processes only, and closing any descriptor of the file frees it;
# so the locks of this process are remembered, and a held file is not even opened a second time.
_held: set[str] = set()


class RealFiles:
    """The disk of the machine."""

    __slots__ = ()

    def open(self, path: str, *, create: bool = False) -> File:
        flags = os.O_RDWR | os.O_CREAT if create else os.O_RDWR
        return RealFile(path, os.open(path, flags, 0o644))

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def is_dir(self, path: str) -> bool:
        return os.path.isdir(path)

    def list(self, path: str) -> list[str]:
        return sorted(os.listdir(path))

    def size(self, path: str) -> int:
        return os.stat(path).st_size

    def modified_ms(self, path: str) -> int:
        return os.stat(path).st_mtime_ns // 1_000_000

    def make_dirs(self, path: str) -> None:
        os.makedirs(path, exist_ok=True)

    def spread(self, path: str) -> None:
        # ext4 keeps what is in one directory together. Where thousands of files were just deleted, each new one then
        # steps over all of their inodes, which it does not use again for a minute (`recently_deleted`): 1,000
        # directories of five files after as many were removed took 4.3 s of system time, with this flag 0.35 s.
        # Source: chattr(1), +T.
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_RDONLY)
            try:
                flags = bytearray(_FLAGS.size)
                fcntl.ioctl(fd, _GET_FLAGS, flags)
                fcntl.ioctl(fd, _SET_FLAGS, _FLAGS.pack(_FLAGS.unpack(flags)[0] | _TOP_OF_HIERARCHY))
            finally:
                _close(fd)

    def rename(self, source: str, target: str) -> None:
        os.replace(source, target)

    def remove(self, path: str) -> None:
        os.remove(path)

    def remove_tree(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)

    def sync_dir(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            _close(fd)

    def sync_all(self) -> None:
        os.sync()

    def read(self, path: str) -> bytes:
        fd = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(fd).st_size
            return _pread(fd, size, 0)
        finally:
            _close(fd)

    def write_atomic(self, path: str, data: Buffer, *, sync: bool = True) -> None:
        temporary = path + _TEMPORARY
        file = RealFile(temporary, os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644))
        try:
            file.append(data)
            if sync:
                file.sync()
        finally:
            file.close()
        os.replace(temporary, path)
        if sync:
            self.sync_dir(os.path.dirname(path) or ".")

    def free_bytes(self, path: str) -> int:
        space = os.statvfs(path)
        return space.f_bavail * space.f_frsize

    def total_bytes(self, path: str) -> int:
        space = os.statvfs(path)
        return space.f_blocks * space.f_frsize

    def open_max(self) -> int:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return _OPEN_UNLIMITED if soft == resource.RLIM_INFINITY else soft

    def lock(self, path: str) -> Lock:
        real = os.path.realpath(path)
        if real in _held:
            raise Locked(f"{path} is held by this process: close what was opened there first")
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            # The same kind of lock that Java takes, so Apache Kafka and we keep out of each other's directories.
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            _close(fd)
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            raise Locked(f"{path} is held by another process: stop it, or use another directory") from None
        _held.add(real)
        return _HeldLock(real, fd)


def _sync(fd: int) -> None:
    if _FULL_SYNC is None:
        # Changes of size are flushed too, times of access are not.
        os.fdatasync(fd)
    else:
        fcntl.fcntl(fd, _FULL_SYNC)
