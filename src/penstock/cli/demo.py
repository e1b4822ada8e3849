"""`penstock demo`: worked examples on real input."""

import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from penstock.cli.connect import (
    DEFAULT_BOOTSTRAP_SERVER,
    REQUEST_TIMEOUT_S,
    BootstrapServer,
    CommandConfig,
    Failure,
    Properties,
    admin,
    client_config,
    fail,
    fail_for,
    reported,
    settle,
)
from penstock.cli.market.averages import Reader
from penstock.cli.market.feed import RUN_HEADER, Feed, Price, read_prices
from penstock.cli.market.verify import Check, verify
from penstock.cli.output import Format, Output, show

app = typer.Typer(no_args_is_help=True, help="Worked examples on real input.")
PRICES, ALERTS = "market.prices", "market.alerts"
REFRESH_S = 0.2
# Without a terminal the picture is one line, now and then.
REPORT_EVERY_S = 2.0
STALLED_AFTER_S = 60.0
LEADER_TRIES = 50


@app.callback()
def demos() -> None:
    """Worked examples on real input."""


@app.command()
def market(
    speed: Annotated[float, typer.Option(help="Trading days a second; 0 is as fast as it goes.", min=0)] = 300,
    threshold: Annotated[float, typer.Option(help="A daily move above this is an alert; 0.05 is 5 %.", min=0)] = 0.05,
    partitions: Annotated[int, typer.Option(min=1)] = 6,
    bootstrap_server: BootstrapServer = DEFAULT_BOOTSTRAP_SERVER,
    command_config: CommandConfig = None,
    properties: Properties = None,
    output: Output = Format.TABLE,
) -> None:
    """Thirteen years of real share prices through Kafka: moving averages, alerts, and a check against the file."""
    with reported():
        prices = read_prices()
        client = admin(bootstrap_server, command_config, properties)
        config = client_config(bootstrap_server, command_config, properties)
        wanted = [NewTopic(PRICES, partitions, -1), NewTopic(ALERTS, 1, -1)]
        futures = client.create_topics(wanted, request_timeout=REQUEST_TIMEOUT_S)
        fail_for(settle("topic", futures, KafkaError.TOPIC_ALREADY_EXISTS).faults)
        job = Job(client, config, uuid.uuid4().hex[:8], speed, threshold)
        started = time.monotonic()
        with screen(job, len(prices), output) as refresh:
            job.run(prices, refresh)
        checks = job.check(prices)
        show_checks(checks, len(prices), time.monotonic() - started, output)
        if not all(check.passed for check in checks):
            fail("what came back is not what the file holds; see the failed checks")


class Job:
    """One feed, two readers, from start to the last record read back."""

    def __init__(
        self, client: AdminClient, config: dict[str, Any], run: str, days_per_s: float, threshold: float
    ) -> None:
        self.config, self.threshold, self.run_id = config, threshold, run
        self.feed = Feed(config, PRICES, run, days_per_s)
        self.readers = [Reader(f"reader-{n}", config, (PRICES, ALERTS), run, threshold) for n in (1, 2)]
        self.prices_from = ends(config, PRICES)
        self.alerts_from = ends(config, ALERTS)
        for reader in self.readers:
            reader.starts = self.prices_from

    def run(self, prices: list[Price], refresh: Callable[[], None]) -> None:
        stop = threading.Event()
        sender = threading.Thread(target=self.feed.send_all, args=(prices, stop.is_set), daemon=True)
        for reader in self.readers:
            reader.start()
        try:
            self.until(lambda: all(reader.partitions for reader in self.readers), refresh)
            sender.start()
            self.until(lambda: sum(reader.count for reader in self.readers) >= len(prices), refresh)
        finally:
            stop.set()
            for reader in self.readers:
                reader.done.set()
            for thread in (sender, *self.readers):
                if thread.ident is not None:
                    thread.join(timeout=30)
        refresh()

    def until(self, reached: Callable[[], bool], refresh: Callable[[], None]) -> None:
        """Waits while something still moves; a Failure when nothing has for a minute."""
        before, since = -1, time.monotonic()
        while not reached():
            self.feed.raise_fault()
            for reader in self.readers:
                if reader.fault is not None:
                    raise reader.fault
            refresh()
            now = self.feed.acknowledged + sum(reader.count for reader in self.readers)
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > STALLED_AFTER_S:
                raise Failure(f"nothing has moved for {STALLED_AFTER_S:g} s at {now:,} records sent and read")
            time.sleep(REFRESH_S)

    def check(self, prices: list[Price]) -> list[Check]:
        read = {partition: rows for reader in self.readers for partition, rows in reader.read.items()}
        return verify(prices, read, self.count_alerts(), self.threshold)

    def count_alerts(self) -> int:
        """Records of this run in the alert topic, read back from where it ended before the run."""
        consumer = Consumer(self.config | {"group.id": f"market-check-{self.run_id}", "enable.partition.eof": True})
        try:
            consumer.assign([TopicPartition(ALERTS, p, offset) for p, offset in self.alerts_from.items()])
            open_ends, count = len(self.alerts_from), 0
            until = time.monotonic() + STALLED_AFTER_S
            while open_ends:
                batch = consumer.consume(1000, timeout=REFRESH_S)
                if not batch and time.monotonic() > until:
                    fail(f"topic {ALERTS!r} was not read to its end within {STALLED_AFTER_S:g} s")
                ended = [m for m in batch if m.error() is not None]
                open_ends -= len(ended)
                own = (RUN_HEADER, self.run_id.encode())
                count += sum(m.error() is None and own in (m.headers() or ()) for m in batch)
            return count
        finally:
            consumer.close()


def ends(config: dict[str, Any], topic: str) -> dict[int, int]:
    """The next offset of each partition: where records of this run will begin.

    A partition made a moment ago may not have its leader everywhere yet: such answers are asked for again.
    """
    consumer = Consumer(config | {"group.id": "market-ends"})
    tries_left = LEADER_TRIES
    try:
        while True:
            try:
                found = consumer.list_topics(topic, timeout=REQUEST_TIMEOUT_S).topics[topic]
                places = [TopicPartition(topic, p) for p in found.partitions]
                marks = [consumer.get_watermark_offsets(place, timeout=REQUEST_TIMEOUT_S) for place in places]
                if marks:
                    return {place.partition: high for place, (_, high) in zip(places, marks, strict=True)}
            except KafkaException:
                if tries_left == 0:
                    raise
            if tries_left == 0:
                fail(f"topic {topic!r} was created but has no partitions yet; try again")
            tries_left -= 1
            time.sleep(REFRESH_S)
    finally:
        consumer.close()


@contextmanager
def screen(job: Job, total: int, output: Format) -> Iterator[Callable[[], None]]:
    """A live picture on a terminal, a line now and then elsewhere, nothing for JSON."""
    meter = Meter()
    if output is Format.JSON:
        yield lambda: None
    elif not sys.stdout.isatty():
        yield lambda: meter.line(job, total)
    else:
        from rich.live import Live

        from penstock.cli.market.board import draw

        # However the run ends, the picture has to: it hides the cursor.
        with Live(refresh_per_second=8) as live:
            yield lambda: live.update(draw(job.feed, job.readers, total, meter.rate(job)))


class Meter:
    """Records read in the last second or so."""

    def __init__(self) -> None:
        self.samples: list[tuple[float, int]] = []
        self.reported = 0.0

    def rate(self, job: Job) -> float:
        now = time.monotonic()
        self.samples = [s for s in self.samples if now - s[0] < 1.5]
        self.samples.append((now, sum(reader.count for reader in job.readers)))
        (t0, c0), (t1, c1) = self.samples[0], self.samples[-1]
        return (c1 - c0) / (t1 - t0) if t1 > t0 else 0.0

    def line(self, job: Job, total: int) -> None:
        rate, now = self.rate(job), time.monotonic()
        if now - self.reported > REPORT_EVERY_S:
            self.reported = now
            read = sum(reader.count for reader in job.readers)
            lag = max(job.feed.acknowledged - read, 0)
            print(f"{job.feed.date or 'starting':<10}  {read:>6,}/{total:,} read  {rate:>7,.0f} records/s  lag {lag:,}")


def show_checks(checks: list[Check], records: int, taken_s: float, output: Format) -> None:
    rows = [{"check": c.name, "result": "ok" if c.passed else "FAILED", "detail": c.detail} for c in checks]
    show(rows, output)
    if output is Format.TABLE and all(check.passed for check in checks):
        print(f"{records:,} real prices went through Kafka and came back as they were, in {taken_s:.1f} s.")
