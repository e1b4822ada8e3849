"""ConsumerGroupDescribe: what operators see of a consumer group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.consumer.member import ConsumerMember
from penstock.coordinate.consumer.targets import preferred_assignor
from penstock.coordinate.groups.desk import Desk
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

_CLASSIC, _CONSUMER = 0, 1
_UNNAMED_ERRORS = KafkaError.INVALID_GROUP_ID


def describe(desk: Desk, group_id: str) -> Any:
    """One group with its members, as DescribedGroup; authorized_operations is the caller's."""
    described_class = messages.ConsumerGroupDescribeResponse.DescribedGroup
    if not group_id:
        return described_class(group_id=group_id, error_code=int(_UNNAMED_ERRORS))
    absence = desk.absence_of(group_id)
    if absence is not KafkaError.NONE:
        return described_class(group_id=group_id, error_code=int(absence))
    group = desk.groups.get(group_id)
    if not isinstance(group, ConsumerGroup):
        text = f"Group {group_id} not found." if group is None else f"Group {group_id} is not a consumer group."
        return described_class(group_id=group_id, error_code=int(KafkaError.GROUP_ID_NOT_FOUND), error_message=text)
    return described_class(
        group_id=group_id,
        group_state=group.state.value,
        group_epoch=group.epoch,
        assignment_epoch=group.assignment_epoch,
        assignor_name=preferred_assignor(desk, group),
        members=[_member(desk, group, member) for member in group.members.values()],
    )


def _member(desk: Desk, group: ConsumerGroup, member: ConsumerMember) -> Any:
    return messages.ConsumerGroupDescribeResponse.Member(
        member_id=member.member_id,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        member_epoch=member.epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=sorted(member.topics),
        subscribed_topic_regex=member.pattern,
        assignment=_assignment(desk, member.held()),
        target_assignment=_assignment(desk, group.target_of(member.member_id)),
        member_type=_CONSUMER if member.classic is None else _CLASSIC,
    )


def _assignment(desk: Desk, held: Mapping[bytes, Iterable[int]]) -> Any:
    response = messages.ConsumerGroupDescribeResponse
    listed = []
    for topic_id, partitions in held.items():
        name = None if desk.topics is None else desk.topics.name_of(topic_id)
        if name is not None:
            listed.append(response.TopicPartitions(topic_id=topic_id, topic_name=name, partitions=sorted(partitions)))
    return response.Assignment(topic_partitions=sorted(listed, key=lambda entry: entry.topic_name))
