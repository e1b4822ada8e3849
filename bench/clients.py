"""Real clients against both servers: Kafka's own Java performance tools and librdkafka."""

import re
import subprocess
from dataclasses import dataclass
from typing import Any

from bench import servers
from bench.footprint import run_module
from bench.process import cpu_seconds
from bench.scenarios import Shared
from bench.servers import Server
from bench.wire import ReplyError
from penstock.testing import apache_kafka, java

_PARTITIONS = 4
_SECONDS_MAX = 600
_PRODUCED = re.compile(
    r"(?P<rate>[\d.]+) records/sec .*?(?P<p50>\d+) ms 50th, (?P<p95>\d+) ms 95th, (?P<p99>\d+) ms 99th"
)


@dataclass(frozen=True)
class JavaClients:
    """ProducerPerformance as fast as it goes, then ConsumerPerformance over what it wrote."""

    name: str = "java-clients"

    def prepare(self, server: Server, shared: Shared) -> None:
        pass

    def round(self, server: Server, shared: Shared) -> dict[str, Any]:
        records, size = shared.plan.client_records, shared.plan.value_size
        servers.create_topics(server, {self.name: _PARTITIONS})
        try:
            cpu = cpu_seconds(server.pid)
            produced = self._produce(server, records, size)
            produce_cpu, cpu = cpu_seconds(server.pid) - cpu, cpu_seconds(server.pid)
            consumed = self._consume(server, records)
            consume_cpu = cpu_seconds(server.pid) - cpu
        finally:
            servers.delete_topic(server, self.name)
        gigabytes = records * size / 1e9
        return {
            **produced,
            **consumed,
            "produce_cpu_s_per_gb": produce_cpu / gigabytes,
            "consume_cpu_s_per_gb": consume_cpu / gigabytes,
        }

    def finish(self, server: Server, shared: Shared) -> None:
        pass

    def _produce(self, server: Server, records: int, size: int) -> dict[str, float]:
        said = _java_tool(
            "kafka-producer-perf-test",
            *("--bootstrap-server", f"127.0.0.1:{server.port}", "--topic", self.name),
            *("--num-records", records, "--record-size", size, "--throughput", -1),
            *("--command-property", "acks=all"),
        )
        summary = _PRODUCED.search(said.strip().splitlines()[-1])
        if summary is None:
            raise ReplyError(f"ProducerPerformance said {said[-1000:]!r}")
        return {
            "produce_records_per_s": float(summary["rate"]),
            "produce_p50_ms": float(summary["p50"]),
            "produce_p99_ms": float(summary["p99"]),
        }

    def _consume(self, server: Server, records: int) -> dict[str, float]:
        said = _java_tool(
            "kafka-consumer-perf-test",
            *("--bootstrap-server", f"127.0.0.1:{server.port}", "--topic", self.name),
            *("--num-records", records, "--timeout", 60_000),
        )
        lines = [line.split(", ") for line in said.strip().splitlines() if line.count(", ") > 5]
        row = dict(zip(lines[0], lines[-1], strict=True)) if len(lines) > 1 else {}
        if float(row.get("data.consumed.in.nMsg", 0)) < records:
            raise ReplyError(f"ConsumerPerformance said {said[-1000:]!r}")
        # Without the time to join the group, which is the tool's own to spend.
        return {"consume_records_per_s": float(row["fetch.nMsg.sec"])}


@dataclass(frozen=True)
class Librdkafka:
    """librdkafka through confluent-kafka, records handed over ten thousand at a time."""

    name: str = "librdkafka"

    def prepare(self, server: Server, shared: Shared) -> None:
        pass

    def round(self, server: Server, shared: Shared) -> dict[str, Any]:
        servers.create_topics(server, {self.name: _PARTITIONS})
        spec = {
            "port": server.port,
            "server_pid": server.pid,
            "topic": self.name,
            "partitions": _PARTITIONS,
            "records": shared.plan.client_records,
            "value_size": shared.plan.value_size,
        }
        try:
            return run_module("bench.librdkafka", spec)
        finally:
            servers.delete_topic(server, self.name)

    def finish(self, server: Server, shared: Shared) -> None:
        pass


def _java_tool(name: str, *arguments: object) -> str:
    """What the tool printed; with the JVM's own defaults, since here its speed matters."""
    line = java.command(
        apache_kafka.TOOLS[name], *map(str, arguments), jars=apache_kafka.jars(), heap="512m", options=("-server",)
    )
    done = subprocess.run(line, capture_output=True, text=True, timeout=_SECONDS_MAX, check=False)
    if done.returncode:
        raise ReplyError(f"{name}: {(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout
