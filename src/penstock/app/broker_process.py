"""One broker as a process: from options to exit status."""

import asyncio
import logging
import os
import resource
import signal
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from penstock.app import logs
from penstock.app.node import new_loop, start
from penstock.app.options import OptionError, Options
from penstock.broker.controller import StartError
from penstock.coordinate.metadata.records import MetadataError
from penstock.kit.clock import SystemClock
from penstock.kit.files import Locked, RealFiles
from penstock.kit.settings import SettingError
from penstock.log.directory import DirectoryRefused
from penstock.server.addresses import AddressError

if TYPE_CHECKING:
    from penstock.server.metrics import MetricsEndpoint

log = logging.getLogger("penstock.app")

# What the user can act on: told in one line, without a traceback.
START_FAULTS = (OptionError, AddressError, SettingError, Locked, DirectoryRefused, StartError, MetadataError, OSError)

Ready = Callable[[str, int | None], None]


def run(options: Options, ready: Ready) -> int:
    """Serves until SIGTERM or SIGINT and gives the exit status; a second signal ends the process at once.

    ready: called with HOST:PORT and the metrics port once connections are accepted.
    Errors: START_FAULTS.
    """
    logs.configure()
    _raise_descriptor_limit()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(_serve(options, ready))


async def _serve(options: Options, ready: Ready) -> int:
    told = _listen_to_signals(asyncio.get_running_loop())
    # Like the ports of clients, before the data is touched: one that is taken must not cost a start and a stop.
    endpoint = _open_metrics(options)
    try:
        node = await start(options.broker, options.server, RealFiles(), SystemClock(), os.urandom)
    except BaseException:
        if endpoint is not None:
            endpoint.close()
        raise
    if endpoint is not None:
        endpoint.show(node.server.hub)
    ready(node.address, endpoint.port if endpoint is not None else None)
    await told.wait()
    log.info("stopping: answering what was accepted; a second signal ends the process at once")
    await node.stop()
    if endpoint is not None:
        endpoint.close()
    log.info("stopped")
    return 0


def _open_metrics(options: Options) -> "MetricsEndpoint | None":
    if options.metrics_port is None:
        return None
    # The library is half of the start-up time of a bare broker, so only those who ask for metrics pay for it.
    from penstock.server.metrics import MetricsEndpoint

    return MetricsEndpoint(options.metrics_host, options.metrics_port)


def _listen_to_signals(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """An event that the first SIGTERM or SIGINT sets. The second ends the process, wherever it is."""
    told = asyncio.Event()

    def hear(number: int, frame: FrameType | None) -> None:
        if told.is_set():
            os._exit(128 + number)
        told.set()
        # The event was set between two instructions of whatever ran; this makes a sleeping loop look at it.
        loop.call_soon_threadsafe(lambda: None)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hear)
    return told


def _raise_descriptor_limit() -> None:
    """As many descriptors as the system allows: each connection takes one, each open segment up to three."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            # macOS says "unlimited" and then refuses it.
            log.info("the limit of open files stays at %d", soft)
