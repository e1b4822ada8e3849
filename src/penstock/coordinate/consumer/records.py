"""Keys and values of consumer groups in `__consumer_offsets`, as Kafka 4.3.1 writes them. Of topics' partitions there
are only tombstones, for stores of earlier versions.

Source: GroupCoordinatorRecordHelpers.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from penstock.coordinate.assignors.spec import Assignment
from penstock.coordinate.consumer.group import ConsumerGroup, Resolved
from penstock.coordinate.consumer.member import Classic, ConsumerMember, Held, MemberState
from penstock.coordinate.entries import Classes, read_record, write_record
from penstock.coordinate.outcome import Record
from penstock.protocol import messages


class Kind(IntEnum):
    """What a record is about; the numbers begin the keys."""

    GROUP = 3
    PARTITIONS = 4
    MEMBER = 5
    TARGET_METADATA = 6
    TARGET = 7
    CURRENT = 8
    PATTERN = 16


class Entry(NamedTuple):
    """One record as it is applied. name: a member id or a pattern, "" where the group is meant; value: None removes."""

    kind: Kind
    group_id: str
    name: str
    value: Any


_CLASSES = {
    Kind.GROUP: Classes(messages.ConsumerGroupMetadataKey, messages.ConsumerGroupMetadataValue),
    Kind.PARTITIONS: Classes(messages.ConsumerGroupPartitionMetadataKey, messages.ConsumerGroupPartitionMetadataValue),
    Kind.MEMBER: Classes(
        messages.ConsumerGroupMemberMetadataKey, messages.ConsumerGroupMemberMetadataValue, "member_id"
    ),
    Kind.TARGET_METADATA: Classes(
        messages.ConsumerGroupTargetAssignmentMetadataKey, messages.ConsumerGroupTargetAssignmentMetadataValue
    ),
    Kind.TARGET: Classes(
        messages.ConsumerGroupTargetAssignmentMemberKey,
        messages.ConsumerGroupTargetAssignmentMemberValue,
        "member_id",
    ),
    Kind.CURRENT: Classes(
        messages.ConsumerGroupCurrentMemberAssignmentKey,
        messages.ConsumerGroupCurrentMemberAssignmentValue,
        "member_id",
    ),
    Kind.PATTERN: Classes(
        messages.ConsumerGroupRegularExpressionKey,
        messages.ConsumerGroupRegularExpressionValue,
        "regular_expression",
    ),
}


def record_of(entry: Entry) -> Record:
    """The entry as it is written."""
    return write_record(_CLASSES, *entry)


def read_entry(key: bytes, value: bytes | None) -> Entry | None:
    """The entry of a record; None for types that are not of consumer groups.  Error: Malformed."""
    found = read_record(_CLASSES, key, value)
    return None if found is None else Entry(Kind(found.number), *found[1:])


# From state to entries


def group_entry(group_id: str, epoch: int, metadata_hash: int) -> Entry:
    value = messages.ConsumerGroupMetadataValue(epoch=epoch, metadata_hash=metadata_hash)
    return Entry(Kind.GROUP, group_id, "", value)


def member_entry(group_id: str, member: ConsumerMember) -> Entry:
    value_class = messages.ConsumerGroupMemberMetadataValue
    classic = None
    if member.classic is not None:
        classic = value_class.ClassicMemberMetadata(
            session_timeout_ms=member.classic.session_timeout_ms,
            supported_protocols=[
                value_class.ClassicProtocol(name=name, metadata=metadata) for name, metadata in member.classic.protocols
            ],
        )
    value = value_class(
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=sorted(member.topics),
        subscribed_topic_regex=member.pattern,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        server_assignor=member.assignor,
        classic_member_metadata=classic,
    )
    return Entry(Kind.MEMBER, group_id, member.member_id, value)


def target_metadata_entry(group_id: str, epoch: int, assigned_ms: int) -> Entry:
    value = messages.ConsumerGroupTargetAssignmentMetadataValue(
        assignment_epoch=epoch, assignment_timestamp=assigned_ms
    )
    return Entry(Kind.TARGET_METADATA, group_id, "", value)


def target_entry(group_id: str, member_id: str, target: Assignment) -> Entry:
    topic_class = messages.ConsumerGroupTargetAssignmentMemberValue.TopicPartition
    topics = [topic_class(topic_id=topic_id, partitions=sorted(target[topic_id])) for topic_id in sorted(target)]
    value = messages.ConsumerGroupTargetAssignmentMemberValue(topic_partitions=topics)
    return Entry(Kind.TARGET, group_id, member_id, value)


def current_entry(group_id: str, member: ConsumerMember) -> Entry:
    value = messages.ConsumerGroupCurrentMemberAssignmentValue(
        member_epoch=member.epoch,
        previous_member_epoch=member.previous_epoch,
        state=int(member.state),
        assigned_partitions=_topics_of(member.assigned),
        partitions_pending_revocation=_topics_of(member.revoking),
    )
    return Entry(Kind.CURRENT, group_id, member.member_id, value)


def pattern_entry(group_id: str, pattern: str, resolved: Resolved) -> Entry:
    value = messages.ConsumerGroupRegularExpressionValue(
        topics=sorted(resolved.topics), version=resolved.version, timestamp=resolved.at_ms
    )
    return Entry(Kind.PATTERN, group_id, pattern, value)


def member_tombstones(group_id: str, member_id: str) -> list[Entry]:
    """A member is gone, the last of its records first."""
    return [Entry(kind, group_id, member_id, None) for kind in (Kind.CURRENT, Kind.TARGET, Kind.MEMBER)]


def group_tombstones(group: ConsumerGroup) -> list[Entry]:
    """The group is gone, with all that belongs to it but its offsets."""
    group_id = group.group_id
    entries = [Entry(Kind.CURRENT, group_id, member_id, None) for member_id in group.members]
    entries += [Entry(Kind.TARGET, group_id, member_id, None) for member_id in group.targets]
    entries.append(Entry(Kind.TARGET_METADATA, group_id, "", None))
    entries += [Entry(Kind.MEMBER, group_id, member_id, None) for member_id in group.members]
    entries += [Entry(Kind.PATTERN, group_id, pattern, None) for pattern in group.patterns]
    # Of versions before 4.1, which kept the partitions of all topics in the log; Kafka writes it in any case.
    entries.append(Entry(Kind.PARTITIONS, group_id, "", None))
    entries.append(Entry(Kind.GROUP, group_id, "", None))
    return entries


def _topics_of(held: Held) -> list[Any]:
    topic_class = messages.ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions
    return [
        topic_class(
            topic_id=topic_id,
            partitions=sorted(partitions),
            assignment_epochs=[partitions[index] for index in sorted(partitions)],
        )
        for topic_id, partitions in sorted(held.items())
        if partitions
    ]


# From values to state


def member_of(old: ConsumerMember, value: Any) -> ConsumerMember:
    """The member with what its metadata says."""
    classic = value.classic_member_metadata
    return old._replace(
        instance_id=value.instance_id,
        rack_id=value.rack_id,
        client_id=value.client_id,
        client_host=value.client_host,
        topics=frozenset(value.subscribed_topic_names),
        pattern=value.subscribed_topic_regex or "",
        rebalance_timeout_ms=value.rebalance_timeout_ms,
        assignor=value.server_assignor,
        classic=None
        if classic is None
        else Classic(
            classic.session_timeout_ms,
            tuple((protocol.name, bytes(protocol.metadata)) for protocol in classic.supported_protocols),
        ),
    )


def current_of(old: ConsumerMember, value: Any) -> ConsumerMember:
    """The member with what its current assignment says."""
    state = MemberState(value.state) if value.state in _STATES else MemberState.UNKNOWN
    return old._replace(
        epoch=value.member_epoch,
        previous_epoch=value.previous_member_epoch,
        state=state,
        assigned=_held_of(value.assigned_partitions, value.member_epoch),
        revoking=_held_of(value.partitions_pending_revocation, value.member_epoch),
    )


_STATES = frozenset(int(state) for state in MemberState)


def _held_of(topics: list[Any], epoch: int) -> Held:
    """Older stores have no epochs with partitions; the member's own stands for them, as with Kafka."""
    return {
        topic.topic_id: dict(
            zip(topic.partitions, topic.assignment_epochs or [epoch] * len(topic.partitions), strict=False)
        )
        for topic in topics
    }


def target_of(value: Any) -> Assignment:
    return {topic.topic_id: frozenset(topic.partitions) for topic in value.topic_partitions}
