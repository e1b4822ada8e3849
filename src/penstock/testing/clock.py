"""A clock that stands still until it is told to go on."""


class ManualClock:
    """Both readings of `kit.clock.Clock`, moved by hand.

    now_ms: where the wall clock stands, epoch milliseconds; the monotonic one starts at 0.
    """

    __slots__ = ("_monotonic_ms", "_now_ms")

    # Some day in November 2023: far from 0, so that a forgotten time shows.
    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_ms = 0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ms(self) -> int:
        return self._monotonic_ms

    def advance(self, ms: int) -> int:
        """The wall clock after `ms` more milliseconds."""
        assert ms >= 0, ms
        self._now_ms += ms
        self._monotonic_ms += ms
        return self._now_ms

    def set_wall(self, now_ms: int) -> None:
        """Somebody sets the machine's clock, perhaps back; the monotonic one does not notice."""
        self._now_ms = now_ms
