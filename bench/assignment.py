"""What a leader of the classic protocol deals out, and what members say and hear of it in bytes.

Partitions are numbers of the one topic that the group reads.
"""

from collections.abc import Collection, Mapping
from struct import Struct
from typing import Any

from penstock.protocol import messages
from penstock.protocol.codec import decode, encode

_VERSION = Struct(">h")
# The version with owned partitions and their generation.
_SUBSCRIPTION_VERSION, _ASSIGNMENT_VERSION = 2, 1

Partitions = frozenset[int]
Assignment = dict[str, Partitions]


def balanced(owned: Mapping[str, Collection[int]], partitions: int) -> Assignment:
    """All partitions, to each member as many as to any other or one more; everybody keeps as many of theirs as may be.

    owned: by member id, no partition twice.
    """
    each, more = divmod(partitions, len(owned))
    # Who owns much is first to get one more.
    members = sorted(owned, key=lambda member: (-len(owned[member]), member))
    sizes = {member: each + (place < more) for place, member in enumerate(members)}
    kept = {member: sorted(owned[member])[: sizes[member]] for member in members}
    taken = {partition for share in kept.values() for partition in share}
    free = (partition for partition in range(partitions) if partition not in taken)
    return {
        member: frozenset(kept[member]).union(next(free) for _ in range(sizes[member] - len(kept[member])))
        for member in members
    }


def released(owned: Mapping[str, Collection[int]], target: Assignment) -> Assignment:
    """The target without what others still own, who have to give it up before it is given away (KIP-429)."""
    owner = {partition: member for member, share in owned.items() for partition in share}
    return {
        member: frozenset(partition for partition in share if owner.get(partition, member) == member)
        for member, share in target.items()
    }


def encode_subscription(topic: str, owned: Collection[int], generation: int) -> bytes:
    cls = messages.ConsumerProtocolSubscription
    places = [cls.TopicPartition(topic=topic, partitions=sorted(owned))] if owned else []
    return _encode(_SUBSCRIPTION_VERSION, cls(topics=[topic], owned_partitions=places, generation_id=generation))


def decode_owned(data: bytes) -> Partitions:
    """The partitions in a subscription that `encode_subscription` made."""
    found = _decode(messages.ConsumerProtocolSubscription, data)
    return frozenset(index for topic in found.owned_partitions for index in topic.partitions)


def encode_assignment(topic: str, share: Collection[int]) -> bytes:
    cls = messages.ConsumerProtocolAssignment
    places = [cls.TopicPartition(topic=topic, partitions=sorted(share))] if share else []
    return _encode(_ASSIGNMENT_VERSION, cls(assigned_partitions=places))


def decode_assignment(data: bytes) -> Partitions:
    """Nothing for the empty bytes that a member gets whom the leader left out."""
    if not data:
        return frozenset()
    found = _decode(messages.ConsumerProtocolAssignment, data)
    return frozenset(index for topic in found.assigned_partitions for index in topic.partitions)


def _encode(version: int, message: Any) -> bytes:
    return _VERSION.pack(version) + b"".join(map(bytes, encode(message, version)))


def _decode(cls: Any, data: bytes) -> Any:
    (version,) = _VERSION.unpack_from(data)
    return decode(cls, version, data, _VERSION.size)[0]
