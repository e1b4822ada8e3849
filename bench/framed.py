"""A channel whose replies differ in size: number, error code and size of each are looked at.

For large replies only: what it costs, it costs for every reply.
"""

from struct import Struct
from time import perf_counter

from bench.channel import RECEIVE_SIZE, Channel
from bench.wire import SIZE, ReplyError, Stream, receive
from penstock.protocol.frame import decode_response

_HEAD = Struct(">Ii")
_chunk = memoryview(bytearray(RECEIVE_SIZE))


class FramedChannel(Channel):
    """As `Channel`, but for what a reply must be: at least `stream.reply_size_min` bytes and without an error."""

    def __init__(self, address: tuple[str, int], stream: Stream) -> None:
        super().__init__(address, stream)
        self._head = bytearray()
        # Enough of a reply to verify it: up to the end of its error code.
        self._head_size = stream.error_at + 2
        self._left = 0

    def first(self) -> None:
        started = perf_counter()
        self.sock.sendall(self._requests[: self._request_size])
        (size,) = SIZE.unpack(receive(self.sock, SIZE.size))
        frame = receive(self.sock, size)
        self._check(SIZE.pack(size) + frame[: self._head_size - SIZE.size], str(self._decoded(frame))[:500])
        self.sent, self.replied = self._request_size, 1
        self.received = SIZE.size + size
        self._note_begun(started, 1)
        self._note_done(perf_counter(), 1)
        self.sock.setblocking(False)

    def receive(self, now: float) -> int:
        try:
            size = self.sock.recv_into(_chunk)
        except BlockingIOError:
            return 0
        if not size:
            raise ReplyError(f"the server hung up after {self.replied} replies")
        self.received += size
        before, at = self.replied, 0
        while at < size:
            if not self._left:
                at = self._begin(at, size)
            step = min(self._left, size - at)
            self._left -= step
            at += step
            if not self._left and not self._head:
                self.replied += 1
        if self.replied > before:
            self._note_done(now, self.replied)
        return self.replied - before

    def _begin(self, at: int, size: int) -> int:
        """Takes what has arrived of a reply's head; where the rest of the chunk begins."""
        missing = self._head_size - len(self._head)
        self._head += _chunk[at : min(size, at + missing)]
        if len(self._head) >= SIZE.size:
            (after_size,) = SIZE.unpack_from(self._head)
            if SIZE.size + after_size < self._head_size:
                raise ReplyError(f"reply {self.replied} has {SIZE.size + after_size} bytes: {self._head.hex()}")
        if len(self._head) == self._head_size:
            self._check(self._head, "")
            self._left = SIZE.size + after_size - self._head_size
            self._head = bytearray()
        return min(size, at + missing)

    def _check(self, head: bytes | bytearray, told: str) -> None:
        size, id_ = _HEAD.unpack_from(head)
        at = self.stream.error_at
        # The first request was number 0 of the stream, and so is every `count`th.
        wrong = []
        if id_ != self.replied % self.stream.count:
            wrong.append(f"correlation id {id_}, expected {self.replied % self.stream.count}")
        if head[at] or head[at + 1]:
            wrong.append(f"error code {int.from_bytes(head[at : at + 2], 'big')}")
        if SIZE.size + size < self.stream.reply_size_min:
            wrong.append(f"{SIZE.size + size} bytes, expected {self.stream.reply_size_min} or more")
        if wrong:
            raise ReplyError(f"reply {self.replied}: {', '.join(wrong)} {told}")

    def _decoded(self, frame: bytes) -> object:
        return decode_response(self.stream.api_key, self.stream.version, frame)[1]
