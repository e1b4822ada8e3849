"""Replies in the order of their requests, though some are ready long after later ones."""

from collections import deque
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from penstock.broker.outcome import Hangup, Reply
from penstock.server.routes import Route


class Slot:
    """The place of one reply in line. parts: None until the reply is ready."""

    __slots__ = ("correlation_id", "line", "parts", "route", "started_ns")

    def __init__(self, line: "Line", route: Route | None, correlation_id: int, started_ns: int) -> None:
        self.line = line
        self.route = route
        self.correlation_id = correlation_id
        self.started_ns = started_ns
        self.parts: list[Any] | None = None

    def deliver(self, outcome: Reply | Hangup) -> None:
        """The end of a Wait: called once by `broker.waiting`."""
        line = self.line
        if isinstance(outcome, Hangup):
            line.hangup(outcome.reason)
            return
        route = self.route
        assert route is not None
        self.parts = route.encode(self.correlation_id, outcome.message)
        route.latency.observe((perf_counter_ns() - self.started_ns) // 1_000)
        if line.slots and line.slots[0] is self:
            line.ready()


class Line:
    """The replies of one connection that may not leave yet: the first of them is not ready.

    ready: called when the first becomes ready; hangup: with the reason when the broker ends the connection.
    """

    __slots__ = ("hangup", "ready", "slots")

    def __init__(self, ready: Callable[[], None], hangup: Callable[[str], None]) -> None:
        self.slots: deque[Slot] = deque()
        self.ready = ready
        self.hangup = hangup

    def wait(self, route: Route, correlation_id: int, started_ns: int) -> Slot:
        """A place for a reply that is not ready; its `deliver` is what the broker calls."""
        slot = Slot(self, route, correlation_id, started_ns)
        self.slots.append(slot)
        return slot

    def behind(self, parts: list[Any]) -> None:
        """Lines up a reply that is ready behind one that is not."""
        slot = Slot(self, None, 0, 0)
        slot.parts = parts
        self.slots.append(slot)

    def take(self, out: list[Any]) -> None:
        """Moves the replies at the front that are ready to `out`."""
        slots = self.slots
        while slots and slots[0].parts is not None:
            out += slots.popleft().parts or ()
