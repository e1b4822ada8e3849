"""The two servers of a run behind one face: started, timed, asked for topics, stopped."""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from confluent_kafka.admin import AdminClient, NewTopic

from bench.wire import SIZE, ReplyError, receive, unready
from penstock.testing.apache_kafka import VERSION, ApacheKafka

READY = re.compile(rb"Kafka ready at \S+:(\d+)")
START_SECONDS_MAX = 300
# What Kafka's own start script gives the JVM.
KAFKA_HEAP = "1g"
KAFKA_OPTIONS = (
    "-Xms1g",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
)
# Deleted topics leave the disk after a second instead of a minute, or a run needs room for all of its rounds. The
# records have fixed times of long ago, for which retention would delete them in the middle of a round, and markers,
# which have the time of today, would begin a new segment.
TOPIC_CONFIG = {"file.delete.delay.ms": "1000", "retention.ms": "-1", "segment.ms": str((1 << 63) - 1)}
# Apache Kafka takes the delay of deleted topics from the broker, not from the topic.
DELETE_CONFIG = {"log.segment.delete.delay.ms": TOPIC_CONFIG["file.delete.delay.ms"]}
# How often members of groups report, the same for members of the classic protocol, who choose it themselves.
HEARTBEAT_MS = 1_000
# Waits that both servers keep, short ones, or their work would vanish beside them; and room for 1,000 members.
GROUP_CONFIG = {
    "group.initial.rebalance.delay.ms": "300",
    "group.share.max.size": "1000",
    **{f"group.{kind}.heartbeat.interval.ms": str(HEARTBEAT_MS) for kind in ("consumer", "share", "streams")},
    **{f"group.{kind}.min.heartbeat.interval.ms": str(HEARTBEAT_MS) for kind in ("consumer", "share", "streams")},
    "group.streams.initial.rebalance.delay.ms": "300",
}
# size, ApiVersions, version 0, correlation id, no client id
_API_VERSIONS = bytes.fromhex("0000000a 0012 0000 00000001 ffff")


class Server(Protocol):
    """What a round needs to know. `log_dir`: where partition directories are; `pid`: root of the process tree."""

    name: str
    version: str

    @property
    def port(self) -> int: ...

    @property
    def pid(self) -> int: ...

    @property
    def log_dir(self) -> Path: ...

    def start(self) -> None:
        """Returns when the server serves; again after `stop()`, on the same data and port."""
        ...

    def stop(self) -> None:
        """A clean shutdown."""
        ...


class Penstock:
    """`penstock broker` of this checkout in a process of its own."""

    name = "penstock"

    def __init__(self, root: Path) -> None:
        self.log_dir = root / "data"
        self.port = _free_port()
        self.version = "this checkout"
        self._log = root / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        line = [sys.executable, "-m", "penstock.cli.main", "broker"]
        line += ["--data-dir", str(self.log_dir), "--port", str(self.port)]
        for name, value in {**DELETE_CONFIG, **GROUP_CONFIG}.items():
            line += ["--config", f"{name}={value}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        assert self._process.stdout is not None
        _wait_for_line(self._process.stdout.fileno(), self._log)
        # Nobody reads on, and a full pipe must not stop the server.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Apache:
    """Apache Kafka, one KRaft node, with the heap and the collector of its own start script."""

    name = "apache"
    version = VERSION

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._node = ApacheKafka(
            version=VERSION,
            data_dir=root,
            config={**DELETE_CONFIG, **GROUP_CONFIG},
            features={},
            heap=KAFKA_HEAP,
            options=KAFKA_OPTIONS,
        )

    @property
    def port(self) -> int:
        return self._node.port

    @property
    def pid(self) -> int:
        return self._node.pid

    @property
    def log_dir(self) -> Path:
        return self._node.log_dir

    def start(self) -> None:
        self._node.start()

    def stop(self) -> None:
        self._node.stop()


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server, started; stopped at the end."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


def seconds_to_ready(server: Server) -> float:
    """From the start of the (stopped) server to the first answered request, the same question for every server."""
    failed: list[BaseException] = []
    starter = threading.Thread(target=_remember_failure, args=(server.start, failed), daemon=True)
    begun = time.perf_counter()
    starter.start()
    while not _answers(server.port):
        if failed or time.perf_counter() - begun > START_SECONDS_MAX:
            raise ReplyError(f"{server.name} did not start: {failed}")
        time.sleep(0.002)
    seconds = time.perf_counter() - begun
    starter.join(START_SECONDS_MAX)
    if failed:
        raise ReplyError(f"{server.name} did not start: {failed}")
    return seconds


def admin(server: Server) -> AdminClient:
    return AdminClient({"bootstrap.servers": f"127.0.0.1:{server.port}", "log_level": 0})


def create_topics(server: Server, partitions: dict[str, int], seconds_max: float = 120) -> float:
    """Seconds until all partitions of all of the topics (name and number of partitions) serve."""
    begun = time.perf_counter()
    client = admin(server)
    topics = [NewTopic(name, count, 1, config=TOPIC_CONFIG) for name, count in partitions.items()]
    for created in client.create_topics(topics, operation_timeout=seconds_max, request_timeout=seconds_max).values():
        created.result()
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds_max) as sock:
        while left := unready(sock, partitions):
            if time.perf_counter() - begun > seconds_max:
                raise ReplyError(f"{server.name}: {left} of {partitions} partitions do not serve after {seconds_max} s")
            time.sleep(0.02)
    return time.perf_counter() - begun


def delete_topic(server: Server, name: str, seconds_max: float = 30) -> None:
    """Deletes the topic and waits until its files are gone, so that the next round does not pay for it."""
    client = admin(server)
    for deleted in client.delete_topics([name], operation_timeout=seconds_max).values():
        deleted.result()
    deadline = time.perf_counter() + seconds_max
    while any(server.log_dir.glob(f"{name}[-.]*")) and time.perf_counter() < deadline:
        time.sleep(0.1)


def remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)


def _answers(port: int) -> bool:
    if not port:
        return False
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(_API_VERSIONS)
            (size,) = SIZE.unpack(receive(sock, SIZE.size))
            receive(sock, size)
            return True
    except (OSError, ReplyError):
        return False


def _remember_failure(start: Callable[[], None], failed: list[BaseException]) -> None:
    try:
        start()
    except BaseException as error:
        failed.append(error)


def _wait_for_line(fd: int, log: Path) -> None:
    said = b""
    deadline = time.monotonic() + START_SECONDS_MAX
    while not READY.search(said):
        left = deadline - time.monotonic()
        part = os.read(fd, 4096) if left > 0 and select.select([fd], [], [], left)[0] else b""
        if not part:
            raise ReplyError(f"penstock did not get ready: {said!r}, log: {log.read_text()[-2000:]}")
        said += part


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
