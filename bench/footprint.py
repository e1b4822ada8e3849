"""What a server takes before any load: time to start, memory at rest, and the price of many partitions."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from bench import scenarios, servers
from bench.process import memory_bytes
from bench.scenarios import Shared
from bench.servers import Server
from bench.wire import ReplyError

_PARTITIONS_PER_TOPIC = 1_000


@dataclass(frozen=True)
class Start:
    """A clean stop, then a start on the data that lies there; memory once it has come to rest."""

    name: str = "start"

    def prepare(self, server: Server, shared: Shared) -> None:
        pass

    def round(self, server: Server, shared: Shared) -> dict[str, Any]:
        server.stop()
        seconds = servers.seconds_to_ready(server)
        time.sleep(shared.plan.seconds_settle)
        return {"start_s": seconds, "memory_at_rest": memory_bytes(server.pid)}

    def finish(self, server: Server, shared: Shared) -> None:
        pass


@dataclass(frozen=True)
class ManyPartitions:
    """Topics of a thousand partitions each: created, held in memory, opened again after a clean stop."""

    name: str = "many-partitions"

    def prepare(self, server: Server, shared: Shared) -> None:
        pass

    def round(self, server: Server, shared: Shared) -> dict[str, Any]:
        wanted = shared.plan.many_partitions
        each = min(wanted, _PARTITIONS_PER_TOPIC)
        topics = {f"many-{number}": each for number in range(wanted // each)}
        # One by one: Apache Kafka refuses 10,000 partitions in one request.
        created = sum(servers.create_topics(server, {name: count}, 900) for name, count in topics.items())
        time.sleep(shared.plan.seconds_settle)
        memory = memory_bytes(server.pid)
        server.stop()
        opened = servers.seconds_to_ready(server)
        time.sleep(shared.plan.seconds_settle)
        found = {
            "partitions": sum(topics.values()),
            "create_s": created,
            "memory": memory,
            "open_s": opened,
            "memory_after_open": memory_bytes(server.pid),
        }
        for topic in topics:
            servers.delete_topic(server, topic, seconds_max=300)
        return found

    def finish(self, server: Server, shared: Shared) -> None:
        pass


@dataclass(frozen=True)
class EndToEnd:
    """Records at a steady rate from a librdkafka producer to a librdkafka consumer."""

    name: str = "end-to-end"

    def prepare(self, server: Server, shared: Shared) -> None:
        servers.create_topics(server, {self.name: 1})

    def round(self, server: Server, shared: Shared) -> dict[str, Any]:
        plan = shared.plan
        # A topic of its own for each round: the consumer starts at offset 0.
        servers.delete_topic(server, self.name)
        servers.create_topics(server, {self.name: 1})
        spec = {
            "port": server.port,
            "topic": self.name,
            "rate": plan.end_to_end_rate,
            "seconds": plan.seconds,
            "skipped": plan.seconds_skipped,
        }
        return run_module("bench.end_to_end", spec)

    def finish(self, server: Server, shared: Shared) -> None:
        servers.delete_topic(server, self.name)


def run_module(module: str, spec: dict[str, Any]) -> dict[str, Any]:
    """What a module that reads and writes JSON answers. Error: ReplyError with what it said when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(spec),
        capture_output=True,
        text=True,
        cwd=scenarios.ROOT,
        check=False,
    )
    if done.returncode:
        raise ReplyError(f"{module}, {spec}: {done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
