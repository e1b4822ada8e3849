"""From a directory of files to the state of a partition: what is there, what of it is sound, what follows from it.

After a clean shutdown the files are taken at their word, and only the end of the active segment is read. After any
other, every batch from the recovery point's segment on is checked; the log is cut at the first that is damaged.
"""

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from penstock.kit.files import Files
from penstock.log import names
from penstock.log.open_segments import Ground
from penstock.log.producers import Producers, SeenBatch
from penstock.log.scan import Damaged, walk_headers
from penstock.log.segment import UNKNOWN, Segment
from penstock.log.snapshots import decode_snapshot, encode_snapshot
from penstock.log.txn_index import AbortedTransaction, before
from penstock.records.batch import BatchError, BatchHeader
from penstock.records.control import Marker, read_marker
from penstock.records.record import decode_records

# A marker is one record of ten bytes; whatever is larger is none.
_CONTROL_BATCH_BYTES_MAX: Final = 4096

# How far it is looked back for batches that may come again: about 256 KiB of small batches, or so many large ones.
_RECALLED_ENTRIES: Final = 64

_INDEXES: Final = (names.OFFSET_INDEX, names.TIME_INDEX, names.TXN_INDEX)

_log = logging.getLogger(__name__)


class Survey(NamedTuple):
    """What is in a partition's directory: base offsets of segments, and offsets of snapshots, both rising.

    aborted: base offsets of the segments with an index of aborted transactions.
    """

    segments: list[int]
    snapshots: list[int]
    aborted: frozenset[int]


class Loaded(NamedTuple):
    """The log of a partition, ready to be read and appended to; the last segment is the active one."""

    segments: list[Segment]
    next_offset: int
    producers: Producers
    epochs: list[tuple[int, int]]  # (leader epoch, first offset) of the batches that were checked


class Context(NamedTuple):
    """What loading a partition needs to know.

    interval: bytes of log per index entry; log_start: records before it are deleted; recovery_point: all before it
    is on the medium.
    """

    ground: Ground
    path: str
    interval: int
    log_start: int
    recovery_point: int


def survey(ground: Ground, path: str) -> Survey:
    """What lies in the directory, after the leftovers of interrupted work have been removed or completed.

    What is marked as deleted goes with the rubbish: it may be large, and somebody may be waiting for the partition.
    """
    files = ground.files
    found = files.list(path)
    ground.rubbish.add([f"{path}/{name}" for name in found if name.endswith(names.DELETED)], 0)
    if any(name.endswith((names.CLEANED, names.SWAP, names.TEMPORARY)) for name in found):
        found = _tidy(files, path, found)
    parsed = [entry for entry in map(names.parse_offset, found) if entry]
    segments = [offset for offset, suffix in parsed if suffix == names.LOG]
    for offset, suffix in parsed:
        if suffix in _INDEXES and offset not in segments:
            _log.warning("%s: index %d%s has no log and is removed", path, offset, suffix)
            files.remove(f"{path}/{names.offset_name(offset, suffix)}")
    snapshots = [offset for offset, suffix in parsed if suffix == names.SNAPSHOT]
    aborted = frozenset(offset for offset, suffix in parsed if suffix == names.TXN_INDEX and offset in segments)
    return Survey(segments, snapshots, aborted)


def load_as_left(context: Context) -> Loaded | None:
    """The partition as it was shut down; None when its files do not bear that out and must be checked."""
    return _load_as_left(context, *_segments(context))


def load_untouched(context: Context) -> Loaded | None:
    """As `load_as_left`, if nothing was written after the recovery point; None when something was, or may have been."""
    segments, snapshots = _segments(context)
    # An active segment that is not empty ends after its base at the least.
    if not segments or segments[-1].base_offset + (segments[-1].known_size() > 0) > context.recovery_point:
        return None
    loaded = _load_as_left(context, segments, snapshots)
    if loaded is not None and loaded.next_offset != context.recovery_point:
        for segment in segments:
            segment.forget()
        return None
    return loaded


def _load_as_left(context: Context, segments: list[Segment], snapshots: list[int]) -> Loaded | None:
    if not segments:
        return None
    for segment in segments[:-1]:
        segment.known_size()
    active = segments[-1]
    active.become_active()
    next_offset = active.load()
    if next_offset == UNKNOWN or next_offset < max(context.log_start, context.recovery_point) or _is_unlisted(active):
        active.forget()
        return None
    replay = Replay(context)
    replay.begin(snapshots, next_offset)
    replay.recall(segments)
    replay.catch_up(segments, next_offset)
    _remove_stray_snapshots(context, snapshots, segments, next_offset)
    return Loaded(segments, next_offset, replay.producers, [])


def _is_unlisted(segment: Segment) -> bool:
    """Whether what was aborted in the segment can only be found out by reading all of it."""
    try:
        segment.aborted()
    except Damaged as damage:
        _log.warning("%s", damage)
        return True
    return False


def load_checked(context: Context) -> Loaded:
    """The partition after a crash: every batch that may not have reached the medium is checked."""
    ground, path = context.ground, context.path
    segments, snapshots = _segments(context)
    first = max(0, sum(segment.base_offset <= context.recovery_point for segment in segments) - 1)
    trusted, doubtful = segments[:first], segments[first:]
    start = doubtful[0].base_offset if doubtful else context.log_start
    for segment in trusted:
        segment.known_size()
    replay = Replay(context)
    replay.begin(snapshots, start)
    replay.recall(trusted)
    replay.catch_up(trusted, start)
    sound, next_offset = _check_segments(context, doubtful, replay)
    segments = trusted + sound
    if not segments or next_offset < context.log_start:
        _drop(ground.files, segments)
        replay.producers = Producers()
        next_offset = context.log_start
        segments = [Segment.create(ground, path, next_offset, context.interval)]
        ground.files.sync_dir(path)
    _remove_stray_snapshots(context, snapshots, segments, next_offset)
    return Loaded(segments, next_offset, replay.producers, replay.epochs)


def rebuild_aborted(context: Context, segments: Sequence[Segment]) -> None:
    """Makes the index of aborted transactions of the last of these segments anew, out of its batches.

    segments: of one log, in order, all sound. The snapshot that was taken when the last one began, or an earlier one,
    says which transactions were open then. Error: OSError.
    """
    *earlier, damaged = segments
    parsed = [entry for entry in map(names.parse_offset, context.ground.files.list(context.path)) if entry]
    replay = Replay(context)
    replay.begin([offset for offset, suffix in parsed if suffix == names.SNAPSHOT], damaged.base_offset)
    for segment, following in zip(earlier, segments[1:], strict=True):
        if following.base_offset > replay.start:
            replay.read(segment)
    replay.aborted = []
    replay.read(damaged)
    damaged.put_aborted(replay.aborted)
    _log.warning("%s%s: was damaged and is made anew", damaged.path, names.TXN_INDEX)


class Replay:
    """Rebuilds the producers of a partition: the latest sound snapshot, then the batches after it."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.now_ms = context.ground.clock.now_ms()
        self.producers = Producers()
        self.start = 0
        self.epochs: list[tuple[int, int]] = []
        # Of the segment being replayed.
        self.aborted: list[AbortedTransaction] = []

    def begin(self, snapshots: Sequence[int], offset_max: int) -> None:
        """Takes the latest snapshot at or before `offset_max` that is sound."""
        files, path = self.context.ground.files, self.context.path
        for offset in reversed([offset for offset in snapshots if offset <= offset_max]):
            found = decode_snapshot(files.read(_snapshot_path(path, offset)))
            if found is not None:
                self.start = offset
                self.producers = Producers(found)
                # When they last wrote is not known. Their timestamps may be of any age, so they stay another full time.
                for producer in found:
                    producer.touched_ms = self.now_ms
                return
            _log.warning("%s: snapshot of producers at offset %d is damaged", path, offset)

    def recall(self, segments: Sequence[Segment]) -> None:
        """What a snapshot does not tell: it has the last batch of each producer only, and a client that was cut off
        sends the ones before it again too. They are looked for a bounded way back from the snapshot.
        """
        if not self.producers.by_id:
            return
        found: dict[int, list[SeenBatch]] = {}
        entries_left = _RECALLED_ENTRIES
        for segment in reversed([segment for segment in segments if segment.base_offset < self.start]):
            position, entries = segment.position_back(entries_left)
            earlier: dict[int, list[SeenBatch]] = {}
            for _, header in walk_headers(segment.file(), position, segment.known_size()):
                if header.base_offset >= self.start:
                    break
                self._note_recalled(header, earlier)
            for producer_id, batches in earlier.items():
                found[producer_id] = batches + found.get(producer_id, [])
            entries_left -= entries + 1
            if entries_left <= 0:
                break
        for producer_id, batches in found.items():
            self.producers.by_id[producer_id].recall(batches)

    def _note_recalled(self, header: BatchHeader, found: dict[int, list[SeenBatch]]) -> None:
        producer = self.producers.by_id.get(header.producer_id)
        if producer is None or header.is_control or header.base_sequence < 0 or header.producer_epoch != producer.epoch:
            return
        offsets = header.base_offset, header.last_offset
        batch = SeenBatch(header.base_sequence, header.last_sequence, *offsets, header.max_timestamp)
        found.setdefault(header.producer_id, []).append(batch)

    def catch_up(self, segments: Sequence[Segment], end: int) -> None:
        """Replays the headers from the snapshot to `end`, out of segments that are known to be sound."""
        following = [*(segment.base_offset for segment in segments[1:]), end]
        for segment, segment_end in zip(segments, following, strict=False):
            # The active one may end where the snapshot is, and yet list what was cut off behind it.
            if segment_end <= self.start and segment.sealed:
                continue
            self.read(segment)
            self.keep_aborted(segment, segment_end)

    def read(self, segment: Segment) -> None:
        """Replays the headers of one sound segment, from the snapshot on."""
        file = segment.file()
        found = segment.locate(max(self.start, segment.base_offset))
        for position, header in walk_headers(file, found[0] if found else file.size, file.size):
            if header.producer_id >= 0:
                self.feed(header, memoryview(file.pread(header.size, position)) if header.is_control else None)

    def feed(self, header: BatchHeader, batch: memoryview | None) -> None:
        """One batch of the log. batch: its bytes, needed of control batches only."""
        if not self.epochs or header.leader_epoch > self.epochs[-1][0]:
            self.epochs.append((header.leader_epoch, header.base_offset))
        if header.producer_id < 0 or header.base_offset < self.start:
            return
        if not header.is_control:
            self.producers.commit_careful(header, header.base_offset, header.max_timestamp, self.now_ms)
            return
        assert batch is not None, header
        marker = marker_of(header, batch)
        if marker is not None:
            timestamp = header.max_timestamp
            ended = self.producers.end_transaction(header, marker, header.base_offset, timestamp, self.now_ms)
            if ended is not None:
                self.aborted.append(ended)
            # All of it is there for good, so nothing is held back until it is visible.
            self.producers.settle(header.next_offset)

    def keep_aborted(self, segment: Segment, end: int) -> None:
        """The segment was replayed up to `end`: what its index of aborted transactions lacks or has too many."""
        known: list[AbortedTransaction] = []
        if self.start > segment.base_offset:
            known = before(segment.aborted(), min(self.start, end))
        if segment.put_aborted(known + self.aborted):
            _log.warning("%s%s: was written anew", segment.path, names.TXN_INDEX)
        self.aborted = []

    def save(self, offset: int) -> None:
        """Writes a snapshot of the producers as they are before `offset`."""
        write_snapshot(self.context.ground.files, self.context.path, offset, self.producers)


def marker_of(header: BatchHeader, batch: memoryview) -> Marker | None:
    """What a control batch says about the transaction of its producer; None for one that says nothing of it."""
    try:
        (record,) = decode_records(batch, _CONTROL_BATCH_BYTES_MAX)
        return read_marker(record)
    except (BatchError, ValueError) as fault:
        _log.warning("control batch at offset %d is not understood: %s", header.base_offset, fault)
        return None


def write_snapshot(files: Files, path: str, offset: int, producers: Producers) -> str:
    """The name of the snapshot just written, which is not synced yet."""
    files.write_atomic(_snapshot_path(path, offset), encode_snapshot(producers.by_id.values()), sync=False)
    return names.offset_name(offset, names.SNAPSHOT)


def _segments(context: Context) -> tuple[list[Segment], list[int]]:
    found = survey(context.ground, context.path)
    segments = [Segment(context.ground, context.path, base, context.interval) for base in found.segments]
    for segment in segments:
        segment.has_aborted = segment.base_offset in found.aborted
    return segments, found.snapshots


def _check_segments(context: Context, doubtful: list[Segment], replay: Replay) -> tuple[list[Segment], int]:
    """The segments up to the first fault, and the offset after their last batch; the others are dropped."""
    next_offset = 0
    for count, segment in enumerate(doubtful):
        if count:
            if segment.base_offset < next_offset:
                break
            replay.save(segment.base_offset)
        segment.sealed = count < len(doubtful) - 1
        size = segment.known_size()
        next_offset = segment.check(max(next_offset, segment.base_offset), replay.feed)
        replay.keep_aborted(segment, next_offset)
        if segment.size < size:
            count += 1
            break
    else:
        count = len(doubtful)
    _drop(context.ground.files, doubtful[count:])
    sound = doubtful[:count]
    if sound:
        sound[-1].become_active()
    return sound, next_offset


def _drop(files: Files, segments: list[Segment]) -> None:
    """Removes segments that cannot belong to the log any more; the last first, so that no gap can arise."""
    for segment in reversed(segments):
        _log.warning("%s: segment follows a fault and is removed", segment.path)
        for path in segment.drop():
            files.remove(path)


def _remove_stray_snapshots(
    context: Context, snapshots: Sequence[int], segments: list[Segment], next_offset: int
) -> None:
    """Keeps the snapshots at the start of a segment and the latest one that is not ahead of the log."""
    latest = max((offset for offset in snapshots if offset <= next_offset), default=-1)
    kept = {latest, *(segment.base_offset for segment in segments)}
    for offset in snapshots:
        if offset not in kept or offset > next_offset:
            context.ground.files.remove(_snapshot_path(context.path, offset))


def _snapshot_path(path: str, offset: int) -> str:
    return f"{path}/{names.offset_name(offset, names.SNAPSHOT)}"


def _tidy(files: Files, path: str, found: list[str]) -> list[str]:
    """Removes what was never finished; completes a compaction that was. Gives what is left.

    A .swap file is whole, so it takes the place of the segments it was made from; unless a .cleaned file beside it
    says that more of the same kind was to come, then the old segments still count.
    """
    cleaned = [offset for offset, _ in _marked(found, names.CLEANED)]
    swapped = _marked(found, names.SWAP)
    discarded = [name for name in found if name.endswith((names.CLEANED, names.TEMPORARY))]
    if cleaned:
        discarded += [_swap_name(entry) for entry in swapped if entry[0] >= min(cleaned)]
        swapped = [entry for entry in swapped if entry[0] < min(cleaned)]
    for name in discarded:
        files.remove(f"{path}/{name}")
    _complete_swaps(files, path, swapped, found)
    return files.list(path)


def _complete_swaps(files: Files, path: str, swapped: list[tuple[int, str]], found: list[str]) -> None:
    replaced = []
    for base, kind in swapped:
        if kind == names.LOG:
            end = _end_of(files, f"{path}/{_swap_name((base, kind))}", base)
            replaced += [entry for entry in map(names.parse_offset, found) if entry and base <= entry[0] < end]
    for offset, kind in replaced:
        if kind in names.SEGMENT_KINDS:
            files.remove(f"{path}/{names.offset_name(offset, kind)}")
    for entry in swapped:
        files.rename(f"{path}/{_swap_name(entry)}", f"{path}/{names.offset_name(*entry)}")
    if swapped:
        files.sync_dir(path)


def _end_of(files: Files, path: str, base: int) -> int:
    file = files.open(path)
    end = base
    for _, header in walk_headers(file, 0, file.size):
        end = header.next_offset
    return end


def _marked(found: list[str], mark: str) -> list[tuple[int, str]]:
    parsed = (names.parse_offset(name.removesuffix(mark)) for name in found if name.endswith(mark))
    return [entry for entry in parsed if entry]


def _swap_name(entry: tuple[int, str]) -> str:
    return names.offset_name(*entry) + names.SWAP
