"""A client that reads, processes and writes in transactions, and kills of it and of the broker as it goes on.

A client is a program: LOOP BOOTSTRAP SOURCE TARGET GROUP TRANSACTIONAL_ID TRANSACTION_MS SESSION_MS PROTOCOL. It copies
SOURCE to TARGET, at most 25 records in a transaction. It prints a line `PHASE COUNT`, COUNT being the records of this
transaction, and waits for a line on its standard input each time; when that ends, it leaves its group and ends.

idle        nothing came for a moment
read        a transaction has begun, nothing is sent yet
written     its records are in the partitions
offsets     and the offsets of the group are in the transaction; franz-go sends these together with the commit
committed   it is over; `aborted` where it had to be given up, and its records come again

It ends with code 3 when its library says that the producer is of no use any more.
"""

import queue
import subprocess
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from penstock.testing.apache_kafka import ApacheKafka

from ..servers import Penstock

SECONDS_MAX = 120
FATAL = 3


@dataclass(frozen=True)
class Blow:
    """A kill -9, once so many records are committed and the client says that it is in `phase`.

    midway: not while the client waits there, but as soon as the coordinator has written what the client does next.
    """

    victim: str
    phase: str
    committed: int
    midway: bool = False


class Loop:
    """A running client."""

    def __init__(self, command: list[str], log: IO[bytes]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._last = ""
        threading.Thread(target=self._drain, daemon=True).start()

    def step(self) -> tuple[str, int] | None:
        """The next phase and its count; None when the program ended."""
        try:
            line = self._lines.get(timeout=SECONDS_MAX)
        except queue.Empty:
            raise AssertionError(f"nothing from the client for {SECONDS_MAX} s after {self._last!r}") from None
        self._last = line or self._last
        if line is None:
            return None
        phase, count = line.split()
        return phase, int(count)

    def go_on(self) -> None:
        self._process.stdin.write("\n")

    def leave(self) -> int:
        """Ends it in peace; gives the exit code."""
        self._process.stdin.close()
        return self._process.wait(SECONDS_MAX)

    def ended(self) -> int:
        return self._process.wait(SECONDS_MAX)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _drain(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)


@dataclass
class Drill:
    """node: the broker. start: a client of the transactional id given. finished: is all of the source committed?"""

    node: Penstock | ApacheKafka
    start: Callable[[str], Loop]
    finished: Callable[[], bool]
    blows: deque[Blow]
    new_ids: bool
    seen: Counter[str] = field(default_factory=Counter)
    _names: int = 0

    def run(self) -> Counter[str]:
        """Until everything is copied; how often each phase came, records committed, and ends with code 3 (`fatal`)."""
        client = self._successor()
        try:
            while (said := client.step()) != ("idle", 0) or not self._over():
                if said is None:
                    assert client.ended() == FATAL, f"the client ended with {client.ended()}, {self.seen}"
                    self.seen["fatal"] += 1
                    client = self.start(self._name())
                else:
                    client = self._step(client, *said)
            assert client.leave() == 0
        finally:
            client.kill()
        return self.seen

    def _step(self, client: Loop, phase: str, count: int) -> Loop:
        self.seen[phase] += 1
        if phase == "committed":
            self.seen["records"] += count
        blow = self.blows[0] if self.blows else None
        if blow is None or blow.phase != phase or self.seen["records"] < blow.committed:
            client.go_on()
            return client
        return self._strike(self.blows.popleft(), client)

    def _strike(self, blow: Blow, client: Loop) -> Loop:
        if blow.midway:
            before = self._written()
            client.go_on()
            deadline = time.monotonic() + SECONDS_MAX
            while self._written() == before:
                assert time.monotonic() < deadline, f"nothing was written after {blow}"
        if blow.victim == "client":
            client.kill()
            return self._successor()
        self.node.stop(kill=True)
        self.node.start()
        if not blow.midway:
            client.go_on()
        return client

    def _successor(self) -> Loop:
        self._names += 1
        return self.start(self._name())

    def _name(self) -> str:
        return f"copier-{self._names}" if self.new_ids else "copier"

    def _over(self) -> bool:
        if not self.finished():
            return False
        assert not self.blows, f"all is copied before {self.blows}"
        return True

    def _written(self) -> int:
        """Bytes in the log of the transaction coordinator."""
        return sum(path.stat().st_size for path in Path(self.node.log_dir).glob("__transaction_state-*/*.log"))
