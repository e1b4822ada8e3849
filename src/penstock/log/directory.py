"""A directory of partitions: Kafka's `log.dirs` with one entry. It finds them, makes them, deletes them, tidies up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from penstock.kit.clock import Clock
from penstock.kit.files import Files, Lock
from penstock.kit.properties import PropertiesError, read_properties
from penstock.log import names
from penstock.log.checkpoints import (
    Place,
    decode_clean_shutdown,
    decode_offsets,
    decode_partition_metadata,
    encode_clean_shutdown,
    encode_offsets,
    encode_properties,
)
from penstock.log.housekeeping import Rubbish
from penstock.log.open_segments import Ground, OpenSegments
from penstock.log.partition import Partition
from penstock.log.producer_census import ProducerCensus
from penstock.log.settings import LogSettings
from penstock.protocol.primitives import ZERO_UUID, to_base64

_META_VERSION: Final = "1"

_OPEN_SEGMENTS_MAX: Final = 100_000

# From this many partitions on, one sync of the whole machine and then theirs is quicker than theirs alone.
_SYNC_ALL_MIN: Final = 200

_log = logging.getLogger(__name__)


class DirectoryRefused(RuntimeError):
    """The directory belongs to another cluster or node, or is of a form that is not known."""


@dataclass(slots=True)
class Identity:
    """Whose directory it is. What is None is taken from the directory, or made up when that is new."""

    cluster_id: str | None = None
    node_id: int | None = None
    directory_id: str | None = field(default=None, init=False)


class LogDirectory:
    """The partitions of one node, by (topic, index).

    dice: so many random bytes, for the ids of a new directory and of deleted partitions. settings: those of
    partitions until their topic's are set. open_segments_max: log files open at once, half of what the process may
    open if not given. previous_broker_epoch: from the last clean shutdown, -1 after any other.
    """

    def __init__(
        self,
        files: Files,
        path: str,
        clock: Clock,
        dice: Callable[[int], bytes],
        *,
        cluster_id: str | None = None,
        node_id: int | None = None,
        settings: LogSettings | None = None,
        open_segments_max: int | None = None,
    ) -> None:
        self.files = files
        self.path = path
        self.clock = clock
        self.dice = dice
        self.identity = Identity(cluster_id, node_id)
        self.settings = settings or LogSettings()
        # Half of what the process may open is left to its sockets.
        open_segments_max = open_segments_max or max(1, min(files.open_max() // 2, _OPEN_SEGMENTS_MAX))
        self.ground = Ground(files, clock, OpenSegments(open_segments_max), Rubbish(files), ProducerCensus())
        self.partitions: dict[Place, Partition] = {}
        self.previous_broker_epoch = -1
        self._lock: Lock | None = None
        self._written: dict[str, bytes] = {}
        # Partitions, deleted ones too, for which a checkpoint may still speak after a crash.
        self._vouched_for: set[Place] = set()
        self._sweep_from = 0

    # --- opening and closing -----------------------------------------------------------------------------------

    def open(self) -> None:
        """Takes the lock and finds all partitions; one that the disk refuses is offline, the others are not affected.

        Errors: Locked; DirectoryRefused; OSError when the directory itself cannot be used.
        """
        self._make_root()
        self._lock = self.files.lock(self._at(names.LOCK))
        try:
            self._identify()
            self._find_all()
        except BaseException:
            self._unlock()
            raise

    def close(self, broker_epoch: int = -1) -> bool:
        """Brings all to the medium; True when the next start may take the files at their word."""
        partitions = list(self.partitions.values())
        for partition in partitions:
            partition.settle()
        if sum(partition.active is not None for partition in partitions) > _SYNC_ALL_MIN:
            self.files.sync_all()
        clean = all([partition.close() for partition in partitions])
        try:
            self.checkpoint(sync=True)
            if clean:
                self.files.write_atomic(self._at(names.CLEAN_SHUTDOWN), encode_clean_shutdown(broker_epoch))
        except OSError as error:
            _log.error("%s: the next start will check all partitions: %s", self.path, error)
            clean = False
        self._unlock()
        return clean

    def abandon(self) -> None:
        """Lets go of the lock and nothing else: all is left as a crash would leave it."""
        self._unlock()

    def checkpoint(self, *, sync: bool = False) -> None:
        """Writes down recovery points, high watermarks and log starts, where they changed. Error: OSError.

        Without `sync` a power cut may lose the first two, then the next start only does more work.
        """
        partitions = self.partitions
        self._vouched_for.update(partitions)
        self._write(names.RECOVERY_POINTS, {key: found.recovery_point for key, found in partitions.items()}, sync)
        self._write(names.HIGH_WATERMARKS, {key: found.high_watermark for key, found in partitions.items()}, sync)
        self.checkpoint_starts()
        if sync:
            self._vouched_for = set(partitions)

    def checkpoint_starts(self) -> None:
        """Writes down and syncs the log starts if they changed: deleted records must not come back. Error: OSError."""
        # Also where the first segment begins there: the names of those before it may be back after a power cut, and
        # of a partition that could not be opened the segments are not known.
        starts = {key: found.log_start for key, found in self.partitions.items() if found.log_start > 0}
        self._vouched_for.update(starts)
        self._write(names.LOG_STARTS, starts, sync=True)

    # --- partitions --------------------------------------------------------------------------------------------

    def create(self, topic: str, index: int, topic_id: bytes, settings: LogSettings | None = None) -> Partition:
        """A new, empty partition. Error: OSError, and then there is none."""
        assert (topic, index) not in self.partitions, (topic, index)
        if (topic, index) in self._vouched_for:
            # What was written down about a deleted partition of this name would hold for the new one after a crash.
            self.checkpoint(sync=True)
        path = self._at(names.partition_name(topic, index))
        partition = Partition(self.ground, path, topic, index, topic_id, settings or self.settings)
        try:
            partition.create()
        except OSError:
            self._discard(path)
            raise
        self.partitions[topic, index] = partition
        return partition

    def delete(self, topic: str, index: int) -> None:
        """The partition is gone at once, its files after file.delete.delay.ms. Error: OSError, and it stays.

        That it went may not outlive a power cut before the directory is synced, which is left to the caller: once for
        a thousand of them. Who looks at topic ids when it opens is none the worse for it.
        """
        path = self._at(names.deleted_name(topic, index, self.dice(16)))
        partition = self._rename_away(topic, index, path)
        self.ground.rubbish.add([path], self.clock.now_ms() + partition.settings.file_delete_delay_ms)

    def set_aside(self, topic: str, index: int) -> str:
        """The partition is gone, its files stay; gives where. Error: OSError, and it stays.  Source: LogManager's
        stray logs.
        """
        path = self._at(names.stray_name(topic, index, self.dice(16)))
        self._rename_away(topic, index, path)
        try:
            self.files.sync_dir(self.path)
        except OSError as error:
            _log.warning("%s: that it went there may not outlive a power cut: %s", path, error)
        return path

    def sweep(self, now_ms: int, partitions_max: int = 200) -> dict[Place, list[int]]:
        """Applies retention to the next few partitions in turn, and removes what was deleted long enough ago.

        partitions_max: how many, so that a caller on a loop is not held up by all of them at once. Gives the base
        offsets of the segments that went.
        """
        rubbish = self.ground.rubbish
        for path in rubbish.take(now_ms):
            rubbish.remove(path)
        keys = list(self.partitions)
        begin = self._sweep_from if self._sweep_from < len(keys) else 0
        self._sweep_from = begin + partitions_max
        swept = ((key, self.partitions[key].apply_retention(now_ms)) for key in keys[begin : begin + partitions_max])
        return {key: dropped for key, dropped in swept if dropped}

    # --- within ------------------------------------------------------------------------------------------------

    def _rename_away(self, topic: str, index: int, path: str) -> Partition:
        partition = self.partitions[topic, index]
        self.files.rename(partition.path, path)
        del self.partitions[topic, index]
        partition.abandon()
        return partition

    def _at(self, name: str) -> str:
        return f"{self.path}/{name}"

    def _make_root(self) -> None:
        """Makes the directory, and its name as durable as what will be in it; partitions need not lie together."""
        missing, here = [], self.path
        while here and not self.files.exists(here):
            missing.append(here)
            here = here.rpartition("/")[0]
        self.files.make_dirs(self.path)
        self.files.spread(self.path)
        for path in missing:
            self.files.sync_dir(path.rpartition("/")[0] or ("/" if path.startswith("/") else "."))

    def _identify(self) -> None:
        """Reads meta.properties and compares, or writes a new one."""
        path = self._at(names.META_PROPERTIES)
        identity = self.identity
        if not self.files.exists(path):
            identity.cluster_id = identity.cluster_id or to_base64(self.dice(16))
            identity.node_id = identity.node_id or 0
            identity.directory_id = to_base64(self.dice(16))
            entries = {
                "version": _META_VERSION,
                "cluster.id": identity.cluster_id,
                "node.id": str(identity.node_id),
                "directory.id": identity.directory_id,
            }
            self.files.write_atomic(path, encode_properties(entries))
            return
        try:
            found = read_properties(self.files.read(path).decode("utf-8", "replace"))
        except PropertiesError as error:
            raise DirectoryRefused(f"{path}: {error}") from None
        if found.get("version") != _META_VERSION:
            raise DirectoryRefused(f"{path}: version {found.get('version')}, expected {_META_VERSION}")
        self._expect(path, found, "cluster.id", identity.cluster_id)
        self._expect(path, found, "node.id", None if identity.node_id is None else str(identity.node_id))
        if not found["node.id"].isdecimal():
            raise DirectoryRefused(f"{path}: node.id is {found['node.id']!r}, expected a number")
        identity.cluster_id = found["cluster.id"]
        identity.node_id = int(found["node.id"])
        identity.directory_id = found.get("directory.id")

    @staticmethod
    def _expect(path: str, found: dict[str, str], key: str, expected: str | None) -> None:
        if key not in found:
            raise DirectoryRefused(f"{path}: {key} is missing")
        if expected is not None and found[key] != expected:
            raise DirectoryRefused(
                f"{path}: {key} is {found[key]}, expected {expected}: use another directory, or the {key} of this one"
            )

    def _find_all(self) -> None:
        clean = self._take_clean_shutdown()
        recovery_points = self._read(names.RECOVERY_POINTS)
        log_starts = self._read(names.LOG_STARTS)
        self._vouched_for.update(recovery_points, log_starts)
        for name in self.files.list(self.path):
            key = names.parse_partition(name)
            if names.is_deleted(name):
                self.ground.rubbish.add([self._at(name)], 0)
            elif key is not None and self.files.is_dir(self._at(name)):
                partition = self._find(name, key)
                recovery_point, log_start = recovery_points.get(key, -1), log_starts.get(key, -1)
                partition.find(recovery_point, log_start, shut_down_cleanly=clean)
                self.partitions[key] = partition
        if not clean:
            self._checkpoint_after_crash()

    def _checkpoint_after_crash(self) -> None:
        """Where a log was cut, an old recovery point must not vouch for what is going to be written instead."""
        try:
            self.checkpoint(sync=True)
        except OSError as error:
            # A full disk must not keep out who wants to delete something.
            _log.warning("%s: no checkpoint was written: %s", self.path, error)

    def _take_clean_shutdown(self) -> bool:
        """Whether the last shutdown was clean. The mark goes: from now on a crash may happen."""
        path = self._at(names.CLEAN_SHUTDOWN)
        if not self.files.exists(path):
            return False
        self.previous_broker_epoch = decode_clean_shutdown(self.files.read(path))
        self.files.remove(path)
        self.files.sync_dir(self.path)
        return True

    def _find(self, name: str, key: Place) -> Partition:
        topic_id = None
        path = f"{self._at(name)}/{names.PARTITION_METADATA}"
        try:
            topic_id = decode_partition_metadata(self.files.read(path))
        except FileNotFoundError:
            pass
        except OSError as error:
            _log.error("%s: %s", path, error)
        if topic_id is None:
            _log.warning("%s: no topic id", path)
        return Partition(self.ground, self._at(name), *key, topic_id or ZERO_UUID, self.settings)

    def _read(self, name: str) -> dict[Place, int]:
        path = self._at(name)
        offsets = decode_offsets(self.files.read(path)) if self.files.exists(path) else {}
        if offsets is None:
            _log.warning("%s: is not understood; the partitions are checked instead", path)
        return offsets or {}

    def _write(self, name: str, offsets: dict[Place, int], sync: bool) -> None:
        data = encode_offsets(offsets)
        if self._written.get(name) != data:
            self.files.write_atomic(self._at(name), data, sync=sync)
            self._written[name] = data if sync or name != names.RECOVERY_POINTS else b""

    def _discard(self, path: str) -> None:
        try:
            self.files.remove_tree(path)
        except OSError as error:
            _log.warning("%s: is left behind until the next start: %s", path, error)

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()
