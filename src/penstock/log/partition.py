"""One partition as brokers see it: what may be appended, and what a fetch gets to read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import Final

from penstock.kit.files import FileSlice
from penstock.kit.refusal import Refused
from penstock.log import lookup, recovery
from penstock.log.names import LOG
from penstock.log.producers import Producer, SeenBatch
from penstock.log.results import Appended, ReadPlan
from penstock.log.scan import Damaged
from penstock.log.segment import RECENT_MAX, Segment
from penstock.log.segmented_log import SegmentedLog
from penstock.log.transactions import TransactionEnd, marker_batch
from penstock.log.txn_index import AbortedTransaction, collect
from penstock.protocol.errors import KafkaError
from penstock.records.batch import BatchHeader, stamp, stamp_log_append_time
from penstock.records.control import Marker
from penstock.records.header import CONTROL_BIT, LENGTH_OVERHEAD, LOG_APPEND_TIME_BIT, TRANSACTIONAL_BIT

_TRANSACTIONAL: Final = TRANSACTIONAL_BIT
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
        """Before it lie visible records only, and none of a transaction that goes on. Source: KIP-98."""
        if self.active is None:
            self._wake()
        high, first = self.high_watermark, self.producer_state.first_unstable
        return high if first >= high else max(first, self.log_start)

    # --- appending ---------------------------------------------------------------------------------------------

    def append(self, batch: memoryview, header: BatchHeader, now_ms: int) -> Appended | Refused:
        """Gives the batch its offsets and writes it at the end.

        batch: one whole, checked batch, stamped in place; header: that of `batch`. A batch of an idempotent producer
        that is there already answers its first offset. Errors: OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH,
        INVALID_TXN_STATE, INVALID_TIMESTAMP, RECORD_LIST_TOO_LARGE, KAFKA_STORAGE_ERROR; then nothing has changed.
        A marker gets in as with `end_transaction`.
        """
        segment = self.active
        if segment is None:
            refused = self._wake()
            if refused is not None:
                return self._kept_out(header, refused)
            segment = self.segments[-1]
        _, length, _, _, _, attributes, last_delta, base_ms, max_ms, producer_id, _, _, _ = header

        # Admit.
        if producer_id >= 0 and (answer := self._judge_producer(batch, header, now_ms)) is not None:
            return answer
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
                return self._kept_out(header, room)
            segment = room
        stamp(batch, base_offset, self.leader_epoch)

        # Write, and count it only now.
        try:
            position = (segment.log or segment.file()).append(batch)
        except OSError as error:
            return self._kept_out(header, self._fault(error, "appending"))
        self._commit(segment, header, last_offset, position, max_ms)
        if producer_id >= 0:
            self._commit_producer(header, base_offset, max_ms, now_ms)
        return _new(Appended, (base_offset, now_ms if self._append_time else -1, self.log_start))

    def end_transaction(self, end: TransactionEnd, now_ms: int) -> Appended | Refused:
        """Writes the marker that commits or aborts; without a transaction that goes on it says so all the same.

        Errors: INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED, KAFKA_STORAGE_ERROR; then nothing has changed.
        Source: WriteTxnMarkers, KIP-98, KIP-890.
        """
        refused = self._wake()
        if refused is not None:
            return refused
        batch, header, marker = marker_batch(end, now_ms)
        return self._append_marker(batch, header, marker, now_ms, end.transaction_version)

    def has_transaction(self, producer_id: int, epoch: int) -> bool:
        """Whether a transaction of this producer, in this epoch, goes on here."""
        return self._wake() is None and self.producer_state.has_transaction(producer_id, epoch)

    def note_attempt(self, header: BatchHeader) -> None:
        """A batch with which a transaction is to begin; until it or an earlier one got in, no later one of its producer
        does. Without this, of two batches on their way the first may be told to come again, and the second get in.
        """
        if self._wake() is None:
            self.producer_state.note_attempt(header)

    def producer(self, producer_id: int) -> Producer | None:
        """What is known of one producer, None when that is nothing."""
        return None if self._wake() is not None else self.producer_state.by_id.get(producer_id)

    def _kept_out(self, header: BatchHeader, refused: Refused) -> Refused:
        """A batch that the disk did not take. Its producer sends it again, and what it sent behind it must not come in
        before: where the producer is new nothing else would tell that something is missing.
        """
        is_ours = refused.error == KafkaError.KAFKA_STORAGE_ERROR and header.producer_id >= 0 <= header.base_sequence
        if is_ours and header.producer_id not in self.producer_state.by_id:
            self.producer_state.note_attempt(header)
        return refused

    def _append_marker(
        self, batch: memoryview, header: BatchHeader, marker: Marker, now_ms: int, transaction_version: int
    ) -> Appended | Refused:
        """A marker into the log, and what it aborts into its index, before either of them counts."""
        state = self.producer_state
        refused = state.judge_marker(header, marker, transaction_version)
        if refused is not None:
            return refused
        max_ms = header.max_timestamp
        if self._append_time:
            stamp_log_append_time(batch, now_ms)
            max_ms = now_ms
        segment = self.segments[-1]
        offset = self.next_offset
        if max_ms > self._roll_at or segment.size + header.size > self._size_limit or offset > self._offset_limit:
            room = self._make_room(header.size, max_ms)
            if isinstance(room, Refused):
                return room
            segment = room
        stamp(batch, offset, self.leader_epoch)
        try:
            position = segment.file().append(batch)
        except OSError as error:
            return self._fault(error, "appending a marker")
        aborted = state.aborted_by(header.producer_id, marker, offset)
        if aborted is not None and (refused := self._index_aborted(segment, aborted)) is not None:
            return refused
        self._commit(segment, header, offset, position, max_ms)
        state.end_transaction(header, marker, offset, max_ms, now_ms)
        state.settle(self.high_watermark)
        return Appended(offset, now_ms if self._append_time else -1, self.log_start)

    def _index_aborted(self, segment: Segment, aborted: AbortedTransaction) -> Refused | None:
        """Notes what a marker aborts that is in the file, but not yet counted; it is taken back where that fails."""
        try:
            segment.add_aborted(aborted)
        except OSError as error:
            try:
                segment.mend_aborted()
                segment.file().truncate(segment.size)
            except OSError as worse:
                self._go_offline(worse, "taking back a marker")
            return self._fault(error, "noting an aborted transaction")
        self._aborted_added(segment)
        return None

    def _judge_producer(self, batch: memoryview, header: BatchHeader, now_ms: int) -> Appended | Refused | None:
        """None for the next batch of a known producer or the first of an unknown one, else what to answer."""
        producer = self.producer_state.by_id.get(header.producer_id)
        if (
            producer is not None
            and producer.expected == header.base_sequence
            and producer.epoch == header.producer_epoch
            and not header.attributes & _ODD
        ):
            return None
        if header.is_control and (marker := recovery.marker_of(header, batch)) is not None:
            return self._append_marker(batch, header, marker, now_ms, 0)
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

    def _commit_producer(self, header: BatchHeader, base_offset: int, timestamp: int, now_ms: int) -> None:
        state = self.producer_state
        if header.attributes & _TRANSACTIONAL or header.base_sequence < 0:
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
        high, stable = self.high_watermark, self.producer_state.first_unstable
        stable = high if stable >= high else max(stable, self.log_start)
        end = stable if committed else high
        piece = _NOTHING
        if self.log_start <= offset < end:
            try:
                piece = self._slice(segment, offset, end, max_bytes, must_give_one)
            except Damaged as damage:
                return Refused(KafkaError.CORRUPT_MESSAGE, str(damage))
            except OSError as error:
                return Refused(KafkaError.KAFKA_STORAGE_ERROR, f"{self.path}: reading at offset {offset}: {error}")
        elif not self.log_start <= offset <= self.next_offset:
            return Refused(
                KafkaError.OFFSET_OUT_OF_RANGE,
                f"{self.topic}-{self.index}: offset {offset} is not in {self.log_start} to {self.next_offset}",
            )
        return _new(ReadPlan, (piece, high, stable, self.log_start))

    def aborted_in(self, offset: int, piece: FileSlice) -> list[AbortedTransaction]:
        """The aborted transactions of which a plan's slice, read from `offset` on, may hold records, by their markers.

        They may lie a little behind it too, as the slice is only known by its bytes. Errors: OSError.
        """
        with_aborted = self.with_aborted
        if not with_aborted or piece.file is None:
            return []
        found: list[AbortedTransaction] = []
        at = bisect_right(self.segments, offset, key=_base_offset) - 1
        end = 0
        for segment in with_aborted[bisect_left(with_aborted, self.segments[at].base_offset, key=_base_offset) :]:
            # Only where something was aborted at all it matters where the slice ends.
            end = end or self._end_of(at, piece.file.path, piece.position + piece.size)
            if collect(self._aborted_of(segment), offset, end, found):
                break
        return found

    def _end_of(self, at: int, path: str, position: int) -> int:
        """An offset before which the records up to `position` of a log file end; `at`: the segment it is in, or one
        before it that compaction left without what was looked for.
        """
        segments = self.segments
        while at + 1 < len(segments) and segments[at].path + LOG != path:
            at += 1
        end = segments[at].offset_after(position)
        if end is not None:
            return end
        return segments[at + 1].base_offset if at + 1 < len(segments) else self.next_offset

    def _slice(self, segment: Segment, offset: int, end: int, max_bytes: int, must_give_one: bool) -> FileSlice:
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
        file_end = segment.size
        if end < self.next_offset and (following is None or end < following.base_offset):
            file_end = self._position_of(segment, end)
        wanted = max(max_bytes, batch_size) if must_give_one else max_bytes
        size = min(wanted, file_end - position)
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

    def bytes_after(self, offset: int, committed: bool = False) -> int:
        """How many visible bytes follow; up to an index interval and a batch too many.

        committed: not past the last stable offset. 1 when the disk does not say: then a fetch goes ahead and finds
        out why.
        """
        high = self.last_stable_offset if committed else self.high_watermark
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
