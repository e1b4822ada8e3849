"""The readers: two members of one group, a moving average per share, an alert for each large move."""

import json
import threading
from collections import deque
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from penstock.cli.market.feed import RUN_HEADER, Price

WINDOW_DAYS = 20


class Move(NamedTuple):
    """A share moved by `change` (0.07 is seven percent up) from one trading day to the next."""

    symbol: str
    date: str
    change: float
    adjusted: float
    average: float

    def to_json(self) -> bytes:
        return json.dumps(self._asdict(), separators=(",", ":")).encode()


class Share:
    """What is known of one share: the last prices, their mean, and the day before."""

    __slots__ = ("count", "last", "window")

    def __init__(self) -> None:
        self.window: deque[float] = deque(maxlen=WINDOW_DAYS)
        self.last: Price | None = None
        self.count = 0

    def add(self, price: Price, threshold: float) -> Move | None:
        """The move, when it is larger than `threshold` either way."""
        before, self.last = self.last, price
        self.window.append(price.adjusted)
        self.count += 1
        if before is None:
            return None
        change = price.adjusted / before.adjusted - 1
        if abs(change) <= threshold:
            return None
        return Move(price.symbol, price.date, change, price.adjusted, self.average)

    @property
    def average(self) -> float:
        return sum(self.window) / len(self.window)


class Reader(threading.Thread):
    """One member of the group. What it read is kept for the final check; the board looks at it while it runs.

    A share's window is built anew by a member that takes its partition over: it reads that partition from the place
    where the group began, so an average never mixes two members' views.
    """

    def __init__(self, name: str, config: dict[str, Any], topics: tuple[str, str], run: str, threshold: float) -> None:
        super().__init__(name=name, daemon=True)
        self.consumer = Consumer(
            config | {"group.id": f"market-averages-{run}", "client.id": name, "enable.auto.commit": False}
        )
        self.producer = Producer(config | {"enable.idempotence": True})
        self.topic, self.alert_topic = topics
        self.run_id, self.threshold = run.encode(), threshold
        self.starts: dict[int, int] = {}
        self.shares: dict[str, Share] = {}
        self.read: dict[int, list[tuple[int, Price]]] = {}
        self.moves: list[Move] = []
        self.partitions: list[int] = []
        self.fault: Exception | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self.consumer.subscribe([self.topic], on_assign=self.assigned, on_revoke=self.revoked)
            while not self.done.is_set():
                for message in self.consumer.consume(500, timeout=0.1):
                    self.take(message)
                self.producer.poll(0)
                if self.partitions:
                    self.commit()
            self.producer.flush(10)
        except Exception as error:
            self.fault = error
        finally:
            self.consumer.close()

    def assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for tp in partitions:
            tp.offset = self.starts.get(tp.partition, 0)
            self.read[tp.partition] = []
        self.partitions = sorted(tp.partition for tp in partitions)
        self.shares = {}
        consumer.assign(partitions)

    def revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # At the end the group is left and what was read is kept for the check; before, another member reads it anew.
        if not self.done.is_set():
            for tp in partitions:
                self.read.pop(tp.partition, None)
            self.partitions = []

    def take(self, message: Any) -> None:
        if message.error() is not None:
            raise KafkaException(message.error())
        if dict(message.headers() or ()).get(RUN_HEADER) != self.run_id:
            return
        price = Price(**json.loads(message.value()))
        self.read[message.partition()].append((message.offset(), price))
        move = self.shares.setdefault(price.symbol, Share()).add(price, self.threshold)
        if move is not None:
            self.moves.append(move)
            headers: list[Any] = [(RUN_HEADER, self.run_id)]
            self.producer.produce(self.alert_topic, move.to_json(), move.symbol, headers=headers)

    def commit(self) -> None:
        places = [
            TopicPartition(self.topic, partition, read[-1][0] + 1)
            for partition, read in list(self.read.items())
            if read
        ]
        if places:
            self.consumer.commit(offsets=places, asynchronous=True)

    @property
    def count(self) -> int:
        return sum(len(read) for read in list(self.read.values()))
