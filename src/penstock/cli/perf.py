"""`penstock perf`: how fast a Kafka takes and gives records, with librdkafka as the client."""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from penstock.cli.connect import (
    DEFAULT_BOOTSTRAP_SERVER,
    REQUEST_TIMEOUT_S,
    BootstrapServer,
    CommandConfig,
    Properties,
    client_config,
    describe_fault,
    ensure_reachable,
    fail,
    reported,
)
from penstock.cli.output import Format, Output, show

app = typer.Typer(no_args_is_help=True, help="Measure produce and consume rates.")
# A callback for every record would measure Python; one in so many keeps its cost below the noise.
LATENCY_EVERY = 50
# The share of random bytes in a record, as the OpenMessaging benchmark has it: text would compress away.
RANDOM_SHARE = 0.25


@app.command()
def produce(
    topic: str,
    records: Annotated[int, typer.Option("--records", "-n", min=1)] = 1_000_000,
    record_size: Annotated[int, typer.Option(min=1, help="Bytes in a value.")] = 1024,
    throughput: Annotated[float, typer.Option(min=0, help="Records a second at most; 0 is as fast as it goes.")] = 0,
    acks: Annotated[str, typer.Option(help="all, 1 or 0.")] = "all",
    compression: Annotated[str, typer.Option("--compression", "-z")] = "none",
    batch_size: Annotated[int, typer.Option(min=1, help="Bytes in a batch at most.")] = 1_000_000,
    linger_ms: Annotated[float, typer.Option(min=0)] = 5,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Produce records of one size; rate, and latency from produce call to acknowledgement."""
    with reported():
        defaults = {
            "acks": acks,
            "compression.type": compression,
            "linger.ms": linger_ms,
            "batch.size": batch_size,
            "queue.buffering.max.messages": 500_000,
        }
        producer = Producer(client_config(bootstrap_server, command_config, properties, defaults))
        ensure_reachable(producer, bootstrap_server)
        with progress("produce", records, output) as advance:
            load = Load(producer, topic, make_values(record_size), throughput)
            taken = load.run(records, advance)
        show([result("produce", records, records * record_size, taken, load.latencies_ms)], output)


class Load:
    """Sends, counts acknowledgements and samples their latency."""

    def __init__(self, producer: Producer, topic: str, values: Sequence[bytes], throughput: float) -> None:
        self.producer, self.topic, self.values, self.throughput = producer, topic, values, throughput
        self.latencies_ms: list[float] = []
        self.fault: KafkaError | None = None

    def run(self, records: int, advance: Any) -> float:
        """Seconds from the first record to the last acknowledgement."""
        started = time.perf_counter()
        for number in range(records):
            intended = self.pace(started, number)
            callback = self.timer(intended) if number % LATENCY_EVERY == 0 else None
            self.send(self.values[number % len(self.values)], callback)
            if number % 1000 == 0:
                self.producer.poll(0)
                advance(number)
                self.raise_fault()
        left = self.producer.flush(60)
        self.raise_fault()
        if left:
            fail(f"{left} records were not acknowledged within 60 s after the last was sent")
        advance(records)
        return time.perf_counter() - started

    def pace(self, started: float, number: int) -> float:
        """The intended time of this record: a late send counts as latency, so a stall is not hidden."""
        if not self.throughput:
            return time.perf_counter()
        intended = started + number / self.throughput
        while (ahead := intended - time.perf_counter()) > 0:
            self.producer.poll(min(ahead, 0.1))
        return intended

    def send(self, value: bytes, callback: Any) -> None:
        while True:
            try:
                self.producer.produce(self.topic, value, on_delivery=callback or self.note)
                return
            except BufferError:
                self.producer.poll(0.05)

    def note(self, error: KafkaError | None, _message: Any) -> None:
        if error is not None and self.fault is None:
            self.fault = error

    def timer(self, sent: float) -> Any:
        def done(error: KafkaError | None, message: Any) -> None:
            self.note(error, message)
            self.latencies_ms.append((time.perf_counter() - sent) * 1000)

        return done

    def raise_fault(self) -> None:
        if self.fault is not None:
            fail(f"topic {self.topic!r}: {describe_fault(self.fault)}")


def make_values(size: int) -> list[bytes]:
    """A few values, a quarter of each random, the rest one repeated byte."""
    dice = random.Random(size)
    noise = int(size * RANDOM_SHARE)
    return [dice.randbytes(noise) + b"x" * (size - noise) for _ in range(64)]


@app.command()
def consume(
    topic: str,
    records: Annotated[
        int | None, typer.Option("--records", "-n", min=1, help="Stop after so many; all by default.")
    ] = None,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Consume a topic from its beginning to its present end; rate of records and bytes."""
    with reported():
        defaults = {
            "group.id": f"penstock-perf-{os.getpid()}",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
            "queued.min.messages": 500_000,
        }
        consumer = Consumer(client_config(bootstrap_server, command_config, properties, defaults))
        try:
            ensure_reachable(consumer, bootstrap_server)
            there, starts = extent(consumer, topic)
            wanted = min(records or there, there)
            consumer.assign(starts)
            with progress("consume", wanted, output) as advance:
                size, taken = drain(consumer, wanted, advance)
        finally:
            consumer.close()
        show([result("consume", wanted, size, taken, [])], output)


def extent(consumer: Consumer, topic: str) -> tuple[int, list[TopicPartition]]:
    """How many offsets the topic holds now, and where each partition starts."""
    metadata = consumer.list_topics(topic, timeout=REQUEST_TIMEOUT_S).topics[topic]
    if metadata.error is not None:
        fail(f"topic {topic!r}: {describe_fault(metadata.error)}")
    count, starts = 0, []
    for number in metadata.partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=REQUEST_TIMEOUT_S)
        count += high - low
        starts.append(TopicPartition(topic, number, low))
    return count, starts


def drain(consumer: Consumer, wanted: int, advance: Any) -> tuple[int, float]:
    """Bytes of keys and values, and seconds; ends early when nothing has come for 10 s (compacted topics have gaps)."""
    started = time.perf_counter()
    count = size = 0
    while count < wanted:
        batch = consumer.consume(min(10_000, wanted - count), timeout=10)
        if not batch:
            break
        for message in batch:
            if message.error() is not None:
                raise KafkaException(message.error())
            size += len(message)
        count += len(batch)
        advance(count)
    return size, time.perf_counter() - started


@contextmanager
def progress(name: str, total: int, output: Format) -> Iterator[Callable[[int], None]]:
    """A bar on stderr while it is a terminal and the output is for eyes; elsewhere nothing."""
    if output is Format.JSON or not sys.stderr.isatty():
        yield lambda _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total, rate="")
        started = time.perf_counter()

        def advance(count: int) -> None:
            rate = count / max(time.perf_counter() - started, 1e-9)
            bar.update(task, completed=count, rate=f"{rate:,.0f} records/s")

        yield advance


def percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def result(name: str, records: int, size: int, taken_s: float, latencies_ms: list[float]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "test": name,
        "records": records,
        "seconds": round(taken_s, 3),
        "records_per_s": round(records / taken_s) if taken_s else None,
        "mb_per_s": round(size / taken_s / 1e6, 1) if taken_s else None,
    }
    if latencies_ms:
        ordered = sorted(latencies_ms)
        shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
        row |= {head: round(percentile(ordered, share), 2) for head, share in shares.items()}
        row["max_ms"] = round(ordered[-1], 2)
    return row
