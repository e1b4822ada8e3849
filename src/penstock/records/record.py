"""Records inside a batch. Only who must know keys and values comes here: Produce and Fetch move batches unopened.

A record: length, attributes (unused), timestamp delta, offset delta, key, value, headers; all numbers are zigzag
varints, a length of -1 stands for null (source: KIP-98).
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from penstock.kit.varint import (
    Buffer,
    VarintError,
    decode_varint,
    decode_varlong,
    encode_varint,
    encode_varlong,
)
from penstock.records.codec import decompress
from penstock.records.fault import CORRUPT_MESSAGE, INVALID_RECORD, BatchError
from penstock.records.header import HEADER_SIZE, MAGIC, BatchHeader, read_header

# Length, attributes, two deltas, key, value and header count take one byte each at least.
RECORD_SIZE_MIN: Final = 7

_NULL: Final = encode_varint(-1)
_NO_HEADERS: Final = encode_varint(0)

# Header keys are text, yet no broker checks them. What is not UTF-8 must survive compaction byte for byte.
_KEY_ERRORS: Final = "surrogateescape"


class Record(NamedTuple):
    """One record; a value of None is a tombstone for compaction. Header values may be None too.

    timestamp_ms: epoch milliseconds; offset: absolute, given by decoding and not used by `batch.build`.
    """

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp_ms: int = 0
    offset: int = 0


def decode_records(batch: Buffer, max_bytes: int) -> list[Record]:
    """All records of the one whole batch that `batch` is; its CRC is taken as checked.

    max_bytes: most that the records may have when unpacked. With LogAppendTime all get the batch's max timestamp.
    Error: BatchError where header, compressed data or records are not what they should be.
    """
    header = read_header(batch)
    if header.magic != MAGIC or header.size != len(batch):
        raise BatchError(
            CORRUPT_MESSAGE, f"batch of magic {header.magic}, says {header.size} bytes and has {len(batch)}"
        )
    if not header.record_count:
        return []
    # A copy of bytes is indexed and sliced faster than a view, six times a record.
    data = bytes(decompress(header.codec, memoryview(batch)[HEADER_SIZE:], max_bytes))
    try:
        return _decode_all(data, header)
    except (IndexError, VarintError) as error:
        raise BatchError(
            INVALID_RECORD,
            f"batch at offset {header.base_offset}: {len(data)} bytes are not {header.record_count} records: {error}",
        ) from None


def encode_records(records: Iterable[Record], base_timestamp: int, deltas: Iterable[int]) -> bytes:
    """The records one after another, uncompressed; deltas: offset of each minus the batch's base offset."""
    parts: list[bytes] = []
    for record, delta in zip(records, deltas, strict=True):
        body = b"".join(
            (
                b"\x00",
                encode_varlong(record.timestamp_ms - base_timestamp),
                encode_varint(delta),
                _encode_nullable(record.key),
                _encode_nullable(record.value),
                _encode_headers(record.headers) if record.headers else _NO_HEADERS,
            )
        )
        parts += (encode_varint(len(body)), body)
    return b"".join(parts)


def _decode_all(data: bytes, header: BatchHeader) -> list[Record]:
    base_offset, base_timestamp = header.base_offset, header.base_timestamp
    append_time = header.max_timestamp if header.is_log_append_time else None
    records = []
    pos, size = 0, len(data)
    for _ in range(header.record_count):
        length, pos = decode_varint(data, pos)
        end = pos + length
        # The byte between the two is that of the attributes, which say nothing yet.
        timestamp_delta, pos = decode_varlong(data, pos + 1)
        delta, pos = decode_varint(data, pos)
        key, pos = _decode_nullable(data, pos)
        value, pos = _decode_nullable(data, pos)
        header_count, pos = decode_varint(data, pos)
        headers: tuple[tuple[str, bytes | None], ...] = ()
        if header_count:
            headers, pos = _decode_headers(data, pos, header_count)
        if pos != end or end > size:
            raise VarintError(f"record of {length} bytes ends at byte {end}, its fields at {pos}")
        timestamp = base_timestamp + timestamp_delta if append_time is None else append_time
        records.append(Record(key, value, headers, timestamp, base_offset + delta))
    if pos != size:
        raise VarintError(f"{size - pos} bytes follow the last one")
    return records


def _decode_nullable(data: bytes, pos: int) -> tuple[bytes | None, int]:
    size, pos = decode_varint(data, pos)
    if size < 0:
        return None, pos
    return data[pos : pos + size], pos + size


def _decode_headers(data: bytes, pos: int, count: int) -> tuple[tuple[tuple[str, bytes | None], ...], int]:
    if count < 0:
        raise VarintError(f"{count} headers at byte {pos}")
    headers = []
    for _ in range(count):
        key, pos = _decode_nullable(data, pos)
        if key is None:
            raise VarintError(f"header without a key at byte {pos}")
        value, pos = _decode_nullable(data, pos)
        headers.append((key.decode("utf-8", _KEY_ERRORS), value))
    return tuple(headers), pos


def _encode_nullable(field: bytes | None) -> bytes:
    return _NULL if field is None else encode_varint(len(field)) + field


def _encode_headers(headers: tuple[tuple[str, bytes | None], ...]) -> bytes:
    parts = [encode_varint(len(headers))]
    for key, value in headers:
        parts += (_encode_nullable(key.encode("utf-8", _KEY_ERRORS)), _encode_nullable(value))
    return b"".join(parts)
