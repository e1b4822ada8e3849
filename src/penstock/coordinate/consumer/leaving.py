"""Members that go: by leaving, for a while or for good, and by being late."""

from __future__ import annotations

from typing import Any

from penstock.coordinate.consumer import checks
from penstock.coordinate.consumer.change import Change
from penstock.coordinate.consumer.conversion import can_downgrade, downgrade
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.consumer.member import AWAY_EPOCH, ConsumerMember, ConsumerTimer
from penstock.coordinate.consumer.records import Entry, Kind, current_entry, group_entry, member_tombstones
from penstock.coordinate.consumer.subscriptions import View
from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.groups.timers import Timer
from penstock.coordinate.outcome import Outcome
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError


def leave(desk: Desk, request: Any) -> Outcome:
    """A ConsumerGroupHeartbeat with epoch -1, or -2 of a static member that will be back."""
    group = desk.groups.get(request.group_id)
    if not isinstance(group, ConsumerGroup):
        text = f"Group {request.group_id} not found."
        if group is not None:
            text = f"Group {request.group_id} is not a consumer group."
        return Outcome(_fault(Refused(KafkaError.GROUP_ID_NOT_FOUND, text)))
    member = _leaver(group, request)
    if isinstance(member, Refused):
        return Outcome(_fault(member))
    reply = messages.ConsumerGroupHeartbeatResponse(member_id=request.member_id, member_epoch=request.member_epoch)
    change = Change(desk, group)
    if request.instance_id is not None and request.member_epoch == AWAY_EPOCH:
        change.entries.append(current_entry(group.group_id, _away(member)))
        return change.conclude(reply, _fault_of)
    return fence(change, [member], reply, _fault_of)


def _leaver(group: ConsumerGroup, request: Any) -> ConsumerMember | Refused:
    if request.instance_id is None:
        return group.members.get(request.member_id) or checks.unknown_member(group, request.member_id)
    member = group.static_member(request.instance_id)
    if member is None:
        return checks.unknown_instance(request.instance_id)
    return checks.fenced_instance_fault(member, request.member_id, request.instance_id) or member


def _away(member: ConsumerMember) -> ConsumerMember:
    """It keeps its partitions, got in epoch 0 from now on: whoever comes in its place may commit for all of them."""
    assigned = {topic_id: dict.fromkeys(partitions, 0) for topic_id, partitions in member.assigned.items()}
    return member._replace(epoch=AWAY_EPOCH, assigned=assigned, revoking={})


def _fault(fault: Refused) -> Any:
    return messages.ConsumerGroupHeartbeatResponse(error_code=fault.error, error_message=fault.message or None)


def _fault_of(error: KafkaError) -> Any:
    return _fault(Refused(error, ""))


def fence(change: Change, members: list[ConsumerMember], reply: Any, on_refused: Any = None) -> Outcome:
    """Takes members out, each named once, and asks for a new assignment of the rest; the group becomes a classic one
    when only classic members are left.
    """
    group = change.group
    if not members:
        return Outcome(reply)
    if can_downgrade(change.desk, group, members):
        downgrade(change, members)
        return change.conclude(reply, on_refused)
    for member in members:
        change.entries += member_tombstones(group.group_id, member.member_id)
    view = View(change.desk, group, gone=members)
    for text in {member.pattern for member in members if member.pattern} - view.pattern_users.keys():
        if text in group.patterns:
            change.entries.append(Entry(Kind.PATTERN, group.group_id, text, None))
    change.entries.append(group_entry(group.group_id, group.epoch + 1, view.metadata_hash()))
    return change.conclude(reply, on_refused)


def fire(desk: Desk, timer: Timer) -> Outcome:
    """A deadline of a member has come. The log may refuse; then the member is looked at again after a while."""
    group: ConsumerGroup = timer.group
    member = group.members.get(timer.member_id)
    if member is None or desk.groups.get(group.group_id) is not group:
        return Outcome()
    if timer.kind is ConsumerTimer.REVOCATION and group.clocks_of(member.member_id).revoking_epoch != member.epoch:
        return Outcome()
    desk.timers.set(timer, desk.now_ms + _RETRY_MS)
    return fence(Change(desk, group), [member], None)


_RETRY_MS = 1_000
