"""What is measured with the load generator: each scenario prepares a server, runs rounds on it and cleans up."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from bench import floor, page_cache, servers
from bench.filler import Filler, NoFiller
from bench.load import Load
from bench.plan import Plan
from bench.process import MemoryPeak
from bench.servers import Server
from bench.wire import ReplyError

ROOT = Path(__file__).resolve().parent.parent
ONE_RECORD_VALUE = 100
KIB, MIB = 1 << 10, 1 << 20


@dataclass
class Shared:
    """What scenarios know of one another: the throughput that others measured sets the rate of the paced ones."""

    plan: Plan
    requests_per_s: dict[str, list[float]]
    filler: Filler | NoFiller = field(default_factory=NoFiller)

    def paced_rate(self, scenario: str) -> float:
        """Requests a second for both servers: a share of what the slower one can do, by its median."""
        found = self.requests_per_s.get(scenario)
        if not found:
            raise ReplyError(f"the paced rounds take their rate from {scenario}: run it as well")
        return self.plan.paced_share * min(found)


class Scenario(Protocol):
    """name: in results and on the command line; alternates: whether rounds of the servers take turns."""

    name: str

    def prepare(self, server: Server, shared: Shared) -> None: ...

    def round(self, server: Server, shared: Shared) -> dict[str, Any]: ...

    def finish(self, server: Server, shared: Shared) -> None: ...


@dataclass(frozen=True)
class Produce:
    """The same batch again and again into a new topic; batch_size 0: one record a request.

    paced_like: name of the scenario that gives the rate; then only latencies matter. idempotent: each connection is a
    producer with sequence numbers.
    """

    name: str
    batch_size: int = 0
    partitions: int = 4
    connections: int = 4
    in_flight: int = 8
    paced_like: str = ""
    idempotent: bool = False

    def prepare(self, server: Server, shared: Shared) -> None:
        pass

    def round(self, server: Server, shared: Shared) -> dict[str, Any]:
        topic = self.name
        servers.create_topics(server, {topic: self.partitions})
        try:
            return generate(server, self.load(server, shared, topic))
        finally:
            servers.delete_topic(server, topic)
            # Whatever one round left to be written must not slow the next one down.
            os.sync()

    def finish(self, server: Server, shared: Shared) -> None:
        pass

    def load(self, server: Server, shared: Shared, topic: str) -> Load:
        plan = shared.plan
        return Load(
            "produce",
            server.port,
            server.pid,
            topic,
            self.partitions,
            self.connections,
            self.in_flight,
            self.batch_size,
            plan.value_size if self.batch_size else ONE_RECORD_VALUE,
            plan.acks,
            requests_max=plan.bytes_max // (self.batch_size or 2 * ONE_RECORD_VALUE),
            seconds_max=plan.seconds,
            seconds_skipped=plan.seconds_skipped,
            rate=shared.paced_rate(self.paced_like) if self.paced_like else 0,
            idempotent=self.idempotent,
        )


@dataclass(frozen=True)
class Fetch:
    """Batches that were produced before, one a request; cold: once, each time from the disk."""

    name: str
    batch_size: int
    partitions: int = 4
    connections: int = 4
    in_flight: int = 4
    cold: bool = False
    paced_like: str = ""

    def prepare(self, server: Server, shared: Shared) -> None:
        servers.create_topics(server, {self.name: self.partitions})
        load = self._load(server, shared)
        count = load.batches * self.partitions
        # One connection for each partition, or the last batches of some would come from others' share.
        generate(
            server,
            replace(load, kind="produce", connections=self.partitions, requests_max=count, seconds_max=600, rate=0),
            skipped=0,
        )
        os.sync()

    def round(self, server: Server, shared: Shared) -> dict[str, Any]:
        load = self._load(server, shared)
        if not self.cold:
            return generate(server, load)
        left = page_cache.drop(segments(server, self.name))
        shared.filler.fill()
        once = replace(load, requests_max=load.batches * self.partitions, seconds_max=600)
        return {**generate(server, once, skipped=0), "cached_share_before": left}

    def finish(self, server: Server, shared: Shared) -> None:
        servers.delete_topic(server, self.name)
        os.sync()

    def _load(self, server: Server, shared: Shared) -> Load:
        plan = shared.plan
        size = plan.bytes_cold if self.cold else plan.bytes_preloaded
        return Load(
            "fetch",
            server.port,
            server.pid,
            self.name,
            self.partitions,
            self.connections,
            self.in_flight,
            self.batch_size,
            plan.value_size,
            plan.acks,
            batches=max(2, size // self.batch_size // self.partitions),
            seconds_max=plan.seconds,
            seconds_skipped=plan.seconds_skipped,
            rate=shared.paced_rate(self.paced_like) if self.paced_like else 0,
        )


def generate(server: Server, load: Load, skipped: float | None = None) -> dict[str, Any]:
    """One run of the load generator in a process of its own, and the server's largest memory meanwhile."""
    if skipped is not None:
        load = replace(load, seconds_skipped=skipped)
    with MemoryPeak(server.pid) as peak:
        done = subprocess.run(
            [sys.executable, "-m", "bench.load"],
            input=load.to_json(),
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
    if done.returncode:
        raise ReplyError(f"{server.name}, {load.topic}: {done.stderr.strip()[-2000:]}")
    return {**json.loads(done.stdout), "memory_peak": peak.bytes}


def segments(server: Server, topic: str) -> Iterable[Path]:
    return (path for directory in server.log_dir.glob(f"{topic}-*") for path in directory.glob("*.log"))


def warm(server: Server, shared: Shared) -> None:
    """Load of every kind, in turn, for the time the plan says."""
    plan = shared.plan
    left = plan.seconds_warm
    step = min(plan.seconds, max(1.0, left / 10))
    brief = replace(plan, seconds=step, seconds_skipped=0, bytes_preloaded=min(plan.bytes_preloaded, 256 * MIB))
    # A name of its own for each: a deleted topic's name may be asked for again before the server has forgotten it.
    kinds: list[Produce | Fetch] = [
        replace(scenario, name=f"warm-up-{scenario.name}")
        for scenario in (*PRODUCE, *IDEMPOTENT, *FETCH)
        if not scenario.paced_like and not getattr(scenario, "cold", False)
    ]
    own = Shared(brief, {})
    while left > 0:
        for scenario in kinds:
            scenario.prepare(server, own)
            try:
                left -= scenario.round(server, own)["seconds"]
            except ReplyError as error:
                # Warm-up measures nothing, so an odd reply is told and costs its share of the time.
                print(error)
                left -= step
            scenario.finish(server, own)


def write_floor(scenario: Produce, shared: Shared, directory: Path) -> dict[str, Any]:
    """The same bytes as a produce scenario's, by write(2)."""
    size, plan = scenario.batch_size, shared.plan
    shared.filler.fill()
    load = Load("produce", 0, 0, "", batch_size=size, value_size=plan.value_size if size else ONE_RECORD_VALUE)
    found = floor.write(load, directory, plan.bytes_max, plan.seconds)
    os.sync()
    return found


# Windows deep enough that no server waits for the generator, and short enough that latency says something.
PRODUCE = (
    Produce("produce-1-record", in_flight=64),
    Produce("produce-16KB", 16 * KIB, in_flight=16),
    Produce("produce-64KB", 64 * KIB, in_flight=8),
    Produce("produce-1MB", MIB, in_flight=2),
)
# The same beside it, from producers that number their batches.
IDEMPOTENT = tuple(replace(scenario, name=f"{scenario.name}-idempotent", idempotent=True) for scenario in PRODUCE[:2])
FETCH = (
    Fetch("fetch-64KB", 64 * KIB, in_flight=4),
    Fetch("fetch-1MB", MIB, in_flight=2),
    Fetch("fetch-cold-64KB", 64 * KIB, in_flight=4, cold=True),
    Fetch("fetch-cold-1MB", MIB, in_flight=2, cold=True),
)
# A paced request never waits for the window: what is late counts as late.
PACED = tuple(
    replace(scenario, name=f"{scenario.name}-paced", paced_like=scenario.name, in_flight=1024)
    for scenario in (*PRODUCE, *FETCH[:2])
)
PARTITIONS = tuple(
    Produce(f"partitions-{count}", 16 * KIB, partitions=count, connections=1, in_flight=32) for count in (1, 10, 100)
)
CONNECTIONS = tuple(
    Produce(f"connections-{count}", partitions=10, connections=count, in_flight=max(1, 128 // count))
    for count in (1, 100, 1000)
)
