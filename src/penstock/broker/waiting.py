"""Answers that are not ready yet, found again by what they wait for, by whose they are and by when they are due."""

import heapq
import logging
from collections.abc import Callable, Hashable
from itertools import count

from penstock.broker.outcome import Hangup, Reply, Wait

log = logging.getLogger("penstock.broker")

Deliver = Callable[[Reply | Hangup], None]

# No answer waits longer than this; joins of groups have timers of their own and only need a bound.
FOREVER_MS = 1 << 62
_HEAP_SLACK = 1_024


class Waiter:
    """One Wait on its way to an answer. alive: neither answered, expired nor cancelled."""

    __slots__ = ("alive", "deliver", "owner", "wait")

    def __init__(self, wait: Wait, deliver: Deliver, owner: Hashable) -> None:
        self.wait = wait
        self.deliver = deliver
        self.owner = owner
        self.alive = True


class Waiting:
    """All waits of a broker. `wake` marks, `settle` asks the marked, `expire` ends those whose time is up."""

    __slots__ = ("_by_key", "_by_owner", "_deadlines", "_serial", "_woken", "count")

    def __init__(self) -> None:
        self._by_key: dict[Hashable, dict[Waiter, None]] = {}
        self._by_owner: dict[Hashable, dict[Waiter, None]] = {}
        self._woken: dict[Waiter, None] = {}
        self._deadlines: list[tuple[int, int, Waiter]] = []
        self._serial = count()
        self.count = 0

    def add(self, wait: Wait, deliver: Deliver, owner: Hashable = None) -> Waiter:
        """deliver: called once with the answer, never after `cancel`; owner: what `cancel` names, a connection."""
        waiter = Waiter(wait, deliver, owner)
        by_key = self._by_key
        for key in wait.on:
            waiters = by_key.get(key)
            if waiters is None:
                by_key[key] = {waiter: None}
            else:
                waiters[waiter] = None
        if owner is not None:
            self._by_owner.setdefault(owner, {})[waiter] = None
        if wait.until_ms < FOREVER_MS:
            heapq.heappush(self._deadlines, (wait.until_ms, next(self._serial), waiter))
        self.count += 1
        return waiter

    def wake(self, key: Hashable) -> None:
        """Marks who waits for `key`; a dictionary miss when nobody does, so that appending stays cheap."""
        waiters = self._by_key.get(key)
        if waiters:
            self._woken.update(waiters)
            for waiter in waiters:
                if waiter.wait.woken is not None:
                    waiter.wait.woken(key)

    def settle(self) -> None:
        """Asks every marked wait and delivers what is ready; answers may wake further waits, which are asked too."""
        while self._woken:
            woken, self._woken = self._woken, {}
            for waiter in woken:
                reply = _ask(waiter.wait.ready) if waiter.alive else None
                if reply is not None:
                    self._forget(waiter)
                    _hand_over(waiter, reply)

    def expire(self, now_ms: int) -> None:
        """Ends the waits whose time is up, earliest first."""
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= now_ms:
            waiter = heapq.heappop(deadlines)[2]
            if waiter.alive:
                self._forget(waiter)
                reply = _ask(waiter.wait.expired)
                if reply is not None:
                    _hand_over(waiter, reply)

    def next_deadline_ms(self) -> int | None:
        """When `expire` next has something to do; None when no wait has an end."""
        deadlines = self._deadlines
        # A long poll answered early leaves its deadline behind: they are dropped here, or in one go when they are many.
        if len(deadlines) > _HEAP_SLACK + 4 * self.count:
            self._deadlines = deadlines = [entry for entry in deadlines if entry[2].alive]
            heapq.heapify(deadlines)
        while deadlines and not deadlines[0][2].alive:
            heapq.heappop(deadlines)
        return deadlines[0][0] if deadlines else None

    def cancel(self, owner: Hashable) -> None:
        """Forgets every wait of an owner: its connection is gone."""
        for waiter in list(self._by_owner.get(owner, ())):
            self._forget(waiter)

    def _forget(self, waiter: Waiter) -> None:
        waiter.alive = False
        self.count -= 1
        by_key = self._by_key
        for key in waiter.wait.on:
            waiters = by_key[key]
            del waiters[waiter]
            if not waiters:
                del by_key[key]
        owned = self._by_owner.get(waiter.owner)
        if owned is not None:
            del owned[waiter]
            if not owned:
                del self._by_owner[waiter.owner]


def _hand_over(waiter: Waiter, reply: Reply | Hangup) -> None:
    """As `_ask`: an answer that cannot be encoded must not cost those their answers who were woken with it."""
    try:
        waiter.deliver(reply)
    except Exception:
        log.exception("an answer could not be handed over; its connection is closed")
        waiter.deliver(Hangup("an answer could not be handed over"))


def _ask(answer: Callable[[], Reply | None]) -> Reply | Hangup | None:
    """An answer, or the end of the connection when making it fails: one broken wait must not stop the others."""
    try:
        return answer()
    except Exception:
        log.exception("a waiting request could not be answered; its connection is closed")
        return Hangup("a waiting request could not be answered")
