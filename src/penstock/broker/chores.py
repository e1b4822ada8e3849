"""What a broker does by itself from time to time, each at its own interval, never much at once."""

from collections.abc import Callable, Iterable, Iterator

from penstock.log.partition import Partition

# Partitions looked at in one tick: ten thousand at once would hold up every client for the length of it.
SWEEP_PARTITIONS = 256


class Chore:
    """Done every `interval_ms`. run: gets the time; True when it has not finished and wants to go on."""

    __slots__ = ("due_ms", "interval_ms", "run")

    def __init__(self, interval_ms: int, run: Callable[[int], bool], now_ms: int) -> None:
        self.interval_ms = interval_ms
        self.run = run
        self.due_ms = now_ms + interval_ms


class Chores:
    """All chores of one broker."""

    __slots__ = ("_chores",)

    def __init__(self) -> None:
        self._chores: list[Chore] = []

    def every(self, interval_ms: int, run: Callable[[int], bool], now_ms: int) -> None:
        self._chores.append(Chore(max(1, interval_ms), run, now_ms))

    def do(self, now_ms: int) -> int:
        """Does what is due; gives the time of the next one, `now_ms` when something wants to go on."""
        for chore in self._chores:
            # A clock set back by more than an interval would otherwise put everything off until it has caught up.
            if chore.due_ms <= now_ms or chore.due_ms > now_ms + chore.interval_ms:
                # Put off before it is run: one that fails must not come first again and again, while all else waits.
                chore.due_ms = now_ms + chore.interval_ms
                if chore.run(now_ms):
                    chore.due_ms = now_ms
        return min(chore.due_ms for chore in self._chores)


class Sweep:
    """Visits every partition in turn, some in each call; which there are is asked anew each time round."""

    __slots__ = ("_left", "_partitions", "_visit")

    def __init__(self, partitions: Callable[[], Iterable[Partition]], visit: Callable[[Partition, int], None]) -> None:
        self._partitions = partitions
        self._visit = visit
        self._left: Iterator[Partition] | None = None

    def __call__(self, now_ms: int) -> bool:
        if self._left is None:
            self._left = iter(list(self._partitions()))
        for _ in range(SWEEP_PARTITIONS):
            partition = next(self._left, None)
            if partition is None:
                self._left = None
                return False
            self._visit(partition, now_ms)
        return True
