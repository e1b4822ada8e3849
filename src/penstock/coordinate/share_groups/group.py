"""One share group: members, what they are to read, and which partitions have state. It knows no requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import NamedTuple

from penstock.coordinate.groups.group import GroupType
from penstock.coordinate.groups.timers import Timer
from penstock.coordinate.share_groups.assignor import Assignment


class ShareTimerKind(Enum):
    """What a timer of a share group ends."""

    SESSION = auto()


class Identity(NamedTuple):
    """What a member says of itself. topics: names, sorted, each once."""

    rack_id: str | None
    client_id: str
    client_host: str
    topics: tuple[str, ...]


class ShareMember:
    """epoch: of the assignment it was given; 0 before the first."""

    __slots__ = ("assigned", "epoch", "identity", "member_id", "previous_epoch", "session")

    def __init__(self, group: ShareGroup, member_id: str, identity: Identity) -> None:
        self.member_id = member_id
        self.identity = identity
        self.epoch = 0
        self.previous_epoch = 0
        self.assigned: Assignment = {}
        self.session = Timer(ShareTimerKind.SESSION, group, member_id)


class TopicState(NamedTuple):
    """Partitions of a topic that have a share state."""

    name: str
    indexes: frozenset[int]


class ShareGroup:
    """epoch: grows with members, subscriptions and topics; target: by member, what the assignor wants, as of
    target_epoch; initialized: by topic id; topics_version: that of the topics when metadata_hash was last compared;
    readers: how many members name a topic, so that no heartbeat has to look at all of them.
    """

    group_type = GroupType.SHARE
    listed_protocol = "share"

    __slots__ = (
        "epoch",
        "group_id",
        "initialized",
        "members",
        "metadata_hash",
        "partition",
        "readers",
        "target",
        "target_epoch",
        "target_ms",
        "topics_version",
    )

    def __init__(self, group_id: str, partition: int) -> None:
        self.group_id = group_id
        self.partition = partition
        # The first member makes it 2, as in Kafka.
        self.epoch = 1
        self.metadata_hash = 0
        self.members: dict[str, ShareMember] = {}
        self.readers: Counter[str] = Counter()
        self.target: dict[str, Assignment] = {}
        self.target_epoch = 0
        self.target_ms = 0
        self.initialized: dict[bytes, TopicState] = {}
        self.topics_version = -1

    @property
    def state_name(self) -> str:
        """There is nothing in between: members take over what they are given without asking the others."""
        return "Stable" if self.members else "Empty"

    def subscribed(self) -> set[str]:
        return set(self.readers)

    def subscribed_with(self, member_id: str, topics: tuple[str, ...]) -> set[str]:
        """What is read once this member, there or not, reads these topics."""
        member = self.members.get(member_id)
        own = () if member is None else member.identity.topics
        others = {name for name, count in self.readers.items() if count > (name in own)}
        return others.union(topics)

    def identify(self, member_id: str, identity: Identity) -> None:
        """Takes what a member says of itself; it is made if there is none."""
        member = self.members.get(member_id)
        if member is None:
            self.members[member_id] = ShareMember(self, member_id, identity)
        else:
            self._forget(member.identity.topics)
            member.identity = identity
        self.readers.update(set(identity.topics))

    def remove(self, member_id: str) -> None:
        """Lets a member go, with its timer; nothing happens if there is none."""
        member = self.members.pop(member_id, None)
        if member is not None:
            self._forget(member.identity.topics)
            member.session.stop()

    def _forget(self, topics: tuple[str, ...]) -> None:
        for name in set(topics):
            self.readers[name] -= 1
            if not self.readers[name]:
                del self.readers[name]

    def timers(self) -> Iterator[Timer]:
        return (member.session for member in self.members.values())

    def with_initialized(self, added: Mapping[bytes, TopicState]) -> dict[bytes, TopicState]:
        """`initialized` as it will be."""
        merged = dict(self.initialized)
        for topic_id, (name, indexes) in added.items():
            before = merged.get(topic_id)
            merged[topic_id] = TopicState(name, indexes if before is None else before.indexes | indexes)
        return merged
