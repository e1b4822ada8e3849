"""The simple assignor of share groups: every partition has members, every member partitions, evenly, moving little."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

# Topic id and index.
Place = tuple[bytes, int]
Assignment = Mapping[bytes, tuple[int, ...]]

Item = TypeVar("Item", bound=Hashable)
Holder = TypeVar("Holder", bound=Hashable)

NAME = "simple"


def assign(
    subscribed: Mapping[str, frozenset[bytes]],
    partitions: Mapping[bytes, Sequence[int]],
    current: Mapping[str, Assignment],
) -> dict[str, dict[bytes, tuple[int, ...]]]:
    """What each member gets. subscribed: topic ids by member; partitions: those that may be assigned, by topic id;
    current: what members have now, kept as far as that is even.
    """
    pairs: set[tuple[str, Place]] = set()
    held = {(member, place) for member, assignment in current.items() for place in places_of(assignment)}
    members = sorted(subscribed)
    if len(set(subscribed.values())) == 1:
        pairs |= _spread(members, _places(sorted(subscribed[members[0]]), partitions), held)
    else:
        for topic_id in sorted(frozenset[bytes]().union(*subscribed.values())):
            readers = [member for member in members if topic_id in subscribed[member]]
            pairs |= _spread(readers, _places([topic_id], partitions), held)
    result: dict[str, dict[bytes, tuple[int, ...]]] = {member: {} for member in members}
    for member, (topic_id, index) in sorted(pairs):
        result[member][topic_id] = (*result[member].get(topic_id, ()), index)
    return result


def places_of(assignment: Assignment) -> Iterable[Place]:
    return ((topic_id, index) for topic_id, indexes in assignment.items() for index in indexes)


def _places(topic_ids: Iterable[bytes], partitions: Mapping[bytes, Sequence[int]]) -> list[Place]:
    return [(topic_id, index) for topic_id in topic_ids for index in sorted(partitions.get(topic_id, ()))]


def _spread(members: list[str], places: list[Place], held: set[tuple[str, Place]]) -> set[tuple[str, Place]]:
    """Pairs of members and places: the more numerous side has each exactly one of the other."""
    if not members or not places:
        return set()
    if len(members) <= len(places):
        dealt = deal(places, members, {(place, member) for member, place in held})
        return {(member, place) for place, member in dealt.items()}
    return set(deal(members, places, held).items())


def deal(items: Sequence[Item], holders: Sequence[Holder], held: set[tuple[Item, Holder]]) -> dict[Item, Holder]:
    """One holder for each item; no holder has two more than another. held: pairs to keep where that is so."""
    base, extra = divmod(len(items), len(holders))
    counts = dict.fromkeys(holders, 0)
    dealt: dict[Item, Holder] = {}

    def give(item: Item, holder: Holder) -> None:
        nonlocal extra
        dealt[item] = holder
        counts[holder] += 1
        extra -= counts[holder] > base

    places = {holder: place for place, holder in enumerate(holders)}
    before: dict[Item, list[Holder]] = {}
    for item, holder in held:
        if holder in places:
            before.setdefault(item, []).append(holder)
    for limit in (base, base + 1):
        for item in items:
            # Few had it before, of however many holders there are; the first of them with room keeps it.
            for holder in sorted(before.get(item, ()), key=places.__getitem__) if item not in dealt else ():
                if counts[holder] < limit and (counts[holder] < base or extra > 0):
                    give(item, holder)
                    break
    # Those with least first; the extra ones go to whoever comes first.
    open_places = [holder for holder in holders for _ in range(base - counts[holder])]
    open_places += [holder for holder in holders if counts[holder] <= base][:extra]
    left = [item for item in items if item not in dealt]
    dealt.update(zip(left, open_places, strict=True))
    return dealt
