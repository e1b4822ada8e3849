"""One partition as brokers see it: what may be appended, and what a fetch gets to read."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import Final

from penstock.kit.files import FileSlice
from penstock.kit.refusal import Refused
from penstock.log import lookup, recovery
from penstock.log.producers import Producer, SeenBatch
from penstock.log.results import Appended, ReadPlan
from penstock.log.scan import Damaged
from penstock.log.segment import RECENT_MAX, Segment
from penstock.log.segmented_log import SegmentedLog
from penstock.protocol.errors import KafkaError
from penstock.records.batch import BatchHeader, stamp, stamp_log_append_time
from penstock.records.header import CONTROL_BIT, LENGTH_OVERHEAD, LOG_APPEND_TIME_BIT, TRANSACTIONAL_BIT

_TRANSACTIONAL: Final = TRANSACTIONAL_BIT
_CONTROL: Final = CONTROL_BIT
# What no batch of an ordinary producer has set.
_ODD: Final = TRANSACTIONAL_BIT | CONTROL_BIT | LOG_APPEND_TIME_BIT

_NOTHING: Final = FileSlice(None, 0, 0)

_base_offset = attrgetter("base_offset")
_new = tuple.__new__


class Partition(SegmentedLog):
    """The log of one partition; see `SegmentedLog` for its bounds, `offline`, and what keeps it safe."""

    __slots__ = ()

    @property
    def last_stable_offset(self) -> int:
        """Before it lie no records of a transaction that goes on. None is accepted yet, so that is all visible ones.

        `producer_state.first_open_offset()` is what it will be bounded by.
        """
        return self.high_watermark

    # --- appending ---------------------------------------------------------------------------------------------

    def append(self, batch: memoryview, header: BatchHeader, now_ms: int) -> Appended | Refused:
        """Gives the batch its offsets and writes it at the end.

        batch: one whole, checked batch, stamped in place; header: that of `batch`. A batch of an idempotent producer
        that is there already answers its first offset. Errors: OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH,
        INVALID_TXN_STATE, INVALID_TIMESTAMP, RECORD_LIST_TOO_LARGE, KAFKA_STORAGE_ERROR; then nothing has changed.
        """
        segment = self.active
        if segment is None:
            refused = self._wake()
            if refused is not None:
                return refused
            segment = self.segments[-1]
        _, length, _, _, _, attributes, last_delta, base_ms, max_ms, producer_id, _, _, _ = header

        # Admit.
        if producer_id >= 0 and (seen := self._judge_producer(header)) is not None:
            return seen
        if self._append_time:
            stamp_log_append_time(batch, now_ms)
            max_ms = now_ms
        elif (max_ms - now_ms > self._latest_ms or now_ms - base_ms > self._earliest_ms or attributes & _ODD) and (
            refused := self._judge_time(header, now_ms)
        ) is not None:
            return refused

        # Place.
        size = length + LENGTH_OVERHEAD
        base_offset = self.next_offset
        last_offset = base_offset + last_delta
        if max_ms > self._roll_at or segment.size + size > self._size_limit or last_offset > self._offset_limit:
            room = self._make_room(size, max_ms)
            if isinstance(room, Refused):
                return room
            segment = room
        stamp(batch, base_offset, self.leader_epoch)

        # Write, and count it only now.
        try:
            position = (segment.log or segment.file()).append(batch)
        except OSError as error:
            return self._fault(error, "appending")
        self._commit(segment, header, last_offset, position, max_ms)
        if producer_id >= 0:
            self._commit_producer(batch, header, base_offset, max_ms, now_ms)
        return _new(Appended, (base_offset, now_ms if self._append_time else -1, self.log_start))

    def _judge_producer(self, header: BatchHeader) -> Appended | Refused | None:
        """None for the next batch of a known producer or the first of an unknown one, else what to answer."""
        producer = self.producer_state.by_id.get(header.producer_id)
        if (
            producer is not None
            and producer.expected == header.base_sequence
            and producer.epoch == header.producer_epoch
            and not header.attributes & _ODD
        ):
            return None
        verdict = self.producer_state.judge(header)
        if isinstance(verdict, SeenBatch):
            return Appended(verdict.base_offset, verdict.timestamp if self._append_time else -1, self.log_start)
        return verdict

    def _judge_time(self, header: BatchHeader, now_ms: int) -> Refused | None:
        """Markers are the broker's own, and records may have no timestamp (-1); all others have their bounds."""
        if header.is_control:
            return None
        if header.is_log_append_time:
            return Refused(KafkaError.INVALID_TIMESTAMP, "only the broker stamps batches with LogAppendTime")
        earliest, latest = now_ms - self._earliest_ms, now_ms + self._latest_ms
        if header.max_timestamp > latest or -1 < header.base_timestamp < earliest:
            return Refused(
                KafkaError.INVALID_TIMESTAMP,
                f"timestamps {header.base_timestamp} to {header.max_timestamp}: expected {earliest} to {latest}",
            )
        return None

    def _make_room(self, size: int, max_timestamp: int) -> Segment | Refused:
        """The segment for a batch for which the active one seems full: that one after all, or a new one."""
        segment = self.segments[-1]
        if size > self._settings.segment_bytes:
            return Refused(
                KafkaError.RECORD_LIST_TOO_LARGE,
                f"batch of {size} bytes: a segment holds at most {self._settings.segment_bytes}",
            )
        if segment.size:
            try:
                segment = self._roll()
            except OSError as error:
                return self._fault(error, "beginning a new segment")
        self._begin_with(max_timestamp)
        return segment

    def _commit(
        self, segment: Segment, header: BatchHeader, last_offset: int, position: int, max_timestamp: int
    ) -> None:
        """The batch lies at `position`: from here on it counts."""
        base_offset = self.next_offset
        if segment.note(base_offset, last_offset, max_timestamp, position, header.batch_length + LENGTH_OVERHEAD):
            self._entry_added(segment)
        self.next_offset = last_offset + 1
        if not self._durable:
            self.high_watermark = last_offset + 1

    def _entry_added(self, segment: Segment) -> None:
        if not segment.has_index_room(self._settings.segment_index_bytes):
            self._size_limit = 0
        if len(segment.recent_offsets) >= RECENT_MAX:
            segment.forget_recent()

    def _commit_producer(
        self, batch: memoryview, header: BatchHeader, base_offset: int, timestamp: int, now_ms: int
    ) -> None:
        state = self.producer_state
        if header.attributes & _CONTROL:
            # The header is as it came; the marker's place in the log is known since.
            recovery.end_transaction(state, header._replace(max_timestamp=timestamp), batch, now_ms)
        elif header.attributes & _TRANSACTIONAL:
            state.commit_careful(header, base_offset, timestamp, now_ms)
        else:
            _, _, _, _, _, _, last_delta, _, _, producer_id, epoch, sequence, _ = header
            state.commit(producer_id, epoch, sequence, base_offset, last_delta, timestamp, now_ms)

    # --- reading -----------------------------------------------------------------------------------------------

    def read_plan(self, offset: int, max_bytes: int, committed: bool, must_give_one: bool) -> ReadPlan | Refused:
        """Where the bytes of a fetch lie; reads none of them, at the tail not even to find them.

        offset: first record wanted; max_bytes: at most this much, the last of several batches may be cut off. A first
        one that is larger is given whole with must_give_one, else nothing is.
        committed: not past the last stable offset.
        The slice is of one segment, and empty at the end of what is visible.
        Errors: OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR.
        """
        segment = self.active
        if segment is None:
            refused = self._wake()
            if refused is not None:
                return refused
            segment = self.segments[-1]
        high = self.high_watermark
        piece = _NOTHING
        if self.log_start <= offset < high:
            try:
                piece = self._slice(segment, offset, high, max_bytes, must_give_one)
            except Damaged as damage:
                return Refused(KafkaError.CORRUPT_MESSAGE, str(damage))
            except OSError as error:
                return Refused(KafkaError.KAFKA_STORAGE_ERROR, f"{self.path}: reading at offset {offset}: {error}")
        elif not self.log_start <= offset <= self.next_offset:
            return Refused(
                KafkaError.OFFSET_OUT_OF_RANGE,
                f"{self.topic}-{self.index}: offset {offset} is not in {self.log_start} to {self.next_offset}",
            )
        return _new(ReadPlan, (piece, high, high, self.log_start))

    def _slice(self, segment: Segment, offset: int, high: int, max_bytes: int, must_give_one: bool) -> FileSlice:
        following: Segment | None = None
        if offset < segment.base_offset:
            at = bisect_right(self.segments, offset, key=_base_offset)
            segment, following = self.segments[at - 1], self.segments[at]
        found = segment.locate(offset)
        while found is None:
            # Compaction may leave a gap before the next segment.
            segment, following = self._after(segment)
            found = segment.locate(offset)
        position, batch_size = found
        end = segment.size
        if high < self.next_offset and (following is None or high < following.base_offset):
            end = self._position_of(segment, high)
        wanted = max(max_bytes, batch_size) if must_give_one else max_bytes
        size = min(wanted, end - position)
        # Less than one batch is nothing: Java clients take an answer without a whole batch for a broken one.
        return FileSlice(segment.log or segment.file(), position, size) if size >= batch_size else _NOTHING

    def _after(self, segment: Segment) -> tuple[Segment, Segment | None]:
        at = self.segments.index(segment) + 1
        if at == len(self.segments):
            raise Damaged(f"{segment.path}: its last batch does not reach offset {self.next_offset - 1}")
        return self.segments[at], self.segments[at + 1] if at + 1 < len(self.segments) else None

    def _position_of(self, segment: Segment, offset: int) -> int:
        found = segment.locate(offset)
        return found[0] if found else segment.size

    def bytes_after(self, offset: int) -> int:
        """How many visible bytes follow; up to an index interval and a batch too many.

        1 when the disk does not say: then a fetch goes ahead and finds out why.
        """
        high = self.high_watermark
        if not self.log_start <= offset < high or self._wake() is not None:
            return 0
        try:
            return self._bytes_between(offset, high)
        except OSError:
            return 1

    def _bytes_between(self, offset: int, high: int) -> int:
        segments = self.segments
        at = bisect_right(segments, offset, key=_base_offset) - 1
        last = bisect_right(segments, high - 1, key=_base_offset) - 1
        total = sum(segment.known_size() for segment in segments[at : last + 1])
        if high < self.next_offset and (last + 1 == len(segments) or high < segments[last + 1].base_offset):
            total += self._position_of(segments[last], high) - segments[last].size
        return total - segments[at].position_near(offset)

    def offset_at_time(self, timestamp: int) -> tuple[int, int] | None:
        """(offset, timestamp) of the first visible record not before `timestamp`, None when there is none.

        Error: OSError.
        """
        if self._wake() is not None:
            return None
        found = lookup.offset_at_time(self.segments, timestamp, self.log_start)
        return found if found is not None and found[0] < self.high_watermark else None

    def max_timestamp(self) -> tuple[int, int]:
        """(offset, timestamp) of the first record with the largest timestamp, (-1, -1) without one. Error: OSError."""
        return (-1, -1) if self._wake() is not None else lookup.max_timestamp(self.segments, self.log_start)

    def epoch_at(self, offset: int) -> int:
        """The leader epoch of the record at `offset`, or of the next one; -1 when unknown."""
        return self.epochs.at(offset)

    def epoch_end_offset(self, epoch: int) -> tuple[int, int]:
        """(epoch, offset after its last record) for the largest epoch up to the one given, (-1, -1) when unknown."""
        return self.epochs.end_offset(epoch, self.next_offset)

    def producers(self) -> list[Producer]:
        """Who wrote here lately, by producer id."""
        if self._wake() is not None:
            return []
        return [producer for _, producer in sorted(self.producer_state.by_id.items())]

    # --- shortening --------------------------------------------------------------------------------------------

    def delete_records_before(self, offset: int) -> int | Refused:
        """Records before `offset` (-1: all visible ones) can no longer be read; gives the first that can.

        Their segments go with the next `apply_retention`. Errors: OFFSET_OUT_OF_RANGE, KAFKA_STORAGE_ERROR.
        """
        refused = self._wake()
        if refused is not None:
            return refused
        if offset == -1:
            offset = self.high_watermark
        if not 0 <= offset <= self.high_watermark:
            return Refused(
                KafkaError.OFFSET_OUT_OF_RANGE,
                f"{self.topic}-{self.index}: offset {offset} is not in 0 to {self.high_watermark}",
            )
        self.log_start = max(self.log_start, offset)
        return self.log_start
