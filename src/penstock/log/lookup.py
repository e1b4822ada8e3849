"""Finding records by time: the time index says where to look, the headers which batch, the batch which record."""

import logging
from collections.abc import Sequence
from typing import Final

from penstock.log.scan import walk_headers
from penstock.log.segment import Segment
from penstock.records.batch import BatchError, BatchHeader
from penstock.records.record import decode_records

# A batch that unpacks to more is answered with its first offset instead of the record's.
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
    """(offset, timestamp) of the first record with the largest timestamp of all, (-1, -1) when none has one."""
    latest = max(segments, key=Segment.largest_timestamp)
    largest = latest.largest_timestamp()
    found = offset_at_time([latest], largest, start) if largest >= 0 else None
    return found or (-1, -1)


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
    try:
        records = decode_records(batch, _BATCH_BYTES_MAX)
    except BatchError as fault:
        # Whoever reads from here on finds the same fault, and no record is passed over.
        _log.warning("batch at offset %d is not understood: %s", header.base_offset, fault)
        return max(header.base_offset, start), header.max_timestamp
    for record in records:
        if record.timestamp_ms >= timestamp and record.offset >= start:
            return record.offset, record.timestamp_ms
    return None
