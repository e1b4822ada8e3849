"""Keys and values of `__consumer_offsets`, byte for byte as Kafka 4.3.1 writes them.

A key starts with an int16 that says what the record is, a value with an int16 that says which version of it follows.
Types 3 and above belong to the newer group types, which have their own modules.  Source: GroupCoordinatorRecordHelpers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.coordinate.framing import framed, number_of
from penstock.protocol import messages
from penstock.protocol.codec import decode
from penstock.protocol.primitives import ZERO_UUID

if TYPE_CHECKING:
    from penstock.coordinate.groups.group import ClassicGroup
    from penstock.coordinate.outcome import Record

# What is read, for errors.
KEY = "key of __consumer_offsets"
VALUE = "value of __consumer_offsets"

_OFFSET_TYPES = (0, 1)
_GROUP_TYPE = 2
_GROUP_VALUE_VERSION = 3
_OFFSET_VALUE_VERSION = 4
# Only version 1 can say when an offset expires, which clients could ask for until OffsetCommit v4.
_OFFSET_VALUE_VERSION_EXPIRING = 1
NO_EXPIRY = -1


class OffsetKey(NamedTuple):
    """Whose offset it is: of a group in a partition."""

    group_id: str
    topic: str
    partition: int


class GroupKey(NamedTuple):
    """Whose members and generation they are."""

    group_id: str


class Committed(NamedTuple):
    """One committed offset.

    leader_epoch: -1 if the client gave none; expires_ms: epoch milliseconds, NO_EXPIRY to follow the retention rules;
    topic_id: zeros when committed by name; record_offset: where its record lies in `__consumer_offsets`, -1 unknown.
    """

    offset: int
    leader_epoch: int
    metadata: str
    committed_ms: int
    expires_ms: int = NO_EXPIRY
    topic_id: bytes = ZERO_UUID
    record_offset: int = -1


def offset_record(key: OffsetKey, committed: Committed) -> Record:
    """The record of a commit."""
    version = _OFFSET_VALUE_VERSION if committed.expires_ms == NO_EXPIRY else _OFFSET_VALUE_VERSION_EXPIRING
    value = messages.OffsetCommitValue(
        offset=committed.offset,
        leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
        commit_timestamp=committed.committed_ms,
        expire_timestamp=committed.expires_ms,
        topic_id=committed.topic_id,
    )
    return _offset_key(key), framed(version, value, version)


def offset_tombstone(key: OffsetKey) -> Record:
    return _offset_key(key), None


def group_record(group: ClassicGroup, assignments: Mapping[str, bytes]) -> Record:
    """The record of a generation. assignments: by member id, one for each member."""
    member_class = messages.GroupMetadataValue.MemberMetadata
    members = [
        member_class(
            member_id=member.member_id,
            group_instance_id=member.identity.instance_id,
            client_id=member.identity.client_id,
            client_host=member.identity.client_host,
            rebalance_timeout=member.rebalance_timeout_ms,
            session_timeout=member.session_timeout_ms,
            subscription=member.metadata(group.protocol_name),
            assignment=assignments[member.member_id],
        )
        for member in group.members.values()
    ]
    value = messages.GroupMetadataValue(
        protocol_type=group.protocol_type or "",
        generation=group.generation,
        protocol=group.protocol_name,
        leader=group.leader_id,
        current_state_timestamp=group.state_since_ms,
        members=members,
    )
    return _group_key(group.group_id), framed(_GROUP_VALUE_VERSION, value, _GROUP_VALUE_VERSION)


def new_group_record(group: ClassicGroup) -> Record:
    """The record of a group that exists since now and has had no generation."""
    value = messages.GroupMetadataValue(
        protocol_type="",
        generation=0,
        protocol=None,
        leader=None,
        current_state_timestamp=group.state_since_ms,
        members=[],
    )
    return _group_key(group.group_id), framed(_GROUP_VALUE_VERSION, value, _GROUP_VALUE_VERSION)


def group_tombstone(group_id: str) -> Record:
    return _group_key(group_id), None


def read_key(key: bytes) -> OffsetKey | GroupKey | None:
    """What a record is about; None for types that are not ours.  Error: Malformed."""
    record_type = number_of(key, KEY)
    if record_type in _OFFSET_TYPES:
        found, _ = decode(messages.OffsetCommitKey, 0, key, 2)
        return OffsetKey(found.group, found.topic, found.partition)
    if record_type == _GROUP_TYPE:
        found, _ = decode(messages.GroupMetadataKey, 0, key, 2)
        return GroupKey(found.group)
    return None


def read_committed(value: bytes, record_offset: int) -> Committed:
    """The value of an offset record.  Error: Malformed."""
    found, _ = decode(messages.OffsetCommitValue, number_of(value, VALUE), value, 2)
    return Committed(
        found.offset,
        found.leader_epoch,
        found.metadata,
        found.commit_timestamp,
        found.expire_timestamp,
        found.topic_id,
        record_offset,
    )


def read_group(value: bytes) -> Any:
    """The value of a group record, as GroupMetadataValue.  Error: Malformed."""
    found, _ = decode(messages.GroupMetadataValue, number_of(value, VALUE), value, 2)
    return found


def _group_key(group_id: str) -> bytes:
    return framed(_GROUP_TYPE, messages.GroupMetadataKey(group=group_id), 0)


def _offset_key(key: OffsetKey) -> bytes:
    message = messages.OffsetCommitKey(group=key.group_id, topic=key.topic, partition=key.partition)
    return framed(_OFFSET_TYPES[-1], message, 0)
