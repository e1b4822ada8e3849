"""What is wrong with a ConsumerGroupHeartbeat, whatever the group says; texts for people, codes as Kafka's.

Source: GroupCoordinatorService.throwIfConsumerGroupHeartbeatRequestIsInvalid, GroupMetadataManager.
"""

from __future__ import annotations

from typing import Any

from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.consumer.member import AWAY_EPOCH, JOINING_EPOCH, LEFT_EPOCH, ConsumerMember
from penstock.coordinate.consumer.reconcile import Owned
from penstock.coordinate.consumer.targets import served_assignors
from penstock.coordinate.groups.desk import AnyGroup, Desk
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError

_CLIENT_NAMES_FROM = 1
CONSUMER_PROTOCOL = "consumer"


def request_fault(desk: Desk, request: Any, version: int) -> Refused | None:
    """Why a request is refused before its group is looked for."""
    text = _shape_fault(request, version) or _join_fault(request) or _length_fault(desk, request)
    if text:
        return Refused(KafkaError.INVALID_REQUEST, text)
    served = served_assignors(desk)
    if request.server_assignor is not None and request.server_assignor not in served:
        said = f"ServerAssignor {request.server_assignor} is not supported. Supported assignors: {', '.join(served)}."
        return Refused(KafkaError.UNSUPPORTED_ASSIGNOR, said)
    return None


def _shape_fault(request: Any, version: int) -> str:
    names_itself = version >= _CLIENT_NAMES_FROM or request.member_epoch > 0 or request.member_epoch == LEFT_EPOCH
    needed = [("MemberId", request.member_id)] if names_itself else []
    needed += [("GroupId", request.group_id), ("InstanceId", request.instance_id), ("RackId", request.rack_id)]
    for name, value in needed:
        if value is not None and not value.strip():
            return f"{name} can't be empty."
    if request.member_epoch == AWAY_EPOCH and request.instance_id is None:
        return "InstanceId can't be null."
    return "MemberEpoch is invalid." if request.member_epoch < AWAY_EPOCH else ""


def _join_fault(request: Any) -> str:
    if request.member_epoch != JOINING_EPOCH:
        return ""
    if request.rebalance_timeout_ms == -1:
        return "RebalanceTimeoutMs must be provided in first request."
    if request.topic_partitions is None or request.topic_partitions:
        return "TopicPartitions must be empty when (re-)joining."
    if request.subscribed_topic_names is None and request.subscribed_topic_regex is None:
        return "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."
    return ""


def _length_fault(desk: Desk, request: Any) -> str:
    """A bound that Kafka does not have: these names are kept in memory."""
    longest = desk.settings.instance_id_length_max
    for name, value in (
        ("MemberId", request.member_id),
        ("InstanceId", request.instance_id),
        ("RackId", request.rack_id),
    ):
        if value is not None and len(value) > longest:
            return f"{name} has {len(value)} characters, expected at most {longest}."
    if len(request.group_id) > desk.settings.group_id_length_max:
        return f"GroupId has {len(request.group_id)} characters, expected at most {desk.settings.group_id_length_max}."
    return ""


def full_fault(desk: Desk, group: ConsumerGroup, member_id: str) -> Refused | None:
    size_max = desk.settings.group_consumer_max_size
    if len(group.members) >= size_max and member_id not in group.members:
        said = f"The consumer group has reached its maximum capacity of {size_max} members."
        return Refused(KafkaError.GROUP_MAX_SIZE_REACHED, said)
    return None


def size_fault(desk: Desk, group: ConsumerGroup, member: ConsumerMember) -> Refused | None:
    """A bound that Kafka does not have: subscriptions are kept in memory."""
    size = group.bytes_held + member.bytes_held()
    if size <= desk.settings.group_bytes_max:
        return None
    said = f"The members of the group would take {size} bytes, expected at most {desk.settings.group_bytes_max}."
    return Refused(KafkaError.GROUP_MAX_SIZE_REACHED, said)


def epoch_fault(member: ConsumerMember, epoch: int, owned: Owned | None) -> Refused | None:
    """A member may come with its epoch; with the one before if it lost our reply, which it shows by what it owns."""
    if epoch in (JOINING_EPOCH, member.epoch):
        return None
    if epoch == member.previous_epoch < member.epoch and _is_subset(owned, member):
        return None
    relation = "greater" if epoch > member.epoch else "smaller"
    said = (
        f"The consumer group member has a {relation} member epoch ({epoch}) than the one known by the group "
        f"coordinator ({member.epoch}). The member must abandon all its partitions and rejoin."
    )
    return Refused(KafkaError.FENCED_MEMBER_EPOCH, said)


def _is_subset(owned: Owned | None, member: ConsumerMember) -> bool:
    if owned is None:
        return False
    return all(
        topic_id in member.assigned and all(partition in member.assigned[topic_id] for partition in partitions)
        for topic_id, partitions in owned.items()
    )


def unknown_member(group: AnyGroup, member_id: str) -> Refused:
    return Refused(KafkaError.UNKNOWN_MEMBER_ID, f"Member {member_id} is not a member of group {group.group_id}.")


def unknown_instance(instance_id: str | None) -> Refused:
    return Refused(KafkaError.UNKNOWN_MEMBER_ID, f"Instance id {instance_id} is unknown.")


def fenced_instance_fault(member: ConsumerMember, member_id: str, instance_id: str | None) -> Refused | None:
    if member.member_id == member_id:
        return None
    said = f"Static member {member_id} with instance id {instance_id} was fenced by member {member.member_id}."
    return Refused(KafkaError.FENCED_INSTANCE_ID, said)


def unreleased_instance_fault(member: ConsumerMember, member_id: str) -> Refused | None:
    """A static member's place is free while it is away; one of the classic protocol may be taken over at any time."""
    if member.epoch == AWAY_EPOCH or member.classic is not None:
        return None
    said = (
        f"Static member {member_id} with instance id {member.instance_id} cannot join the group because the instance "
        f"id is owned by {member.member_id} member."
    )
    return Refused(KafkaError.UNRELEASED_INSTANCE_ID, said)
