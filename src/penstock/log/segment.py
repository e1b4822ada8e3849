"""One stretch of a log: a file of batches and its two indexes. The last of a partition is active, the others sealed."""

from __future__ import annotations

import errno
import logging
from array import array
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

from penstock.kit.files import File
from penstock.log import offset_index, time_index, txn_index
from penstock.log.names import DELETED, LOG, OFFSET_INDEX, SEGMENT_KINDS, TIME_INDEX, TXN_INDEX, offset_name
from penstock.log.offset_index import OffsetIndex
from penstock.log.open_segments import Ground
from penstock.log.scan import Damaged, batch_at, find_batch, refuse_old_format, walk_headers, walk_sound
from penstock.log.time_index import TimeIndex
from penstock.log.txn_index import AbortedTransaction
from penstock.records.batch import HEADER_SIZE, BatchHeader

# Tail reads find their position among the last 256 to 512 batches without touching an index or the disk;
# at 16 bytes each that is 8 KiB for a busy partition.
RECENT_MAX: Final = 512
_RECENT_KEPT: Final = 256

# Indexes hold offsets relative to their segment's base, as signed 32-bit numbers.
RELATIVE_MAX: Final = (1 << 31) - 1

UNKNOWN: Final = -2

_log = logging.getLogger(__name__)


class Segment:
    """Counts its bytes and indexes its batches; who owns it says when to write, seal, sync and drop.

    interval: bytes of log per index entry. size: bytes of the log file, UNKNOWN until somebody asked the disk.
    max_timestamp, with the last offset of its batch: UNKNOWN until looked up, -1 when no batch has one.
    has_aborted: whether there is a file of aborted transactions.
    All else can be let go and read again, but for the indexes of the active segment: they reach the disk at the end.
    """

    __slots__ = (
        "_aborted",
        "base_offset",
        "dropped",
        "ground",
        "has_aborted",
        "index_bytes",
        "interval",
        "last_offset",
        "log",
        "max_timestamp",
        "max_timestamp_offset",
        "offsets",
        "path",
        "recent_offsets",
        "recent_positions",
        "sealed",
        "size",
        "times",
        "unindexed",
        "used",
    )

    def __init__(self, ground: Ground, directory: str, base_offset: int, interval: int) -> None:
        self.ground = ground
        self.base_offset = base_offset
        self.interval = interval
        self.path = f"{directory}/{offset_name(base_offset, '')}"
        self.size = UNKNOWN
        self.log: File | None = None
        self.offsets: OffsetIndex | None = None
        self.times: TimeIndex | None = None
        self.max_timestamp = UNKNOWN
        self.max_timestamp_offset = -1
        self.last_offset = -1
        self.unindexed = 0
        self.recent_offsets = array("q")
        self.recent_positions = array("q")
        self.sealed = True
        self.dropped = False
        self.used = False
        self.index_bytes = 0
        self.has_aborted = False
        # None: not read since the file was last let go.
        self._aborted: list[AbortedTransaction] | None = None

    def __repr__(self) -> str:
        return f"Segment({self.path}, {self.size} bytes)"

    @classmethod
    def create(cls, ground: Ground, directory: str, base_offset: int, interval: int) -> Segment:
        """A new active one, its three files empty whatever a crash may have left under their names."""
        segment = cls(ground, directory, base_offset, interval)
        for kind in (OFFSET_INDEX, TIME_INDEX, LOG):
            file = ground.files.open(segment.path + kind, create=True)
            if file.size:
                file.truncate(0)
        if ground.files.exists(segment.path + TXN_INDEX):
            ground.files.remove(segment.path + TXN_INDEX)
        segment.log = file
        segment.sealed = False
        segment._start_anew()
        ground.open_segments.add(segment)
        return segment

    # --- writing -----------------------------------------------------------------------------------------------

    def note(self, base_offset: int, last_offset: int, max_timestamp: int, position: int, size: int) -> bool:
        """Takes note of a batch just written, or found again, at `position`, the end so far; True if it was indexed."""
        self.size = position + size
        self.last_offset = last_offset
        self.used = True
        recent = self.recent_offsets
        recent.append(base_offset)
        self.recent_positions.append(position)
        if max_timestamp > self.max_timestamp:
            self.max_timestamp = max_timestamp
            self.max_timestamp_offset = last_offset
        if self.unindexed <= self.interval:
            self.unindexed += size
            return False
        self.unindexed = size
        self._add_entry(last_offset, position)
        return True

    def forget_recent(self) -> None:
        """Keeps the positions of the last batches only."""
        del self.recent_offsets[:-_RECENT_KEPT], self.recent_positions[:-_RECENT_KEPT]

    def seal(self) -> None:
        """No more batches: the largest timestamp becomes the last entry, the indexes go to their files."""
        assert self.times is not None, self
        self.times.add(self.max_timestamp, self.max_timestamp_offset)
        self.save()

    def is_saved(self) -> bool:
        """Whether sealing it would write nothing."""
        assert self.offsets is not None, self
        assert self.times is not None, self
        saved = self.offsets.saved == len(self.offsets) and self.times.saved == len(self.times)
        return saved and self.times.last()[0] == self.max_timestamp

    def save(self) -> None:
        """Brings the index files up to date; no fsync."""
        assert self.offsets is not None, self
        assert self.times is not None, self
        # The offsets last: where an entry of theirs is found, the timestamps up to it are there too.
        self._save(TIME_INDEX, self.times, time_index.ENTRY_SIZE)
        self._save(OFFSET_INDEX, self.offsets, offset_index.ENTRY_SIZE)

    def sync(self) -> None:
        """Returns when the log, and the indexes of a sealed segment, are on the medium. May run in a thread."""
        try:
            self._sync(LOG, TIME_INDEX, OFFSET_INDEX) if self.sealed else self._sync(LOG)
        except FileNotFoundError:
            if not self.dropped:
                raise

    # --- aborted transactions ----------------------------------------------------------------------------------

    def aborted(self) -> list[AbortedTransaction]:
        """Those whose marker lies here, in order; not to be changed. Errors: OSError; Damaged: the file is not one."""
        if not self.has_aborted:
            return []
        if self._aborted is None:
            file = self.ground.files.open(self.path + TXN_INDEX)
            found = txn_index.decode_aborted(file.pread(file.size, 0))
            if found is None:
                raise Damaged(f"{file.path}: is no index of aborted transactions")
            self._aborted = found
            self._count_indexes()
        return self._aborted

    def add_aborted(self, entry: AbortedTransaction) -> None:
        """Writes one more, without fsync. Error: OSError, and then it is not among `aborted`."""
        entries = self.aborted()
        file = self.ground.files.open(self.path + TXN_INDEX, create=True)
        size = len(entries) * txn_index.ENTRY_SIZE
        if file.size != size:
            # What an earlier failure left behind.
            file.truncate(size)
        file.append(txn_index.encode_aborted([entry]))
        entries.append(entry)
        self._aborted = entries
        self.has_aborted = True

    def put_aborted(self, entries: list[AbortedTransaction]) -> bool:
        """Makes these the ones whose marker lies here, on the medium too; False when they were. Error: OSError."""
        path = self.path + TXN_INDEX
        exists = self.ground.files.exists(path)
        data = txn_index.encode_aborted(entries)
        if exists == bool(entries) and (not exists or self.ground.files.read(path) == data):
            return False
        if entries:
            self.ground.files.write_atomic(path, data)
        else:
            self.ground.files.remove(path)
        self.has_aborted = bool(entries)
        self._aborted = entries
        return True

    def mend_aborted(self) -> None:
        """Takes back what a failed `add_aborted` may have left in the file. Error: OSError."""
        self.put_aborted(self.aborted())

    # --- reading -----------------------------------------------------------------------------------------------

    def offset_after(self, position: int) -> int | None:
        """An offset before which all batches up to byte `position` end, a little after them; None if unknown."""
        if self.offsets is None:
            self.load()
        assert self.offsets is not None, self
        return self.offsets.after(position)

    def file(self) -> File:
        """The open log file."""
        log = self.log
        if log is None:
            log = self.ground.files.open(self.path + LOG)
            self._agree_on_size(log)
            self.log = log
            self.ground.open_segments.add(self)
        self.used = True
        return log

    def known_size(self) -> int:
        """Bytes of the log file, asked of the disk at most once."""
        if self.size == UNKNOWN:
            self.size = self.ground.files.size(self.path + LOG)
        return self.size

    def locate(self, offset: int) -> tuple[int, int] | None:
        """(position, size) of the first batch that reaches `offset`, None when none does. Error: Damaged."""
        recent = self.recent_offsets
        # Compaction may have left a gap after the last batch.
        if recent and recent[0] <= offset <= self.last_offset:
            at = bisect_right(recent, offset)
            positions = self.recent_positions
            position = positions[at - 1]
            return position, (positions[at] if at < len(positions) else self.size) - position
        return self._search(offset)

    def position_near(self, offset: int) -> int:
        """Where, at most about an index interval before its batch, `offset` lies; 0 when nothing is known."""
        recent = self.recent_offsets
        if recent and offset >= recent[0]:
            return self.recent_positions[bisect_right(recent, offset) - 1]
        return self.offsets.floor(offset)[1] if self.offsets is not None else 0

    def position_back(self, entries: int) -> tuple[int, int]:
        """Where the batch of the `entries`th last index entry lies, 0 when there are fewer, and how many there are."""
        if self.offsets is None:
            self.load()
        assert self.offsets is not None, self
        return self.offsets.back(entries), len(self.offsets)

    def first_timestamp(self) -> int:
        """The largest timestamp of the first batch, -1 when it has none or there is none."""
        header = next((header for _, header in walk_headers(self.file(), 0, self.size)), None)
        return header.max_timestamp if header else -1

    def has_index_room(self, size_max: int) -> bool:
        """Whether another entry fits into both indexes of at most `size_max` bytes each."""
        assert self.offsets is not None, self
        assert self.times is not None, self
        # Kafka keeps one place of the time index free for the entry that sealing adds.
        return (
            self.offsets.size + offset_index.ENTRY_SIZE <= size_max
            and self.times.size + 2 * time_index.ENTRY_SIZE <= size_max
        )

    def tail_is_sound(self, next_offset: int) -> bool:
        """Whether the batches since the last index entry are undamaged and end where and as they should."""
        assert self.offsets is not None, self
        end, reached = self.offsets.last()[1], self.base_offset
        for position, header, _ in walk_sound(self.file(), end, self.size):
            end, reached = position + header.size, header.next_offset
        return end == self.size and reached == next_offset

    def write_again(self, offset: int) -> None:
        """Writes what lies from `offset` on once more, the same bytes in the same place: the next sync must flush it.

        After a failed fsync(2) the system takes pages for clean that never reached the medium. Error: OSError(EIO)
        when a batch cannot be read back undamaged.
        """
        file = self.file()
        end = 0
        for position, header, batch in walk_sound(file, 0, self.size):
            end = position + header.size
            if header.next_offset > offset:
                file.write_at(position, batch)
        if end != self.size:
            raise OSError(errno.EIO, f"the batch at byte {end} of {self.size} is damaged", file.path)
        kinds = [TIME_INDEX, OFFSET_INDEX] if self.sealed else []
        for kind in [*kinds, TXN_INDEX] if self.has_aborted else kinds:
            file = self.ground.files.open(self.path + kind)
            file.write_at(0, file.pread(file.size, 0))

    def load(self) -> int:
        """Reads the indexes, and adds what they lack from the headers after their last entry.

        Gives the offset after the last whole batch, or UNKNOWN when the log does not end with one.
        """
        log = self.file()
        end = self.known_size()
        entries_max = end // HEADER_SIZE + 1
        offset_data = self._read(OFFSET_INDEX, entries_max * offset_index.ENTRY_SIZE)
        time_data = self._read(TIME_INDEX, entries_max * time_index.ENTRY_SIZE)
        found = len(offset_data) / offset_index.ENTRY_SIZE, len(time_data) / time_index.ENTRY_SIZE
        self.offsets = OffsetIndex.decode(self.base_offset, offset_data, end)
        self.times = TimeIndex.decode(self.base_offset, time_data)
        if not self._last_entry_is_right(log) or (self.offsets and not self.times):
            _log.warning("%s: the indexes do not fit the log and are built anew", self.path)
            self._start_anew()
        self.max_timestamp, self.max_timestamp_offset = self.times.last()
        next_offset = self._index_rest(log, end)
        if self.times.last()[1] >= next_offset > UNKNOWN:
            # The log was cut, the time index was not.
            self._start_anew()
            next_offset = self._index_rest(log, end)
        if self.sealed:
            self.save()
            self._count_indexes()
        elif (self.offsets.saved, self.times.saved) != found:
            # The files hold entries that are not right.
            self.save()
            self._sync(OFFSET_INDEX, TIME_INDEX)
        return next_offset

    def largest_timestamp(self) -> int:
        """The largest timestamp of its batches, -1 when they have none."""
        if self.max_timestamp == UNKNOWN:
            self._peek_timestamp()
        return self.max_timestamp

    def retention_timestamp(self) -> int:
        """What retention goes by: the largest timestamp, or for batches without one when the file last changed."""
        timestamp = self.largest_timestamp()
        return timestamp if timestamp >= 0 else self.ground.files.modified_ms(self.path + LOG)

    def check(self, next_offset: int, feed: Callable[[BatchHeader, memoryview], None]) -> int:
        """Reads every batch, cuts the file where one is damaged or out of order, and builds the indexes anew.

        next_offset: the offset before which no batch may begin; gives the one after the last batch kept.
        feed: called with header and bytes of each batch that stays. Error: OldFormat.
        """
        log = self.file()
        self._start_anew()
        for position, header, batch in walk_sound(log, 0, log.size):
            if header.base_offset < next_offset or not 0 <= header.last_offset - self.base_offset <= RELATIVE_MAX:
                break
            self._note_found(header, position, next_offset)
            feed(header, batch)
            next_offset = header.next_offset
        cut = log.size > self.size
        if cut:
            refuse_old_format(log, self.size)
            _log.warning("%s%s: cut from %d to %d bytes", self.path, LOG, log.size, self.size)
            log.truncate(self.size)
        if self.sealed:
            self.seal()
            self._count_indexes()
        else:
            self.save()
        if cut:
            # What will be written here must not be found through entries of what was there before.
            self._sync(OFFSET_INDEX, TIME_INDEX, LOG)
        return next_offset

    # --- letting go --------------------------------------------------------------------------------------------

    def release(self) -> None:
        """Closes the file as soon as no reply needs it, and forgets what can be read again."""
        self.log = None
        if self.sealed:
            self.offsets = self.times = self._aborted = None
            del self.recent_offsets[:], self.recent_positions[:]
            self.ground.open_segments.index_bytes -= self.index_bytes
            self.index_bytes = 0

    def become_sealed(self) -> None:
        """Another segment is the active one now."""
        self.sealed = True
        self._count_indexes()

    def become_active(self) -> None:
        """Appends go here from now on; the indexes stay in memory."""
        self.sealed = False
        self.ground.open_segments.index_bytes -= self.index_bytes
        self.index_bytes = 0

    def drop(self) -> list[str]:
        """Marks its files as deleted; gives the names under which they wait for their removal."""
        files = self.ground.files
        marked = []
        # The log first: indexes without one are rubbish to every reader, a log without indexes is not.
        for kind in SEGMENT_KINDS:
            path = self.path + kind
            if files.exists(path):
                files.rename(path, path + DELETED)
                marked.append(path + DELETED)
        self.forget()
        return marked

    def forget(self) -> None:
        """This object stands for nothing any more."""
        self.dropped = self.sealed = True
        self.used = False
        self.release()
        self.ground.open_segments.remove(self)

    # --- within ------------------------------------------------------------------------------------------------

    def _add_entry(self, last_offset: int, position: int) -> None:
        assert self.offsets is not None, self
        assert self.times is not None, self
        self.offsets.add(last_offset, position)
        self.times.add(self.max_timestamp, self.max_timestamp_offset)

    def _start_anew(self) -> None:
        self.offsets = OffsetIndex(self.base_offset)
        self.times = TimeIndex(self.base_offset)
        self.size = self.unindexed = 0
        self.max_timestamp = self.max_timestamp_offset = -1
        del self.recent_offsets[:], self.recent_positions[:]

    def _note_found(self, header: BatchHeader, position: int, next_offset: int) -> None:
        if header.base_offset != next_offset:
            # Compaction left a gap; the recent positions know none.
            del self.recent_offsets[:], self.recent_positions[:]
        self.note(header.base_offset, header.last_offset, header.max_timestamp, position, header.size)
        if len(self.recent_offsets) >= RECENT_MAX:
            self.forget_recent()

    def _last_entry_is_right(self, log: File) -> bool:
        """Whether a batch that ends with the entry's offset lies at the last entry's position."""
        assert self.offsets is not None, self
        last_offset, position = self.offsets.last()
        if position == 0:
            return True
        header = next((header for _, header in walk_headers(log, position, log.size)), None)
        return header is not None and header.last_offset == last_offset

    def _index_rest(self, log: File, end: int) -> int:
        """Indexes the batches after the last entry; the offset after them, or UNKNOWN if they do not reach `end`."""
        assert self.offsets is not None, self
        _, start = self.offsets.last()
        next_offset = self.base_offset
        self.size = start
        self.unindexed = 0
        for position, header in walk_headers(log, start, end):
            self._note_found(header, position, next_offset)
            next_offset = header.next_offset
        whole = self.size == end
        self.size = end
        return next_offset if whole else UNKNOWN

    def _search(self, offset: int) -> tuple[int, int] | None:
        if self.offsets is None:
            self.load()
        assert self.offsets is not None, self
        # Who reads large batches one by one comes from the end of one to the next: then both are indexed.
        following = self.offsets.next_to(offset - 1)
        if following > 0:
            found = batch_at(self.file(), following, offset)
            if found is not None:
                return found
        _, position = self.offsets.floor(offset)
        try:
            return find_batch(self.file(), position, self.size, offset)
        except Damaged:
            if position == 0:
                raise
        # Not the log but the index may be the damaged one: once more without it.
        return find_batch(self.file(), 0, self.size, offset)

    def _peek_timestamp(self) -> None:
        """The last entry of the time index tells it without loading the rest."""
        if self.known_size() == 0:
            self.max_timestamp = -1
            return
        file = self.ground.files.open(self.path + TIME_INDEX, create=True)
        data = file.pread(time_index.ENTRY_SIZE, max(0, file.size - time_index.ENTRY_SIZE))
        timestamp, offset = TimeIndex.decode(self.base_offset, data).last()
        if timestamp >= 0:
            self.max_timestamp, self.max_timestamp_offset = timestamp, offset
        else:
            self.load()

    def _agree_on_size(self, log: File) -> None:
        if self.size == UNKNOWN:
            self.size = log.size
        elif log.size > self.size and not self.sealed:
            # What a failed write left behind the last batch.
            log.truncate(self.size)
        elif log.size != self.size:
            raise OSError(errno.EIO, f"the file has {log.size} bytes, {self.size} were written", log.path)

    def _read(self, kind: str, size_max: int) -> bytes:
        """Up to `size_max` bytes of an index file; what lies beyond, Kafka's room for growth, is cut off."""
        file = self.ground.files.open(self.path + kind, create=True)
        data = file.pread(min(file.size, size_max), 0)
        if file.size > size_max:
            file.truncate(size_max)
        return data

    def _save(self, kind: str, index: OffsetIndex | TimeIndex, entry_size: int) -> None:
        file = self.ground.files.open(self.path + kind, create=True)
        if file.size != index.saved * entry_size:
            file.truncate(index.saved * entry_size)
        if index.saved < len(index):
            file.append(index.unsaved())
            index.saved = len(index)

    def _sync(self, *kinds: str) -> None:
        for kind in kinds:
            # A descriptor that was open all the while is told of every error since.
            log = self.log if kind == LOG else None
            (log or self.ground.files.open(self.path + kind)).sync()

    def _count_indexes(self) -> None:
        """Counts what a sealed segment holds in memory; the active one's indexes are not let go."""
        if not self.sealed:
            return
        open_segments = self.ground.open_segments
        size = len(self._aborted or ()) * txn_index.MEMORY_SIZE
        if self.offsets is not None and self.times is not None:
            size += self.offsets.size + self.times.size
        open_segments.index_bytes += size - self.index_bytes
        self.index_bytes = size
        open_segments.add(self)
