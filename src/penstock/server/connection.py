"""One client connection: bytes to frames to replies to bytes, in straight lines."""

import asyncio
import logging
import struct
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, cast

from penstock.broker.outcome import Hangup, Reply, Wait
from penstock.broker.session import Session
from penstock.protocol.errors import Malformed
from penstock.protocol.frame import decode_request_header
from penstock.server.replies import Line
from penstock.server.routes import Route, Unserved
from penstock.server.writer import Writer

if TYPE_CHECKING:
    from penstock.server.hub import Hub

log = logging.getLogger("penstock.server")

# Size, API key and version as one number, correlation id: the part that all request headers share.
_HEAD = struct.Struct(">iIi")
_SIZE = struct.Struct(">i")
HEAD_BYTES = 12
# The smallest request header is of version 0: key, version and correlation id, and nothing after them.
SIZE_MIN = HEAD_BYTES - 4
# A client id of -2 bytes: no header continues like this, so the first request of a connection is read in full.
_NO_TAIL = b"\xff\xfe"
# A longer rest of a header is legal (tagged fields may hold anything), but not worth remembering.
TAIL_BYTES_MAX = 1_024

# So many requests in one pass are small ones, of a client that sends them in bulk.
REQUESTS_MANY = 300

# Why a connection is not read from at the moment: bits of `Connection._paused`.
FOR_MEMORY = 1  # the budget for frames is used up
FOR_REPLIES = 2  # too many replies are pending or unsent
FOR_OTHERS = 4  # other connections have their turn first
FOR_SHUTDOWN = 8
GONE = 16
# With one of these, frames that have arrived are not handled either.
_STOPS = FOR_MEMORY | FOR_REPLIES | GONE


class Connection(asyncio.BufferedProtocol):
    """Reads frames where they lie, calls the broker, sends the replies in the order of the requests.

    Frames whose bytes are all in the shared inbox are handled there. A frame that did not arrive whole moves to
    `_frame`, a buffer of its own. `_target` is what the next bytes are read into, `_at_rest` what that is between
    frames. Frames that may not be handled yet, because the client does not read the replies
    to earlier ones or memory is short, stand in `_held`.
    """

    __slots__ = (
        "_at_rest",
        "_filled",
        "_frame",
        "_held",
        "_hub",
        "_is_ending",
        "_line",
        "_out",
        "_paused",
        "_reserved",
        "_route",
        "_tails",
        "_target",
        "_transport",
        "_writer",
        "active_ms",
        "host",
        "is_marked",
        "listener",
        "session",
    )

    session: Session
    _transport: asyncio.Transport
    _writer: Writer

    def __init__(self, hub: "Hub", listener: str) -> None:
        self._hub = hub
        self.listener = listener
        self._at_rest: Any = hub.buffers.inbox
        self._target: Any = hub.buffers.inbox
        self._frame: bytearray | None = None
        self._filled = 0
        self._reserved = 0
        self._held: bytearray | None = None
        self._route: Route | None = None
        self._paused = 0
        self._out: list[Any] = []
        self._line = Line(self._mark, self._hangup)
        self._tails = [b"", _NO_TAIL, _NO_TAIL]
        self._is_ending = False
        self.active_ms = 0
        self.host = ""
        self.is_marked = False

    def __repr__(self) -> str:
        return f"{self.session.client_host}:{self.session.client_port} on {self.listener}"

    # The transport calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        hub = self._hub
        self._transport = tcp = cast(asyncio.Transport, transport)
        self.session = session = hub.new_session(self.listener, tcp)
        self._writer = Writer(tcp, True, self._fault, hub.loop, self.resume_writing)
        self.active_ms = hub.clock.now_ms()
        refusal = hub.admit(self, session.client_host)
        if refusal:
            self._fault(refusal)

    def get_buffer(self, sizehint: int) -> Any:
        return self._target

    def buffer_updated(self, count: int) -> None:
        if self._paused & (FOR_SHUTDOWN | GONE):
            # Not heard, so it is silence: who is being closed must not keep that off by sending on.
            return
        hub = self._hub
        self.active_ms = now_ms = hub.now_ms()
        frame = self._frame
        if frame is None:
            buffers = hub.buffers
            was_full = count == len(self._target)
            handled = hub.handled
            self._work(buffers.inbox, buffers.inbox_view[:count], now_ms)
            self._at_rest = buffers.narrow if hub.handled - handled > REQUESTS_MANY else buffers.inbox
            if self._frame is None:
                self._target = self._at_rest
            if was_full and not self._paused:
                # The socket holds more. Without a pause the loop would read it at once, and the others would wait.
                self._pause(FOR_OTHERS)
                hub.loop.call_soon(self._unpause, FOR_OTHERS)
        elif count == len(self._target):
            self._arrived(frame, self._filled + count, now_ms)
        else:
            self._filled += count
            self._target = self._target[count:]
            return
        hub.settle()

    def eof_received(self) -> None:
        """The client closed its side; as Kafka does, we close ours and forget what is pending."""

    def pause_writing(self) -> None:
        self._writer.pause()

    def resume_writing(self) -> None:
        self.active_ms = self._hub.now_ms()
        self._writer.resume()
        if self._is_ending and not self._writer.is_holding:
            self._transport.close()
        if self._paused & FOR_REPLIES and self._has_room():
            self._unpause(FOR_REPLIES)

    def connection_lost(self, exc: Exception | None) -> None:
        self._paused |= GONE
        self._writer.close()
        self._held = None
        self._out.clear()
        self._line.slots.clear()
        self._drop_frame()
        self._hub.forget(self)

    # The hub calls these.

    @property
    def is_pending(self) -> bool:
        """The client waits for us to answer, so its silence is not idleness."""
        return bool(self._line.slots) and not self._paused & GONE

    @property
    def is_done(self) -> bool:
        """Every request that was read is handled, and the replies that are ready have reached the socket."""
        return bool(self._paused & GONE) or (self._held is None and self._writer.is_idle)

    def flush_delivered(self) -> None:
        """Sends the replies at the front of the line that somebody else's request or a timer made ready."""
        self.is_marked = False
        self._line.take(self._out)
        self._flush()
        if self._paused & FOR_REPLIES and self._has_room():
            # Soon, not now: handling what is held may make further replies ready while the hub goes through them.
            self._hub.loop.call_soon(self._unpause, FOR_REPLIES)

    def stop_reading(self) -> None:
        """Takes no further request off the socket; those that were read are still answered."""
        self._pause(FOR_SHUTDOWN)

    def say_goodbye(self) -> None:
        """Ends our side after the last reply, and reads on (to the floor), so that the end reaches the client in order.

        Closing a socket that holds unread requests would reset the connection, and might void replies on their way.
        """
        if self._paused & GONE:
            return
        self._paused |= GONE
        self._drop_frame()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()

    def close(self, at_once: bool = False) -> None:
        """Closes when the replies that are ready have left, or at once; asked again, at once."""
        self._flush()
        self._paused |= GONE
        if at_once or self._is_ending or not self._writer.is_holding:
            self._transport.close()
        self._is_ending = True

    def abort(self) -> None:
        """Closes at once."""
        self._paused |= GONE
        self._transport.abort()

    # The way of the bytes.

    def _work(self, data: bytearray, view: memoryview, now_ms: int) -> None:
        """Handles the whole frames at the beginning of `view` (over `data`), answers, and keeps what is left."""
        end = len(view)
        done = 0
        try:
            done = self._handle(data, view, end, now_ms)
        except (Malformed, Unserved) as error:
            self._unreadable(error)
        except Exception:
            log.exception("%r: %s failed inside, the connection is closed", self, self._route)
            self.close()
        if self._out:
            self._flush()
        if done < end and not self._paused & GONE:
            self._keep(view[done:])

    def _handle(self, data: bytearray, view: memoryview, end: int, now_ms: int) -> int:
        """Position after the last frame handled."""
        hub = self._hub
        size_max = hub.settings.request_bytes_max
        position = 0
        while end - position >= HEAD_BYTES and not self._paused & _STOPS:
            size, route_key, _ = _HEAD.unpack_from(data, position)
            if not SIZE_MIN <= size <= size_max:
                raise hub.wrong_size(size)
            after = position + 4 + size
            if after > end:
                break
            route = hub.routes.get(route_key) or hub.find_route(route_key)
            self.session.version = route.version
            self._route = route
            tail = self._tails[route.header_version]
            if not data.startswith(tail, position + HEAD_BYTES, after):
                tail = self._read_tail(route, view[position + 4 : after])
            position = self._run(route, route_key, tail, data, view, position, end, now_ms)
        return position

    def _run(
        self,
        route: Route,
        route_key: int,
        tail: bytes,
        data: bytearray,
        view: memoryview,
        position: int,
        end: int,
        now_ms: int,
    ) -> int:
        """Handles frames as long as API, version and client id stay the same: the way that has to be short."""
        is_bulk = route.is_bulk
        repeated = route.repeated
        session = self.session
        slots = self._line.slots
        out = self._out
        unpack = _HEAD.unpack_from
        startswith = data.startswith
        size_min = SIZE_MIN + len(tail)
        requests = replies = 0
        started_ns = perf_counter_ns()
        while end - position >= HEAD_BYTES:
            size, key, correlation_id = unpack(data, position)
            start = position + HEAD_BYTES
            after = position + 4 + size
            if key != route_key or not size_min <= size <= end - position - 4 or not startswith(tail, start):
                break
            position = after
            requests += 1
            start += len(tail)
            parts = None if repeated is None else repeated.answer(view, start, after, correlation_id, session, now_ms)
            if parts is None:
                parts = self._answer(route, view, start, after, correlation_id, now_ms, started_ns)
            if parts is not None:
                replies += 1
                if slots:
                    self._line.behind(parts)
                else:
                    out += parts
                    if is_bulk:
                        continue
            if self._must_stop():
                break
        self._hub.handled += requests
        route.requests.value += requests
        if replies:
            route.latency.observe((perf_counter_ns() - started_ns) // 1_000, replies)
        return position

    def _answer(
        self,
        route: Route,
        view: memoryview,
        start: int,
        end: int,
        correlation_id: int,
        now_ms: int,
        started_ns: int,
    ) -> list[Any] | None:
        """Asks the broker about the body in view[start:end]; the parts of the reply if there is one at once."""
        request = route.decode(view[start:end], 0)[0]
        outcome = route.handle(request, self.session, now_ms)
        if type(outcome) is Reply:
            if route.repeated is not None:
                route.repeated.learn(view, start, end, request, self.session)
            return route.encode(correlation_id, outcome[0])
        if type(outcome) is Wait:
            self._wait(outcome, route, correlation_id, started_ns)
        elif type(outcome) is Hangup:
            self._hangup(outcome.reason)
        return None

    def _wait(self, wait: Wait, route: Route, correlation_id: int, started_ns: int) -> None:
        slot = self._line.wait(route, correlation_id, started_ns)
        self._hub.add_wait(wait, slot.deliver, self)

    def _must_stop(self) -> bool:
        """Sends what is ready; True when no further frame may be handled now."""
        self._hub.deadlines_moved = True
        if self._out:
            self._flush()
        if not self._has_room():
            self._pause(FOR_REPLIES)
        return bool(self._paused & _STOPS)

    def _has_room(self) -> bool:
        settings = self._hub.settings
        return (
            self._writer.backlog_bytes < settings.reply_bytes_max
            and len(self._line.slots) < settings.replies_pending_max
        )

    def _flush(self) -> None:
        out = self._out
        if out and not self._paused & GONE:
            self._writer.send(out)
        out.clear()

    def _read_tail(self, route: Route, frame: memoryview) -> bytes:
        """The bytes of a header after its correlation id; remembered, since they repeat in every request."""
        header, body = decode_request_header(frame, 0)
        self.session.client_id = header.client_id
        tail = bytes(frame[SIZE_MIN:body])
        if len(tail) <= TAIL_BYTES_MAX:
            self._tails[route.header_version] = tail
        return tail

    # Frames that did not arrive whole.

    def _keep(self, rest: memoryview) -> None:
        """Moves what the shared inbox (or a held buffer) still holds of this connection to memory of its own."""
        if self._paused & _STOPS:
            self._held = bytearray(rest)
            return
        if len(rest) < 4:
            self._begin(4, rest)
            return
        hub = self._hub
        size = _SIZE.unpack_from(rest)[0]
        if not SIZE_MIN <= size <= hub.settings.request_bytes_max:
            self._unreadable(hub.wrong_size(size))
            return
        whole = size + 4
        # Frames that an inbox could hold are not counted: that much each connection may have, or a few clients that
        # announce large frames and never send them would keep everybody else waiting.
        if whole > len(hub.buffers.inbox) and self._reserved != whole:
            if not hub.buffers.budget.reserve(whole, self._granted):
                self._pause(FOR_MEMORY)
                self._reserved = -whole
                self._held = bytearray(rest)
                return
            self._reserved = whole
        self._begin(whole, rest)

    def _begin(self, whole: int, rest: memoryview) -> None:
        frame = self._hub.buffers.take(whole)
        view = memoryview(frame)
        filled = len(rest)
        view[:filled] = rest
        self._frame = frame
        self._filled = filled
        self._target = view[filled:whole]

    def _arrived(self, frame: bytearray, filled: int, now_ms: int) -> None:
        """All bytes that `_begin` asked for are here: the size alone, or a whole frame."""
        buffers = self._hub.buffers
        self._frame = None
        if filled > len(buffers.inbox):
            self._at_rest = buffers.narrow
        self._target = self._at_rest
        if filled == 4:
            self._keep(memoryview(frame))
            return
        self._work(frame, memoryview(frame)[:filled], now_ms)
        buffers.give_back(frame)
        self._release()

    def _granted(self) -> None:
        """The budget has reached us in its line. Who released the bytes is at work, so we go on in the next turn."""
        self._reserved = -self._reserved
        self._hub.loop.call_soon(self._unpause, FOR_MEMORY)

    def _release(self) -> None:
        budget = self._hub.buffers.budget
        reserved, self._reserved = self._reserved, 0
        if reserved < 0:
            budget.cancel(self._granted)
        elif reserved:
            budget.release(reserved)

    def _drop_frame(self) -> None:
        self._frame = None
        self._target = self._at_rest
        self._release()

    # Going on and stopping.

    def _pause(self, reason: int) -> None:
        self._paused |= reason
        self._transport.pause_reading()

    def _unpause(self, reason: int) -> None:
        self._paused &= ~reason
        held = self._held
        if held is not None and not self._paused & _STOPS:
            self._held = None
            self._work(held, memoryview(held), self._hub.now_ms())
            self._hub.settle()
        if not self._paused:
            self._transport.resume_reading()

    def _mark(self) -> None:
        if not self.is_marked:
            self.is_marked = True
            self._hub.marked.append(self)

    def _hangup(self, reason: str) -> None:
        self._fault(reason)

    def _unreadable(self, error: Exception) -> None:
        self._hub.metrics.failed.value += 1
        self._fault(f"the request cannot be read: {error}")

    def _fault(self, reason: str) -> None:
        """Ends the connection, with one line in the log."""
        if not self._paused & GONE:
            log.warning("%r: closed: %s", self, reason)
            self.close()
