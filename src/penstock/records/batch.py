"""The record batch as bytes: check, stamp, walk and build, the records left unopened wherever that is possible."""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Final

from penstock.kit.refusal import Refused
from penstock.kit.varint import Buffer
from penstock.records.codec import RATIO_MAX, Codec, compress
from penstock.records.crc import crc32c
from penstock.records.fault import (
    CORRUPT_MESSAGE,
    INVALID_RECORD,
    MESSAGE_TOO_LARGE,
    UNSUPPORTED_COMPRESSION_TYPE,
    BatchError,
)
from penstock.records.header import (
    ATTRIBUTES_AT,
    CODEC_BITS,
    CONTROL_BIT,
    CRC_AT,
    HEADER,
    HEADER_SIZE,
    LEADER_EPOCH_AT,
    LENGTH_AT,
    LENGTH_OVERHEAD,
    LOG_APPEND_TIME_BIT,
    MAGIC,
    MAX_TIMESTAMP_AT,
    BatchHeader,
    read_header,
)
from penstock.records.record import RECORD_SIZE_MIN, Record, encode_records

__all__ = [
    "HEADER_SIZE",
    "BatchError",
    "BatchHeader",
    "build",
    "check",
    "check_client",
    "check_stored",
    "read_header",
    "rebuild",
    "seal",
    "stamp",
    "stamp_log_append_time",
    "walk",
]

_INT16: Final = Struct(">h")
_CODEC_MAX: Final = int(Codec.ZSTD)

_unpack_header = HEADER.unpack_from
_pack_int64 = Struct(">q").pack_into
_pack_int32 = Struct(">i").pack_into
_pack_uint32 = Struct(">I").pack_into
_new = tuple.__new__


def check(buf: Buffer, max_size: int) -> BatchHeader | Refused:
    """The header of the one whole, undamaged batch of version 2 that `buf` is, or why it is not one.

    max_size: largest batch accepted, in bytes, header included. Records are not opened: whether their number and
    content fit the header is found out by whoever reads them. For batches fresh from a producer or a builder;
    what lies in a log may have been thinned by compaction, see `check_stored`.
    """
    size = len(buf)
    if size < HEADER_SIZE:
        return Refused(CORRUPT_MESSAGE, f"batch of {size} bytes: its header alone has {HEADER_SIZE}")
    fields = _unpack_header(buf)
    _, length, _, magic, crc, attributes, last_delta, _, _, _, _, _, count = fields
    codec = attributes & CODEC_BITS
    if (
        magic == MAGIC
        and length == size - LENGTH_OVERHEAD
        and size <= max_size
        and 0 < count == last_delta + 1
        and codec <= _CODEC_MAX
        # A header that announces more records than its bytes can hold would use up the offsets of a partition.
        and count * RECORD_SIZE_MIN <= (size - HEADER_SIZE) * RATIO_MAX[codec]
        and crc == crc32c(memoryview(buf)[ATTRIBUTES_AT:])
    ):
        return _new(BatchHeader, fields)
    return _explain(_new(BatchHeader, fields), buf, max_size)


def check_client(header: BatchHeader) -> Refused | None:
    """Why a client may not write the batch that `check` accepted; None when it may.

    Markers are the broker's to write, and a producer id without a sequence cannot be de-duplicated.
    """
    if header.attributes & CONTROL_BIT:
        return Refused(INVALID_RECORD, "control batch from a client: only the broker writes markers")
    if header.producer_id >= 0 and header.base_sequence < 0:
        return Refused(
            INVALID_RECORD, f"producer {header.producer_id}: sequence {header.base_sequence}, expected 0 or more"
        )
    return None


def check_stored(buf: Buffer) -> BatchHeader | Refused:
    """The header of the one whole, undamaged batch read back from a log, or what is damaged.

    Unlike `check` it lets pass what compaction leaves: fewer records than offsets, or none.
    """
    size = len(buf)
    if size < HEADER_SIZE:
        return Refused(CORRUPT_MESSAGE, f"batch of {size} bytes: its header alone has {HEADER_SIZE}")
    header = _new(BatchHeader, _unpack_header(buf))
    if header.magic != MAGIC or header.batch_length != size - LENGTH_OVERHEAD:
        return Refused(CORRUPT_MESSAGE, f"batch of magic {header.magic}, says {header.size} bytes and has {size}")
    return _crc_fault(header, buf) or header


def stamp(buf: memoryview | bytearray, base_offset: int, leader_epoch: int) -> None:
    """Gives the batch at the start of `buf` its place in the log, in place; the CRC does not cover these bytes."""
    _pack_int64(buf, 0, base_offset)
    _pack_int32(buf, LEADER_EPOCH_AT, leader_epoch)


def stamp_log_append_time(buf: memoryview | bytearray, now_ms: int) -> None:
    """Makes `now_ms` the time of every record of the one whole batch in `buf`, in place; renews the CRC."""
    attributes = _INT16.unpack_from(buf, ATTRIBUTES_AT)[0]
    _INT16.pack_into(buf, ATTRIBUTES_AT, attributes | LOG_APPEND_TIME_BIT)
    _pack_int64(buf, MAX_TIMESTAMP_AT, now_ms)
    seal(buf)


def seal(buf: memoryview | bytearray) -> None:
    """Writes the length and the CRC of the one whole batch that `buf` is into its header, in place."""
    _pack_int32(buf, LENGTH_AT, len(buf) - LENGTH_OVERHEAD)
    _pack_uint32(buf, CRC_AT, crc32c(memoryview(buf)[ATTRIBUTES_AT:]))


def walk(buf: Buffer) -> Iterator[tuple[BatchHeader, memoryview]]:
    """Header and bytes of each batch that lies whole in `buf`, in order; a partial one at the end is left out.

    Error: BatchError(CORRUPT_MESSAGE) at a length or magic no batch of version 2 has. CRCs are not computed.
    """
    view = memoryview(buf)
    pos, end = 0, len(view)
    while end - pos >= HEADER_SIZE:
        header = _new(BatchHeader, _unpack_header(view, pos))
        size = LENGTH_OVERHEAD + header.batch_length
        if size < HEADER_SIZE or header.magic != MAGIC:
            raise BatchError(
                CORRUPT_MESSAGE,
                f"batch at byte {pos}: magic {header.magic}, {size} bytes; "
                f"expected magic {MAGIC} and {HEADER_SIZE} bytes or more",
            )
        if size > end - pos:
            return
        yield header, view[pos : pos + size]
        pos += size


def build(
    records: Sequence[Record],
    *,
    base_offset: int = 0,
    leader_epoch: int = 0,
    codec: Codec = Codec.NONE,
    timestamp_type: int = 0,
    producer_id: int = -1,
    producer_epoch: int = -1,
    base_sequence: int = -1,
    transactional: bool = False,
    control: bool = False,
) -> bytearray:
    """One batch of one record or more, numbered from `base_offset` in their order; their own offsets are not used.

    timestamp_type: 0 CreateTime, 1 LogAppendTime (the latest timestamp becomes that of all).
    """
    assert records, "a batch holds at least one record"
    base_timestamp = records[0].timestamp_ms
    attributes = codec | timestamp_type << 3 | transactional << 4 | control << 5
    header = BatchHeader(
        base_offset,
        0,
        leader_epoch,
        MAGIC,
        0,
        attributes,
        len(records) - 1,
        base_timestamp,
        max(record.timestamp_ms for record in records),
        producer_id,
        producer_epoch,
        base_sequence,
        len(records),
    )
    return assemble(header, compress(codec, encode_records(records, base_timestamp, range(len(records)))))


def rebuild(header: BatchHeader, records: Sequence[Record]) -> bytearray:
    """The batch of `header` with only these of its records, or none: what compaction writes.

    Offsets, timestamps, producer and codec stay; `last_offset` stays too, even when its record goes.
    """
    deltas = [record.offset - header.base_offset for record in records]
    data = encode_records(records, header.base_timestamp, deltas)
    return assemble(header._replace(record_count=len(records)), compress(header.codec, data) if records else b"")


def assemble(header: BatchHeader, data: Buffer) -> bytearray:
    """The batch of `header` and its records as they are (compressed or not), with the right length and CRC."""
    batch = bytearray(HEADER.pack(*header))
    batch += data
    seal(batch)
    return batch


def _explain(header: BatchHeader, buf: Buffer, max_size: int) -> Refused:
    """Which rule of `check` the batch breaks, in the order in which Kafka looks."""
    size, held = header.size, len(buf)
    if header.magic != MAGIC:
        # Kafka tells the old formats, which it knows, from numbers that can only be damage.
        error = INVALID_RECORD if header.magic in (0, 1) else CORRUPT_MESSAGE
        return Refused(error, f"batch of magic {header.magic}: only version {MAGIC} is accepted")
    if size > held or size < HEADER_SIZE:
        return Refused(CORRUPT_MESSAGE, f"batch says it has {size} bytes, {held} were sent")
    if size < held:
        return Refused(INVALID_RECORD, f"{held - size} bytes follow the batch of {size}: expected exactly one batch")
    if size > max_size:
        return Refused(MESSAGE_TOO_LARGE, f"batch of {size} bytes: at most {max_size} are accepted")
    fault = _crc_fault(header, buf)
    if fault:
        return fault
    codec = header.attributes & CODEC_BITS
    if codec > _CODEC_MAX:
        return Refused(UNSUPPORTED_COMPRESSION_TYPE, f"compression {codec}: known are 0 to {_CODEC_MAX}")
    count, last_delta = header.record_count, header.last_offset_delta
    if count < 1 or count != last_delta + 1:
        return Refused(INVALID_RECORD, f"batch of {count} records whose last has offset delta {last_delta}")
    return Refused(INVALID_RECORD, f"{count} records do not fit in {size - HEADER_SIZE} bytes")


def _crc_fault(header: BatchHeader, buf: Buffer) -> Refused | None:
    crc = crc32c(memoryview(buf)[ATTRIBUTES_AT:])
    if crc == header.crc:
        return None
    return Refused(CORRUPT_MESSAGE, f"batch with CRC {header.crc:#010x}: its bytes give {crc:#010x}")
