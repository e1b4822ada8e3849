"""Members that go: LeaveGroup, sessions that end, named members that never come."""

from __future__ import annotations

from typing import Any

from penstock.coordinate.consumer import classic_members
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.groups import replies
from penstock.coordinate.groups.desk import Desk, Stored
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.groups.rebalance import dismiss, end_if_complete, end_join_phase, rebalance
from penstock.coordinate.groups.states import TABLE, Event, Rule, State
from penstock.coordinate.outcome import Outcome
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

_MANY_MEMBERS_FROM = 3


def leave(desk: Desk, request: Any, version: int) -> Outcome:
    """Takes members out, each with its own result."""
    fault = desk.absence_of(request.group_id) if request.group_id else KafkaError.INVALID_GROUP_ID
    if fault is not KafkaError.NONE:
        return Outcome(replies.leave_fault(fault))
    newer = desk.groups.get(request.group_id)
    if isinstance(newer, ConsumerGroup):
        return classic_members.leave(desk, newer, request, version)
    leavers = [(member.member_id, member.group_instance_id) for member in request.members]
    if version < _MANY_MEMBERS_FROM:
        leavers = [(request.member_id, None)]
    group = desk.classic(request.group_id)
    if group is None:
        faults = [KafkaError.UNKNOWN_MEMBER_ID] * len(leavers)
        return Outcome(_reply(leavers, faults, version))
    if group.state is State.DEAD:
        return Outcome(replies.leave_fault(KafkaError.COORDINATOR_NOT_AVAILABLE))
    faults = [_take_out(desk, group, member_id, instance_id) for member_id, instance_id in leavers]
    stored = _go_on(desk, group, Event.MEMBER_LEFT) if KafkaError.NONE in faults else None
    reply = _reply(leavers, faults, version)
    return desk.conclude(group.partition, stored, reply, on_refused=replies.leave_fault)


def _reply(leavers: list[tuple[str, str | None]], faults: list[KafkaError], version: int) -> Any:
    if version < _MANY_MEMBERS_FROM:
        return replies.leave_fault(faults[0])
    members = [replies.left(*leaver, fault) for leaver, fault in zip(leavers, faults, strict=True)]
    return messages.LeaveGroupResponse(members=members)


def _take_out(desk: Desk, group: ClassicGroup, member_id: str, instance_id: str | None) -> KafkaError:
    if not member_id:
        # An administrator knows the instance id only.
        member_id = group.static_members.get(instance_id or "", "")
        if not member_id:
            return KafkaError.UNKNOWN_MEMBER_ID
    elif member_id in group.named:
        group.forget_named(member_id)
        return KafkaError.NONE
    else:
        fault = group.fault_of(member_id, instance_id)
        if fault is not KafkaError.NONE:
            return fault
    dismiss(desk, group, member_id)
    return KafkaError.NONE


def session_over(desk: Desk, group: ClassicGroup, member_id: str) -> Stored | None:
    """A member was silent for too long."""
    member = group.members.get(member_id)
    if member is None or member.is_excused or group.state is State.DEAD:
        return None
    dismiss(desk, group, member_id)
    return _go_on(desk, group, Event.MEMBER_EXPIRED)


def never_joined(desk: Desk, group: ClassicGroup, member_id: str) -> Stored | None:
    """A named member did not come back with its name; the join phase no longer waits for it."""
    group.forget_named(member_id)
    return _go_on(desk, group, Event.NAMED_EXPIRED)


def _go_on(desk: Desk, group: ClassicGroup, event: Event) -> Stored | None:
    cell = TABLE[event][group.state]
    if cell is Rule.REBALANCE:
        return rebalance(desk, group)
    if cell is Rule.CONTINUE:
        return end_if_complete(desk, group)
    if cell is Rule.END_IF_JOINED and group.all_joined:
        return end_join_phase(desk, group)
    return None
