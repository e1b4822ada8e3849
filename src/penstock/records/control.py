"""Control batches: the commit or abort that ends a transaction in a partition, as one record of the broker's."""

from enum import IntEnum
from struct import Struct, error
from typing import Final, NamedTuple

from penstock.records.batch import build
from penstock.records.fault import INVALID_RECORD, BatchError
from penstock.records.record import Record


class ControlType(IntEnum):
    """What a control record says. Kafka has more, for its own quorum; readers pass over those they do not know."""

    ABORT = 0
    COMMIT = 1


class Marker(NamedTuple):
    """How a transaction ended; coordinator_epoch fences markers of a coordinator that was replaced."""

    type: ControlType
    coordinator_epoch: int


_KEY: Final = Struct(">hh")  # version, type
_VALUE: Final = Struct(">hi")  # version, coordinator epoch
_VERSION: Final = 0


def build_marker(
    marker: Marker,
    producer_id: int,
    producer_epoch: int,
    timestamp_ms: int,
    base_offset: int = 0,
    leader_epoch: int = 0,
) -> bytearray:
    """The control batch that ends the transaction of `producer_id`: one record, no sequence, transactional."""
    record = Record(
        _KEY.pack(_VERSION, marker.type),
        _VALUE.pack(_VERSION, marker.coordinator_epoch),
        timestamp_ms=timestamp_ms,
    )
    return build(
        [record],
        base_offset=base_offset,
        leader_epoch=leader_epoch,
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        transactional=True,
        control=True,
    )


def read_marker(record: Record) -> Marker | None:
    """What the record of a control batch says; None for a type that does not end a transaction.

    Error: BatchError(INVALID_RECORD) where key or value are too short for it.
    """
    try:
        # Later versions may only add fields at the end, so both are read from their start.
        _, type_number = _KEY.unpack_from(record.key or b"")
        if type_number not in (ControlType.ABORT, ControlType.COMMIT):
            return None
        _, coordinator_epoch = _VALUE.unpack_from(record.value or b"")
    except error as fault:
        raise BatchError(INVALID_RECORD, f"control record at offset {record.offset}: {fault}") from None
    return Marker(ControlType(type_number), coordinator_epoch)
