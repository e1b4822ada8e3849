"""A consumer as clients write them, through sessions, long polls and crashes: it sees every record once, in order."""

import random

import pytest

from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import Exchange, InMemoryBroker
from tests.broker.calls import FETCH_BY_NAME, batch, create, fetch_request, partitions_of, produce, records_of

PARTITIONS = 6
STEPS = 150

Key = tuple[str, int]


class Consumer:
    """Keeps a fetch session as librdkafka and the Java client do: it sends only what changed since the last answer."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.offsets: dict[Key, int] = {}
        self.seen: dict[Key, list[bytes | None]] = {}
        self.session = (0, 0)
        self.known: dict[Key, int] = {}
        self.exchange: Exchange | None = None

    def step(self, broker: InMemoryBroker) -> None:
        """Takes an answer that is there, or asks when nothing is asked for."""
        if self.exchange is None:
            self.ask(broker)
        elif self.exchange.over:
            answer, self.exchange = self.exchange.answer, None
            self.take(answer)

    def ask(self, broker: InMemoryBroker) -> None:
        changed = {key: offset for key, offset in self.offsets.items() if self.known.get(key) != offset}
        forgotten = [key for key in self.known if key not in self.offsets]
        epoch = self.session[1]
        wanted = changed if epoch else self.offsets
        request = fetch_request(
            *[(topic, index, offset) for (topic, index), offset in wanted.items()],
            wait_ms=self.dice.choice((0, 100, 500)),
            min_bytes=self.dice.choice((1, 1, 300)),
            max_bytes=self.dice.choice((1, 150, 1 << 20)),
            session=self.session,
            forgotten=forgotten if epoch else [],
            part={"partition_max_bytes": self.dice.choice((1, 200, 1 << 20))},
        )
        self.known = dict(self.offsets)
        self.exchange = broker.send(request, FETCH_BY_NAME)

    def take(self, answer) -> None:
        epoch = self.session[1]
        if answer.error_code:
            assert answer.error_code == KafkaError.FETCH_SESSION_ID_NOT_FOUND
            self.restart()
            return
        self.session = (answer.session_id, epoch + 1) if answer.session_id else (0, 0)
        for key, part in partitions_of(answer).items():
            assert part.error_code == 0, (key, part)
            for record in records_of(part):
                if key in self.offsets and record.offset >= self.offsets[key]:
                    assert record.offset == self.offsets[key], (key, record.offset, self.offsets[key])
                    self.offsets[key] += 1
                    self.seen[key].append(record.value)

    def restart(self) -> None:
        self.session, self.known, self.exchange = (0, 0), {}, None


@pytest.mark.parametrize("seed", range(12))
def test_a_consumer_sees_every_record_once_whatever_happens(seed):
    dice = random.Random(seed)
    broker = InMemoryBroker()
    create(broker, "orders", PARTITIONS)
    consumer = Consumer(dice)
    written: dict[Key, list[bytes]] = {("orders", index): [] for index in range(PARTITIONS)}
    consumer.seen = {key: [] for key in written}
    paused: dict[Key, int] = {}
    consumer.offsets = dict.fromkeys(written, 0)

    for step in range(STEPS):
        event = dice.random()
        key = dice.choice(sorted(written))
        if event < 0.35:
            values = [b"%d.%d" % (step, number) for number in range(dice.randint(1, 4))]
            produce(broker, batch(*values), *key)
            written[key] += values
        elif event < 0.45 and key in consumer.offsets and len(consumer.offsets) > 1:
            paused[key] = consumer.offsets.pop(key)
        elif event < 0.55 and paused:
            key = dice.choice(sorted(paused))
            consumer.offsets[key] = paused.pop(key)
        elif event < 0.65:
            broker.advance(dice.choice((1, 100, 500)))
        elif event < 0.68:
            dice.choice((broker.restart, broker.crash))()
            consumer.restart()
        elif event < 0.71:
            create(broker, f"noise-{step}")
        else:
            consumer.step(broker)
    consumer.offsets |= paused
    for _ in range(400):
        consumer.step(broker)
        broker.advance(500)

    assert consumer.seen == written
