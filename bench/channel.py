"""One connection of the load generator: sends a pre-encoded stream round and round, counts and verifies replies.

All requests of a stream have one size and so have all replies, so everything is arithmetic on stream positions:
no frame is cut out, no reply is decoded, and checking a chunk of replies is a few strided slices.
"""

import socket
from array import array
from time import perf_counter

from bench.wire import SIZE, ReplyError, Stream, receive
from penstock.protocol.frame import decode_response

RECEIVE_SIZE = 1 << 20
# Shared by all connections: a chunk is looked at before the next one is received.
_chunk = memoryview(bytearray(RECEIVE_SIZE))
_CORRELATION_LOW_AT = 7
_SIZE_LOW_AT = 3
# Replies of a chunk never are more than this; the smallest has some 50 bytes.
_REPLIES_MAX = RECEIVE_SIZE // 32


class Channel:
    """`sent` and `received` are bytes since the start; `replied` counts whole replies."""

    def __init__(self, address: tuple[str, int], stream: Stream) -> None:
        self.stream = stream
        self.replied = 0
        self.sent = 0
        self.received = 0
        self.blocked = False
        # Parallel pairs: at this time so many requests were begun, or replies complete, in all.
        self.begun_times, self.begun_counts = array("d"), array("q")
        self.done_times, self.done_counts = array("d"), array("q")
        self._requests = memoryview(stream.requests)
        self._request_size = stream.request_size
        self._reply_size = 0
        repeat = 2 + _REPLIES_MAX // stream.count
        self._ids = bytes(number & 0xFF for number in range(stream.count)) * repeat
        self.sock = socket.create_connection(address, timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def begun(self) -> int:
        """Requests of which at least one byte was sent."""
        return -(-self.sent // self._request_size)

    def first(self) -> None:
        """Sends the first request alone, reads its reply closely and learns the size of all replies from it."""
        started = perf_counter()
        self.sock.sendall(self._requests[: self._request_size])
        (size,) = SIZE.unpack(receive(self.sock, SIZE.size))
        frame = receive(self.sock, size)
        self._reply_size = SIZE.size + size
        id_, message = decode_response(self.stream.api_key, self.stream.version, frame)
        low, high = frame[self.stream.error_at - SIZE.size : self.stream.error_at - SIZE.size + 2]
        if id_ != 0 or low or high or self._reply_size < self.stream.reply_size_min:
            raise ReplyError(f"first reply ({self._reply_size} bytes): {str(message)[:500]}")
        self.sent, self.received, self.replied = self._request_size, self._reply_size, 1
        self._note_begun(started, 1)
        self._note_done(perf_counter(), 1)
        self.sock.setblocking(False)

    def send(self, limit: int, now: float) -> None:
        """Sends until `limit` requests in all are out, or the socket takes no more (`blocked`)."""
        target = limit * self._request_size
        sent, size, requests, send = self.sent, len(self._requests), self._requests, self.sock.send
        begun = self.begun
        self.blocked = False
        try:
            while sent < target:
                at = sent % size
                sent += send(requests[at : min(size, at + target - sent)])
        except BlockingIOError:
            self.blocked = True
        self.sent = sent
        if self.begun > begun:
            self._note_begun(now, self.begun)

    def receive(self, now: float) -> int:
        """Takes what has arrived and verifies it; gives the number of replies completed by it."""
        try:
            size = self.sock.recv_into(_chunk)
        except BlockingIOError:
            return 0
        if not size:
            raise ReplyError(f"the server hung up after {self.replied} replies")
        self._verify(size)
        self.received += size
        before, self.replied = self.replied, self.received // self._reply_size
        if self.replied > before:
            self._note_done(now, self.replied)
        return self.replied - before

    def fileno(self) -> int:
        return self.sock.fileno()

    def close(self) -> None:
        self.sock.close()

    def _verify(self, size: int) -> None:
        """Sizes, correlation ids and error codes of the replies whose bytes are in this chunk."""
        step, error_at = self._reply_size, self.stream.error_at
        starts = self.received
        if size == step and not starts % step:
            # One whole reply, as it mostly is with many connections: four bytes tell.
            id_ = self._ids[starts // step % self.stream.count]
            told = (_chunk[_SIZE_LOW_AT], _chunk[_CORRELATION_LOW_AT], _chunk[error_at], _chunk[error_at + 1])
            if told == ((step - SIZE.size) & 0xFF, id_, 0, 0):
                return
        sizes = bytes(_chunk[(_SIZE_LOW_AT - starts) % step : size : step])
        expected = (step - SIZE.size) & 0xFF
        if sizes.count(expected) != len(sizes):
            odd = next(place for place, low in enumerate(sizes) if low != expected)
            raise ReplyError(self._odd_size((_SIZE_LOW_AT - starts) % step + odd * step - _SIZE_LOW_AT, size))
        id_at = (_CORRELATION_LOW_AT - starts) % step
        ids = bytes(_chunk[id_at:size:step])
        first = (starts + id_at) // step % self.stream.count
        if ids != self._ids[first : first + len(ids)]:
            raise ReplyError(f"a reply after {self.replied} others has another correlation id than its request")
        errors = (_chunk[(at - starts) % step : size : step] for at in (error_at, error_at + 1))
        if any(map(any, errors)):
            raise ReplyError(f"reply {self.replied} or one of the next few has an error code")

    def _odd_size(self, at: int, size: int) -> str:
        """What to say of the reply that begins `at` bytes into a chunk of `size`, as far as the chunk tells."""
        text = f"a reply after {self.replied} others is not of {self._reply_size} bytes like them"
        if 0 <= at <= size - SIZE.size:
            (said,) = SIZE.unpack_from(_chunk, at)
            text += f" but of {said + SIZE.size}: {bytes(_chunk[at : min(size, at + 100)]).hex()}"
        return text

    def _note_begun(self, now: float, count: int) -> None:
        self.begun_times.append(now)
        self.begun_counts.append(count)

    def _note_done(self, now: float, count: int) -> None:
        self.done_times.append(now)
        self.done_counts.append(count)


def per_request(times: array, counts: array) -> list[float]:
    """The time of each request out of pairs (time, how many in all by then)."""
    expanded: list[float] = []
    for time, count in zip(times, counts, strict=True):
        expanded += [time] * (count - len(expanded))
    return expanded
