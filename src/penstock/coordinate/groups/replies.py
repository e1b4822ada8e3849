"""What group commands answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.coordinate.groups.group import ClassicGroup
    from penstock.coordinate.groups.member import Member

UNKNOWN_MEMBER_ID = ""
_NULL_PROTOCOL_FROM = 7


def join_fault(member_id: str, error: KafkaError, version: int) -> Any:
    return messages.JoinGroupResponse(
        member_id=member_id, error_code=int(error), protocol_name=None if version >= _NULL_PROTOCOL_FROM else ""
    )


def joined(group: ClassicGroup, member: Member, skip_assignment: bool = False) -> Any:
    """The current generation; the leader also gets everybody's subscription."""
    is_leader = group.leader_id == member.member_id
    return messages.JoinGroupResponse(
        generation_id=group.generation,
        protocol_type=group.protocol_type,
        protocol_name=group.protocol_name or "",
        leader=group.leader_id or "",
        skip_assignment=skip_assignment,
        member_id=member.member_id,
        members=_joined_members(group) if is_leader else [],
    )


def joined_again(group: ClassicGroup, leader_id: str, member_id: str, error: KafkaError = KafkaError.NONE) -> Any:
    """The current generation under a leader of the caller's choice, without members."""
    return messages.JoinGroupResponse(
        error_code=int(error),
        generation_id=group.generation,
        protocol_type=group.protocol_type,
        protocol_name=group.protocol_name or "",
        leader=leader_id,
        member_id=member_id,
    )


def sync_fault(error: KafkaError) -> Any:
    return messages.SyncGroupResponse(error_code=int(error))


def synced(group: ClassicGroup, member: Member) -> Any:
    return messages.SyncGroupResponse(
        protocol_type=group.protocol_type, protocol_name=group.protocol_name, assignment=member.assignment
    )


def heartbeat(error: KafkaError) -> Any:
    return messages.HeartbeatResponse(error_code=int(error))


def left(member_id: str, instance_id: str | None, error: KafkaError) -> Any:
    """What LeaveGroup says about one member."""
    return messages.LeaveGroupResponse.MemberResponse(
        member_id=member_id, group_instance_id=instance_id, error_code=int(error)
    )


def leave_fault(error: KafkaError) -> Any:
    return messages.LeaveGroupResponse(error_code=int(error))


def _joined_members(group: ClassicGroup) -> list[Any]:
    member_class = messages.JoinGroupResponse.JoinGroupResponseMember
    protocol = group.protocol_name
    return [
        member_class(
            member_id=member.member_id,
            group_instance_id=member.identity.instance_id,
            metadata=member.metadata(protocol),
        )
        for member in group.members.values()
    ]
