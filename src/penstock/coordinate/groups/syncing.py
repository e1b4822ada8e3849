"""SyncGroup and Heartbeat: what members do between joins."""

from __future__ import annotations

from typing import Any

from penstock.coordinate.consumer import classic_members
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.groups import replies
from penstock.coordinate.groups.desk import Desk, Stored
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.groups.member import Member
from penstock.coordinate.groups.rebalance import answer_sync, prolong, store_assignments
from penstock.coordinate.groups.states import TABLE, Event, Rule, State
from penstock.coordinate.outcome import Outcome
from penstock.protocol.errors import KafkaError

_PROTOCOL_REQUIRED_FROM = 5


def fault_of_member(
    desk: Desk, group: ClassicGroup | None, member_id: str, instance_id: str | None, generation: int
) -> KafkaError:
    """NONE if the request comes from a member of this generation."""
    if group is None:
        return KafkaError.UNKNOWN_MEMBER_ID
    if group.state is State.DEAD:
        return KafkaError.COORDINATOR_NOT_AVAILABLE
    fault = group.fault_of(member_id, instance_id)
    if fault is not KafkaError.NONE:
        return fault
    return KafkaError.NONE if generation == group.generation else KafkaError.ILLEGAL_GENERATION


def sync(desk: Desk, request: Any, version: int) -> Outcome:
    """The member's assignment, now or when the leader has sent all of them."""
    fault = _fault_of_group(desk, request.group_id)
    if version >= _PROTOCOL_REQUIRED_FROM and None in (request.protocol_type, request.protocol_name):
        fault = KafkaError.INCONSISTENT_GROUP_PROTOCOL
    if fault is not KafkaError.NONE:
        return Outcome(replies.sync_fault(fault))
    newer = desk.groups.get(request.group_id)
    if isinstance(newer, ConsumerGroup):
        return classic_members.sync(desk, newer, request)
    group = desk.classic(request.group_id)
    fault = _fault_of_sync(desk, group, request)
    if group is None or fault is not KafkaError.NONE:
        return Outcome(replies.sync_fault(fault))
    is_leader = request.member_id == group.leader_id
    cell = TABLE[Event.SYNC_LEADER if is_leader else Event.SYNC_FOLLOWER][group.state]
    if isinstance(cell, KafkaError):
        return Outcome(replies.sync_fault(cell))
    member = group.members[request.member_id]
    _has_synced(group, member)
    if cell is Rule.ASSIGNMENT:
        return Outcome(replies.synced(group, member))
    return _wait_for_assignments(desk, group, member, request, is_leader=is_leader)


def _wait_for_assignments(desk: Desk, group: ClassicGroup, member: Member, request: Any, *, is_leader: bool) -> Outcome:
    # An earlier SyncGroup of this member that still waits is let go: its client has given it up.
    answer_sync(desk, member, replies.sync_fault(KafkaError.REBALANCE_IN_PROGRESS))
    member.sync_ticket = desk.ticket()
    stored: Stored | None = None
    if is_leader:
        given = {entry.member_id: entry.assignment for entry in request.assignments}
        # Whom the leader leaves out has nothing to do in this generation.
        stored = store_assignments(desk, group, {name: given.get(name, b"") for name in group.members})
    return desk.conclude(group.partition, stored, ticket=member.sync_ticket)


def _fault_of_group(desk: Desk, group_id: str) -> KafkaError:
    return desk.absence_of(group_id) if group_id else KafkaError.INVALID_GROUP_ID


def _fault_of_sync(desk: Desk, group: ClassicGroup | None, request: Any) -> KafkaError:
    fault = fault_of_member(desk, group, request.member_id, request.group_instance_id, request.generation_id)
    if group is None or fault is not KafkaError.NONE:
        return fault
    if _differs(request.protocol_type, group.protocol_type) or _differs(request.protocol_name, group.protocol_name):
        return KafkaError.INCONSISTENT_GROUP_PROTOCOL
    return KafkaError.NONE


def _differs(asked: str | None, held: str | None) -> bool:
    return asked is not None and held is not None and asked != held


def _has_synced(group: ClassicGroup, member: Member) -> None:
    group.unsynced.discard(member.member_id)
    if not group.unsynced:
        group.sync_timer.stop()


def heartbeat(desk: Desk, request: Any) -> Outcome:
    """Prolongs the session; REBALANCE_IN_PROGRESS tells the member to rejoin."""
    fault = _fault_of_group(desk, request.group_id)
    if fault is KafkaError.COORDINATOR_LOAD_IN_PROGRESS:
        # Its session has not started yet, so there is nothing wrong with it.
        return Outcome(replies.heartbeat(KafkaError.NONE))
    if fault is not KafkaError.NONE:
        return Outcome(replies.heartbeat(fault))
    newer = desk.groups.get(request.group_id)
    if isinstance(newer, ConsumerGroup):
        return classic_members.heartbeat(desk, newer, request)
    group = desk.classic(request.group_id)
    fault = fault_of_member(desk, group, request.member_id, request.group_instance_id, request.generation_id)
    if group is None or fault is not KafkaError.NONE:
        return Outcome(replies.heartbeat(fault))
    cell = TABLE[Event.HEARTBEAT][group.state]
    if isinstance(cell, KafkaError):
        return Outcome(replies.heartbeat(cell))
    prolong(desk, group.members[request.member_id])
    return Outcome(replies.heartbeat(KafkaError.REBALANCE_IN_PROGRESS if cell is Rule.BEAT_REJOIN else KafkaError.NONE))
