"""Opens the listeners of one broker, and closes them so that nobody loses an answer."""

import asyncio
import logging
import socket
from functools import partial
from typing import Any

from penstock.kit.clock import Clock
from penstock.server.addresses import (
    AddressError,
    Listener,
    advertise,
    check_protocols,
    open_sockets,
    parse_listeners,
    parse_protocols,
)
from penstock.server.connection import Connection
from penstock.server.hub import Hub
from penstock.server.settings import ServerSettings

log = logging.getLogger("penstock.server")

# How often the end of a shutdown is looked for.
_LOOK_S = 0.005
# What a client gets to notice that we have ended our side, before the connection is closed under it.
_GOODBYE_S = 0.5


class Bound:
    """The sockets of all listeners, bound but not yet accepting.

    listeners: with the ports they got; addresses: listener name -> (host, port) that its clients are sent to. Both are
    known before the broker starts, which tells clients the latter.
    """

    def __init__(self, settings: ServerSettings) -> None:
        """Error: AddressError."""
        wanted = parse_listeners("listeners", settings.listeners)
        if not wanted:
            raise AddressError("listeners is empty; a broker needs an address, as in PLAINTEXT://localhost:9092")
        check_protocols(wanted, parse_protocols(settings.listener_protocols))
        self.listeners: list[Listener] = []
        self.sockets: list[list[socket.socket]] = []
        try:
            for listener in wanted:
                bound = open_sockets(listener, settings.send_buffer_bytes, settings.receive_buffer_bytes)
                self.sockets.append(bound)
                self.listeners.append(listener._replace(port=bound[0].getsockname()[1]))
            advertised = parse_listeners("advertised.listeners", settings.advertised_listeners)
            self.addresses = advertise(self.listeners, advertised, _machine_name())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for bound in self.sockets:
            for each in bound:
                each.close()


class Server:
    """A broker that answers. Use `serve`."""

    def __init__(self, hub: Hub, bound: Bound) -> None:
        self.hub = hub
        self.listeners = bound.listeners
        self.addresses = bound.addresses
        self._bound = bound
        self._accepting: list[asyncio.Server] = []

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that clients of the first listener are sent to."""
        return self.addresses[self.listeners[0].name]

    async def start(self) -> None:
        hub = self.hub
        for listener, sockets in zip(self.listeners, self._bound.sockets, strict=True):
            for each in sockets:
                connect = partial(Connection, hub, listener.name)
                backlog = hub.settings.listen_backlog
                self._accepting.append(await hub.loop.create_server(connect, sock=each, backlog=backlog))
        hub.tick()

    async def stop(self) -> None:
        """Accepts and reads nothing more, answers what was read, then closes; bounded by shutdown_ms_max.

        The broker is still open afterwards: closing it is its owner's turn.
        """
        for accepting in self._accepting:
            accepting.close()
        self._bound.close()
        hub = self.hub
        hub.removing.stop()
        connections = list(hub.connections)
        for connection in connections:
            connection.stop_reading()
        deadline = hub.loop.time() + hub.settings.shutdown_ms_max / 1000
        # First what only waits for the disk, then long polls and joins, whose time is declared to be up.
        while (hub.syncing.is_busy or hub.broker.to_sync) and hub.loop.time() < deadline:
            hub.settle()
            await asyncio.sleep(_LOOK_S)
        hub.end_waits()
        while not all(connection.is_done for connection in connections) and hub.loop.time() < deadline:
            await asyncio.sleep(_LOOK_S)
            hub.end_waits()
        await self._say_goodbye(connections)
        hub.timer.cancel()
        hub.syncing.close()
        hub.removing.close()

    async def _say_goodbye(self, connections: list[Connection]) -> None:
        hub = self.hub
        for connection in connections:
            # Who did not read what it was sent in all the time there was gets no more.
            if connection.is_done:
                connection.say_goodbye()
            else:
                connection.abort()
        deadline = hub.loop.time() + _GOODBYE_S
        while hub.connections and hub.loop.time() < deadline:
            await asyncio.sleep(_LOOK_S)
        if hub.connections:
            log.info("%d clients did not leave by themselves, their connections are closed", len(hub.connections))
        for connection in list(hub.connections):
            connection.abort()
        while hub.connections:
            await asyncio.sleep(0)


async def serve(broker: Any, clock: Clock, settings: ServerSettings, bound: Bound | None = None) -> Server:
    """A server on the running loop that accepts connections for `broker`. Error: AddressError.

    bound: sockets opened earlier, when the broker had to know its ports before it started.
    """
    hub = Hub(broker, clock, settings, asyncio.get_running_loop())
    server = Server(hub, bound or Bound(settings))
    await server.start()
    return server


def _machine_name() -> str:
    """What others may call this machine, when a listener on all its addresses is not advertised by name."""
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, None)
    except OSError:
        return "localhost"
    return name
