"""Members of streams groups that go: by leaving, and by being late."""

from __future__ import annotations

from typing import Any

from penstock.coordinate.consumer.checks import unknown_member
from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.groups.timers import Timer
from penstock.coordinate.outcome import Outcome
from penstock.coordinate.streams_groups.change import Change
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.coordinate.streams_groups.member import StreamsMember, StreamsTimer
from penstock.coordinate.streams_groups.records import group_entry, member_tombstones
from penstock.coordinate.streams_groups.targets import retarget
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

Response = messages.StreamsGroupHeartbeatResponse
# When the log refuses what a deadline asks for, it is tried again.
_RETRY_MS = 1_000


def leave(desk: Desk, request: Any) -> Outcome:
    """A StreamsGroupHeartbeat with epoch -1."""
    group = desk.groups.get(request.group_id)
    if not isinstance(group, StreamsGroup):
        text = f"Group {request.group_id} not found."
        if group is not None:
            text = f"Group {request.group_id} is not a streams group."
        return Outcome(_fault(Refused(KafkaError.GROUP_ID_NOT_FOUND, text)))
    if request.shutdown_application and group.shutdown_by is None:
        group.shutdown_by = request.member_id
    member = group.members.get(request.member_id)
    if member is None:
        return Outcome(_fault(unknown_member(group, request.member_id)))
    return fence(Change(desk, group), member, Response(member_id=request.member_id, member_epoch=request.member_epoch))


def _fault(fault: Refused) -> Any:
    return Response(error_code=fault.error, error_message=fault.message or None)


def _fault_of(error: KafkaError) -> Any:
    return _fault(Refused(error, ""))


def fence(change: Change, member: StreamsMember, reply: Any) -> Outcome:
    """Takes a member out, and asks for a new assignment of the rest."""
    group = change.group
    change.entries += member_tombstones(group.group_id, member.member_id)
    configs = dict(group.assignment_configs)
    change.entries.append(
        group_entry(group.group_id, group.epoch + 1, group.metadata_hash, group.validated_epoch, configs)
    )
    return change.conclude(reply, _fault_of)


def fire(desk: Desk, timer: Timer) -> Outcome:
    """A deadline has come. The log may refuse; then it is looked at again after a while."""
    group: StreamsGroup = timer.group
    if desk.groups.get(group.group_id) is not group:
        return Outcome()
    change = Change(desk, group)
    if timer.kind is StreamsTimer.FIRST_TARGET:
        return _first_target(change)
    member = group.members.get(timer.member_id)
    if member is None:
        return Outcome()
    if timer.kind is StreamsTimer.REVOCATION and group.clocks_of(member.member_id).revoking_epoch != member.epoch:
        return Outcome()
    desk.timers.set(timer, desk.now_ms + _RETRY_MS)
    return fence(change, member, None)


def _first_target(change: Change) -> Outcome:
    """Those who came first have been awaited. Without a look at the topics the next heartbeat does it."""
    desk, group = change.desk, change.group
    if group.is_empty or group.configured is None or group.epoch <= group.target_epoch:
        return Outcome()
    retarget(change, group.configured, group.assignment_configs, group.epoch, group.members)

    def undone(_: KafkaError) -> None:
        desk.timers.set(group.first_target, desk.now_ms + _RETRY_MS)

    return change.conclude(None, undone=undone)
