"""One consumer group: members, targets, epochs. It is what its records say; requests never change it directly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from penstock.coordinate.assignors.spec import NO_ASSIGNMENT, Assignment
from penstock.coordinate.consumer.member import Clocks, ConsumerMember, Held, MemberState
from penstock.coordinate.groups.group import GroupType
from penstock.coordinate.groups.subscription import CONSUMER
from penstock.coordinate.groups.timers import Timer

UNSEEN = -1
# Where a group and its targets begin; 0 is what members join with.
INITIAL_EPOCH = 1


class ConsumerState(Enum):
    """Where a group stands; the value is the name that ListGroups and ConsumerGroupDescribe show."""

    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"
    DEAD = "Dead"


class Resolved(NamedTuple):
    """The topics a pattern stood for when it was last looked at. version: of the topics then; at_ms: when that was."""

    topics: frozenset[str]
    version: int = 0
    at_ms: int = 0


class ConsumerGroup:
    """A group that the broker assigns.

    epoch: grows with everything that asks for a new assignment; assignment_epoch: which epoch the targets are of;
    assigned_ms: when those were made, 0 if unknown; owners: member ids by topic id and partition, of all that is
    assigned or not yet given back; readers: how many members name a topic; pattern_users: how many have a pattern;
    seen_version: of the topics when the group last looked at them; clocks: timers by member id.
    """

    group_type = GroupType.CONSUMER
    listed_protocol = CONSUMER

    __slots__ = (
        "assigned_ms",
        "assignment_epoch",
        "assignors",
        "bytes_held",
        "classic_count",
        "classic_protocols",
        "clocks",
        "epoch",
        "group_id",
        "has_partition_record",
        "members",
        "metadata_hash",
        "owners",
        "partition",
        "pattern_users",
        "patterns",
        "patterns_seen_ms",
        "patterns_seen_version",
        "readers",
        "seen_version",
        "static_members",
        "targets",
    )

    def __init__(self, group_id: str, partition: int) -> None:
        self.group_id = group_id
        self.partition = partition
        self.epoch = INITIAL_EPOCH
        self.metadata_hash = 0
        self.assignment_epoch = INITIAL_EPOCH
        self.assigned_ms = 0
        self.has_partition_record = False
        self.members: dict[str, ConsumerMember] = {}
        self.static_members: dict[str, str] = {}
        self.targets: dict[str, Assignment] = {}
        self.owners: dict[bytes, dict[int, str]] = {}
        self.patterns: dict[str, Resolved] = {}
        self.readers: Counter[str] = Counter()
        self.pattern_users: Counter[str] = Counter()
        self.assignors: Counter[str] = Counter()
        self.classic_protocols: Counter[str] = Counter()
        self.classic_count = 0
        self.bytes_held = 0
        self.clocks: dict[str, Clocks] = {}
        self.seen_version = UNSEEN
        self.patterns_seen_version = UNSEEN
        self.patterns_seen_ms = 0

    @property
    def is_empty(self) -> bool:
        return not self.members

    @property
    def state(self) -> ConsumerState:
        if not self.members:
            return ConsumerState.EMPTY
        if self.epoch > self.assignment_epoch:
            return ConsumerState.ASSIGNING
        if all(member.is_reconciled_to(self.assignment_epoch) for member in self.members.values()):
            return ConsumerState.STABLE
        return ConsumerState.RECONCILING

    @property
    def state_name(self) -> str:
        """As ListGroups shows it."""
        return self.state.value

    def timers(self) -> Iterator[Timer]:
        """Every timer that may run for this group."""
        for clocks in self.clocks.values():
            yield from clocks.all()

    def clocks_of(self, member_id: str) -> Clocks:
        clocks = self.clocks.get(member_id)
        if clocks is None:
            clocks = self.clocks[member_id] = Clocks(self, member_id)
        return clocks

    # Members

    def static_member(self, instance_id: str | None) -> ConsumerMember | None:
        member_id = self.static_members.get(instance_id) if instance_id is not None else None
        return None if member_id is None else self.members[member_id]

    def put(self, member: ConsumerMember) -> None:
        """Takes a member as it is now."""
        old = self.members.get(member.member_id)
        if old is not None:
            self._forget(old)
        self.members[member.member_id] = member
        if member.instance_id is not None:
            self.static_members[member.instance_id] = member.member_id
        self._count(member, 1)
        for part in (member.assigned, member.revoking):
            for topic_id, partitions in part.items():
                self.owners.setdefault(topic_id, {}).update(dict.fromkeys(partitions, member.member_id))

    def remove(self, member_id: str) -> None:
        """Lets a member go, with its timers; nothing happens if there is none."""
        member = self.members.pop(member_id, None)
        if member is not None:
            self._forget(member)
        clocks = self.clocks.pop(member_id, None)
        for timer in () if clocks is None else clocks.all():
            timer.stop()

    def target_of(self, member_id: str, instance_id: str | None = None) -> Assignment:
        """What a member shall have; a static one takes it over from the member id it had before."""
        if instance_id is not None:
            member_id = self.static_members.get(instance_id, member_id)
        return self.targets.get(member_id, NO_ASSIGNMENT)

    def owner_of(self, topic_id: bytes, partition: int) -> str | None:
        return self.owners.get(topic_id, {}).get(partition)

    # Subscriptions

    def subscribed(self) -> set[str]:
        """All topics that members read, by name or by pattern."""
        return {*self.readers, *self.topics_of_patterns(self.pattern_users)}

    def topics_of_patterns(self, patterns: Iterable[str]) -> set[str]:
        return {name for text in patterns if text in self.patterns for name in self.patterns[text].topics}

    def is_subscribed_to(self, topic: str) -> bool:
        return topic in self.readers or any(
            topic in self.patterns[t].topics for t in self.pattern_users if t in self.patterns
        )

    def supports_classic(self, protocol_type: str, protocols: Iterable[str]) -> bool:
        """Whether a member of the classic protocol with these protocols can be in."""
        if protocol_type != CONSUMER:
            return False
        if self.is_empty:
            return any(True for _ in protocols)
        return any(self.classic_protocols[name] == self.classic_count for name in protocols)

    # What is kept beside the members, so that questions need not look at all of them.

    def _count(self, member: ConsumerMember, change: int) -> None:
        _add(self.readers, member.topics, change)
        if member.pattern:
            _add(self.pattern_users, (member.pattern,), change)
        if member.assignor is not None:
            _add(self.assignors, (member.assignor,), change)
        if member.classic is not None:
            self.classic_count += change
            _add(self.classic_protocols, {name for name, _ in member.classic.protocols}, change)
        self.bytes_held += change * member.bytes_held()

    def _forget(self, member: ConsumerMember) -> None:
        self._count(member, -1)
        if member.instance_id is not None and self.static_members.get(member.instance_id) == member.member_id:
            del self.static_members[member.instance_id]
        self._release(member.assigned, member.member_id)
        self._release(member.revoking, member.member_id)

    def _release(self, held: Held, member_id: str) -> None:
        for topic_id, partitions in held.items():
            owners = self.owners.get(topic_id, {})
            for partition in partitions:
                # Another member may have it already when records are read again.
                if owners.get(partition) == member_id:
                    del owners[partition]
            if not owners:
                self.owners.pop(topic_id, None)


def _add(counter: Counter[str], names: Iterable[str], change: int) -> None:
    for name in names:
        counter[name] += change
        if not counter[name]:
            del counter[name]


def is_waiting_for_others(group: ConsumerGroup, member: ConsumerMember) -> bool:
    """Whether something of its target is still with another member."""
    if member.state is not MemberState.UNRELEASED:
        return False
    return any(
        group.owner_of(topic_id, partition) is not None
        for topic_id, partitions in group.targets.get(member.member_id, NO_ASSIGNMENT).items()
        for partition in partitions
        if partition not in _of(member.assigned, topic_id)
    )


def _of(held: Held, topic_id: bytes) -> Mapping[int, int]:
    return held.get(topic_id, {})
