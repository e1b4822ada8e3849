"""A Kafka for tests: inside the process that runs them, or beside it, ready before one has looked for the port."""

import asyncio
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from penstock.app.node import new_loop, start
from penstock.app.options import make_options
from penstock.kit.clock import SystemClock
from penstock.kit.files import Files, RealFiles
from penstock.protocol import frame, messages
from penstock.protocol.apis import ApiKey
from penstock.protocol.errors import KafkaError
from penstock.testing.files import MemoryFiles

# What a test would otherwise wait for: three seconds for members that never come, fifty partitions of offsets.
CONFIGS_FOR_TESTS = {
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "offsets.topic.num.partitions": "4",
}
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
REQUEST_TIMEOUT_S = 30
_CREATE_TOPICS_VERSION = 5
_READY = "Kafka ready at "


class Kafka:
    """A running broker. bootstrap_servers: HOST:PORT for any client; port: the same as a number."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        host, _, port = bootstrap_servers.rpartition(":")
        self.host = host.strip("[]")
        self.port = int(port)

    def __repr__(self) -> str:
        return f"Kafka({self.bootstrap_servers})"

    def topic(self, partitions: int = 1, *, name: str | None = None, configs: Mapping[str, str] | None = None) -> str:
        """The name of a fresh topic: a unique one when none is given. Error: ValueError with Kafka's words."""
        name = name or f"test-{uuid.uuid4().hex[:12]}"
        request = messages.CreateTopicsRequest
        entries = [request.CreatableTopicConfig(name=key, value=value) for key, value in (configs or {}).items()]
        topic = request.CreatableTopic(name=name, num_partitions=partitions, replication_factor=1, configs=entries)
        reply = self._request(ApiKey.CREATE_TOPICS, _CREATE_TOPICS_VERSION, request(topics=[topic], timeout_ms=10_000))
        created = reply.topics[0]
        if created.error_code:
            error = KafkaError(created.error_code).name
            raise ValueError(f"topic {name!r} was not created: {error}: {created.error_message}")
        return name

    def _request(self, key: int, version: int, message: Any) -> Any:
        parts = frame.encode_request(key, version, 1, "penstock-testing", message)
        with socket.create_connection((self.host, self.port), REQUEST_TIMEOUT_S) as connection:
            connection.sendall(b"".join(bytes(part) for part in parts))
            with connection.makefile("rb") as stream:
                size = struct.unpack(">i", stream.read(4))[0]
                return frame.decode_response(key, version, stream.read(size))[1]


@contextmanager
def kafka(
    *,
    configs: Mapping[str, str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    in_memory: bool = True,
    as_process: bool = False,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[Kafka]:
    """A broker for the length of a `with` block, on a free port.

    configs: Kafka's broker settings, added to CONFIGS_FOR_TESTS. data_dir: keeps the data there; without one they are
    in memory or, as_process or with in_memory=False, in a directory that is removed at the end.
    as_process: a process of its own instead of a thread of this one.
    """
    with tempfile.TemporaryDirectory(prefix="penstock-", ignore_cleanup_errors=True) as temporary:
        directory = os.fspath(data_dir) if data_dir is not None else temporary
        settings = CONFIGS_FOR_TESTS | dict(configs or {})
        on_disk = data_dir is not None or not in_memory
        run = (
            _process(settings, directory, host, port)
            if as_process
            else _thread(settings, directory, host, port, on_disk)
        )
        with run as address:
            yield Kafka(address)


@contextmanager
def _thread(settings: Mapping[str, str], directory: str, host: str, port: int, on_disk: bool) -> Iterator[str]:
    """A node on a loop in a thread of this process; gives its address."""
    options = make_options(settings, data_dir=directory, host=host, port=port)
    clock = SystemClock()
    files: Files = RealFiles() if on_disk else MemoryFiles(clock=clock)
    loop = new_loop()
    thread = threading.Thread(target=loop.run_forever, name="penstock-kafka", daemon=True)
    thread.start()

    def wait(coroutine: Coroutine[Any, Any, Any], timeout_s: float) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout_s)

    try:
        node = wait(start(options.broker, options.server, files, clock, os.urandom), START_TIMEOUT_S)
        try:
            yield node.address
        finally:
            wait(node.stop(), STOP_TIMEOUT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_TIMEOUT_S)
        loop.close()


@contextmanager
def _process(settings: Mapping[str, str], directory: str, host: str, port: int) -> Iterator[str]:
    """`penstock broker` beside us; gives its address. Its log is shown only when it does not start."""
    command = [sys.executable, "-m", "penstock.cli.main", "broker", "--data-dir", directory]
    command += ["--host", host, "--port", str(port)]
    for name, value in settings.items():
        command += ["--config", f"{name}={value}"]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        # A process that neither gets ready nor ends is ended: then there is nothing more to read.
        too_late = threading.Timer(START_TIMEOUT_S, process.kill)
        too_late.start()
        line = process.stdout.readline()
        too_late.cancel()
        if not line.startswith(_READY):
            process.kill()
            process.wait()
            log.seek(0)
            raise RuntimeError(f"`{' '.join(command)}` did not start:\n{log.read()}")
        try:
            yield line.removeprefix(_READY).strip()
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
