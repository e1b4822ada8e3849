"""A member's way from the tasks it has to those it shall have, one step per heartbeat.

No active task is handed on before its owner has stopped it; a process gets no task in a role while it still runs it in
another; and a member moves to the target's epoch only when it has stopped all that it must.
Source: KIP-1071, CurrentAssignmentBuilder of streams groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from penstock.coordinate.streams_groups.member import MemberState, StreamsMember
from penstock.coordinate.streams_groups.tasks import (
    NOTHING,
    NOTHING_HELD,
    EpochMap,
    Held,
    Task,
    TaskMap,
    Tasks,
    overlap,
    tasks_in,
)

_ACTIVE, _STANDBY, _WARMUP = range(3)
Holders = tuple[Mapping[Task, Mapping[str, str]], ...]


class Target(NamedTuple):
    """What a member shall have. holders: by role and task, the processes of the members that have it."""

    epoch: int
    tasks: Tasks
    holders: Holders


def reconcile(member: StreamsMember, target: Target, owned: Tasks | None) -> StreamsMember | None:
    """The member one step on, or as it is; None when it must be fenced. owned: None if the client did not say."""
    if member.state is MemberState.UNKNOWN:
        # Only a later version writes other states: the member has to begin again from nothing.
        return _next(member, member.epoch, target, owned) if owned == NOTHING else None
    if member.state is MemberState.STABLE and member.epoch == target.epoch:
        return member
    epoch = member.epoch
    if member.state is MemberState.UNREVOKED:
        if _runs_any(owned, member.revoking.tasks):
            return member
        epoch += 1
    return _next(member, epoch, target, owned)


def _runs_any(owned: Tasks | None, revoking: Tasks) -> bool:
    """Whether the client may still run something it must stop; it does unless it said otherwise."""
    return owned is None or overlap(owned, revoking)


class _Role(NamedTuple):
    """One role's difference. waits: something of the target is still run elsewhere."""

    kept: TaskMap
    revoking: TaskMap
    added: TaskMap
    waits: bool


def _next(member: StreamsMember, epoch: int, target: Target, owned: Tasks | None) -> StreamsMember:
    has = member.assigned
    roles = [_difference(role, has.tasks[role], target, member.process_id) for role in (_ACTIVE, _STANDBY, _WARMUP)]
    active, standby, warmup = roles
    revoking = Tasks(active.revoking, standby.revoking, warmup.revoking)
    kept = Held(_epochs(has.active, active.kept), standby.kept, warmup.kept)
    if revoking != NOTHING and _runs_any(owned, revoking):
        stopping = Held(_epochs(has.active, active.revoking), standby.revoking, warmup.revoking)
        return member.at(epoch, state=MemberState.UNREVOKED, assigned=kept, revoking=stopping)
    added = {subtopology: dict.fromkeys(found, target.epoch) for subtopology, found in active.added.items()}
    assigned = Held(
        {name: {**kept.active.get(name, {}), **added.get(name, {})} for name in {**kept.active, **added}},
        _union(standby.kept, standby.added),
        _union(warmup.kept, warmup.added),
    )
    state = MemberState.UNRELEASED if any(role.waits for role in roles) else MemberState.STABLE
    return member.at(target.epoch, state=state, assigned=assigned, revoking=NOTHING_HELD)


def _difference(role: int, has: TaskMap, target: Target, process_id: str) -> _Role:
    wanted = target.tasks[role]
    kept: dict[str, frozenset[int]] = {}
    revoking: dict[str, frozenset[int]] = {}
    added: dict[str, frozenset[int]] = {}
    waits = False
    for subtopology in {**wanted, **has}:
        now, then = has.get(subtopology, frozenset()), wanted.get(subtopology, frozenset())
        free = frozenset(
            index for index in then - now if not _is_busy(role, (subtopology, index), target.holders, process_id)
        )
        waits = waits or free != then - now
        for found, where in ((now & then, kept), (now - then, revoking), (free, added)):
            if found:
                where[subtopology] = found
    return _Role(kept, revoking, added, waits)


def _is_busy(role: int, task: Task, holders: Holders, process_id: str) -> bool:
    """Whether the task cannot begin yet: an active one because anybody runs it, any because the same process does."""
    if role == _ACTIVE and task in holders[_ACTIVE]:
        return True
    return any(process_id in found.get(task, {}).values() for found in holders)


def _epochs(has: EpochMap, tasks: TaskMap) -> EpochMap:
    """The epochs of some of the tasks."""
    epochs: dict[str, dict[int, int]] = {}
    for subtopology, index in tasks_in(tasks):
        epochs.setdefault(subtopology, {})[index] = has[subtopology][index]
    return epochs


def _union(some: TaskMap, others: TaskMap) -> TaskMap:
    return {name: some.get(name, frozenset()) | others.get(name, frozenset()) for name in {**some, **others}}
