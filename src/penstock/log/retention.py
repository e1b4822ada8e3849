"""Which segments a topic's settings let go, from the oldest on; pure sums, nothing is deleted here."""

from collections.abc import Sequence

from penstock.log.segment import Segment
from penstock.log.settings import LogSettings


def expired_count(segments: Sequence[Segment], settings: LogSettings, bounds: tuple[int, int, int], now_ms: int) -> int:
    """How many segments, from the first on, may go: by age, by size of the whole log, or for lying before its start.

    bounds: log start, high watermark and next offset; records that are not visible yet stay. The last segment counts
    when all of it has aged or, with retention.bytes=0, at once; the caller then begins a new one.
    Source: Kafka's retention.* configs.
    """
    log_start, high_watermark, next_offset = bounds
    sealed = len(segments) - 1
    count = 0
    while count < sealed and segments[count + 1].base_offset <= log_start:
        count += 1
    if "delete" not in settings.cleanup_policy:
        return count
    visible = sum(segment.base_offset <= high_watermark for segment in segments[1:])
    visible += high_watermark == next_offset
    count = max(count, min(visible, _excess_count(segments, settings.retention_bytes)))
    return max(count, min(visible, _aged_count(segments, settings.retention_ms, now_ms, count)))


def _excess_count(segments: Sequence[Segment], retention_bytes: int) -> int:
    if retention_bytes < 0:
        return 0
    excess = sum(segment.known_size() for segment in segments) - retention_bytes
    for count, segment in enumerate(segments):
        excess -= segment.known_size()
        if excess < 0 or (segment.size == 0 and count == len(segments) - 1):
            return count
    return len(segments)


def _aged_count(segments: Sequence[Segment], retention_ms: int, now_ms: int, start: int) -> int:
    if retention_ms < 0:
        return 0
    for count in range(start, len(segments)):
        segment = segments[count]
        if segment.known_size() == 0 and count == len(segments) - 1:
            return count
        if now_ms - segment.retention_timestamp() <= retention_ms:
            return count
    return len(segments)
