"""Time as an argument: rooms below `server` never ask the machine what time it is."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings: the wall for timestamps in records, the monotonic for how long something took."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch; may step backwards when the machine's clock is set."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds since an arbitrary start; never steps backwards."""
        ...


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000
