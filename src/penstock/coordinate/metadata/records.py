"""Metadata records as bytes: Kafka's own records in the frame that KRaft puts around them.

A frame is three unsigned varints (frame version, record type, record version) and the message.
Source: AbstractApiMessageSerde.
"""

from typing import Any, Final

from penstock.kit.varint import decode_unsigned, encode_unsigned
from penstock.protocol import messages
from penstock.protocol.codec import decoder, encode
from penstock.protocol.errors import Malformed

FRAME_VERSION: Final = 1

# PartitionRecord 1 names the directory of each copy; all others are written in their first version.
_WRITTEN_VERSION: Final = {"PartitionRecord": 1}

# What a log of metadata written by Kafka 4.3 on one node may hold besides what we keep; it is read and passed over.
PASSED_OVER: Final = (
    "RegisterBrokerRecord",
    "UnregisterBrokerRecord",
    "FenceBrokerRecord",
    "UnfenceBrokerRecord",
    "BrokerRegistrationChangeRecord",
    "RegisterControllerRecord",
    "NoOpRecord",
    "ZkMigrationStateRecord",
    "BeginTransactionRecord",
    "EndTransactionRecord",
    "ClearElrRecord",
)
KEPT: Final = (
    "TopicRecord",
    "PartitionRecord",
    "PartitionChangeRecord",
    "RemoveTopicRecord",
    "ConfigRecord",
    "FeatureLevelRecord",
    "ProducerIdsRecord",
)

_BY_KEY: Final[dict[int, Any]] = {
    record.DEFINITION.key: record for record in (getattr(messages, name) for name in (*KEPT, *PASSED_OVER))
}


class MetadataError(ValueError):
    """A metadata record that cannot be read or does not fit what came before it."""


def to_bytes(record: Any) -> bytes:
    """The framed record."""
    definition = record.DEFINITION
    version = _WRITTEN_VERSION.get(definition.name, 0)
    head = encode_unsigned(FRAME_VERSION) + encode_unsigned(definition.key) + encode_unsigned(version)
    return head + b"".join(encode(record, version))


def from_bytes(data: bytes) -> Any:
    """The record in a frame. Error: MetadataError, also for record types that would be lost if passed over."""
    try:
        frame_version, pos = decode_unsigned(data)
        key, pos = decode_unsigned(data, pos)
        version, pos = decode_unsigned(data, pos)
        if frame_version != FRAME_VERSION:
            raise MetadataError(f"a metadata record has frame version {frame_version}, expected {FRAME_VERSION}")
        record = _BY_KEY.get(key)
        if record is None:
            raise MetadataError(f"metadata records of type {key} are not known to this version of Penstock")
        message, _ = decoder(record, version)(data, pos)
    except MetadataError:
        raise
    except (Malformed, ValueError) as fault:
        raise MetadataError(f"a metadata record of {len(data)} bytes cannot be read: {fault}") from fault
    return message
