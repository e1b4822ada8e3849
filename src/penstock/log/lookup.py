"""Finding records by time: the time index says where to look, the headers which batch, the batch which record."""

import logging
from collections.abc import Sequence
from typing import Final

from penstock.log.scan import walk_headers
from penstock.log.segment import Segment
from penstock.records.batch import BatchError, BatchHeader
from penstock.records.record import Record, decode_records

# A batch that unpacks to more counts as one record, at its first offset.
_BATCH_BYTES_MAX: Final = 256 << 20

_log = logging.getLogger(__name__)


def offset_at_time(segments: Sequence[Segment], timestamp: int, start: int) -> tuple[int, int] | None:
    """(offset, timestamp) of the first record at or after `start` whose timestamp is not before the one given."""
    for segment in segments:
        if segment.largest_timestamp() >= timestamp:
            found = _in_segment(segment, timestamp, start)
            if found is not None:
                return found
    return None


def max_timestamp(segments: Sequence[Segment], start: int) -> tuple[int, int]:
    """(offset, timestamp) of the first record at or after `start` with the largest timestamp, (-1, -1) without one."""
    latest = -1
    for segment in segments:
        largest = segment.largest_timestamp()
        if largest > latest and segment.base_offset < start:
            largest = _largest_from(segment, start)
        latest = max(latest, largest)
    found = offset_at_time(segments, latest, start) if latest >= 0 else None
    return found or (-1, -1)


def _largest_from(segment: Segment, start: int) -> int:
    """The largest timestamp of the records at or after `start`, when those before it no longer count."""
    file = segment.file()
    found = segment.locate(start)
    largest = -1
    for position, header in walk_headers(file, found[0] if found else segment.size, segment.size):
        if header.base_offset >= start:
            largest = max(largest, header.max_timestamp)
        elif header.max_timestamp > largest:
            records = _decode(header, file.pread(header.size, position))
            largest = max((record.timestamp_ms for record in records if record.offset >= start), default=-1)
    return largest


def _in_segment(segment: Segment, timestamp: int, start: int) -> tuple[int, int] | None:
    file = segment.file()
    if segment.times is None:
        segment.load()
    assert segment.times is not None, segment
    found = segment.locate(max(start, segment.times.floor(timestamp)))
    if found is None:
        return None
    for position, header in walk_headers(file, found[0], segment.size):
        if header.max_timestamp >= timestamp:
            record = _in_batch(header, file.pread(header.size, position), timestamp, start)
            if record is not None:
                return record
    return None


def _in_batch(header: BatchHeader, batch: bytes, timestamp: int, start: int) -> tuple[int, int] | None:
    for record in _decode(header, batch):
        if record.timestamp_ms >= timestamp and record.offset >= start:
            return record.offset, record.timestamp_ms
    return None


def _decode(header: BatchHeader, batch: bytes) -> list[Record]:
    try:
        return decode_records(batch, _BATCH_BYTES_MAX)
    except BatchError as fault:
        # Whoever reads from there on finds the same fault, and no record is passed over.
        _log.warning("batch at offset %d is not understood: %s", header.base_offset, fault)
        return [Record(None, None, timestamp_ms=header.max_timestamp, offset=header.base_offset)]
