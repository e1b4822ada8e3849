"""The consumer protocol inside JoinGroup and SyncGroup: subscriptions and assignments as bytes.

Source: ConsumerProtocol; each starts with an int16 version, and later versions only add behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from penstock.coordinate.assignors.spec import Assignment, assignment_of
from penstock.coordinate.groups.desk import Topics
from penstock.protocol import messages
from penstock.protocol.codec import decode, encode
from penstock.protocol.errors import Malformed

_VERSION_MAX = 3
_VERSION_SIZE = 2


def read_subscription(data: bytes) -> Any:
    """A ConsumerProtocolSubscription; None if the bytes are none."""
    return _read(messages.ConsumerProtocolSubscription, data)


def read_assignment(data: bytes) -> Any:
    """A ConsumerProtocolAssignment; None if the bytes are none."""
    return _read(messages.ConsumerProtocolAssignment, data)


def version_in(data: bytes) -> int:
    """The version that a subscription was written in."""
    return min(max(int.from_bytes(data[:_VERSION_SIZE], "big", signed=True), 0), _VERSION_MAX)


def assignment_bytes(topics: Topics | None, assignment: Mapping[bytes, Iterable[int]], version: int) -> bytes:
    """An assignment for a classic member; topics that are gone are left out."""
    message_class = messages.ConsumerProtocolAssignment
    listed = []
    for topic_id, partitions in sorted(assignment.items()):
        name = None if topics is None else topics.name_of(topic_id)
        if name is not None:
            listed.append(message_class.TopicPartition(topic=name, partitions=sorted(partitions)))
    message = message_class(assigned_partitions=listed)
    return b"".join((version.to_bytes(_VERSION_SIZE, "big"), *encode(message, version)))


def by_ids(topics: Topics | None, listed: Iterable[Any]) -> Assignment:
    """Partitions by topic id from those by name; topics that are not there are left out."""
    found: list[tuple[bytes, int]] = []
    for entry in listed:
        topic_id = None if topics is None else topics.id_of(entry.topic)
        if topic_id is not None:
            found += ((topic_id, partition) for partition in entry.partitions)
    return assignment_of(found)


def _read(message_class: Any, data: bytes) -> Any:
    if len(data) < _VERSION_SIZE or data[0] & 0x80:
        return None
    try:
        message, _ = decode(message_class, version_in(data), data, _VERSION_SIZE)
    except Malformed:
        return None
    return message
