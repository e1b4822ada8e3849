"""How bytes leave a connection, in order, and how few of them are held for a reader that is slow.

Numbers and reasons: docs/decisions/0002-event-loop-and-how-bytes-leave.md.
"""

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from penstock.kit.files import FileSlice
from penstock.kit.varint import Buffer

Part = Buffer | FileSlice

# Up to here a slice is read and leaves together with its reply's other parts in one system call; above, sendfile(2)
# spares the copy. On loopback the two cost the same at 16 KiB.
SLICE_READ_MAX = 16_384
# A reply of up to so many parts, as most fetches of one partition or two are, is sent without standing in line.
PARTS_FEW = 8
# What goes through the transport when the socket is full: the memory that a slow reader costs.
CHUNK_BYTES = 131_072
# So much is gathered before it is written: more than a socket takes at once would only wait in memory.
GATHER_BYTES = 262_144
# IOV_MAX of Linux and macOS.
GATHER_PARTS = 1_024
# Below this average size copying parts into one is cheaper than handing the kernel a list of them.
JOIN_PART_BYTES = 4_096
# What a part costs besides its bytes, so that ten thousand unread slices count for something.
PART_OVERHEAD = 256

_NO_FD = -1
_MSG_MORE: int = getattr(socket, "MSG_MORE", 0)
_write = os.write


class Writer:
    """One connection's way out.

    Bytes go straight to the socket's descriptor: that saves the transport's bookkeeping, and only the descriptor can
    take sendfile. What the socket does not take stands in `_backlog`, slices of files unread, until the loop says that
    there is room; then `on_room` is called, which calls `resume`. Where the descriptor is not ours to write (TLS), or
    writing to it failed, bytes go to the transport, which calls `pause` and later `on_room` likewise.

    loop: None to leave the watching for room to the transport. fault: told the reason when the connection must end.
    """

    __slots__ = (
        "_backlog",
        "_closed",
        "_fault",
        "_fd",
        "_loop",
        "_on_room",
        "_socket",
        "_transport",
        "_watched",
        "backlog_bytes",
        "blocked",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        raw: bool,
        fault: Callable[[str], None],
        loop: asyncio.AbstractEventLoop | None = None,
        on_room: Callable[[], None] | None = None,
    ) -> None:
        self._transport = transport
        self._fault = fault
        self._loop = loop
        self._on_room = on_room or self.resume
        # A second descriptor of the socket: loops refuse to watch one that a transport reads from.
        self._watched = _NO_FD
        self._backlog: deque[Any] = deque()
        self.backlog_bytes = 0
        self.blocked = False
        self._closed = False
        self._fd = _NO_FD
        self._socket: socket.socket | None = None
        # With a high mark of 0 the transport says `pause` as soon as it holds a byte, and `resume` when it holds none.
        transport.set_write_buffer_limits(high=0)
        if raw:
            self._fd = transport.get_extra_info("socket").fileno()
            self._socket = socket.socket(fileno=self._fd)

    @property
    def is_idle(self) -> bool:
        """All that was sent has reached the socket."""
        return not (self.blocked or self._backlog)

    @property
    def is_holding(self) -> bool:
        """Something waits for room that the transport knows nothing of."""
        return bool(self._backlog)

    def send(self, parts: Sequence[Any]) -> None:
        """Sends bytes-like parts and FileSlices in order, now or as soon as the reader lets us."""
        if self.blocked or self._fd == _NO_FD:
            self._stand_in_line(parts)
            return
        if FileSlice in map(type, parts):
            if len(parts) <= PARTS_FEW:
                self._send_few(parts)
            else:
                self._stand_in_line(parts)
            return
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        try:
            sent = _write(self._fd, data)
        except OSError as error:
            sent = self._not_sent(error)
        if sent != len(data):
            self._pass_on(memoryview(data)[sent:])

    def pause(self) -> None:
        """The transport holds bytes that the socket did not take."""
        self.blocked = True

    def resume(self) -> None:
        """The transport holds none any more."""
        self.blocked = False
        self._drain()
        if self._watched != _NO_FD and not self.blocked:
            self._stop_watching()

    def close(self) -> None:
        """Forgets what was not sent. The descriptor stays the transport's to close."""
        self._stop_watching()
        self._leave_socket()
        self._backlog.clear()
        self.backlog_bytes = 0
        self.blocked = self._closed = True

    def _send_few(self, parts: Sequence[Any]) -> None:
        """Straight to the socket while it takes everything; the rest stands in line."""
        ready: list[Any] = []
        done = 0
        try:
            for part in parts:
                done += 1
                if type(part) is not FileSlice:
                    ready.append(part)
                elif part.size <= SLICE_READ_MAX:
                    ready.append(part.read())
                else:
                    left = self._offer(ready, _MSG_MORE) if ready else None
                    if left is not None:
                        self._stand_in_line((left, part, *parts[done:]))
                        return
                    ready.clear()
                    sent = self._offer_slice(part)
                    if sent != part.size:
                        rest = FileSlice(part.file, part.position + sent, part.size - sent)
                        self._stand_in_line((rest, *parts[done:]))
                        return
        except OSError as error:
            self._unreadable(error)
            return
        if ready:
            left = self._offer(ready, 0)
            if left is not None:
                self._stand_in_line((left,))

    def _offer(self, parts: list[Any], flags: int) -> memoryview | None:
        """Offers the socket some bytes; gives those that it did not take, None when it took all."""
        out = self._socket
        assert out is not None, "there is a descriptor"
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        try:
            sent = out.send(data, flags)
        except OSError as error:
            sent = self._not_sent(error)
        return None if sent == len(data) else memoryview(data)[sent:]

    def _offer_slice(self, part: FileSlice) -> int:
        """Offers the socket a slice's bytes out of the file; how many it took. Error: OSError when they end early."""
        fd = self._readable(part)
        if fd is None or part.file is None:
            return 0
        try:
            sent = os.sendfile(self._fd, fd, part.position, part.size)
        except OSError as error:
            return self._not_sent(error)
        if not sent:
            raise OSError(errno.EIO, f"{part.size} bytes at {part.position} are not there any more", part.file.path)
        return sent

    def _readable(self, part: FileSlice) -> int | None:
        """The descriptor that sendfile may read, None when there is none or nothing to write it to."""
        return part.file.fileno() if part.file is not None and self._fd != _NO_FD else None

    def _stand_in_line(self, parts: Sequence[Any]) -> None:
        if self._closed:
            return
        self._queue(parts)
        if not self.blocked:
            self._drain()

    def _pass_on(self, data: memoryview | bytes) -> None:
        """What the socket did not take: to the front of the line, or to the transport if that has to watch for room."""
        if self._loop is None or self._fd == _NO_FD:
            self._transport.write(data)
            return
        self._backlog.appendleft(data)
        self.backlog_bytes += PART_OVERHEAD + len(data)
        self._watch()

    def _watch(self) -> None:
        """Has the loop call when the socket takes more."""
        self.blocked = True
        if self._watched == _NO_FD:
            assert self._loop is not None, "somebody watches"
            self._watched = os.dup(self._fd)
            self._loop.add_writer(self._watched, self._on_room)

    def _stop_watching(self) -> None:
        watched, self._watched = self._watched, _NO_FD
        if watched != _NO_FD:
            assert self._loop is not None, "somebody watched"
            self._loop.remove_writer(watched)
            os.close(watched)

    def _queue(self, parts: Sequence[Any]) -> None:
        self._backlog.extend(parts)
        size = PART_OVERHEAD * len(parts)
        for part in parts:
            if type(part) is not FileSlice:
                size += len(part)
        self.backlog_bytes += size

    def _drain(self) -> None:
        backlog = self._backlog
        try:
            while backlog and not self.blocked:
                part = backlog[0]
                if type(part) is FileSlice and part.size > SLICE_READ_MAX:
                    self._send_slice(part)
                else:
                    self._send_gathered()
        except OSError as error:
            self._unreadable(error)

    def _unreadable(self, error: OSError) -> None:
        # The reply's size has left already, so the stream cannot go on.
        self.close()
        self._fault(f"the records of a reply could not be read: {error}")

    def _send_gathered(self) -> None:
        """The parts at the front, up to a large slice or GATHER_BYTES, in one system call."""
        parts, size, more = self._gather()
        out = self._socket
        sent = 0
        joined = parts[0] if len(parts) == 1 else None
        if joined is None and (out is None or size < JOIN_PART_BYTES * len(parts)):
            joined = b"".join(parts)
        if out is not None:
            try:
                sent = out.sendmsg(parts, (), more) if joined is None else out.send(joined, more)
            except OSError as error:
                self._not_sent(error)
        if sent != size:
            self._pass_on(memoryview(b"".join(parts) if joined is None else joined)[sent:])

    def _gather(self) -> tuple[list[Any], int, int]:
        """Takes (parts without slices, their bytes, MSG_MORE if a large slice follows) off the backlog."""
        backlog = self._backlog
        parts: list[Any] = []
        size = 0
        while backlog and size < GATHER_BYTES and len(parts) < GATHER_PARTS:
            part = backlog[0]
            if type(part) is FileSlice:
                if part.size > SLICE_READ_MAX:
                    return parts, size, _MSG_MORE
                part = part.read()
            else:
                self.backlog_bytes -= len(part)
            self.backlog_bytes -= PART_OVERHEAD
            backlog.popleft()
            parts.append(part)
            size += len(part)
        return parts, size, 0

    def _send_slice(self, part: FileSlice) -> None:
        """The large slice at the front, by sendfile until the socket is full.

        Where the transport watches for room, a chunk goes through it, which is what makes it watch; sendfile goes on
        when that has left.
        """
        sent = self._offer_slice(part)
        chunk = b""
        if sent != part.size and (self._loop is None or self._readable(part) is None):
            chunk = FileSlice(part.file, part.position + sent, min(part.size - sent, CHUNK_BYTES)).read()
            sent += len(chunk)
        if sent == part.size:
            self._backlog.popleft()
            self.backlog_bytes -= PART_OVERHEAD
        else:
            self._backlog[0] = FileSlice(part.file, part.position + sent, part.size - sent)
        if chunk:
            self._pass_on(chunk)
        elif sent != part.size:
            self._watch()

    def _not_sent(self, error: OSError) -> int:
        """0 bytes: the socket is full, or gone, which the transport finds out and tells when it writes itself."""
        if not isinstance(error, BlockingIOError):
            self._leave_socket()
        return 0

    def _leave_socket(self) -> None:
        self._stop_watching()
        self._fd = _NO_FD
        if self._socket is not None:
            self._socket.detach()
            self._socket = None
