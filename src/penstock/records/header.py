"""The 61 bytes before the records of a batch, version 2: where each number lies and what follows from them.

Layout, big-endian (source: KIP-98 and Kafka's "Record Batch" page), first byte, field, bytes:

     0  base offset      8      16  magic               1      35  max timestamp    8      53  base sequence    4
     8  batch length     4      17  CRC-32C             4      43  producer id      8      57  record count     4
    12  leader epoch     4      21  attributes          2      51  producer epoch   2      61  records ...
                                23  last offset delta   4
                                27  base timestamp      8

The length counts what follows it, so a batch is 12 bytes longer. The CRC covers byte 21 to the end.
"""

from struct import Struct
from typing import Final, NamedTuple

from penstock.kit.varint import Buffer
from penstock.records.codec import Codec
from penstock.records.fault import CORRUPT_MESSAGE, UNSUPPORTED_COMPRESSION_TYPE, BatchError

HEADER_SIZE: Final = 61
MAGIC: Final = 2
# Base offset and the length field itself: what the length does not count.
LENGTH_OVERHEAD: Final = 12

# First bytes of the fields that are written one by one.
LENGTH_AT: Final = 8
LEADER_EPOCH_AT: Final = 12
CRC_AT: Final = 17
ATTRIBUTES_AT: Final = 21
MAX_TIMESTAMP_AT: Final = 35

CODEC_BITS: Final = 0x07
LOG_APPEND_TIME_BIT: Final = 0x08
TRANSACTIONAL_BIT: Final = 0x10
CONTROL_BIT: Final = 0x20
DELETE_HORIZON_BIT: Final = 0x40

HEADER: Final = Struct(">qiibIhiqqqhii")

_unpack = HEADER.unpack_from
_new = tuple.__new__


class BatchHeader(NamedTuple):
    """The fields in wire order; timestamps in epoch milliseconds, -1 for "none"."""

    base_offset: int
    batch_length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def size(self) -> int:
        """Bytes of the whole batch, header included."""
        return LENGTH_OVERHEAD + self.batch_length

    @property
    def last_offset(self) -> int:
        """Offset of the last record, kept even when compaction removed that record."""
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        """The first offset after the batch."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def codec(self) -> Codec:
        """How the records are compressed. Error: BatchError for a number no codec has."""
        codec = self.attributes & CODEC_BITS
        if codec > Codec.ZSTD:
            raise BatchError(UNSUPPORTED_COMPRESSION_TYPE, f"compression {codec}: known are 0 to {int(Codec.ZSTD)}")
        return Codec(codec)

    @property
    def is_log_append_time(self) -> bool:
        """Whether max_timestamp, set by the broker, is the time of every record."""
        return self.attributes & LOG_APPEND_TIME_BIT != 0

    @property
    def is_transactional(self) -> bool:
        """Whether its records, or its marker, belong to a transaction of producer_id."""
        return self.attributes & TRANSACTIONAL_BIT != 0

    @property
    def is_control(self) -> bool:
        """Whether the batch holds a marker (commit, abort, ...), which consumers do not hand out."""
        return self.attributes & CONTROL_BIT != 0

    @property
    def has_delete_horizon(self) -> bool:
        """Whether base_timestamp is the time from which compaction may drop the tombstones (KIP-534)."""
        return self.attributes & DELETE_HORIZON_BIT != 0

    @property
    def last_sequence(self) -> int:
        """Sequence of the last record, -1 without one; sequences start again at 0 after 2**31 - 1."""
        if self.base_sequence < 0:
            return -1
        return (self.base_sequence + self.last_offset_delta) & 0x7FFFFFFF


def read_header(buf: Buffer, pos: int = 0) -> BatchHeader:
    """The header at `pos`, unchecked. Error: BatchError(CORRUPT_MESSAGE) when fewer than 61 bytes are left."""
    if len(buf) - pos < HEADER_SIZE:
        raise BatchError(
            CORRUPT_MESSAGE, f"batch at byte {pos}: {len(buf) - pos} bytes are left, its header has {HEADER_SIZE}"
        )
    return _new(BatchHeader, _unpack(buf, pos))
