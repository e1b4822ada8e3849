"""One timer for everything that is due at a time of the wall clock."""

import asyncio
from collections.abc import Callable

from penstock.kit.clock import Clock

# Wall clocks are set now and then; nothing sleeps longer than this without looking again.
SLEEP_MS_MAX = 10_000


class Timer:
    """Calls `tick` once, at the earliest of the times that were set since the last call."""

    __slots__ = ("_clock", "_due_ms", "_handle", "_loop", "_tick")

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock, tick: Callable[[], None]) -> None:
        self._loop = loop
        self._clock = clock
        self._tick = tick
        self._due_ms: int | None = None
        self._handle: asyncio.TimerHandle | None = None

    @property
    def due_ms(self) -> int | None:
        return self._due_ms

    def set(self, due_ms: int | None) -> None:
        """due_ms: epoch milliseconds, None for never. A later time than the one set already changes nothing."""
        if due_ms is None or (self._due_ms is not None and due_ms >= self._due_ms):
            return
        if self._handle is not None:
            self._handle.cancel()
        self._due_ms = due_ms
        delay_ms = min(max(due_ms - self._clock.now_ms(), 0), SLEEP_MS_MAX)
        self._handle = self._loop.call_later(delay_ms / 1000, self._ring)

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = None
        self._due_ms = None

    def _ring(self) -> None:
        self._handle = None
        self._due_ms = None
        self._tick()
