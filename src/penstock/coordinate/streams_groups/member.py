"""One member of a streams group, as its records say; never changed in place."""

from __future__ import annotations

from enum import Enum, IntEnum, auto
from typing import Any, NamedTuple

from penstock.coordinate.consumer.member import JOINING_EPOCH
from penstock.coordinate.groups.timers import NEVER, Timer
from penstock.coordinate.streams_groups.tasks import NOTHING_HELD, Held


class MemberState(IntEnum):
    """How far a member is on its way to its target; the numbers are those of the records."""

    STABLE = 1
    UNREVOKED = 2
    UNRELEASED = 3
    UNKNOWN = 127


class StreamsTimer(Enum):
    """What a deadline is for: of a member, or of a group whose first members are awaited."""

    SESSION = auto()
    REVOCATION = auto()
    FIRST_TARGET = auto()


class StreamsMember(NamedTuple):
    """A member, which is a thread of a process. endpoint: host and port where its stores can be asked; tags: by key;
    topology_epoch: of the version it runs; assigned, revoking: what it may run, and what it has been asked to stop.
    """

    member_id: str
    epoch: int = JOINING_EPOCH
    previous_epoch: int = JOINING_EPOCH
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    rebalance_timeout_ms: int = -1
    topology_epoch: int = -1
    process_id: str = ""
    endpoint: tuple[str, int] | None = None
    tags: tuple[tuple[str, str], ...] = ()
    state: MemberState = MemberState.STABLE
    assigned: Held = NOTHING_HELD
    revoking: Held = NOTHING_HELD

    def at(self, epoch: int, **changes: Any) -> StreamsMember:
        """The member in that epoch, with the one it had as the previous one."""
        return self._replace(epoch=epoch, previous_epoch=self.epoch, **changes)

    def is_reconciled_to(self, epoch: int) -> bool:
        return self.state is MemberState.STABLE and self.epoch == epoch

    def assignment_epoch(self, subtopology: str, partition: int) -> int | None:
        """In which epoch it got the active task; None if it does not have it."""
        found = self.assigned.active.get(subtopology, {}).get(partition)
        return found if found is not None else self.revoking.active.get(subtopology, {}).get(partition)

    def bytes_held(self) -> int:
        """About how much memory a client made us keep."""
        texts = [self.member_id, self.instance_id or "", self.rack_id or "", self.client_id, self.process_id]
        texts += [text for pair in self.tags for text in pair]
        return sum(map(len, texts)) + (0 if self.endpoint is None else len(self.endpoint[0]))


class Clocks:
    """The timers of one member. revoking_epoch: the epoch that has to end before `revocation` is due."""

    __slots__ = ("revocation", "revoking_epoch", "session")

    def __init__(self, group: Any, member_id: str) -> None:
        self.session = Timer(StreamsTimer.SESSION, group, member_id)
        self.revocation = Timer(StreamsTimer.REVOCATION, group, member_id)
        self.revoking_epoch = NEVER

    def all(self) -> tuple[Timer, ...]:
        return self.session, self.revocation
