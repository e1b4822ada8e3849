"""One broker behind its sockets: the same wiring for a process and for a test."""

import asyncio
from collections.abc import Callable

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.controller import StartError
from penstock.broker.core import Broker
from penstock.kit.clock import Clock
from penstock.kit.files import Files
from penstock.server.listener import Bound, Server, serve
from penstock.server.settings import ServerSettings


class Node:
    """A running broker and its server. Use `start`."""

    def __init__(self, broker: Broker, server: Server) -> None:
        self.broker = broker
        self.server = server

    @property
    def address(self) -> str:
        """HOST:PORT of the first listener, as clients are told."""
        host, port = self.server.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def stop(self) -> None:
        """Answers what was accepted, writes checkpoints and the mark of a clean shutdown."""
        await self.server.stop()
        self.broker.close()


async def start(
    settings: BrokerSettings,
    server_settings: ServerSettings,
    files: Files,
    clock: Clock,
    dice: Callable[[int], bytes],
) -> Node:
    """A node on the running loop, accepting connections.

    Errors: AddressError, and those of Broker.start, where an OSError has become a StartError that names the directory.
    """
    # Ports first: a broker that cannot be reached should not touch its data, and it tells clients these ports.
    bound = Bound(server_settings)
    try:
        broker = Broker(settings, files, clock, dice)
        broker.endpoints.update(bound.addresses)
        _open(broker)
        try:
            server = await serve(broker, clock, server_settings, bound)
        except BaseException:
            broker.close()
            raise
    except BaseException:
        bound.close()
        raise
    return Node(broker, server)


def _open(broker: Broker) -> None:
    try:
        broker.start()
    except OSError as error:
        place = error.filename or broker.settings.log_dir
        raise StartError(
            f"the data in {broker.settings.log_dir} cannot be used: {place}: {error.strerror or error}; "
            "expected a directory that this user may write to, on a disk with room (--data-dir, log.dirs)"
        ) from error


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop where there is one (not on Windows), else Python's own loop."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
