"""ShareGroupDescribe and DeleteGroups: what operators see and remove of share groups."""

from __future__ import annotations

from typing import Any

from penstock.coordinate.groups.desk import Stored, nothing
from penstock.coordinate.outcome import Outcome
from penstock.coordinate.share_groups import records
from penstock.coordinate.share_groups.assignor import NAME
from penstock.coordinate.share_groups.group import ShareGroup, ShareMember
from penstock.coordinate.share_groups.heartbeat import ShareDesk
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

Described = messages.ShareGroupDescribeResponse.DescribedGroup
Member = messages.ShareGroupDescribeResponse.Member
Assignment = messages.ShareGroupDescribeResponse.Assignment
TopicPartitions = messages.ShareGroupDescribeResponse.TopicPartitions
Deleted = messages.DeleteGroupsResponse.DeletableGroupResult


def describe(share: ShareDesk, group_id: str) -> Any:
    """One group, as DescribedGroup; authorized_operations is the caller's."""
    if not group_id:
        return Described(group_id=group_id, error_code=int(KafkaError.INVALID_GROUP_ID))
    fault = share.desk.absence_of(group_id)
    if fault is not KafkaError.NONE:
        return Described(group_id=group_id, error_code=int(fault))
    group = share.desk.groups.get(group_id)
    if not isinstance(group, ShareGroup):
        text = f"Group {group_id} not found." if group is None else f"Group {group_id} is not a share group."
        return Described(group_id=group_id, error_code=int(KafkaError.GROUP_ID_NOT_FOUND), error_message=text)
    return Described(
        group_id=group_id,
        group_state=group.state_name,
        group_epoch=group.epoch,
        assignment_epoch=group.target_epoch,
        assignor_name=NAME,
        members=[_member(share, member) for member in group.members.values()],
    )


def _member(share: ShareDesk, member: ShareMember) -> Any:
    parts = [
        TopicPartitions(topic_id, name, list(indexes))
        for topic_id, indexes in member.assigned.items()
        if (name := share.topics.name_of(topic_id)) is not None
    ]
    return Member(
        member_id=member.member_id,
        rack_id=member.identity.rack_id,
        member_epoch=member.epoch,
        client_id=member.identity.client_id,
        client_host=member.identity.client_host,
        subscribed_topic_names=list(member.identity.topics),
        assignment=Assignment(parts),
    )


def delete(share: ShareDesk, group: ShareGroup) -> Outcome:
    """Removes an empty group; the reply is a DeletableGroupResult. Its share states are the caller's to delete."""
    if group.members:
        return Outcome(Deleted(group_id=group.group_id, error_code=int(KafkaError.NON_EMPTY_GROUP)))
    stored = Stored(records.group_tombstones(group.group_id), lambda _: share.desk.drop(group.group_id), nothing)
    return share.desk.conclude(
        group.partition,
        stored,
        Deleted(group_id=group.group_id),
        on_refused=lambda error: Deleted(group_id=group.group_id, error_code=int(error)),
    )
