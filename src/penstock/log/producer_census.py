"""How many producers all partitions together remember, and a bound on it: each of them alone has its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from weakref import WeakSet

if TYPE_CHECKING:
    from penstock.log.producers import Producers

# Four times what one partition may remember, at about a kilobyte each. Kafka has no such bound: there only
# producer.id.expiration.ms, a day by default, stands between made-up ids and the end of the memory.
TOTAL_MAX: Final = 400_000


class ProducerCensus:
    """Counts who comes, not who goes: before anybody is forgotten, it is counted anew.

    total_max: beyond it those that have been silent longest are forgotten, in whatever partition they wrote.
    """

    __slots__ = ("_count", "_partitions", "total_max")

    def __init__(self, total_max: int = TOTAL_MAX) -> None:
        self.total_max = total_max
        self._count = 0
        # Weak: a partition that is deleted or opened anew just does not count any more.
        self._partitions: WeakSet[Producers] = WeakSet()

    def come(self, producers: Producers, now_ms: int) -> None:
        """One more is about to be remembered in a partition."""
        self._partitions.add(producers)
        if self._count >= self.total_max:
            self._make_room(now_ms)
        self._count += 1

    def found(self, producers: Producers, now_ms: int) -> None:
        """A partition was opened and remembers these."""
        self._partitions.add(producers)
        self._count += len(producers.by_id)
        if self._count > self.total_max:
            self._make_room(now_ms)

    def _make_room(self, now_ms: int) -> None:
        """By a tenth, so that this work is rare; also where all have a transaction going on, and none may go."""
        kept_max = self.total_max * 9 // 10
        known = [producers for producers in self._partitions if producers.by_id]
        self._count = sum(len(producers.by_id) for producers in known)
        if self._count < self.total_max:
            return
        ages = sorted(
            now_ms - producer.touched_ms
            for producers in known
            for producer in producers.by_id.values()
            if producer.transaction_start < 0
        )
        if ages:
            age_ms = ages[-min(self._count - kept_max, len(ages))]
            self._count -= sum(producers.expire(now_ms, age_ms) for producers in known)
        self._count = min(self._count, kept_max)
