"""Producers: idempotent ones that repeat until they know, transactional ones, and their zombies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from typing import Any

from penstock.protocol import messages as m
from penstock.protocol.errors import KafkaError as E
from penstock.records.batch import build
from penstock.records.record import Record
from tests.simulation.book import Attempt, Book, Place, Sent
from tests.simulation.plan import TOPICS
from tests.simulation.world import Actor, Life, Send, World

PRODUCE_VERSION = 12
TRIES = 8
# What a client asks again after, whatever it asked.
AGAIN = frozenset(
    {
        E.COORDINATOR_NOT_AVAILABLE,
        E.COORDINATOR_LOAD_IN_PROGRESS,
        E.NOT_COORDINATOR,
        E.CONCURRENT_TRANSACTIONS,
        E.NOT_ENOUGH_REPLICAS,
        E.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        E.KAFKA_STORAGE_ERROR,
        E.REQUEST_TIMED_OUT,
        E.NOT_LEADER_OR_FOLLOWER,
        E.NETWORK_EXCEPTION,
        E.UNKNOWN_TOPIC_OR_PARTITION,
    }
)


class Unsent:
    """A batch that is not acknowledged yet."""

    def __init__(self, place: Place, values: list[bytes], sequence: int) -> None:
        self.place = place
        self.values = values
        self.sequence = sequence


class Producer(Actor):
    """What both kinds have: an identity, sequences, and batches that are repeated until they are answered."""

    acks = -1
    transactional_id: str | None = None

    def __init__(self, world: World, name: str, book: Book) -> None:
        super().__init__(world, name)
        self.book = book
        self.identity: tuple[int, int] | None = None
        self.sequences: defaultdict[Place, int] = defaultdict(int)
        self.count = 0

    def adopt(self, answer: Any) -> None:
        self.identity = answer.producer_id, answer.producer_epoch
        self.sequences.clear()

    def init(self, timeout_ms: int = 25_000) -> Generator[Any, Any, bool]:
        """Gets an identity, if it can."""
        self.identity = None
        for _ in range(TRIES):
            answer = yield from self.ask(m.InitProducerIdRequest(self.transactional_id, timeout_ms), 5)
            if answer is not None and not answer.error_code:
                self.adopt(answer)
                return True
            if answer is not None and answer.error_code not in AGAIN:
                return False
            yield self.pause(50, 1_500)
        return False

    def batch(self, place: Place, values: list[bytes]) -> Unsent:
        """A new one, the next of its partition."""
        sequence = self.sequences[place]
        self.sequences[place] += len(values)
        return Unsent(place, values, sequence)

    def request_of(self, batch: Unsent) -> Any:
        assert self.identity is not None
        producer_id, epoch = self.identity
        data = build(
            [Record(b"k", value, (), self.world.clock.now_ms()) for value in batch.values],
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=batch.sequence,
            transactional=self.transactional_id is not None,
        )
        part = m.ProduceRequest.PartitionProduceData(batch.place[1], bytes(data))
        topic = m.ProduceRequest.TopicProduceData(name=batch.place[0], partition_data=[part])
        return m.ProduceRequest(self.transactional_id, self.acks, 5_000, [topic])

    def deliver(self, batches: list[Unsent]) -> Generator[Any, Any, E]:
        """Sends them, and again what was not answered; NONE, what refused them, or REQUEST_TIMED_OUT."""
        left = batches
        for _ in range(TRIES):
            answers = yield Send([(self.request_of(batch), PRODUCE_VERSION) for batch in left])
            again: list[Unsent] = []
            for batch, answer in zip(left, answers, strict=True):
                error = self.take(batch, answer)
                is_behind = any(other.place == batch.place for other in again)
                if error in AGAIN or (error is E.OUT_OF_ORDER_SEQUENCE_NUMBER and is_behind):
                    again.append(batch)
                elif error:
                    return error
            left = again
            if not left:
                return E.NONE
            yield self.pause(20, 600)
        return E.REQUEST_TIMED_OUT

    def take(self, batch: Unsent, answer: Any) -> E:
        """What became of a batch."""
        if answer is None:
            return E.NETWORK_EXCEPTION
        part = answer.responses[0].partition_responses[0]
        error = E(part.error_code)
        if error is E.DUPLICATE_SEQUENCE_NUMBER:
            return E.NONE
        if not error:
            for number, value in enumerate(batch.values):
                self.book.acknowledge(value, part.base_offset + number)
        return error

    def new_values(self, place: Place, key: str, attempt: Attempt | None, tails: list[bytes]) -> list[bytes]:
        """One value for each of `tails`, with it at the end."""
        values = []
        for tail in tails:
            self.count += 1
            value = b"%s:%d%s" % (key.encode(), self.count, tail)
            is_kept = self.acks == -1 or not self.world.shape.durable
            self.book.sent[value] = Sent(place, key, self.count, attempt, is_kept)
            if attempt is not None:
                attempt.sent.append(value)
            values.append(value)
        return values

    def some_place(self, topic: str) -> Place:
        return topic, self.dice.randrange(TOPICS[topic])


class Idempotent(Producer):
    """Writes without transactions, up to five batches at a time. A new identity has values of its own."""

    def __init__(self, world: World, name: str, book: Book, acks: int) -> None:
        super().__init__(world, name, book)
        self.acks = acks
        self.identities = 0

    def life(self) -> Life:
        self.identity = None
        while not self.world.is_quiet:
            if self.identity is None:
                self.identities += 1
                yield from self.init()
            yield self.pause(10, 1_500)
            if self.identity is None:
                continue
            batches = []
            for _ in range(self.dice.choice((1, 1, 2, 5))):
                place = self.some_place("in")
                key = f"{self.name}.{self.identities}"
                values = self.new_values(place, key, None, [b""] * self.dice.randint(1, 3))
                batches.append(self.batch(place, values))
            error = yield from self.deliver(batches)
            if error:
                self.judge(error)
                self.identity = None

    def judge(self, error: E) -> None:
        """In order and repeated, batches are taken, unless their answers were no promise (acks=1 and a power cut)."""
        is_promised = self.acks == -1 or not self.world.shape.durable
        if is_promised and error is not E.REQUEST_TIMED_OUT:
            self.world.fail("idempotent producers are served", f"{self.name}: {error.name}")


class Transactional(Producer):
    """The transactions of one client instance; others may have the same transactional id, and fence it."""

    def __init__(self, world: World, name: str, book: Book, transactional_id: str, topic: str = "in") -> None:
        super().__init__(world, name, book)
        self.transactional_id = transactional_id
        self.topic = topic
        self.attempts = 0

    def begin(self) -> Attempt:
        assert self.identity is not None
        self.attempts += 1
        attempt = Attempt(f"{self.name}.{self.attempts}", *self.identity)
        self.book.attempts[attempt.name] = attempt
        return attempt

    def end(self, attempt: Attempt, commit: bool) -> Generator[Any, Any, bool]:
        """Asks for the end of a transaction until it knows; True when it ended as asked, and the next one may begin."""
        for _ in range(TRIES):
            if self.identity is None:
                return False
            attempt.is_commit_sent = attempt.is_commit_sent or commit
            answer = yield from self.ask(m.EndTxnRequest(self.transactional_id, *self.identity, commit), 5)
            if answer is not None and not answer.error_code:
                attempt.outcome = "committed" if commit else "aborted"
                self.adopt(answer)
                return True
            if answer is not None and answer.error_code not in AGAIN:
                break
            yield self.pause(20, 1_000)
        self.identity = None
        return False

    def life(self) -> Life:
        self.identity = None
        while not self.world.is_quiet:
            yield self.pause(50, 2_500)
            if self.identity is None and not (yield from self.init(self.dice.choice((8_000, 25_000)))):
                yield self.pause(2_000, 15_000)
                continue
            yield from self.transact()

    def transact(self) -> Generator[Any, Any, None]:
        attempt = self.begin()
        error = E.NONE
        for _ in range(self.dice.randint(1, 3)):
            batches = []
            for _ in range(self.dice.randint(1, 3)):
                place = self.some_place(self.topic)
                values = self.new_values(place, attempt.name, attempt, [b""] * self.dice.randint(1, 2))
                batches.append(self.batch(place, values))
            error = yield from self.deliver(batches)
            if error:
                break
            yield self.pause(0, 800)
        fate = self.dice.random()
        if fate < 0.08:
            # It goes away without a word: a timeout, or its next instance, ends what it began.
            self.identity = None
            yield self.pause(1_000, 20_000)
        else:
            yield from self.end(attempt, not error and fate < 0.75)
