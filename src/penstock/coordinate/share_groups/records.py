"""Records of share groups in `__consumer_offsets`: types 10 to 15, as Kafka 4.3.1 writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.coordinate.framing import framed, number_of
from penstock.coordinate.group_records import KEY, VALUE
from penstock.coordinate.outcome import Record
from penstock.coordinate.share_groups.assignor import Assignment
from penstock.coordinate.share_groups.group import Identity, ShareGroup, TopicState
from penstock.protocol import messages
from penstock.protocol.codec import decode

_MEMBER, _GROUP, _TARGET_EPOCH, _TARGET, _CURRENT, _STATES = range(10, 16)
_KEYS = {
    _MEMBER: messages.ShareGroupMemberMetadataKey,
    _GROUP: messages.ShareGroupMetadataKey,
    _TARGET_EPOCH: messages.ShareGroupTargetAssignmentMetadataKey,
    _TARGET: messages.ShareGroupTargetAssignmentMemberKey,
    _CURRENT: messages.ShareGroupCurrentMemberAssignmentKey,
    _STATES: messages.ShareGroupStatePartitionMetadataKey,
}
_VALUES = {
    _MEMBER: messages.ShareGroupMemberMetadataValue,
    _GROUP: messages.ShareGroupMetadataValue,
    _TARGET_EPOCH: messages.ShareGroupTargetAssignmentMetadataValue,
    _TARGET: messages.ShareGroupTargetAssignmentMemberValue,
    _CURRENT: messages.ShareGroupCurrentMemberAssignmentValue,
    _STATES: messages.ShareGroupStatePartitionMetadataValue,
}


def member_record(group_id: str, member_id: str, identity: Identity) -> Record:
    value = _VALUES[_MEMBER](
        rack_id=identity.rack_id,
        client_id=identity.client_id,
        client_host=identity.client_host,
        subscribed_topic_names=list(identity.topics),
    )
    return _key(_MEMBER, group_id, member_id), _value(value)


def group_record(group_id: str, epoch: int, metadata_hash: int) -> Record:
    return _key(_GROUP, group_id), _value(_VALUES[_GROUP](epoch=epoch, metadata_hash=metadata_hash))


def target_epoch_record(group_id: str, epoch: int, now_ms: int) -> Record:
    value = _VALUES[_TARGET_EPOCH](assignment_epoch=epoch, assignment_timestamp=now_ms)
    return _key(_TARGET_EPOCH, group_id), _value(value)


def target_record(group_id: str, member_id: str, assignment: Assignment) -> Record:
    part = _VALUES[_TARGET].TopicPartition
    value = _VALUES[_TARGET](topic_partitions=[part(topic, list(indexes)) for topic, indexes in assignment.items()])
    return _key(_TARGET, group_id, member_id), _value(value)


def current_record(group_id: str, member_id: str, epoch: int, previous: int, assignment: Assignment) -> Record:
    part = _VALUES[_CURRENT].TopicPartitions
    value = _VALUES[_CURRENT](
        member_epoch=epoch,
        previous_member_epoch=previous,
        state=0,
        assigned_partitions=[part(topic, list(indexes)) for topic, indexes in assignment.items()],
    )
    return _key(_CURRENT, group_id, member_id), _value(value)


def states_record(group_id: str, initialized: Mapping[bytes, TopicState]) -> Record:
    part = _VALUES[_STATES].TopicPartitionsInfo
    topics = [part(topic_id, state.name, sorted(state.indexes)) for topic_id, state in initialized.items()]
    value = _VALUES[_STATES](initializing_topics=[], initialized_topics=topics, deleting_topics=[])
    return _key(_STATES, group_id), _value(value)


def member_tombstones(group_id: str, member_id: str) -> list[Record]:
    return [(_key(kind, group_id, member_id), None) for kind in (_CURRENT, _TARGET, _MEMBER)]


def group_tombstones(group_id: str) -> list[Record]:
    return [(_key(kind, group_id), None) for kind in (_STATES, _TARGET_EPOCH, _GROUP)]


def group_of(key: bytes) -> str | None:
    """The group that a record is about; None when it is not one of a share group.  Error: Malformed."""
    kind = number_of(key, KEY)
    if kind not in _KEYS:
        return None
    found, _ = decode(_KEYS[kind], 0, key, 2)
    group_id: str = found.group_id
    return group_id


def is_end(key: bytes, value: bytes | None) -> bool:
    """Whether the record says that its group is no more."""
    return value is None and number_of(key, KEY) == _GROUP


def apply(group: ShareGroup, key: bytes, value: bytes | None) -> None:
    """What a record says becomes true.  Error: Malformed."""
    kind = number_of(key, KEY)
    subject, _ = decode(_KEYS[kind], 0, key, 2)
    said = None if value is None else decode(_VALUES[kind], number_of(value, VALUE), value, 2)[0]
    if kind in (_MEMBER, _TARGET, _CURRENT):
        _apply_to_member(group, kind, subject.member_id, said)
    elif kind == _GROUP and said is not None:
        group.epoch, group.metadata_hash = said.epoch, said.metadata_hash
    elif kind == _TARGET_EPOCH and said is not None:
        group.target_epoch, group.target_ms = said.assignment_epoch, said.assignment_timestamp
    elif kind == _STATES:
        group.initialized = {} if said is None else _initialized(said)


def _apply_to_member(group: ShareGroup, kind: int, member_id: str, said: Any) -> None:
    member = group.members.get(member_id)
    if kind == _TARGET:
        if said is None:
            group.target.pop(member_id, None)
        else:
            group.target[member_id] = {part.topic_id: tuple(part.partitions) for part in said.topic_partitions}
    elif kind == _MEMBER:
        if said is None:
            group.remove(member_id)
            return
        topics = tuple(said.subscribed_topic_names)
        group.identify(member_id, Identity(said.rack_id, said.client_id, said.client_host, topics))
    elif member is not None and said is not None:
        member.epoch, member.previous_epoch = said.member_epoch, said.previous_member_epoch
        member.assigned = {part.topic_id: tuple(part.partitions) for part in said.assigned_partitions}


def _initialized(said: Any) -> dict[bytes, TopicState]:
    """Topics that were being initialized are not, as far as anybody knows."""
    return {
        topic.topic_id: TopicState(topic.topic_name, frozenset(topic.partitions)) for topic in said.initialized_topics
    }


def _key(kind: int, group_id: str, member_id: str | None = None) -> bytes:
    message = _KEYS[kind](group_id) if member_id is None else _KEYS[kind](group_id, member_id)
    return framed(kind, message, 0)


def _value(message: Any) -> bytes:
    return framed(0, message, 0)
