"""What all connections of one broker share, and the order in which things happen between them."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.outcome import Hangup, Reply, Wait
from penstock.broker.session import Session
from penstock.broker.waiting import FOREVER_MS
from penstock.kit.clock import Clock
from penstock.kit.limits import Places
from penstock.kit.telemetry import Registry
from penstock.protocol.errors import Malformed
from penstock.server.buffers import INBOX_BYTES, Buffers
from penstock.server.connection import SIZE_MIN, Connection
from penstock.server.removing import Removing
from penstock.server.routes import Route, Routes
from penstock.server.settings import ServerSettings, of_broker
from penstock.server.syncing import Syncing
from penstock.server.telemetry import ServerMetrics
from penstock.server.timer import Timer

log = logging.getLogger("penstock.server")


class Hub:
    """One broker, one loop, and the connections between them and the clients.

    After each pass over the bytes of one connection: `settle` asks the waits that the pass woke, sends the replies
    that became ready on any connection, hands partitions to the fsync thread and sets the timer.
    """

    def __init__(self, broker: Any, clock: Clock, settings: ServerSettings, loop: asyncio.AbstractEventLoop) -> None:
        self.broker = broker
        self.clock = clock
        self.now_ms = clock.now_ms
        self.settings = settings
        self.loop = loop
        # A frame that lies in the inbox whole is then never larger than a request may be.
        inbox_bytes = min(INBOX_BYTES, settings.request_bytes_max + 4)
        self.buffers = Buffers(settings.request_bytes_queued_max, inbox_bytes)
        self._broker_settings: Any = broker.configs.settings
        self.places = Places(
            settings.connections_max, settings.connections_per_ip_max, settings.connections_per_ip_exceptions
        )
        self.connections: set[Connection] = set()
        self.marked: list[Connection] = []
        self.metrics = ServerMetrics(Registry())
        self._routes = Routes(broker, self.metrics)
        self.routes: dict[int, Route] = self._routes.known
        self.find_route = self._routes.find
        self.timer = Timer(loop, clock, self.tick)
        self.syncing = Syncing(loop, broker, self.settle)
        self.removing = Removing(broker)
        self.handled = 0
        self.deadlines_moved = False
        self._idle_check_ms = 0

    # Connections come and go.

    def new_session(self, listener: str, transport: asyncio.Transport) -> Session:
        address = transport.get_extra_info("peername") or ("", 0)
        # An IPv4 client at a dual-stack socket is the same client as at an IPv4 one.
        return Session(listener, address[0].removeprefix("::ffff:"), address[1])

    def admit(self, connection: Connection, host: str) -> str:
        """Takes the connection in and gives "", or says why not."""
        refusal = self.places.refusal(host)
        if refusal:
            self.metrics.refused.value += 1
            return refusal
        self.metrics.accepted.value += 1
        connection.host = host
        self.connections.add(connection)
        return ""

    def forget(self, connection: Connection) -> None:
        if connection in self.connections:
            self.metrics.closed.value += 1
            self.connections.discard(connection)
            self.places.leave(connection.host)
            self.broker.waiting.cancel(connection)
            self.broker.disconnected(connection.session)

    def wrong_size(self, size: int) -> Malformed:
        """What to raise for a size that no request has, or none may have."""
        size_max = self.settings.request_bytes_max
        return Malformed(f"a frame of {size} bytes; expected {SIZE_MIN} to {size_max} (socket.request.max.bytes)")

    # The order of things.

    def add_wait(self, wait: Wait, deliver: Callable[[Reply | Hangup], None], owner: Connection) -> None:
        self.broker.waiting.add(wait, deliver, owner)
        self.timer.set(wait.until_ms)

    def settle(self) -> None:
        """Called when a pass is over, whatever the pass was: requests, a timer, an fsync."""
        broker = self.broker
        broker.waiting.settle()
        while self.marked:
            marked, self.marked = self.marked, []
            for connection in marked:
                connection.flush_delivered()
        if broker.to_sync:
            self.syncing.start()
        if self.deadlines_moved:
            # Members that come or go, or take records, set times of their own, which the last `tick` did not know.
            self.deadlines_moved = False
            self.timer.set(broker.next_deadline_ms())

    def tick(self) -> None:
        """What is due now: expired waits, the broker's own deadlines, idle connections."""
        now_ms = self.clock.now_ms()
        try:
            due_ms = self.broker.tick(now_ms)
        except Exception:
            log.exception("the broker's timer failed inside; it is asked again in a second")
            due_ms = now_ms + 1_000
        self.broker.waiting.expire(now_ms)
        self.settle()
        self.removing.start()
        if self.broker.configs.settings is not self._broker_settings:
            self._take_over(self.broker.configs.settings)
        self.timer.set(due_ms)
        self.timer.set(self.broker.waiting.next_deadline_ms())
        self.timer.set(self.close_idle(now_ms))

    def end_waits(self) -> None:
        """Declares the time of all waits to be up: for shutdown."""
        self.broker.waiting.expire(FOREVER_MS)
        self.settle()

    def _take_over(self, broker_settings: BrokerSettings) -> None:
        """The limits of connections may be changed while the broker runs; those who are in stay in."""
        self._broker_settings = broker_settings
        settings = of_broker(broker_settings)
        self.places.limit = settings.connections_max
        self.places.limit_per_name = settings.connections_per_ip_max
        self.places.exceptions = settings.connections_per_ip_exceptions

    def close_idle(self, now_ms: int) -> int:
        """Closes connections that said nothing for too long; gives the time of the next look."""
        idle_ms_max = self.settings.connections_idle_ms_max
        if idle_ms_max <= 0:
            return now_ms + 3_600_000
        if now_ms >= self._idle_check_ms:
            # A tenth of the limit: looking at 10,000 connections takes a millisecond, once a minute by default.
            self._idle_check_ms = now_ms + max(idle_ms_max // 10, 100)
            for connection in list(self.connections):
                if now_ms - connection.active_ms > idle_ms_max and not connection.is_pending:
                    log.info("%r: closed: idle for %d ms", connection, now_ms - connection.active_ms)
                    connection.close(at_once=True)
        return self._idle_check_ms
