"""One classic group: members, votes, leader, generation. It knows no requests, records or time limits."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from penstock.coordinate.groups.member import NO_TICKET, Member, Protocols, TimerKind
from penstock.coordinate.groups.states import MAY_FOLLOW, State
from penstock.coordinate.groups.subscription import CONSUMER, subscribed_topics
from penstock.coordinate.groups.timers import Timer
from penstock.protocol.errors import KafkaError


class GroupType(Enum):
    """The kinds of groups Kafka has; the value is the name that ListGroups shows."""

    CLASSIC = "classic"
    CONSUMER = "consumer"
    SHARE = "share"
    STREAMS = "streams"


UNKNOWN_TIME = -1


class ClassicGroup:
    """A group whose leader assigns.

    state_since_ms: epoch milliseconds, UNKNOWN_TIME for groups loaded from records older than Kafka 2.1;
    named: members that got MEMBER_ID_REQUIRED and did not join yet; unsynced: members of this generation without a
    SyncGroup; awaiting_join: how many members wait for the join phase to end.
    """

    group_type = GroupType.CLASSIC

    __slots__ = (
        "_supporters",
        "awaiting_join",
        "bytes_held",
        "generation",
        "group_id",
        "has_new_member",
        "initial_delay_ms",
        "initial_left_ms",
        "join_timer",
        "leader_id",
        "members",
        "named",
        "partition",
        "previous",
        "protocol_name",
        "protocol_type",
        "state",
        "state_since_ms",
        "static_members",
        "subscribed",
        "sync_timer",
        "unsynced",
    )

    def __init__(self, group_id: str, partition: int, state: State, state_since_ms: int) -> None:
        self.group_id = group_id
        self.partition = partition
        self.state = state
        self.previous = State.DEAD
        self.state_since_ms = state_since_ms
        self.protocol_type: str | None = None
        self.protocol_name: str | None = None
        self.generation = 0
        self.leader_id: str | None = None
        self.members: dict[str, Member] = {}
        self.static_members: dict[str, str] = {}
        self.named: dict[str, Timer] = {}
        self.unsynced: set[str] = set()
        self.awaiting_join = 0
        self.bytes_held = 0
        self.subscribed: frozenset[str] | None = None
        self.has_new_member = False
        self.initial_delay_ms = 0
        self.initial_left_ms = 0
        self.join_timer = Timer(TimerKind.JOIN, self)
        self.sync_timer = Timer(TimerKind.SYNC, self)
        self._supporters: dict[str, int] = {}

    @property
    def state_name(self) -> str:
        """As ListGroups shows it."""
        return self.state.value

    @property
    def listed_protocol(self) -> str:
        """As ListGroups shows it."""
        return self.protocol_type or ""

    @property
    def is_empty(self) -> bool:
        return self.state is State.EMPTY

    @property
    def all_joined(self) -> bool:
        return self.awaiting_join == len(self.members) and not self.named

    @property
    def rebalance_timeout_ms(self) -> int:
        return max(0, *(member.rebalance_timeout_ms for member in self.members.values()), 0)

    def move_to(self, state: State, now_ms: int) -> None:
        assert self.state in MAY_FOLLOW[state], (self.group_id, self.state, state)
        self.previous = self.state
        self.state = state
        self.state_since_ms = now_ms

    def timers(self) -> Iterator[Timer]:
        """Every timer that may run for this group."""
        yield self.join_timer
        yield self.sync_timer
        yield from self.named.values()
        for member in self.members.values():
            yield member.session

    # Members

    def add(self, member: Member, join_ticket: int = NO_TICKET) -> None:
        """Takes a member in; the first one decides the protocol type and leads."""
        if not self.members:
            self.protocol_type = member.protocol_type
        assert member.protocol_type == self.protocol_type, (member.protocol_type, self.protocol_type)
        if member.identity.instance_id is not None:
            assert member.identity.instance_id not in self.static_members, member.identity
            self.static_members[member.identity.instance_id] = member.member_id
        if self.leader_id is None:
            self.leader_id = member.member_id
        self.members[member.member_id] = member
        self._count(member.protocols, 1)
        self.bytes_held += member.bytes_held()
        self.forget_named(member.member_id)
        self.await_join(member, join_ticket)

    def remove(self, member_id: str) -> None:
        """Lets a member or a named one go; another member leads if it led. Nothing happens if there is none."""
        member = self.members.pop(member_id, None)
        if member is not None:
            member.session.stop()
            self._count(member.protocols, -1)
            self.bytes_held -= member.bytes_held()
            if member.join_ticket != NO_TICKET:
                self.awaiting_join -= 1
            if member.identity.instance_id is not None:
                del self.static_members[member.identity.instance_id]
        if self.leader_id == member_id:
            self.leader_id = next(iter(self.members), None)
        self.forget_named(member_id)
        self.unsynced.discard(member_id)

    def forget_named(self, member_id: str) -> None:
        timer = self.named.pop(member_id, None)
        if timer is not None:
            timer.stop()

    def replace_static(self, old: Member, new: Member) -> None:
        """A static member came back under a new member id: everything but the id stays as it was."""
        assert old.join_ticket == NO_TICKET, "the old one is answered first"
        assert new.identity.instance_id is not None, new.identity
        old.session.stop()
        del self.members[old.member_id]
        self.members[new.member_id] = new
        self.static_members[new.identity.instance_id] = new.member_id
        if self.leader_id == old.member_id:
            self.leader_id = new.member_id
        if old.member_id in self.unsynced:
            self.unsynced.remove(old.member_id)
            self.unsynced.add(new.member_id)

    def update(
        self, member: Member, protocols: Protocols, rebalance_timeout_ms: int, session_timeout_ms: int, join_ticket: int
    ) -> None:
        """What a member says with a new JoinGroup."""
        self.bytes_held -= member.bytes_held()
        self._count(member.protocols, -1)
        member.protocols = protocols
        self._count(protocols, 1)
        self.bytes_held += member.bytes_held()
        member.rebalance_timeout_ms = rebalance_timeout_ms
        member.session_timeout_ms = session_timeout_ms
        self.await_join(member, join_ticket)

    def await_join(self, member: Member, join_ticket: int) -> None:
        """Notes whom to answer when the join phase ends; NO_TICKET: nobody."""
        self.awaiting_join += (join_ticket != NO_TICKET) - (member.join_ticket != NO_TICKET)
        member.join_ticket = join_ticket

    def assign(self, member: Member, assignment: bytes) -> None:
        self.bytes_held += len(assignment) - len(member.assignment)
        member.assignment = assignment

    def fault_of(self, member_id: str, instance_id: str | None) -> KafkaError:
        """NONE if this is a member under its right instance id."""
        if instance_id is not None:
            holder = self.static_members.get(instance_id)
            if holder is None:
                return KafkaError.UNKNOWN_MEMBER_ID
            if holder != member_id:
                return KafkaError.FENCED_INSTANCE_ID
        return KafkaError.NONE if member_id in self.members else KafkaError.UNKNOWN_MEMBER_ID

    # Protocols, leader, generation

    def supports(self, protocol_type: str, protocols: Protocols) -> bool:
        """Whether a member with these protocols may be in: the same type, and one protocol that all members have."""
        if self.is_empty:
            return protocol_type != "" and len(protocols) > 0
        if protocol_type != self.protocol_type:
            return False
        supporters, size = self._supporters, len(self.members)
        return any(supporters.get(name, 0) == size for name, _ in protocols)

    def select_protocol(self) -> str:
        """Each member votes for its favourite among those that all have; the most votes win, the first on a tie."""
        candidates = {name for name, count in self._supporters.items() if count == len(self.members)}
        votes: dict[str, int] = {}
        for member in self.members.values():
            choice = member.vote(candidates)
            votes[choice] = votes.get(choice, 0) + 1
        return max(votes, key=votes.__getitem__)

    def elect_joined_leader(self) -> bool:
        """Keeps the leader if it rejoined, else takes the first who did; False if nobody did or nobody is left."""
        if self.leader_id is None:
            return False
        if self.members[self.leader_id].join_ticket != NO_TICKET:
            return True
        for member in self.members.values():
            if member.join_ticket != NO_TICKET:
                self.leader_id = member.member_id
                return True
        return False

    def next_generation(self, now_ms: int) -> None:
        """The join phase is over: with members the group waits for assignments, without any it is empty."""
        self.generation += 1
        self.unsynced.clear()
        self.protocol_name = self.select_protocol() if self.members else None
        self.subscribed = self.compute_subscribed()
        self.move_to(State.COMPLETING if self.members else State.EMPTY, now_ms)

    def compute_subscribed(self) -> frozenset[str] | None:
        """Topics of all members; None if they are not consumers or their subscription cannot be read."""
        if self.protocol_type != CONSUMER:
            return None
        if not self.members:
            return frozenset()
        if self.protocol_name is None:
            return None
        topics: set[str] = set()
        for member in self.members.values():
            found = subscribed_topics(member.metadata(self.protocol_name))
            if found is None:
                return None
            topics.update(found)
        return frozenset(topics)

    def is_subscribed_to(self, topic: str) -> bool:
        """Whether members read this topic; consumers with an unreadable subscription might read any."""
        if self.subscribed is None:
            return self.protocol_type == CONSUMER
        return topic in self.subscribed

    def _count(self, protocols: Protocols, change: int) -> None:
        supporters = self._supporters
        for name, _ in protocols:
            count = supporters.get(name, 0) + change
            if count:
                supporters[name] = count
            else:
                del supporters[name]
