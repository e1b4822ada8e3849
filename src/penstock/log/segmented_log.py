"""The segments of a partition as one log on disk: found, opened when needed, rolled, synced, cut and closed."""

from __future__ import annotations

import errno
import logging
import threading
from bisect import bisect_left
from typing import Final

from penstock.kit.refusal import Refused
from penstock.log import recovery
from penstock.log.checkpoints import decode_epochs, encode_epochs, encode_partition_metadata
from penstock.log.epochs import Epochs
from penstock.log.housekeeping import THE_PARENT, UnsyncedNames
from penstock.log.names import LEADER_EPOCHS, PARTITION_METADATA, SNAPSHOT, TXN_INDEX, offset_name
from penstock.log.open_segments import Ground
from penstock.log.producers import Producers
from penstock.log.retention import expired_count
from penstock.log.scan import Damaged
from penstock.log.segment import RELATIVE_MAX, Segment
from penstock.log.settings import LOG_APPEND_TIME, LogSettings
from penstock.log.txn_index import AbortedTransaction
from penstock.protocol.errors import KafkaError
from penstock.records.crc import crc32c

# What a full disk says; appends go on as soon as there is room.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


_INTERVAL_MAX: Final = 1 << 20

_RETRY_INTERVAL_MS: Final = 1000

# Earlier than any timestamp less the longest segment.ms.
_NOT_BEGUN: Final = -(1 << 65)

_log = logging.getLogger(__name__)


class SegmentedLog:
    """The disk's side of a partition. Everything runs on one thread, except `sync`.

    log_start: first offset that may be read; next_offset: that of the next record; high_watermark: records before it
    are visible; recovery_point: records before it are on the medium. offline: why nothing works now, or None.
    active: the segment appended to; None while offline, and until the files of a partition that was shut down
    cleanly are needed for the first time. with_aborted: the segments that have an index of aborted transactions.
    """

    __slots__ = (
        "_append_time",
        "_begun_ms",
        "_durable",
        "_earliest_ms",
        "_interval",
        "_latest_ms",
        "_loaded",
        "_offset_limit",
        "_retry_ms",
        "_roll_at",
        "_settings",
        "_shut_down_cleanly",
        "_size_limit",
        "_sync_failed",
        "_sync_lock",
        "_synced_ms",
        "_unsynced_names",
        "active",
        "epochs",
        "ground",
        "high_watermark",
        "index",
        "leader_epoch",
        "log_start",
        "next_offset",
        "offline",
        "offline_reason",
        "path",
        "producer_state",
        "recovery_point",
        "segments",
        "topic",
        "topic_id",
        "with_aborted",
    )

    def __init__(
        self, ground: Ground, path: str, topic: str, index: int, topic_id: bytes, settings: LogSettings
    ) -> None:
        self.ground = ground
        self.path = path
        self.topic = topic
        self.index = index
        self.topic_id = topic_id
        self.segments: list[Segment] = []
        self.with_aborted: list[Segment] = []
        self.active: Segment | None = None
        self.epochs = Epochs([])
        self.leader_epoch = 0
        self.producer_state = Producers()
        self.log_start = self.next_offset = self.high_watermark = self.recovery_point = 0
        self.offline: KafkaError | None = None
        self.offline_reason = ""
        self._loaded = False
        self._shut_down_cleanly = False
        self._sync_failed = False
        self._sync_lock = threading.Lock()
        self._synced_ms = ground.clock.now_ms()
        self._retry_ms = 0
        self._unsynced_names = UnsyncedNames(ground.files, path)
        self._roll_at = self._offset_limit = 0
        self._begun_ms = _NOT_BEGUN
        self.settings = settings

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.topic}-{self.index}, {self.log_start} to {self.next_offset})"

    @property
    def settings(self) -> LogSettings:
        """Of the topic; new ones count from the next append on."""
        return self._settings

    @settings.setter
    def settings(self, settings: LogSettings) -> None:
        self._settings = settings
        self._durable = settings.durable
        self._append_time = settings.message_timestamp_type == LOG_APPEND_TIME
        self._earliest_ms = settings.message_timestamp_before_max_ms
        self._latest_ms = settings.message_timestamp_after_max_ms
        self._size_limit = settings.segment_bytes
        # Between two entries the positions of all batches stay in memory, so there must be an end to it.
        self._interval = min(settings.index_interval_bytes, _INTERVAL_MAX)
        for segment in self.segments:
            segment.interval = self._interval
        if self.active is not None:
            self._set_limits(self.active)
            if not settings.durable:
                self._show(self.next_offset)

    @property
    def size_bytes(self) -> int:
        """Of all batches, deleted ones included until their segment goes; what is known when the disk does not say."""
        try:
            return sum(segment.known_size() for segment in self.segments)
        except OSError:
            return sum(max(0, segment.size) for segment in self.segments)

    # --- coming into being -------------------------------------------------------------------------------------

    def create(self) -> None:
        """Makes the directory and the first, empty segment. Error: OSError, and nothing that counts is left."""
        files = self.ground.files
        files.make_dirs(self.path)
        files.write_atomic(f"{self.path}/{PARTITION_METADATA}", encode_partition_metadata(self.topic_id), sync=False)
        self.epochs.begin(0, 0)
        self._save_epochs()
        segment = Segment.create(self.ground, self.path, 0, self._interval)
        self._unsynced_names.add(PARTITION_METADATA, THE_PARENT)
        self._take_over(Producers())
        self._loaded = True
        self.segments = [segment]
        self._activate(segment)

    def find(self, recovery_point: int, log_start: int, *, shut_down_cleanly: bool) -> None:
        """Takes stock of a directory that is there. After a clean shutdown no segment's file is opened yet.

        recovery_point, log_start: as last written down, -1 where nothing was. What the disk refuses leaves it offline.
        """
        self._shut_down_cleanly = shut_down_cleanly
        self.recovery_point = max(0, recovery_point)
        self.log_start = max(0, log_start)
        try:
            if not shut_down_cleanly or not self._take_at_its_word(recovery_point):
                self._load()
        except OSError as error:
            self._go_offline(error, "opening it")

    def _take_at_its_word(self, recovery_point: int) -> bool:
        """After a clean shutdown all is on the medium, so the recovery point is the end; False if it cannot be."""
        found = recovery.survey(self.ground, self.path).segments
        if not found or found[-1] > recovery_point:
            return False
        self.segments = [self._segment(base) for base in found]
        self.log_start = max(self.log_start, found[0])
        self.next_offset = self.high_watermark = recovery_point
        self._read_epochs()
        return True

    def become_leader(self, epoch: int) -> None:
        """Stamps `epoch` on batches from now on; one of the past changes nothing. Error: OSError, nothing changed."""
        before = self.epochs.entries()
        if self.epochs.begin(epoch, self.next_offset):
            try:
                self._save_epochs()
            except OSError:
                self.epochs = Epochs(before)
                raise
        self.leader_epoch = max(self.leader_epoch, epoch)

    # --- keeping it safe ---------------------------------------------------------------------------------------

    def wants_sync(self, now_ms: int) -> bool:
        """Whether `sync` is due: always when durable, after a roll, or as flush.messages and flush.ms say."""
        if self.active is None:
            return False
        unsynced = self.next_offset - self.recovery_point
        if unsynced <= 0:
            return self._durable and len(self._unsynced_names) > 0
        settings = self._settings
        return (
            self._durable
            or self.active.base_offset > self.recovery_point
            or unsynced >= settings.flush_messages
            or now_ms - self._synced_ms >= settings.flush_ms
        )

    def sync(self) -> int:
        """Brings all that is written to the medium and gives the offset up to which it is there. Runs in a thread.

        The loop then calls `synced` with that offset, or `sync_failed`. Error: OSError.
        """
        # The loop may sync as well, what is rare and urgent; it must not count as done what the thread is at.
        with self._sync_lock:
            return self._sync()

    def _sync(self) -> int:
        if not self._loaded:
            self._unsynced_names.sync()
            return self.recovery_point
        # In this order: what is appended meanwhile may be synced as well, but is not promised.
        target, point = self.next_offset, self.recovery_point
        segments = list(self.segments)
        try:
            self._unsynced_names.sync()
            for segment in _not_before(segments, point):
                segment.sync()
        except FileNotFoundError:
            # The loop may have deleted the partition meanwhile.
            if self.ground.files.exists(self.path):
                raise
        return target

    def sync_parent_too(self) -> None:
        """The next `sync` brings the names beside its directory to the medium too: others were renamed there."""
        self._unsynced_names.add(THE_PARENT)

    def synced(self, offset: int) -> None:
        """All before `offset` is on the medium. In durable mode this is what makes it visible."""
        self._synced_ms = self.ground.clock.now_ms()
        if offset > self.recovery_point:
            self.recovery_point = min(offset, self.next_offset)
        if self._durable and self.recovery_point > self.high_watermark:
            self._show(self.recovery_point)

    def sync_failed(self, error: OSError) -> None:
        """Nobody knows what is on the medium now, so nothing is served until `try_recover` has written it again."""
        self._sync_failed = True
        self._go_offline(error, "syncing it")

    def try_recover(self, now_ms: int) -> bool:
        """Whether it works (again). Asks the disk at most once a second; nothing that was acknowledged is given up."""
        if self.offline is None:
            return True
        if now_ms < self._retry_ms:
            return False
        self._retry_ms = now_ms + _RETRY_INTERVAL_MS
        try:
            if self._loaded:
                self._resume()
            else:
                self._load()
        except OSError as error:
            self.offline_reason = str(error)
            return False
        self.offline = None
        self.offline_reason = ""
        _log.warning("%s: is back, with offsets %d to %d", self.path, self.log_start, self.next_offset)
        return True

    def settle(self) -> None:
        """Writes what is only in memory, for a shutdown; `close` brings it to the medium."""
        active = self.active
        if active is None or active.sealed:
            return
        try:
            snapshot = f"{self.path}/{offset_name(self.next_offset, SNAPSHOT)}"
            if not self.ground.files.exists(snapshot):
                self._save_snapshot()
            if self._unsynced_names or not active.is_saved() or self.recovery_point < self.next_offset:
                active.seal()
                active.become_sealed()
            else:
                # Only read since it was opened: there is nothing to sync either.
                self._loaded = False
        except OSError as error:
            self._go_offline(error, "writing its indexes")

    def close(self) -> bool:
        """Brings everything to the medium; True when the next start need not check this partition."""
        self.settle()
        if self.offline is not None:
            return False
        try:
            self.synced(self.sync())
        except OSError as error:
            self._go_offline(error, "closing it")
            return False
        self._shut("it was closed")
        return True

    def abandon(self) -> None:
        """It was deleted: nothing is written any more, replies in flight can still read."""
        self._loaded = False
        self._unsynced_names.forget()
        self._shut("it was deleted")

    # --- letting go --------------------------------------------------------------------------------------------

    def apply_retention(self, now_ms: int) -> list[int]:
        """Lets go of what is too old or too much; the base offsets of the segments that went.

        Their files are only marked now, and go with the rubbish after file.delete.delay.ms.
        """
        if self.offline is not None or not self.segments:
            return []
        self.producer_state.expire(now_ms, self._settings.producer_id_expiration_ms)
        try:
            bounds = (self.log_start, self.high_watermark, self.next_offset)
            count = expired_count(self.segments, self._settings, bounds, now_ms)
            if count == len(self.segments):
                if self.active is None:
                    return [] if self._wake() is not None else self.apply_retention(now_ms)
                self._roll()
            return self._drop_first(count, now_ms)
        except OSError as error:
            self._fault(error, "deleting old segments")
            return []

    # --- within ------------------------------------------------------------------------------------------------

    def _wake(self) -> Refused | None:
        """Opens the log if that was put off; what stands against it if it cannot be used."""
        if self.active is not None:
            return None
        if self.offline is None:
            try:
                self._load()
                return None
            except OSError as error:
                self._go_offline(error, "opening it")
        return Refused(KafkaError.KAFKA_STORAGE_ERROR, f"{self.path}: {self.offline_reason}")

    def _load(self) -> None:
        """Opens the log, after whatever checks its last shutdown calls for."""
        if not self._loaded:
            self._read_epochs()
        context = recovery.Context(
            self.ground,
            self.path,
            self._interval,
            self.log_start,
            self.recovery_point,
        )
        load = recovery.load_as_left if self._shut_down_cleanly else recovery.load_untouched
        as_left = load(context)
        loaded = as_left or recovery.load_checked(context)
        if self._shut_down_cleanly and loaded.next_offset != self.next_offset:
            _log.warning("%s: ends at %d, expected %d", self.path, loaded.next_offset, self.next_offset)
        for segment in self.segments:
            segment.forget()
        self.segments = loaded.segments
        self.with_aborted = [segment for segment in self.segments if segment.has_aborted]
        self.next_offset = loaded.next_offset
        self._take_over(loaded.producers)
        self.log_start = max(self.log_start, self.segments[0].base_offset)
        clean = self._shut_down_cleanly and as_left is not None
        self.recovery_point = self.next_offset if clean else min(self.recovery_point, self.next_offset)
        self._shut_down_cleanly = False
        self._mend_epochs(loaded.epochs)
        self._loaded = True
        self._activate(self.segments[-1])
        if as_left is None or not (clean or self.segments[-1].size):
            # What the process before us named, it may not have had the time to sync; of a segment in which nothing
            # was written, no recovery point says that it had.
            self._unsynced_names.add(PARTITION_METADATA, LEADER_EPOCHS)
            if self._durable:
                self.synced(self.sync())
        self.high_watermark = self.next_offset

    def _resume(self) -> None:
        """Goes on with what is in memory, once the disk is seen to agree with it."""
        active = self.segments[-1]
        active.log = None
        active.file()
        if not active.tail_is_sound(self.next_offset):
            raise OSError(errno.EIO, f"the log does not end soundly at offset {self.next_offset}", active.path)
        active.mend_aborted()
        if self._sync_failed:
            for segment in _not_before(self.segments, self.recovery_point):
                segment.write_again(self.recovery_point)
            self.synced(self.sync())
            self._sync_failed = False
        self._activate(active)

    def _roll(self) -> Segment:
        """Begins a new segment; until its files are there nothing has changed. Error: OSError."""
        old = self.segments[-1]
        old.seal()
        self._save_snapshot()
        segment = Segment.create(self.ground, self.path, self.next_offset, self._interval)
        self._unsynced_names.add()
        self.segments.append(segment)
        old.become_sealed()
        self._activate(segment)
        return segment

    def _shut(self, reason: str) -> None:
        for segment in self.segments:
            segment.forget()
        self.active = None
        self.offline, self.offline_reason = KafkaError.KAFKA_STORAGE_ERROR, reason
        # It does not come back.
        self._retry_ms = (1 << 63) - 1

    def _activate(self, segment: Segment) -> None:
        """Appends go to `segment`, the last one, from now on. Error: OSError, and they do not."""
        first_timestamp = segment.first_timestamp() if segment.size else None
        self.active = segment
        if first_timestamp is None:
            # Due at once: the append that finds it so knows its first timestamp.
            self._begun_ms = _NOT_BEGUN
            self._set_limits(segment)
        else:
            self._begin_with(first_timestamp)

    def _begin_with(self, first_timestamp: int) -> None:
        """The active segment's age counts from its first batch, or from now where that has no timestamp."""
        self._begun_ms = first_timestamp if first_timestamp >= 0 else self.ground.clock.now_ms()
        self._set_limits(self.segments[-1])

    def _set_limits(self, segment: Segment) -> None:
        """Works out what makes the active segment full, so that an append has three numbers to compare."""
        settings = self._settings
        self._size_limit = settings.segment_bytes if segment.has_index_room(settings.segment_index_bytes) else 0
        self._offset_limit = segment.base_offset + RELATIVE_MAX
        # The same in each run, yet different from segment to segment, so that they do not all roll at once.
        jitter_max = min(settings.segment_jitter_ms, settings.segment_ms)
        jitter = crc32c(segment.path.encode()) % jitter_max if jitter_max > 0 else 0
        self._roll_at = self._begun_ms + settings.segment_ms - jitter

    def _show(self, high_watermark: int) -> None:
        """Records before `high_watermark` are visible from now on, and so are the ends of transactions among them."""
        self.high_watermark = high_watermark
        self.producer_state.settle(high_watermark)

    def _take_over(self, producers: Producers) -> None:
        """These are the producers from now on, and count among those of all partitions."""
        self.producer_state = producers
        producers.census = self.ground.producers
        if producers.by_id:
            producers.census.found(producers, self.ground.clock.now_ms())

    def _aborted_of(self, segment: Segment) -> list[AbortedTransaction]:
        """What was aborted in a segment. Error: OSError.

        A start looks only at what it must; so that an old index is damaged is found out by who needs it.
        """
        try:
            return segment.aborted()
        except Damaged as damage:
            _log.warning("%s", damage)
            context = recovery.Context(self.ground, self.path, self._interval, self.log_start, self.recovery_point)
            recovery.rebuild_aborted(context, self.segments[: self.segments.index(segment) + 1])
            return segment.aborted()

    def _aborted_added(self, segment: Segment) -> None:
        """The segment's index of aborted transactions has grown, on disk but not on the medium yet."""
        if self.with_aborted[-1:] != [segment]:
            self.with_aborted.append(segment)
        self._unsynced_names.add(offset_name(segment.base_offset, TXN_INDEX))

    def _segment(self, base_offset: int) -> Segment:
        return Segment(self.ground, self.path, base_offset, self._interval)

    def _fault(self, error: Exception, doing: str) -> Refused:
        """What to answer after a failed disk call. A full disk is no reason to go offline, anything else is."""
        active = self.active
        full = isinstance(error, OSError) and error.errno in _FULL
        if not full or active is None or (active.log is not None and active.log.broken):
            self._go_offline(error, doing)
        return Refused(KafkaError.KAFKA_STORAGE_ERROR, f"{self.path}: {doing}: {error}")

    def _go_offline(self, error: Exception, doing: str) -> None:
        self.offline = KafkaError.KAFKA_STORAGE_ERROR
        self.offline_reason = f"{doing}: {error}"
        self.active = None
        _log.error("%s: is offline after %s: %s", self.path, doing, error)

    def _drop_first(self, count: int, now_ms: int) -> list[int]:
        dropped = self.segments[:count]
        del self.segments[:count]
        due_ms = now_ms + self._settings.file_delete_delay_ms
        if dropped:
            self.log_start = max(self.log_start, self.segments[0].base_offset)
            self.with_aborted = [segment for segment in self.segments if segment.has_aborted]
            self._unsynced_names.add()
        for segment in dropped:
            snapshot = f"{self.path}/{offset_name(segment.base_offset, SNAPSHOT)}"
            if self.ground.files.exists(snapshot):
                self.ground.files.remove(snapshot)
            self.ground.rubbish.add(segment.drop(), due_ms)
        if self.epochs.cut_before(self.log_start):
            self._save_epochs()
        return [segment.base_offset for segment in dropped]

    def _save_snapshot(self) -> None:
        name = recovery.write_snapshot(self.ground.files, self.path, self.next_offset, self.producer_state)
        self._unsynced_names.add(name)

    def _read_epochs(self) -> None:
        path = f"{self.path}/{LEADER_EPOCHS}"
        if self.ground.files.exists(path):
            entries = decode_epochs(self.ground.files.read(path))
            if entries is None:
                _log.warning("%s: is not understood and is written anew", path)
            self.epochs = Epochs(entries or [])
        self.leader_epoch = max(0, self.epochs.latest)

    def _mend_epochs(self, found: list[tuple[int, int]]) -> None:
        """Makes the epochs agree with the log: none may begin after its end, none of its batches lack theirs."""
        before = self.epochs.entries()
        self.epochs.cut_from(self.next_offset + 1)
        for epoch, offset in found:
            self.epochs.begin(epoch, offset)
        self.epochs.cut_before(self.log_start)
        self.leader_epoch = max(self.leader_epoch, self.epochs.latest)
        self.epochs.begin(self.leader_epoch, self.next_offset)
        if self.epochs.entries() != before:
            self._save_epochs()

    def _save_epochs(self) -> None:
        path = f"{self.path}/{LEADER_EPOCHS}"
        self.ground.files.write_atomic(path, encode_epochs(self.epochs.entries()), sync=False)
        self._unsynced_names.add(LEADER_EPOCHS)


def _not_before(segments: list[Segment], point: int) -> list[Segment]:
    """The segments that may hold something of `point` or after, or indexes that were written since."""
    # A segment that ends at the point itself may have been sealed after it was synced.
    following = [segment.base_offset for segment in segments[1:]]
    return segments[bisect_left(following, point) :]
