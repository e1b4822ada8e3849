"""What an assignor is told, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

# Partition numbers by topic id; never changed once made, so that what stays the same can be told by identity.
Assignment = Mapping[bytes, frozenset[int]]

NO_ASSIGNMENT: Assignment = {}


class MemberSpec(NamedTuple):
    """One member. topics: ids it reads, all of which exist; held: what it has been given before."""

    instance_id: str | None
    topics: frozenset[bytes]
    held: Assignment


class Spec(NamedTuple):
    """One group. members: by member id; partitions: how many each topic has."""

    members: Mapping[str, MemberSpec]
    partitions: Mapping[bytes, int]

    @property
    def is_homogeneous(self) -> bool:
        """Whether all members read the same topics."""
        return len({member.topics for member in self.members.values()}) <= 1


# Each member's partitions, by member id.
Assignor = Callable[[Spec], dict[str, Assignment]]


def assignment_of(partitions: Iterable[tuple[bytes, int]]) -> Assignment:
    """An assignment from (topic id, partition)."""
    topics: dict[bytes, set[int]] = {}
    for topic_id, partition in partitions:
        topics.setdefault(topic_id, set()).add(partition)
    return {topic_id: frozenset(found) for topic_id, found in topics.items()}
