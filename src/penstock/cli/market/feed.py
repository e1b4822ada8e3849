"""The real prices: 12,154 trading days of five shares, in the order in which they happened."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Producer

from penstock.cli.connect import describe_fault, fail

SYMBOLS = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
# Two runs against one cluster must not be taken for each other: each record carries the run it belongs to.
RUN_HEADER = "run"


class Price(NamedTuple):
    """One share on one trading day. `adjusted`: the close, corrected for splits and dividends, in dollars."""

    symbol: str
    date: str
    close: float
    adjusted: float
    volume: int

    def to_json(self) -> bytes:
        return json.dumps(self._asdict(), separators=(",", ":")).encode()


def read_prices() -> list[Price]:
    """All prices of the package `bokeh_sampledata`, by date, then symbol."""
    try:
        from bokeh_sampledata import stocks
    except ImportError:
        fail("the demo streams the prices in the package bokeh_sampledata: pip install 'penstock[demo]'")
    prices = [
        Price(symbol, *day)
        for symbol in SYMBOLS
        for day in zip(*(getattr(stocks, symbol)[c] for c in ("date", "close", "adj_close", "volume")), strict=True)
    ]
    return sorted(prices, key=lambda price: (price.date, price.symbol))


def by_day(prices: list[Price]) -> Iterator[list[Price]]:
    day: list[Price] = []
    for price in prices:
        if day and day[0].date != price.date:
            yield day
            day = []
        day.append(price)
    if day:
        yield day


class Feed:
    """Sends the prices, keyed by symbol, at so many trading days a second; counts what was acknowledged."""

    def __init__(self, config: dict[str, Any], topic: str, run: str, days_per_s: float) -> None:
        self.producer = Producer(config | {"enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4"})
        self.topic, self.run, self.days_per_s = topic, run, days_per_s
        self.acknowledged = 0
        self.date = ""
        self.fault: KafkaError | None = None

    def send_all(self, prices: list[Price], stopped: Callable[[], bool]) -> None:
        """Runs in its own thread until all is acknowledged or `stopped`."""
        headers: list[Any] = [(RUN_HEADER, self.run.encode())]
        started = time.monotonic()
        for number, day in enumerate(by_day(prices)):
            if stopped():
                return
            self.pace(started, number)
            for price in day:
                self.producer.produce(self.topic, price.to_json(), price.symbol, headers=headers, on_delivery=self.note)
            self.date = day[0].date
            self.producer.poll(0)
        self.producer.flush(30)

    def pace(self, started: float, number: int) -> None:
        if self.days_per_s:
            while (ahead := started + number / self.days_per_s - time.monotonic()) > 0:
                self.producer.poll(min(ahead, 0.05))

    def note(self, error: KafkaError | None, _message: Any) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.fault = error

    def raise_fault(self) -> None:
        if self.fault is not None:
            fail(f"topic {self.topic!r}: {describe_fault(self.fault)}")
