"""The clients that make the journeys, each a program of the same form: DRIVER JOURNEY BOOTSTRAP TOPIC [OPTION].

A driver prints one JSON object as its last line:
topics            partitions, config (retention.ms), listed, listed_after_delete
codec CODEC       records: [offset, key, value, header, timestamp] of 200 records
group ASSIGNOR    alone, shared, after_leave: partitions held; values: every value read, by either member
                  848-... is an assignor of the broker's, by the consumer protocol
offsets           first_after_commit, first_after_reset; committed_after_delete where the client deletes groups
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .jvm import program
from .toolchain import CARGO, GO, NODE, find, npm, run, staged

HERE = Path(__file__).parent
JOURNEY_SECONDS_MAX = 90
NUMBERS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
CODECS = tuple(NUMBERS)


@dataclass(frozen=True)
class Client:
    """A client library and what it has; `start` builds it when needed and answers its command."""

    name: str
    start: Callable[[], list[str]]
    codecs: tuple[str, ...] = CODECS
    assignors: tuple[str, ...] = ()
    offsets: bool = True
    # Reads again, after a rebalance, records whose commit was under way: at least once, as groups promise.
    rereads: bool = False

    def travel(self, journey: str, bootstrap: str, topic: str, *option: str) -> dict:
        command = [*self.start(), journey, bootstrap, topic, *option]
        done = subprocess.run(command, capture_output=True, text=True, timeout=JOURNEY_SECONDS_MAX, check=False)
        said = f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        assert done.returncode == 0, f"{self.name} {journey} {option}: exit code {done.returncode}: {said}"
        return json.loads(done.stdout.strip().splitlines()[-1])


def python(folder: str) -> Callable[[], list[str]]:
    return lambda: [sys.executable, str(HERE / folder / "driver.py")]


@cache
def _go() -> Path:
    go = str(find(GO))
    return staged("go", lambda folder: run([go, "build", "-o", "bin/", "./..."], folder, {"GOFLAGS": "-mod=readonly"}))


def go(program: str) -> Callable[[], list[str]]:
    return lambda: [str(_go() / "bin" / program)]


@cache
def _node() -> Path:
    install = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    path = {"PATH": f"{find(NODE).parent}:/usr/local/bin:/usr/bin:/bin"}
    return staged("node", lambda folder: run([*npm(), *install], folder, path))


def node(program: str) -> Callable[[], list[str]]:
    return lambda: [str(find(NODE)), str(_node() / f"{program}.mjs")]


def java() -> list[str]:
    return program("Journeys")


def rust() -> list[str]:
    build = [str(find(CARGO)), "build", "--quiet"]
    folder = staged("rust", lambda folder: run(build, folder))
    return [str(folder / "target" / "debug" / "rskafka-journeys")]


CLIENTS = (
    Client(
        "confluent-kafka",
        python("confluent"),
        assignors=("range", "roundrobin", "cooperative-sticky", "848-uniform", "848-range"),
    ),
    Client(
        "kafka-python",
        python("kafka_python"),
        assignors=("range", "roundrobin", "sticky", "cooperative-sticky"),
    ),
    Client(
        "kafka-clients",
        java,
        assignors=("range", "roundrobin", "sticky", "cooperative-sticky", "848-uniform", "848-range"),
    ),
    Client("aiokafka", python("aiokafka"), assignors=("range", "roundrobin", "sticky")),
    Client(
        "franz-go",
        go("franz"),
        assignors=("range", "roundrobin", "sticky", "cooperative-sticky", "848-uniform", "848-range"),
    ),
    Client("sarama", go("sarama"), assignors=("range", "roundrobin", "sticky")),
    Client("kafkajs", node("kafkajs"), assignors=("roundrobin",)),
    Client(
        "platformatic",
        node("platformatic"),
        assignors=("roundrobin", "cooperative-sticky", "848-uniform", "848-range"),
        rereads=True,
    ),
    Client("rskafka", rust, offsets=False),
)
