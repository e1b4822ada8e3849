"""Apache Kafka itself, as a neighbour to compare with: one KRaft node and its command line tools."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from penstock.testing import java

VERSION = "4.3.1"
_SLF4J = "1.7.36"
# What tools and clients load; the server's own classes are left out, they would double the archive.
_TOOL_CLASSES = "kafka-(clients|tools|server-common|group)|slf4j|jopt|argparse|jackson"
_START_SECONDS_MAX = 60
_STOP_SECONDS_MAX = 30
_STARTED = "Kafka Server started"
_BIND_ATTEMPTS = 5

TOOLS = {
    "kafka-acls": "org.apache.kafka.tools.AclCommand",
    "kafka-broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "kafka-client-metrics": "org.apache.kafka.tools.ClientMetricsCommand",
    "kafka-cluster": "org.apache.kafka.tools.ClusterTool",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-console-share-consumer": "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-delegation-tokens": "org.apache.kafka.tools.DelegationTokenCommand",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-dump-log": "org.apache.kafka.tools.DumpLogSegments",
    "kafka-e2e-latency": "org.apache.kafka.tools.EndToEndLatency",
    "kafka-features": "org.apache.kafka.tools.FeatureCommand",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-groups": "org.apache.kafka.tools.GroupsCommand",
    "kafka-leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
    "kafka-log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "kafka-metadata-quorum": "org.apache.kafka.tools.MetadataQuorumCommand",
    "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "kafka-reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "kafka-replica-verification": "org.apache.kafka.tools.ReplicaVerificationTool",
    "kafka-share-consumer-perf-test": "org.apache.kafka.tools.ShareConsumerPerformance",
    "kafka-share-groups": "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
    "kafka-storage": "kafka.tools.StorageTool",
    "kafka-streams-application-reset": "org.apache.kafka.tools.StreamsResetter",
    "kafka-streams-groups": "org.apache.kafka.tools.streams.StreamsGroupCommand",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
    "kafka-verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
    "kafka-verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
    "kafka-verifiable-share-consumer": "org.apache.kafka.tools.VerifiableShareConsumer",
}
"""Kafka's scripts by name, and the class each of them runs."""

_SINGLE_NODE = {
    "process.roles": "broker,controller",
    "node.id": "0",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
}


class ApacheKafkaError(RuntimeError):
    """Apache Kafka, or one of its tools, did not do what it was started for."""


def jars(version: str = VERSION) -> str:
    """The class path of Kafka's server and tools."""
    kafka = (f"org.apache.kafka:{name}:{version}" for name in ("kafka_2.13", "kafka-tools"))
    return java.classpath(*kafka, f"org.slf4j:slf4j-simple:{_SLF4J}!")


def tool_command(name: str, *arguments: object, version: str = VERSION, log_level: str = "warn") -> list[str]:
    """The command line of a tool, to be started by the caller; `name` as in TOOLS, or a main class."""
    main_class = TOOLS.get(name, name)
    files = jars(version)
    archive = java.class_archive(files, _TOOL_CLASSES)
    return java.command(main_class, *map(str, arguments), jars=files, archive=archive, log_level=log_level)


def tool(
    name: str,
    *arguments: object,
    stdin: str = "",
    timeout: float = 60,
    check: bool = True,
    version: str = VERSION,
) -> subprocess.CompletedProcess[str]:
    """Run one of Kafka's tools to its end; each call starts a JVM, about 0.6 s.

    name: as in TOOLS, or a main class. Error: ApacheKafkaError when `check` and the exit code is not 0.
    """
    line = tool_command(name, *arguments, version=version)
    done = subprocess.run(line, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        said = f"{done.stdout}\n{done.stderr}".strip()
        raise ApacheKafkaError(f"{name} {' '.join(map(str, arguments))}: exit code {done.returncode}: {said}")
    return done


class ApacheKafka:
    """One running node. Made by `apache_kafka()`; attributes are fixed after `start()`."""

    def __init__(
        self,
        version: str,
        data_dir: Path,
        config: Mapping[str, object],
        features: Mapping[str, int],
        heap: str,
        options: tuple[str, ...],
    ):
        self.version = version
        self.data_dir = data_dir
        self.config = dict(config)
        self.features = dict(features)
        self.heap = heap
        self.options = options
        self.port = 0
        self._controller_port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log_file(self) -> Path:
        """What the server logs, at level info."""
        return self.data_dir / "server.log"

    @property
    def log_dir(self) -> Path:
        """Where the partitions' directories are."""
        return self.data_dir / "data"

    def start(self) -> None:
        """Format the storage if it is new, start the server and wait until it serves; again after `stop()` too."""
        for _ in range(_BIND_ATTEMPTS):
            if self._start_once():
                return
        raise ApacheKafkaError(f"Apache Kafka found {_BIND_ATTEMPTS} ports taken between choosing and binding them")

    def stop(self, *, kill: bool = False) -> None:
        """End the server: a clean shutdown, or SIGKILL when `kill` or when it takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def tool(
        self, name: str, *arguments: object, stdin: str = "", timeout: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """`tool()` with `--bootstrap-server` of this node put before the arguments."""
        server = ("--bootstrap-server", self.bootstrap_servers)
        return tool(name, *server, *arguments, stdin=stdin, timeout=timeout, check=check, version=self.version)

    def __enter__(self) -> "ApacheKafka":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_once(self) -> bool:
        """False when somebody else took one of the ports first."""
        self.port = self.port or _free_port()
        self._controller_port = self._controller_port or _free_port()
        properties = self._write_properties()
        if not (self.log_dir / "meta.properties").exists():
            self._format(properties)
        line = java.command(
            "kafka.Kafka",
            str(properties),
            jars=jars(self.version),
            heap=self.heap,
            options=self.options,
            log_level="info",
        )
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            return self._wait_until_started()
        except BaseException:
            self.stop(kill=True)
            raise

    def _format(self, properties: Path) -> None:
        # Joined by `=`, since an id may begin with a dash.
        cluster = f"--cluster-id={_random_cluster_id()}"
        levels = [part for name, level in self.features.items() for part in ("--feature", f"{name}={level}")]
        tool("kafka-storage", "format", cluster, "--config", properties, *levels, version=self.version)

    def _write_properties(self) -> Path:
        listeners = {"PLAINTEXT": self.port, "CONTROLLER": self._controller_port}
        ports = ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items())
        settings = {
            **_SINGLE_NODE,
            "log.dirs": self.log_dir,
            "listeners": ports,
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap_servers}",
            "controller.quorum.voters": f"0@127.0.0.1:{self._controller_port}",
            **self.config,
        }
        path = self.data_dir / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path

    def _wait_until_started(self) -> bool:
        assert self._process is not None, "not started"
        deadline = time.monotonic() + _START_SECONDS_MAX
        while time.monotonic() < deadline:
            exited = self._process.poll() is not None
            log = self.log_file.read_text(errors="replace")
            if _STARTED in log:
                return True
            if exited and "BindException" in log:
                self.port = self._controller_port = 0
                return False
            if exited:
                raise ApacheKafkaError(f"Apache Kafka ended with {self._process.returncode}: {log[-4000:]}")
            time.sleep(0.05)
        raise ApacheKafkaError(f"Apache Kafka did not serve within {_START_SECONDS_MAX} s: {self.log_file}")


@contextmanager
def apache_kafka(
    version: str = VERSION,
    data_dir: str | os.PathLike[str] | None = None,
    config: Mapping[str, object] | None = None,
    features: Mapping[str, int] | None = None,
    heap: str = "512m",
    options: tuple[str, ...] = ("-XX:+UseSerialGC",),
) -> Iterator[ApacheKafka]:
    """A started single KRaft node on ports of 127.0.0.1 that were free; stopped at the end.

    data_dir: kept when given (and used again if it holds a formatted store), else temporary.
    config: settings of server.properties, over those that one node needs. features: levels of a new store that
    are not to be the version's own. options: for the JVM.
    """
    root = Path(data_dir) if data_dir is not None else Path(tempfile.mkdtemp(prefix="apache-kafka-"))
    root.mkdir(parents=True, exist_ok=True)
    try:
        with ApacheKafka(version, root, config or {}, features or {}, heap, options) as node:
            yield node
    finally:
        if data_dir is None:
            shutil.rmtree(root, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _random_cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
