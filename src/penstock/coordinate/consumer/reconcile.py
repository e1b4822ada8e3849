"""A member's way from what it has to what it shall have, one step per heartbeat.

No partition is handed on before its owner has given it back, and a member moves to the target's epoch only when it has
given back all that it must.  Source: KIP-848, CurrentAssignmentBuilder.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from penstock.coordinate.assignors.spec import Assignment
from penstock.coordinate.consumer.member import ConsumerMember, Held, MemberState

# Partitions by topic id that a client says it uses.
Owned = Mapping[bytes, Collection[int]]


class Target(NamedTuple):
    """What a member shall have. subscribed: ids of the topics it reads; has_owner: whether a partition is anyone's."""

    epoch: int
    partitions: Assignment
    subscribed: frozenset[bytes]
    has_owner: Callable[[bytes, int], bool]


def reconcile(member: ConsumerMember, target: Target, owned: Owned | None, *, changed: bool) -> ConsumerMember | None:
    """The member one step on, or as it is; None when it must be fenced. owned: None if the client did not say;
    changed: it reads other topics than before, and must not keep what it no longer reads.
    """
    if member.state is MemberState.UNKNOWN:
        # Only a later version writes other states: the member has to begin again from nothing.
        return _next(member, target, owned) if owned is not None and not any(owned.values()) else None
    if member.state is MemberState.STABLE and member.epoch == target.epoch:
        return _strip(member, target, owned) if changed else member
    if member.state is MemberState.UNREVOKED and _owns_any(owned, member.revoking):
        return _strip(member, target, owned) if changed else member
    return _next(member, target, owned)


def _owns_any(owned: Owned | None, revoking: Held) -> bool:
    """Whether the client may still use something it must give back; it does unless it said otherwise."""
    if owned is None:
        return True
    return any(partition in revoking.get(topic_id, ()) for topic_id, found in owned.items() for partition in found)


def _strip(member: ConsumerMember, target: Target, owned: Owned | None) -> ConsumerMember:
    """Takes away the topics it no longer reads."""
    assigned = {topic_id: found for topic_id, found in member.assigned.items() if topic_id in target.subscribed}
    if len(assigned) == len(member.assigned):
        return member
    revoking = dict(member.revoking)
    for topic_id, found in member.assigned.items():
        if topic_id not in target.subscribed:
            revoking[topic_id] = {**revoking.get(topic_id, {}), **found}
    if _owns_any(owned, revoking):
        return member.at(member.epoch, state=MemberState.UNREVOKED, assigned=assigned, revoking=revoking)
    return member.at(member.epoch, assigned=assigned)


def _next(member: ConsumerMember, target: Target, owned: Owned | None) -> ConsumerMember:
    assigned: dict[bytes, Mapping[int, int]] = {}
    revoking: dict[bytes, Mapping[int, int]] = {}
    added: dict[bytes, list[int]] = {}
    waits = False
    for topic_id in {**target.partitions, **member.assigned}:
        wanted = target.partitions.get(topic_id, frozenset()) if topic_id in target.subscribed else frozenset()
        has = member.assigned.get(topic_id, {})
        kept = {partition: epoch for partition, epoch in has.items() if partition in wanted}
        if kept:
            assigned[topic_id] = kept
        if len(kept) < len(has):
            revoking[topic_id] = {partition: epoch for partition, epoch in has.items() if partition not in wanted}
        own = member.revoking.get(topic_id, {})
        for partition in sorted(wanted - kept.keys()):
            if target.has_owner(topic_id, partition) and partition not in own:
                waits = True
            else:
                added.setdefault(topic_id, []).append(partition)
    if revoking and _owns_any(owned, revoking):
        return member.at(member.epoch, state=MemberState.UNREVOKED, assigned=assigned, revoking=revoking)
    for topic_id, partitions in added.items():
        assigned[topic_id] = {**assigned.get(topic_id, {}), **dict.fromkeys(partitions, target.epoch)}
    state = MemberState.UNRELEASED if waits else MemberState.STABLE
    return member.at(target.epoch, state=state, assigned=assigned, revoking={})
