"""One broker, its disk, its clients and the network between them, on a clock that only events move."""

from __future__ import annotations

import errno
import heapq
import logging
from collections.abc import Callable, Generator, Iterable
from typing import Any, NamedTuple

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.controller import StartError
from penstock.broker.core import Broker
from penstock.broker.outcome import Hangup, NoReply, Outcome, Reply, Wait
from penstock.broker.session import Session
from penstock.log.directory import DirectoryRefused
from penstock.protocol import messages as m
from penstock.protocol.apis import API
from penstock.protocol.codec import decode, encode
from penstock.records.fault import BatchError
from penstock.testing.clock import ManualClock
from penstock.testing.dice import Dice
from penstock.testing.files import FaultyFiles, MemoryFiles
from tests.simulation.plan import TOPICS, Plan, Shape, shape_of

KEYS = {api.request_name: api.key for api in API.values()}
SETTINGS = {
    "log.dirs": "/data",
    "offsets.topic.num.partitions": "2",
    "transaction.state.log.num.partitions": "2",
    "share.coordinator.state.topic.num.partitions": "2",
    "group.initial.rebalance.delay.ms": "500",
    "group.coordinator.rebalance.protocols": "classic,consumer,share",
    "group.consumer.min.session.timeout.ms": "15000",
    "group.consumer.session.timeout.ms": "15000",
    "group.share.min.session.timeout.ms": "15000",
    "group.share.session.timeout.ms": "15000",
    "group.share.record.lock.duration.ms": "15000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "2000",
}
# Shorter than Kafka's own, so that more happens in a run.
SESSION_MS = LOCK_MS = 15_000
# A client that has no answer for so long closes its connection.
PATIENCE_MS = 20_000
FOREVER_MS = 1 << 61
# Some thousand are usual.
TURNS_MAX = 300_000


class Pause(NamedTuple):
    """An actor does nothing for so long."""

    ms: int


class Send(NamedTuple):
    """An actor sends requests, one behind the other; it goes on with their answers, None for what it never got."""

    calls: list[tuple[Any, int]]
    patience_ms: int = PATIENCE_MS


Life = Generator[Pause | Send, Any, None]


class Found(NamedTuple):
    """A broken promise. rule: which; text: how."""

    rule: str
    text: str


class Connection:
    """A connection as both sides see it. last_ms: when the last request arrives, which no later one overtakes;
    is_late: its client gives it up while its bytes are still on their way; is_gone: the broker knows, too.
    """

    def __init__(self, name: str) -> None:
        self.session = Session()
        self.session.client_id = name
        self.is_open = True
        self.is_gone = False
        self.is_late = False
        self.last_ms = 0
        self.flights: dict[Flight, None] = {}


class Actor:
    """Somebody who takes part. life: what it does, begun anew when it is killed."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.dice = world.plan.dice(name)
        self.connection = Connection(name)
        self.lives = 0
        self.frozen_ms = 0
        self.running: Life | None = None

    def life(self) -> Life:
        raise NotImplementedError

    def ask(self, message: Any, version: int, patience_ms: int = PATIENCE_MS) -> Generator[Any, Any, Any]:
        """One request; its answer, or None."""
        answers = yield Send([(message, version)], patience_ms)
        return answers[0]

    def pause(self, low: int, high: int) -> Pause:
        return Pause(self.dice.randint(low, high))


class Flight:
    """A request on its way, and its answer. is_lost: the answer does not get back."""

    def __init__(self, world: World, actor: Actor, message: Any, version: int) -> None:
        self.world = world
        self.actor = actor
        self.connection = actor.connection
        self.message = message
        self.version = version
        self.start = world.starts
        self.is_lost = False
        self.is_over = False
        self.handled_ms = 0
        self.resolve: Callable[[Any], None] = lambda answer: None

    def answered(self, outcome: Outcome) -> None:
        """The broker's side of it: bytes, as they leave."""
        world = self.world
        if isinstance(outcome, Hangup):
            world.note(self.actor.name, "hangup", outcome.reason)
            world.cut(self.connection)
            return
        if isinstance(outcome, NoReply):
            self.land(None)
            return
        assert isinstance(outcome, Reply)
        try:
            parts = encode(outcome.message, self.version)
            data = b"".join(part if isinstance(part, bytes | bytearray | memoryview) else part.read() for part in parts)
        except OSError:
            world.cut(self.connection)
            return
        answer, end = decode(API[KEYS[type(self.message).__name__]].response, self.version, data)
        assert end == len(data), (end, len(data))
        world.watcher.replied(self, answer)
        world.note(self.actor.name, "lost" if self.is_lost else "reply", (self.message, answer))
        if self.is_lost:
            world.cut(self.connection)
        else:
            world.after(world.latency(), lambda: self.land(answer))

    def land(self, answer: Any) -> None:
        """The client's side of it."""
        if not self.is_over:
            self.is_over = True
            self.connection.flights.pop(self, None)
            self.resolve(answer)


class Watcher:
    """Who looks on; `checks` has the one that judges."""

    def handled(self, flight: Flight) -> None:
        """A request reaches the broker."""

    def replied(self, flight: Flight, answer: Any) -> None:
        """An answer leaves the broker."""

    def disconnected(self, session: Session) -> None:
        """The broker learns that a connection is gone."""

    def crashed(self, *, power_cut: bool) -> None:
        """The broker is gone, perhaps with what was not synced."""


class Noise(logging.Handler):
    """What the broker logs with a traceback is a fault of ours, whatever its clients saw."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self.world = world

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None and not isinstance(record.exc_info[1], OSError):
            text = logging.Formatter().formatException(record.exc_info)
            self.world.fail("nothing raises", f"{record.getMessage()}\n{text}")


class World:
    """A run. history: (ms since its begin, who, what, details); found: broken promises."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.shape: Shape = shape_of(plan)
        self.clock = ManualClock()
        self.begin_ms = self.clock.now_ms()
        self.dice = plan.dice("network")
        self.disk_dice = plan.dice("disk")
        self.random = Dice(str(plan.seed))
        self.memory = MemoryFiles(clock=self.clock)
        self.memory.make_dirs("/data")
        self.memory.sync_dir("/")
        self.disk = FaultyFiles(self.memory)
        self.events: list[tuple[int, int, Callable[[], None]]] = []
        self.serial = 0
        self.starts = 0
        self.steps = 0
        self.turns = 0
        self.trouble = 0.0
        self.lag_ms = 0
        self.is_quiet = False
        self.is_syncing = False
        self.broker: Broker | None = None
        self.next_tick_ms = FOREVER_MS
        self.actors: dict[str, Actor] = {}
        self.history: list[tuple[int, str, str, Any]] = []
        self.found: list[Found] = []
        self.watcher = Watcher()
        self.topic_ids: dict[str, bytes] = {}
        self.noise = Noise(self)
        durability = {"penstock.durability": "fsync"} if self.shape.durable else {}
        self.settings = BrokerSettings.from_mapping({**SETTINGS, **durability})

    # What happens

    def now_ms(self) -> int:
        """Since the begin of the run."""
        return self.clock.now_ms() - self.begin_ms

    def note(self, who: str, what: str, details: Any = "") -> None:
        self.history.append((self.now_ms(), who, what, details))

    def fail(self, rule: str, text: str) -> None:
        self.found.append(Found(rule, text))
        self.note("!", rule, text)

    def after(self, ms: int, event: Callable[[], None]) -> None:
        self.serial += 1
        heapq.heappush(self.events, (self.clock.now_ms() + ms, self.serial, event))

    def latency(self) -> int:
        return self.dice.randint(0, 8)

    def run_until(self, is_done: Callable[[], bool]) -> None:
        """Lets events happen, in the order of their times, until that holds or a promise is broken."""
        while not self.found and not is_done():
            self.turns += 1
            if self.turns > TURNS_MAX:
                self.fail("a run ends", f"{TURNS_MAX} events, and {self.now_ms()} ms are over")
                return
            due_ms = self.events[0][0] if self.events else FOREVER_MS
            if min(due_ms, self.next_tick_ms) >= FOREVER_MS:
                return
            if self.next_tick_ms <= due_ms:
                self._move_to(self.next_tick_ms)
                self._tick()
            else:
                event = heapq.heappop(self.events)[2]
                self._move_to(due_ms)
                event()
            self._settle()

    def _move_to(self, time_ms: int) -> None:
        self.clock.advance(max(0, time_ms - self.clock.now_ms()))

    def _tick(self) -> None:
        broker, now_ms = self.broker, self.clock.now_ms()
        if broker is None:
            self.next_tick_ms = FOREVER_MS
            return
        try:
            self.next_tick_ms = max(broker.tick(now_ms), now_ms + 1)
        except OSError:
            # As the server does.
            self.next_tick_ms = now_ms + 1_000
        broker.waiting.expire(now_ms)

    def _settle(self) -> None:
        broker = self.broker
        if broker is None:
            self.next_tick_ms = FOREVER_MS
            return
        broker.waiting.settle()
        if broker.to_sync and not self.is_syncing:
            self._begin_sync(broker)
        for due_ms in (broker.next_deadline_ms(), broker.waiting.next_deadline_ms()):
            if due_ms is not None:
                self.next_tick_ms = min(self.next_tick_ms, max(due_ms, self.clock.now_ms() + 1))

    # The disk's thread: some partitions one after the other, what came of all of them together.

    def _begin_sync(self, broker: Broker) -> None:
        partitions = sorted(broker.to_sync, key=lambda partition: (partition.topic, partition.index))
        self.disk_dice.shuffle(partitions)
        broker.to_sync.clear()
        self.is_syncing = True
        self.after(self._sync_ms(), lambda: self._sync(broker, partitions, []))

    def _sync_ms(self) -> int:
        return self.disk_dice.choice((0, 0, 1, 1, 2, 5, 40)) + self.disk_dice.randint(0, self.lag_ms)

    def _sync(self, broker: Broker, left: list[Any], results: list[tuple[Any, int | OSError]]) -> None:
        if broker is not self.broker:
            return
        if not left:
            self.is_syncing = False
            for partition, result in results:
                if isinstance(result, OSError):
                    broker.sync_failed(partition, result)
                else:
                    broker.synced(partition, result)
            return
        partition = left.pop()
        try:
            results.append((partition, partition.sync()))
        except OSError as error:
            results.append((partition, error))
        self.after(self._sync_ms(), lambda: self._sync(broker, left, results))

    # The broker's life

    def start(self) -> None:
        """The process begins; a disk that fails now keeps it from it, and is well a second later."""
        self.note("broker", "starts")
        self.starts += 1
        broker = Broker(self.settings, self.disk, self.clock, self.random)
        broker.endpoints["PLAINTEXT"] = ("localhost", 9092)
        try:
            broker.start()
        except (OSError, StartError, DirectoryRefused, BatchError) as error:
            self.note("broker", "does not start", repr(error))
            if not self.disk.failed and self.disk.inner.capacity is None:
                self.fail("a broker starts on what it left behind", repr(error))
            self.heal()
            self.disk.failed.clear()
            self.memory = self.memory.after_kill()
            self.disk = FaultyFiles(self.memory)
            self.after(1_000, self.start)
            return
        self.broker = broker
        self.is_syncing = False
        self.next_tick_ms = self.clock.now_ms()

    def crash(self, *, power_cut: bool, down_ms: int) -> None:
        """The process dies, or the machine: then what was not synced is there by luck only."""
        if self.broker is None:
            return
        self.note("broker", "power cut" if power_cut else "killed")
        self._gone()
        self.watcher.crashed(power_cut=power_cut)
        luck = self.disk_dice.choice((0.0, 0.5, 1.0, 0.9))
        if power_cut:
            self.memory = self.memory.after_power_cut(lambda: self.disk_dice.random() < luck)
        else:
            self.memory = self.memory.after_kill()
        self.memory.capacity = None
        self.disk = FaultyFiles(self.memory)
        self.after(down_ms, self.start)

    def restart(self, down_ms: int) -> None:
        """A clean shutdown, as far as the disk lets it."""
        broker = self.broker
        if broker is None:
            return
        self.note("broker", "shuts down")
        self._gone()
        self.watcher.crashed(power_cut=False)
        try:
            broker.close()
        except OSError as error:
            self.note("broker", "does not close", repr(error))
        self.memory = self.memory.after_kill()
        self.memory.capacity = None
        self.disk = FaultyFiles(self.memory)
        self.after(down_ms, self.start)

    def _gone(self) -> None:
        self.broker = None
        self.is_syncing = False
        self.next_tick_ms = FOREVER_MS
        for actor in self.actors.values():
            self.cut(actor.connection)

    def heal(self) -> None:
        self.disk.heal()
        self.memory.capacity = None

    def fill_disk(self, room: int) -> None:
        """From now on only so many bytes more."""
        whole = self.memory.capacity = 1 << 40
        self.memory.capacity = whole - self.memory.free_bytes("/data") + room

    # Clients and their connections

    def spawn(self, actor: Actor) -> None:
        """An actor begins its life, or a new one: it remembers nothing but what it is called."""
        self.actors[actor.name] = actor
        actor.lives += 1
        self.cut(actor.connection)
        actor.connection = Connection(actor.name)
        actor.running = actor.life()
        self.after(self.latency(), lambda lives=actor.lives: self._resume(actor, lives, None))

    def _resume(self, actor: Actor, lives: int, value: Any) -> None:
        if lives != actor.lives or actor.running is None:
            return
        late_ms = actor.frozen_ms - self.now_ms()
        if late_ms > 0:
            self.after(late_ms, lambda: self._resume(actor, lives, value))
            return
        self.steps += 1
        try:
            wanted = actor.running.send(value)
        except StopIteration:
            actor.running = None
            return
        if isinstance(wanted, Pause):
            self.after(wanted.ms, lambda: self._resume(actor, lives, None))
        else:
            self._send(actor, lives, wanted)

    def _send(self, actor: Actor, lives: int, wanted: Send) -> None:
        answers: list[Any] = [None] * len(wanted.calls)
        missing = set(range(len(answers)))
        if not actor.connection.is_open:
            actor.connection = Connection(actor.name)
        connection = actor.connection

        def resolve(number: int, answer: Any) -> None:
            answers[number] = answer
            missing.discard(number)
            if not missing:
                self.after(0, lambda: self._resume(actor, lives, answers))

        for number, (message, version) in enumerate(wanted.calls):
            flight = Flight(self, actor, message, version)
            flight.resolve = lambda answer, number=number: resolve(number, answer)
            connection.flights[flight] = None
            self._dispatch(flight)
        flights = list(connection.flights)

        def give_up() -> None:
            if any(not flight.is_over for flight in flights):
                self.cut(connection)

        self.after(wanted.patience_ms, give_up)

    def _dispatch(self, flight: Flight) -> None:
        """Fate of a request: it arrives, it is lost, it comes late, or its answer is lost."""
        connection = flight.connection
        if not connection.is_open or self.broker is None:
            self.after(20 + self.latency(), lambda: flight.land(None))
            return
        fate = 1.0 if connection.is_late else self.dice.random()
        connection.last_ms = max(connection.last_ms, self.clock.now_ms() + self.latency())
        wait_ms = connection.last_ms - self.clock.now_ms()
        if fate < self.trouble * 0.4:
            flight.is_lost = True
            self.after(wait_ms, lambda: self._deliver(flight))
        elif fate < self.trouble * 0.6:
            self.note(flight.actor.name, "cut before", flight.message)
            self.after(wait_ms, lambda: self.cut(connection))
        elif fate < self.trouble:
            # Its bytes lie in the broker's buffers, or on the way, while the client has gone and come again.
            flight.is_lost = connection.is_late = True
            connection.last_ms += self.dice.choice((50, 500, 3_000, 12_000))
            self.after(connection.last_ms - self.clock.now_ms(), lambda: self._deliver(flight))
            self.after(self.latency(), lambda: self._leave(connection))
        else:
            flight.is_lost = connection.is_late
            self.after(wait_ms, lambda: self._deliver(flight))

    def _leave(self, connection: Connection) -> None:
        """The client gives a connection up; the broker has not noticed yet."""
        connection.is_open = False
        for flight in list(connection.flights):
            self.after(self.latency(), lambda flight=flight: flight.land(None))

    def _deliver(self, flight: Flight) -> None:
        broker, connection = self.broker, flight.connection
        if broker is None or flight.start != self.starts or connection.is_gone:
            flight.land(None)
            return
        session = connection.session
        session.version = flight.version
        flight.handled_ms = self.now_ms()
        body = bytearray(b"".join(bytes(part) for part in encode(flight.message, flight.version)))
        request, _ = decode(type(flight.message), flight.version, memoryview(body))
        if flight.is_lost:
            self.note(flight.actor.name, "arrives", flight.message)
        self.watcher.handled(flight)
        try:
            outcome = broker.handlers[KEYS[type(flight.message).__name__]](request, session, self.clock.now_ms())
        except OSError:
            # As the server does with whatever a handler raises: the connection is closed.
            self.cut(connection)
            return
        if isinstance(outcome, Wait):
            broker.waiting.add(outcome, flight.answered, session)
        else:
            flight.answered(outcome)
        if flight.is_lost and not connection.is_late:
            self.cut(connection)

    def cut(self, connection: Connection) -> None:
        """Both sides learn that a connection is gone."""
        if connection.is_gone:
            return
        connection.is_open, connection.is_gone = False, True
        session = connection.session
        for flight in list(connection.flights):
            self.after(self.latency(), lambda flight=flight: flight.land(None))
        if self.broker is not None:
            self.broker.waiting.cancel(session)
            self.broker.disconnected(session)
            self.watcher.disconnected(session)

    # Asking the broker beside the network, for setting up and for judging.

    def now(self, message: Any, version: int) -> Any:
        """The answer of a request that is not disturbed by anything; events happen until it is there."""
        assert self.broker is not None
        answers: list[Any] = []
        actor = Actor(self, "judge")
        flight = Flight(self, actor, message, version)
        flight.resolve = answers.append
        self._deliver(flight)
        self._settle()
        until_ms = self.now_ms() + 60_000
        self.run_until(lambda: bool(answers) or self.now_ms() > until_ms)
        return answers[0] if answers else None

    def set_up(self, group_configs: Iterable[tuple[str, dict[str, str]]]) -> None:
        """A broker with the topics and groups of every run, all of it on disk."""
        self.start()
        create = m.CreateTopicsRequest
        configs = [create.CreatableTopicConfig("internal.segment.bytes", str(self.shape.segment_bytes))]
        topics = [create.CreatableTopic(name, count, 1, [], configs) for name, count in TOPICS.items()]
        answer = self.now(create(topics=topics, timeout_ms=5_000), 7)
        assert not any(topic.error_code for topic in answer.topics), answer
        self.topic_ids = {topic.name: topic.topic_id for topic in answer.topics}
        find = m.FindCoordinatorRequest
        for kind, key in ((0, "group"), (1, "tx")):
            self.now(find(key_type=kind, coordinator_keys=[key]), 6)
        alter = m.IncrementalAlterConfigsRequest
        for group, wanted in group_configs:
            entries = [alter.AlterableConfig(name, 0, value) for name, value in wanted.items()]
            self.now(alter(resources=[alter.AlterConfigsResource(32, group, entries)]), 1)
        # The names of new logs are on disk from here on.
        broker = self.broker
        assert broker is not None
        broker.close()
        self.memory = self.memory.after_kill()
        self.disk = FaultyFiles(self.memory)
        self.broker = None
        self.start()


def disk_error(dice: Any) -> OSError:
    return OSError(dice.choice((errno.EIO, errno.ENOSPC)), "the simulation makes this call fail")
