"""Kafka Streams with exactly_once_v2: kill -9 of the application and of the broker, and every input counts once."""

import subprocess
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from ..jvm import program
from ..servers import mortal
from .copies import SECONDS_MAX, await_no_open_transaction, committed, create, read

COUNT, PARTITIONS, KEYS = 6_000, 2, 7
FIRST_TIMESTAMP_MS = 1_700_000_000_000
# A hundred numbers fall into one window of a second.
STEP_MS, WINDOW_MS = 10, 1_000
TOPICS = ("totals", "windows")
CONFIG = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200", "num.partitions": str(PARTITIONS)}


@pytest.fixture
def node(request, tmp_path):
    with mortal(request.config.getoption("--broker"), tmp_path, CONFIG) as node:
        yield node


class Application:
    """The topology of Counts.java as a process, killed and started again on one state directory."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self._command = [*program("Counts"), bootstrap, "source", *TOPICS, str(folder / "state")]
        self._log = folder / "streams.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def leave(self) -> None:
        self.process.terminate()
        self.process.wait(SECONDS_MAX)

    def check(self) -> None:
        assert self.process.poll() is None, self._log.read_text()[-3000:]


class Watcher:
    """Counts what the application writes, committed or not."""

    def __init__(self, bootstrap: str) -> None:
        settings = {"bootstrap.servers": bootstrap, "group.id": "watcher", "isolation.level": "read_uncommitted"}
        backoff = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100, "log_level": 0}
        backoff["metadata.recovery.strategy"] = "none"
        self.consumer = Consumer({**settings, **backoff})
        self.consumer.assign([TopicPartition("totals", partition, 0) for partition in range(PARTITIONS)])
        self.count = 0

    def until(self, count: int, application: Application) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while self.count < count:
            assert time.monotonic() < deadline, f"{self.count} of {count} records came"
            application.check()
            self.count += sum(message.error() is None for message in self.consumer.consume(100, 0.1))


def fill(bootstrap: str, start: int, stop: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(start, stop):
        timestamp = FIRST_TIMESTAMP_MS + number * STEP_MS
        producer.produce("source", b"%d" % number, partition=number % PARTITIONS, timestamp=timestamp)
    assert producer.flush(SECONDS_MAX) == 0


def counted(bootstrap: str, topic: str) -> dict[str, list[int]]:
    """The counts that a reader of committed records sees, by key."""
    counts = defaultdict(list)
    for messages in read(bootstrap, topic, PARTITIONS).values():
        for message in messages:
            counts[message.key().decode()].append(int(message.value()))
    return dict(counts)


def each_once(sizes: Counter[str]) -> dict[str, list[int]]:
    """What an exact count says: 1, 2, 3 ... for every key."""
    return {key: list(range(1, size + 1)) for key, size in sizes.items()}


def test_an_exactly_once_topology_counts_every_input_once(node, tmp_path):
    bootstrap, share = node.bootstrap_servers, COUNT // 4
    create(bootstrap, source=PARTITIONS, totals=PARTITIONS, windows=PARTITIONS)
    application = Application(bootstrap, tmp_path)
    application.start()
    watcher = Watcher(bootstrap)
    try:
        # Each time more is there to count than is waited for, so that the blow falls while it is counted.
        fill(bootstrap, 0, 2 * share)
        watcher.until(share // 2, application)
        application.kill()
        application.start()
        watcher.until(watcher.count + share // 2, application)
        node.stop(kill=True)
        node.start()
        fill(bootstrap, 2 * share, 3 * share)
        watcher.until(watcher.count + share // 2, application)
        application.kill()
        fill(bootstrap, 3 * share, COUNT)
        application.start()
        deadline = time.monotonic() + SECONDS_MAX
        while committed(bootstrap, "counts", "source", PARTITIONS) != [COUNT // PARTITIONS] * PARTITIONS:
            assert time.monotonic() < deadline, committed(bootstrap, "counts", "source", PARTITIONS)
            watcher.until(watcher.count, application)
            time.sleep(0.1)
        # The numbers that are read are in the repartition topic; the second part of the topology reads on.
        while sum(len(run) for topic in TOPICS for run in counted(bootstrap, topic).values()) < 2 * COUNT:
            assert time.monotonic() < deadline, "not every number was counted"
        application.leave()
    finally:
        watcher.consumer.close()
        application.kill()

    await_no_open_transaction(bootstrap, source=PARTITIONS, totals=PARTITIONS, windows=PARTITIONS)
    rests = [f"k{number % KEYS}" for number in range(COUNT)]
    starts = [FIRST_TIMESTAMP_MS + number * STEP_MS // WINDOW_MS * WINDOW_MS for number in range(COUNT)]
    assert counted(bootstrap, "totals") == each_once(Counter(rests))
    assert counted(bootstrap, "windows") == each_once(
        Counter(f"{rest}@{start}" for rest, start in zip(rests, starts, strict=True))
    )
