"""`uniform`: as many partitions for each member as for any other, and as few moves as that allows.

Source: KIP-848, UniformAssignor; what is the same is the outcome (balanced first, then sticky), not the choice among
equally good ones.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from penstock.coordinate.assignors.spec import Assignment, MemberSpec, Spec, assignment_of

NAME = "uniform"

# As many as Kafka's assignor makes.
_PASSES_MAX = 16

_Place = tuple[bytes, int]


def assign(spec: Spec) -> dict[str, Assignment]:
    """Loads differ by at most one where all read the same topics, else as little as single moves can bring about."""
    if not spec.members:
        return {}
    return _even(spec) if spec.is_homogeneous else _Uneven(spec).run()


def _even(spec: Spec) -> dict[str, Assignment]:
    """Everybody reads the same: each member keeps what it has up to its share, the rest fills the others up."""
    topics = next(iter(spec.members.values())).topics
    least, larger_left = divmod(sum(spec.partitions[topic_id] for topic_id in topics), len(spec.members))
    owned: dict[bytes, set[int]] = {topic_id: set() for topic_id in topics}
    given: dict[str, Assignment] = {}
    short: dict[str, list[_Place]] = {}
    for member_id, member in spec.members.items():
        kept = list(_kept(spec, member, owned))
        share = least
        if len(kept) > least and larger_left:
            larger_left -= 1
            share += 1
        for topic_id, partition in kept[share:]:
            owned[topic_id].discard(partition)
        del kept[share:]
        if len(kept) < least or (len(kept) == least and larger_left):
            short[member_id] = kept
        given[member_id] = _as_before(member, kept)
    free = _free(spec, owned)
    for member_id, kept in short.items():
        size = least - len(kept)
        if larger_left and size >= 0:
            larger_left -= 1
            size += 1
        if size:
            kept += [next(free) for _ in range(size)]
            given[member_id] = assignment_of(kept)
    return given


def _kept(spec: Spec, member: MemberSpec, owned: dict[bytes, set[int]]) -> Iterator[_Place]:
    """What a member may keep: of topics it still reads, that exist, and that nobody else has; notes it as owned."""
    for topic_id, partitions in member.held.items():
        if topic_id not in member.topics:
            continue
        taken, count = owned[topic_id], spec.partitions[topic_id]
        for partition in sorted(partitions):
            if partition < count and partition not in taken:
                taken.add(partition)
                yield topic_id, partition


def _free(spec: Spec, owned: dict[bytes, set[int]]) -> Iterator[_Place]:
    for topic_id in sorted(owned):
        for partition in range(spec.partitions[topic_id]):
            if partition not in owned[topic_id]:
                yield topic_id, partition


def _as_before(member: MemberSpec, kept: list[_Place]) -> Assignment:
    """The very same object when nothing changed, which makes the comparison that follows quick."""
    if len(kept) == sum(map(len, member.held.values())):
        return member.held
    return assignment_of(kept)


class _Uneven:
    """Members that read different topics."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.readers: dict[bytes, list[str]] = {}
        for member_id, member in spec.members.items():
            for topic_id in member.topics:
                self.readers.setdefault(topic_id, []).append(member_id)
        # Topics with few readers first: what only few may have leaves no choice.
        self.order = sorted(self.readers, key=lambda topic_id: (len(self.readers[topic_id]), topic_id))
        self.owned: dict[bytes, set[int]] = {topic_id: set() for topic_id in self.readers}
        self.held: dict[str, dict[bytes, list[int]]] = {}
        self.loads: dict[str, int] = {}
        for member_id, member in spec.members.items():
            topics: dict[bytes, list[int]] = {}
            for topic_id, partition in _kept(spec, member, self.owned):
                topics.setdefault(topic_id, []).append(partition)
            self.held[member_id] = topics
            self.loads[member_id] = sum(map(len, topics.values()))

    def run(self) -> dict[str, Assignment]:
        for topic_id in self.order:
            self.hand_out(topic_id)
        # A move makes the sum of the squares of all loads smaller, so this ends; but along a chain of members that
        # share a topic each with the next one it would take as many passes as their number squared.
        for _ in range(_PASSES_MAX):
            if not sum(self.level(topic_id) for topic_id in self.order):
                break
        return {
            member_id: {topic_id: frozenset(found) for topic_id, found in topics.items() if found}
            for member_id, topics in self.held.items()
        }

    def hand_out(self, topic_id: bytes) -> None:
        """Each partition that nobody has goes to the reader with the least."""
        heap = [(self.loads[member_id], member_id) for member_id in self.readers[topic_id]]
        heapq.heapify(heap)
        for partition in range(self.spec.partitions[topic_id]):
            if partition not in self.owned[topic_id]:
                load, member_id = heap[0]
                self.held[member_id].setdefault(topic_id, []).append(partition)
                self.loads[member_id] = load + 1
                heapq.heapreplace(heap, (load + 1, member_id))

    def level(self, topic_id: bytes) -> int:
        """Moves partitions of a topic from its readers with much to those with little; gives how many."""
        givers = [
            (-self.loads[member_id], member_id)
            for member_id in self.readers[topic_id]
            if self.held[member_id].get(topic_id)
        ]
        takers = [(self.loads[member_id], member_id) for member_id in self.readers[topic_id]]
        heapq.heapify(givers)
        heapq.heapify(takers)
        moves = 0
        while givers:
            negative, giver = givers[0]
            if -negative != self.loads[giver]:
                heapq.heapreplace(givers, (-self.loads[giver], giver))
                continue
            load, taker = takers[0]
            if load != self.loads[taker]:
                heapq.heapreplace(takers, (self.loads[taker], taker))
                continue
            if self.loads[giver] - load < 2:
                break
            self.move(topic_id, giver, taker)
            moves += 1
            if not self.held[giver][topic_id]:
                heapq.heappop(givers)
        return moves

    def move(self, topic_id: bytes, giver: str, taker: str) -> None:
        self.held[taker].setdefault(topic_id, []).append(self.held[giver][topic_id].pop())
        self.loads[giver] -= 1
        self.loads[taker] += 1
