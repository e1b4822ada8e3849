"""The broker under test as a process of its own: Penstock, or Apache Kafka to check a suite itself."""

import queue
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock.testing.apache_kafka import ApacheKafka, apache_kafka

# Access lists are tested with an authoriser that allows all where nothing is said.
APACHE_SETTINGS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
    "super.users": "User:ANONYMOUS",
}

# A store of Apache Kafka 4.3 is formatted with eligible leader replicas on, which turns min.insync.replicas from a
# default of the broker into a setting of the cluster. One node has no replicas to elect from: off, as before 4.1.
APACHE_FEATURES = {"eligible.leader.replicas.version": 0}
START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 20

# What suites for single brokers expect: no wait for further members, short sessions, four partitions, one replica.
SETTINGS = {
    "num.partitions": "4",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "group.consumer.min.heartbeat.interval.ms": "300",
    "group.consumer.heartbeat.interval.ms": "300",
    "group.consumer.assignment.interval.ms": "0",
    "group.share.min.record.lock.duration.ms": "1000",
    "log.segment.delete.delay.ms": "1000",
    # Some suites write records of 2023. Kafka looks half a minute after its start for what is too old: in the middle of
    # a test, when the machine is busy.
    "log.retention.ms": "-1",
}


@dataclass(frozen=True)
class Server:
    """A running broker. log_dir: where the partitions' directories are."""

    name: str
    bootstrap_servers: str
    log_dir: Path
    pid: int

    def served(self) -> dict[int, tuple[int, int]]:
        """{API key: (lowest, highest version)}, asked by hand so that no code of ours answers for itself."""
        api_versions, version, correlation, no_client = 18, 0, 1, -1
        request = struct.pack(">hhih", api_versions, version, correlation, no_client)
        with socket.create_connection((self.host, self.port), timeout=10) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as stream:
                (size,) = struct.unpack(">i", stream.read(4))
                reply = stream.read(size)
        _, error, count = struct.unpack_from(">ihi", reply)
        assert error == 0, error
        triples = [struct.unpack_from(">hhh", reply, 10 + 6 * place) for place in range(count)]
        return {key: (low, high) for key, low, high in triples}

    @property
    def host(self) -> str:
        return self.bootstrap_servers.rpartition(":")[0]

    @property
    def port(self) -> int:
        return int(self.bootstrap_servers.rpartition(":")[2])


class Penstock:
    """`penstock broker` beside us, on one data directory and, after the first start, on one port."""

    def __init__(self, root: Path, config: Mapping[str, str] | None = None, port: int = 0) -> None:
        self.log_dir = root / "data"
        self._log_file = root / "server.log"
        self._settings = {**SETTINGS, "node.id": "0", **(config or {})}
        self._port = port
        self._process: subprocess.Popen[str] | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None, "not started"
        return self._process

    def start(self) -> None:
        listener = f"PLAINTEXT://{self.bootstrap_servers}"
        settings = {**self._settings, "listeners": listener, "advertised.listeners": listener}
        options = [part for name, value in settings.items() for part in ("--config", f"{name}={value}")]
        command = [sys.executable, "-m", "penstock.cli.main", "broker", "--data-dir", str(self.log_dir), *options]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
        try:
            self._port = int(_await_address(self._process, self._log_file).rpartition(":")[2])
        except BaseException:
            self.stop(kill=True)
            raise

    def stop(self, *, kill: bool = False) -> None:
        """A clean shutdown, or SIGKILL when `kill` or when it takes too long. Nothing when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def check(self) -> None:
        """Error: AssertionError when it ended by itself."""
        code = self.process.poll()
        assert code is None, f"Penstock ended by itself, code {code}: {_tail(self._log_file)}"


@contextmanager
def penstock(root: Path) -> Iterator[Server]:
    node = Penstock(root)
    node.start()
    try:
        yield Server("penstock", node.bootstrap_servers, node.log_dir, node.process.pid)
        node.check()
    finally:
        node.stop()


@contextmanager
def apache(root: Path) -> Iterator[Server]:
    with apache_kafka(data_dir=root, config={**SETTINGS, **APACHE_SETTINGS}, features=APACHE_FEATURES) as node:
        yield Server("apache", node.bootstrap_servers, node.log_dir, node.pid)


SERVERS = {"penstock": penstock, "apache": apache}


@contextmanager
def mortal(name: str, root: Path, config: Mapping[str, str]) -> Iterator[Penstock | ApacheKafka]:
    """A broker for one test, with `start()` and `stop(kill=True)`, the same address after every start."""
    if name == "penstock":
        node = Penstock(root, config, _quiet_port())
        node.start()
        try:
            yield node
            node.check()
        finally:
            node.stop(kill=True)
    else:
        settings = {**SETTINGS, **APACHE_SETTINGS, **config}
        with apache_kafka(data_dir=root, config=settings, features=APACHE_FEATURES) as other:
            yield other


def _quiet_port() -> int:
    """A free port below those that the kernel gives to clients: one of them, connected to itself, would hold it."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("100 ports were taken")


def _await_address(process: subprocess.Popen[str], log_file: Path) -> str:
    """The HOST:PORT of the ready line. What follows it is drained: a full pipe would block the broker."""
    found: queue.Queue[str | None] = queue.Queue()

    def drain() -> None:
        for line in process.stdout or ():
            if match := re.search(r"Kafka ready at (\S+:\d+)", line):
                found.put(match.group(1))
        found.put(None)

    threading.Thread(target=drain, daemon=True).start()
    try:
        address = found.get(timeout=START_SECONDS_MAX)
    except queue.Empty:
        address = None
    assert address, (
        f"Penstock printed no line `Kafka ready at HOST:PORT` within {START_SECONDS_MAX} s: {_tail(log_file)}"
    )
    return address


def _tail(log_file: Path) -> str:
    return log_file.read_text(errors="replace")[-3000:]
