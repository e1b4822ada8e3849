"""kill -9 under load, again and again: what was acknowledged is there, once, in order."""

import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ROUNDS = int(os.environ.get("PENSTOCK_KILL_ROUNDS", "50"))
SEED = int(os.environ.get("PENSTOCK_SEED", "20261"))
PARTITIONS = 3
TOPIC = "kept"
# Kafka's smallest segments, and values that fill them, so that kills fall on rolls too.
PADDING = b"." * 1000
SETTINGS = ("log.segment.bytes=1048576", "log.index.interval.bytes=512", "offsets.topic.num.partitions=3")
ACKNOWLEDGED_PER_ROUND = (50, 600)


class Victim:
    """A broker process on one directory and one port, killed and started again."""

    def __init__(self, data_dir: Path, durability: str) -> None:
        self.data_dir, self.durability, self.port = data_dir, durability, 0
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "penstock.cli.main", "broker", "--data-dir", str(self.data_dir)]
        command += ["--port", str(self.port), "--config", f"penstock.durability={self.durability}"]
        for setting in SETTINGS:
            command += ["--config", setting]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("Kafka ready at "), line
        self.port = int(line.rsplit(":", 1)[1])

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


class Writer:
    """An idempotent producer that outlives its broker; remembers the offset each record was acknowledged at."""

    def __init__(self, address: str) -> None:
        self.producer = Producer(
            {
                "bootstrap.servers": address,
                "enable.idempotence": True,
                "linger.ms": 1,
                "batch.num.messages": 20,
                "reconnect.backoff.ms": 10,
                "reconnect.backoff.max.ms": 50,
                "retry.backoff.ms": 10,
                "message.timeout.ms": 120_000,
                "log_level": 0,
            }
        )
        self.sent: dict[int, int] = defaultdict(int)
        self.offsets: dict[tuple[int, int], int] = {}
        self.fatal: list[KafkaError] = []

    def send(self, partition: int) -> None:
        number = self.sent[partition]
        self.sent[partition] += 1

        def settled(error: KafkaError | None, message) -> None:
            if error is None:
                self.offsets[(partition, number)] = message.offset()
            else:
                self.fatal.append(error)

        self.producer.produce(TOPIC, b"%d " % number + PADDING, partition=partition, on_delivery=settled)

    def until_acknowledged(self, count: int, dice: random.Random) -> None:
        """Sends until so many more are acknowledged; at most a thousand are on their way at any time."""
        target = len(self.offsets) + count
        while len(self.offsets) < target:
            assert not self.fatal, self.fatal[0]
            if sum(self.sent.values()) - len(self.offsets) < 1000:
                for _ in range(10):
                    self.send(dice.randrange(PARTITIONS))
            self.producer.poll(0.001)


def read_all(address: str) -> dict[int, list[tuple[int, int]]]:
    """(offset, number) of every record, by partition, in the order read."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "check", "enable.partition.eof": True})
    rows: dict[int, list[tuple[int, int]]] = {p: [] for p in range(PARTITIONS)}
    try:
        consumer.assign([TopicPartition(TOPIC, p, 0) for p in range(PARTITIONS)])
        open_ends = PARTITIONS
        while open_ends:
            for message in consumer.consume(10_000, timeout=0.2):
                if message.error() is None:
                    rows[message.partition()].append((message.offset(), int(message.value().split()[0])))
                else:
                    assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                    open_ends -= 1
    finally:
        consumer.close()
    return rows


def check(writer: Writer, rows: dict[int, list[tuple[int, int]]]) -> None:
    """Every acknowledged record at its offset; numbers of a partition without a gap, a repeat or a step back."""
    for partition, found in rows.items():
        numbers = [number for _, number in found]
        assert numbers == list(range(writer.sent[partition])), f"partition {partition}"
        assert [offset for offset, _ in found] == list(range(len(found)))
    at = {(p, number): offset for p, found in rows.items() for offset, number in found}
    assert all(at[place] == offset for place, offset in writer.offsets.items())


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize(("durability", "rounds"), [("page-cache", ROUNDS), ("fsync", max(ROUNDS // 5, 5))])
def test_nothing_acknowledged_is_lost_doubled_or_moved(tmp_path, durability, rounds):
    dice = random.Random(SEED)
    victim = Victim(tmp_path / "data", durability)
    victim.start()
    try:
        admin = AdminClient({"bootstrap.servers": victim.address})
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result()
        writer = Writer(victim.address)

        for _ in range(rounds):
            writer.until_acknowledged(dice.randint(*ACKNOWLEDGED_PER_ROUND), dice)
            victim.kill()
            victim.start()

        assert writer.producer.flush(120) == 0
        assert not writer.fatal, f"seed {SEED}: {writer.fatal[0]}"
        check(writer, read_all(victim.address))
    finally:
        victim.kill()
