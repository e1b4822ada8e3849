"""One member of a consumer group, as its records say; never changed in place."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum, auto
from types import MappingProxyType
from typing import Any, NamedTuple

from penstock.coordinate.assignors.spec import Assignment
from penstock.coordinate.groups.member import Protocols
from penstock.coordinate.groups.timers import NEVER, Timer

# Partitions by topic id, each with the epoch in which the member got it.
Held = Mapping[bytes, Mapping[int, int]]

LEFT_EPOCH = -1
# A static member that is away for a while: it keeps what it has.
AWAY_EPOCH = -2
JOINING_EPOCH = 0


class MemberState(IntEnum):
    """How far a member is on its way to its target; the numbers are those of the records."""

    STABLE = 0
    UNREVOKED = 1
    UNRELEASED = 2
    UNKNOWN = 127


class ConsumerTimer(Enum):
    """What a deadline of a member is for."""

    SESSION = auto()
    REVOCATION = auto()
    JOIN = auto()
    SYNC = auto()


class Classic(NamedTuple):
    """What a member of the classic protocol said with JoinGroup; the first protocol is the one it is answered with."""

    session_timeout_ms: int
    protocols: Protocols


class ConsumerMember(NamedTuple):
    """A member. pattern: "" for none; assignor: None for no preference; assigned, revoking: what it may use, and what
    it has been asked to give back; classic: None for members of the new protocol.
    """

    member_id: str
    epoch: int = JOINING_EPOCH
    previous_epoch: int = -1
    instance_id: str | None = None
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    client_id: str = ""
    client_host: str = ""
    topics: frozenset[str] = frozenset()
    pattern: str = ""
    assignor: str | None = None
    state: MemberState = MemberState.STABLE
    assigned: Held = MappingProxyType({})
    revoking: Held = MappingProxyType({})
    classic: Classic | None = None

    def at(self, epoch: int, **changes: Any) -> ConsumerMember:
        """The member in that epoch, with the one it had as the previous one."""
        return self._replace(epoch=epoch, previous_epoch=self.epoch, **changes)

    def is_reconciled_to(self, epoch: int) -> bool:
        return self.state is MemberState.STABLE and self.epoch == epoch

    def assignment_epoch(self, topic_id: bytes, partition: int) -> int | None:
        """In which epoch it got the partition; None if it does not have it."""
        found = self.assigned.get(topic_id, {}).get(partition)
        return found if found is not None else self.revoking.get(topic_id, {}).get(partition)

    def held(self) -> dict[bytes, list[int]]:
        """All partitions it may still use, those to be given back too; in order."""
        topics: dict[bytes, list[int]] = {}
        for part in (self.assigned, self.revoking):
            for topic_id, partitions in part.items():
                topics.setdefault(topic_id, []).extend(partitions)
        return {topic_id: sorted(partitions) for topic_id, partitions in topics.items()}

    def bytes_held(self) -> int:
        """About how much memory a client made us keep."""
        texts = (self.member_id, self.instance_id or "", self.rack_id or "", self.client_id, self.pattern)
        protocols = () if self.classic is None else self.classic.protocols
        return sum(map(len, texts)) + sum(map(len, self.topics)) + sum(len(data) for _, data in protocols)


class Clocks:
    """The timers of one member. revoking_epoch: the epoch that has to end before `revocation` is due."""

    __slots__ = ("join", "revocation", "revoking_epoch", "session", "sync")

    def __init__(self, group: Any, member_id: str) -> None:
        self.session = Timer(ConsumerTimer.SESSION, group, member_id)
        self.revocation = Timer(ConsumerTimer.REVOCATION, group, member_id)
        self.join = Timer(ConsumerTimer.JOIN, group, member_id)
        self.sync = Timer(ConsumerTimer.SYNC, group, member_id)
        self.revoking_epoch = NEVER

    def all(self) -> tuple[Timer, ...]:
        return self.session, self.revocation, self.join, self.sync


def without_epochs(held: Held) -> Assignment:
    return {topic_id: frozenset(partitions) for topic_id, partitions in held.items()}


def with_epoch(assignment: Assignment, epoch: int) -> Held:
    """The same partitions, all got in that epoch."""
    return {topic_id: dict.fromkeys(sorted(partitions), epoch) for topic_id, partitions in assignment.items()}
