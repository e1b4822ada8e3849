"""What the members of one group know of it, and when that makes a stable group."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol


class Standing(Protocol):
    """A member as it sees itself. epoch: member epoch or generation; settled: it waits for nothing but news."""

    @property
    def epoch(self) -> int: ...

    @property
    def owned(self) -> frozenset[int]: ...

    @property
    def settled(self) -> bool: ...


def is_stable(members: Collection[Standing], partitions: int, *, shared: bool) -> bool:
    """All have the newest epoch, none has less than an even share, and every partition is read: once, unless shared."""
    newest = max((member.epoch for member in members), default=0)
    if any(member.epoch != newest or not member.settled for member in members):
        return False
    least = partitions // max(1, len(members))
    if any(len(member.owned) < least for member in members):
        return False
    given = sum(len(member.owned) for member in members)
    return len(set().union(*(member.owned for member in members))) == partitions and (shared or given == partitions)


@dataclass
class Roster:
    """The members present. shared: several may read a partition."""

    partitions: int
    shared: bool = False

    def __post_init__(self) -> None:
        self.members: list[Standing] = []
        self._stable: asyncio.Future[float] | None = None

    def expect(self) -> asyncio.Future[float]:
        """The time (perf_counter) at which the group is stable next, as soon as it is. It must not be at the moment."""
        self._stable = asyncio.get_running_loop().create_future()
        return self._stable

    def note(self) -> None:
        """Something about a member changed."""
        waiting = self._stable
        if waiting is not None and not waiting.done() and is_stable(self.members, self.partitions, shared=self.shared):
            waiting.set_result(perf_counter())

    def fail(self, error: BaseException) -> None:
        """A member cannot go on, so nobody need wait."""
        if self._stable is not None and not self._stable.done():
            self._stable.set_exception(error)
