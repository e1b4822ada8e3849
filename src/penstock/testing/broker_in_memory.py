"""A broker without sockets: requests in, replies out, on a disk in memory and a clock moved by hand."""

from collections.abc import Mapping
from typing import Any

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.core import Broker
from penstock.broker.outcome import Hangup, Outcome, Reply, Wait
from penstock.broker.session import Session
from penstock.kit.files import Files
from penstock.protocol.apis import API
from penstock.protocol.codec import decode, encode
from penstock.testing.clock import ManualClock
from penstock.testing.dice import Dice
from penstock.testing.files import MemoryFiles

_KEYS = {api.request_name: api.key for api in API.values()}
# Longer than any timeout of Kafka's: who waits for more than this waits for something that does not come.
_PATIENCE_MS = 3_600_000


class HungUp(Exception):
    """The broker closed the connection instead of answering."""


class Exchange:
    """One request on its way. answer: the response message, None while there is none; over: nothing more will come."""

    def __init__(self, request: Any, version: int) -> None:
        self.key = _KEYS[type(request).__name__]
        self.version = version
        self.answer: Any = None
        self.over = False
        self.hangup = ""

    def deliver(self, outcome: Outcome) -> None:
        """Takes the outcome over as a client would read it: encoded by the broker, decoded here."""
        assert not self.over, "a request is answered once"
        self.over = True
        if isinstance(outcome, Hangup):
            self.hangup = outcome.reason
        elif isinstance(outcome, Reply):
            parts = encode(outcome.message, self.version)
            data = b"".join(part if isinstance(part, bytes | bytearray | memoryview) else part.read() for part in parts)
            self.answer, end = decode(API[self.key].response, self.version, data)
            assert end == len(data), (end, len(data))


class InMemoryBroker:
    """Drives a Broker step by step; every request goes through Kafka's encoding, as over a socket.

    configs: broker settings as in server.properties; durable: acks=all waits for fsync, which `settle` performs as
    long as `is_syncing`; without, it happens when `sync` is called.
    """

    def __init__(
        self,
        configs: Mapping[str, str] | None = None,
        *,
        files: Files | None = None,
        clock: ManualClock | None = None,
        durable: bool = False,
        dice: Dice | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.files: Files = files or MemoryFiles(clock=self.clock)
        self.files.make_dirs("/data")
        self.files.sync_dir("/")
        self.dice = dice or Dice()
        durability = {"penstock.durability": "fsync"} if durable else {}
        self.settings = BrokerSettings.from_mapping({"log.dirs": "/data", **durability, **(configs or {})})
        self.session = Session()
        self.is_syncing = True
        self.broker = self._started()

    def request(self, message: Any, version: int | None = None, session: Session | None = None) -> Any:
        """The response to a request; time passes until it is there. version: the highest served when not given.

        None when nothing is answered (acks=0). Error: HungUp.
        """
        exchange = self.send(message, version, session)
        waited_ms = 0
        while not exchange.over:
            due_ms = self._next_ms()
            assert due_ms is not None, f"{type(message).__name__} waits for something that no time will bring"
            waited_ms += max(0, due_ms - self.clock.now_ms())
            assert waited_ms <= _PATIENCE_MS, f"{type(message).__name__} was not answered within an hour"
            self.advance(max(0, due_ms - self.clock.now_ms()))
        if exchange.hangup:
            raise HungUp(exchange.hangup)
        return exchange.answer

    def send(self, message: Any, version: int | None = None, session: Session | None = None) -> Exchange:
        """Hands a request in and lets the broker do what it can do now; the answer may come later."""
        broker = self.broker
        key = _KEYS[type(message).__name__]
        version = broker.served[key].max if version is None else version
        session = session or self.session
        session.version = version
        exchange = Exchange(message, version)
        # A writable buffer, as the server has one: the broker stamps batches where they lie.
        body = bytearray(b"".join(bytes(part) for part in encode(message, version)))
        request, _ = decode(type(message), version, memoryview(body))
        outcome = broker.handlers[key](request, session, self.clock.now_ms())
        if isinstance(outcome, Wait):
            broker.waiting.add(outcome, exchange.deliver, session)
        else:
            exchange.deliver(outcome)
        self.settle()
        return exchange

    def settle(self) -> None:
        """Syncs what wants to be on disk and answers what became ready."""
        broker = self.broker
        broker.waiting.settle()
        while broker.to_sync and self.is_syncing:
            self.sync()
            broker.waiting.settle()

    def sync(self) -> None:
        """What the server's fsync thread does, once; answers leave with the next `settle`."""
        broker = self.broker
        partitions = list(broker.to_sync)
        broker.to_sync.clear()
        for partition in partitions:
            try:
                offset = partition.sync()
            except OSError as error:
                broker.sync_failed(partition, error)
            else:
                broker.synced(partition, offset)

    def advance(self, ms: int) -> None:
        """Lets time pass and the broker do what fell due at its end."""
        now_ms = self.clock.advance(ms)
        self.broker.tick(now_ms)
        self.broker.waiting.expire(now_ms)
        self.settle()
        while self.broker.to_remove:
            self.broker.remove(self.broker.to_remove.pop(0))

    def disconnect(self, session: Session | None = None) -> None:
        """A connection is closed by its client."""
        session = session or self.session
        self.broker.waiting.cancel(session)
        self.broker.disconnected(session)
        self.settle()

    def restart(self) -> None:
        """A clean shutdown and a new start on the same disk."""
        self.broker.close()
        self.broker = self._started()

    def crash(self, *, power_cut: bool = False) -> None:
        """The process dies, or the machine with it: then only what was synced is left."""
        files = self.files
        assert isinstance(files, MemoryFiles), "only a disk in memory can be taken over from a dead process"
        self.files = files.after_power_cut() if power_cut else files.after_kill()
        self.broker = self._started()

    def _started(self) -> Broker:
        broker = Broker(self.settings, self.files, self.clock, self.dice)
        broker.endpoints["PLAINTEXT"] = ("localhost", 9092)
        broker.start()
        return broker

    def _next_ms(self) -> int | None:
        deadlines = [source.next_deadline_ms() for source in (self.broker, self.broker.waiting)]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)
