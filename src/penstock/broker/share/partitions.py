"""Share partitions of this broker: `coordinate.share` decides, `__share_group_state` remembers, locks end in time."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING

from penstock.broker.group_values import share_config
from penstock.broker.internal import read_all
from penstock.broker.share.reset import reset_duration_ms
from penstock.broker.topics import SHARE_STATE_TOPIC, ServedTopic
from penstock.coordinate.groups.timers import Timer, Timers
from penstock.coordinate.outcome import Record
from penstock.coordinate.share.partition import SharePartition, Transition
from penstock.coordinate.share.store import NOWHERE, Kept, ShareKey, ShareStates, tombstone
from penstock.coordinate.share_groups.group import TopicState
from penstock.coordinate.share_groups.settings import ShareConfig
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol.errors import KafkaError
from penstock.records.codec import Codec

if TYPE_CHECKING:
    from penstock.broker.core import Broker

log = logging.getLogger("penstock.broker")

_LOCKS_PER_TICK_MAX = 500
# Share partitions summed up in one go, and bytes of records in one batch.
_SUMS_PER_TICK_MAX = 250
_BATCH_BYTES_MAX = 100_000
# About 1 KB each. Kafka has no bound.
STATES_MAX = 500_000


class LockTimer(Enum):
    """What a timer of a share partition ends."""

    LOCK = auto()


class LiveShare:
    """A share partition in use, which is also what wakes those who wait for its records.

    log: the partition that is read; machine: what is in flight; timer: the end of the first lock.
    """

    __slots__ = ("key", "log", "machine", "timer")

    def __init__(self, key: ShareKey, partition: Partition, machine: SharePartition) -> None:
        self.key = key
        self.log = partition
        self.machine = machine
        self.timer = Timer(LockTimer.LOCK, self)


class SharePartitions:
    """Every change is appended to `__share_group_state` before it counts. live: those in use since the start."""

    __slots__ = ("_broker", "_cold", "_ends", "_timers", "_unloaded", "codec", "live", "states", "states_max")

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._timers = Timers()
        self._unloaded: set[int] = set()
        # Those that are still to be summed up in this round, and where each partition of the topic ended after the
        # last one.
        self._cold: list[ShareKey] = []
        self._ends: dict[int, int] = {}
        self.codec = Codec(broker.settings.share_coordinator_state_topic_compression_codec)
        self.live: dict[ShareKey, LiveShare] = {}
        self.states: ShareStates
        self.states_max = STATES_MAX
        self.renew()

    def renew(self) -> None:
        """Starts with nothing, spread over as many partitions as the topic has or will have."""
        settings = self._broker.settings
        topic = self._broker.topics.by_name.get(SHARE_STATE_TOPIC)
        count = settings.share_coordinator_state_topic_num_partitions if topic is None else len(topic.partitions)
        self.live.clear()
        self._timers = Timers()
        self._unloaded.clear()
        self._cold.clear()
        self._ends.clear()
        self.states = ShareStates(count, settings.share_coordinator_snapshot_update_records_per_snapshot)

    def config(self, group_id: str) -> ShareConfig:
        return share_config(self._broker, group_id)

    # The topic

    def prepare(self, now_ms: int) -> None:
        """Creates the topic when the first share group needs it."""
        if SHARE_STATE_TOPIC not in self._broker.topics.by_name:
            self._broker.controller.create([SHARE_STATE_TOPIC], now_ms)

    def load(self, partitions: Iterable[Partition]) -> None:
        """Reads what is kept. A partition that cannot be read leaves its share partitions without a coordinator."""
        for partition in partitions:
            try:
                for _, records in read_all(partition):
                    for record in records:
                        if record.key is not None:
                            self.states.replay(partition.index, record.key, record.value, record.offset)
            except (OSError, ValueError) as error:
                log.error("%s-%d: its share states are not available: %s", partition.topic, partition.index, error)
                self.states.forget(partition.index)
                self._unloaded.add(partition.index)
            else:
                self._unloaded.discard(partition.index)

    def recovered(self, partition: Partition) -> None:
        """A partition works again: it is read if it could not be before."""
        if partition.topic == SHARE_STATE_TOPIC and partition.index in self._unloaded:
            self.load([partition])

    def opened(self, topic: ServedTopic, first: int) -> None:
        """The topic is there, or has further partitions from `first` on."""
        if not first:
            self.renew()
        self.load(topic.partitions[first:])

    def error_for(self, key: ShareKey, now_ms: int) -> KafkaError:
        """COORDINATOR_NOT_AVAILABLE while the partition of the topic cannot be read or written."""
        self.prepare(now_ms)
        home = self._home(key)
        works = home is not None and home.offline is None and home.index not in self._unloaded
        return KafkaError.NONE if works else KafkaError.COORDINATOR_NOT_AVAILABLE

    # What is kept

    def initialize(
        self, group_id: str, topics: Mapping[bytes, TopicState], state_epoch: int, now_ms: int, *, anew: bool
    ) -> Refused | list[Partition]:
        """State for partitions that had none; where it was written. Those that have one keep it.

        anew: not even those, as what is kept is of an earlier group of that name.
        """
        self.prepare(now_ms)
        kept = self.states.kept
        keys = [ShareKey(group_id, topic_id, index) for topic_id, state in topics.items() for index in state.indexes]
        starts = dict.fromkeys(sorted(key for key in keys if anew or key not in kept), NOWHERE)
        return self.reset(starts, state_epoch, now_ms)

    def reset(self, starts: Mapping[ShareKey, int], state_epoch: int, now_ms: int) -> Refused | list[Partition]:
        """A new beginning of each at its start; whatever was in flight is not any more. Where it was written."""
        kept = self.states.kept
        if len(kept) + sum(key not in kept for key in starts) > self.states_max:
            return self._too_many()
        written = self._write_all(
            [(key, self.states.initialize(key, state_epoch, start, now_ms)) for key, start in starts.items()], now_ms
        )
        for key in starts:
            self.drop(key)
        return written

    def delete(self, keys: Iterable[ShareKey], now_ms: int) -> Refused | list[Partition]:
        """Nothing is kept of them any more."""
        keys = list(keys)
        done = self._write_all([(key, tombstone(key)) for key in keys if key in self.states.kept], now_ms)
        for key in keys:
            if key not in self.states.kept:
                self.drop(key)
        return done

    def put(self, key: ShareKey, record: Record, now_ms: int) -> Refused | Partition:
        """Keeps what `states` made a record of."""
        return self._write(key, record, now_ms)

    def keys_of(self, group_id: str) -> list[ShareKey]:
        return [key for key in self.states.kept if key.group_id == group_id]

    def topics_deleted(self, topic_ids: set[bytes], now_ms: int) -> None:
        self.delete([key for key in self.states.kept if key.topic_id in topic_ids], now_ms)

    def drop(self, key: ShareKey) -> None:
        """Forgets what is in flight; who waits for it looks again."""
        live = self.live.pop(key, None)
        if live is not None:
            live.timer.stop()
            self._broker.waiting.wake(live)

    # What is in flight

    def get(self, key: ShareKey, now_ms: int) -> LiveShare | KafkaError:
        """A share partition, ready for use; it begins where its log does, should that be later.

        Errors: UNKNOWN_TOPIC_OR_PARTITION, also for one that the group does not read, COORDINATOR_NOT_AVAILABLE,
        KAFKA_STORAGE_ERROR.
        """
        topic = self._broker.topics.by_id.get(key.topic_id)
        if topic is None or not 0 <= key.partition < len(topic.partitions):
            return KafkaError.UNKNOWN_TOPIC_OR_PARTITION
        partition = topic.partitions[key.partition]
        live = self.live.get(key)
        if live is None:
            error = self.error_for(key, now_ms)
            if error:
                return error
            kept = self.states.kept.get(key) or self._begun_anew(key, now_ms)
            if kept is None:
                return KafkaError.UNKNOWN_TOPIC_OR_PARTITION
            if partition.offline is not None:
                # Where it ends may not be known, and what is kept is held against that.
                return KafkaError.KAFKA_STORAGE_ERROR
            live = self.live[key] = LiveShare(key, partition, self._restored(key, kept, partition, now_ms))
        live.machine.move_start(partition.log_start)
        return live

    def change(self, live: LiveShare, transition: Transition, now_ms: int) -> Refused | Partition | None:
        """Writes and applies; None when nothing had to be written, else where it was."""
        machine, done = live.machine, None
        if transition.batches:
            leader_epoch = live.log.leader_epoch
            count = machine.complete_count_after(transition)
            record = self.states.write(live.key, leader_epoch, machine.start, count, transition.batches, now_ms)
            done = self._write(live.key, record, now_ms)
            if isinstance(done, Refused):
                return done
        machine.apply(transition)
        self.watch(live)
        if transition.batches:
            self._broker.waiting.wake(live)
        return done

    def release(self, key: ShareKey, member_id: str, now_ms: int) -> Refused | Partition | None:
        """Gives back what a member holds of a share partition."""
        live = self.live.get(key)
        if live is None or not live.machine.is_held_by(member_id):
            return None
        limit = self.config(key.group_id).delivery_count_limit
        return self.change(live, live.machine.release(member_id, limit), now_ms)

    def watch(self, live: LiveShare) -> None:
        """Sets the timer to the end of the first lock."""
        due_ms = live.machine.next_due_ms()
        if due_ms is None:
            live.timer.stop()
        else:
            self._timers.set(live.timer, due_ms)

    # Time

    def next_deadline_ms(self) -> int | None:
        return self._timers.next_deadline_ms()

    def tick(self, now_ms: int) -> None:
        """Ends the locks whose time is up, whether that can be written or not: nobody else would ever get them."""
        for _ in range(_LOCKS_PER_TICK_MAX):
            timer = self._timers.pop_due(now_ms)
            if timer is None:
                return
            live: LiveShare = timer.group
            transition = live.machine.expire(now_ms, self.config(live.key.group_id).delivery_count_limit)
            if isinstance(self.change(live, transition, now_ms), Refused):
                live.machine.apply(transition)
                self.watch(live)
                self._broker.waiting.wake(live)

    def snapshot_cold(self, now_ms: int) -> bool:
        """Sums up what had no snapshot for long, so that the log before can go; some in each call.

        Not in a partition of the topic where nothing else was written since the last time: nothing more could go.
        """
        topic = self._broker.topics.by_name.get(SHARE_STATE_TOPIC)
        if topic is None:
            return False
        before_ms = now_ms - self._broker.settings.share_coordinator_cold_partition_snapshot_interval_ms
        if not self._cold:
            quiet = {home.index for home in topic.partitions if self._ends.get(home.index) == home.next_offset}
            self._cold = [key for key in self.states.cold(before_ms) if self.states.partition_of(key) not in quiet]
        some, self._cold = self._cold[:_SUMS_PER_TICK_MAX], self._cold[_SUMS_PER_TICK_MAX:]
        kept = self.states.kept
        some = [key for key in some if key in kept and kept[key].written_ms < before_ms]
        self._write_all([(key, self.states.summed_up(key, now_ms)) for key in some], now_ms)
        if not self._cold:
            self._ends = {home.index: home.next_offset for home in topic.partitions}
        return bool(self._cold)

    def prune(self, now_ms: int) -> bool:
        """Lets go of what the topic says of no use any more."""
        for index, offset in self.states.first_needed().items():
            partition = self._broker.topics.find(SHARE_STATE_TOPIC, index)
            if partition is not None and partition.log_start < offset <= partition.high_watermark:
                partition.delete_records_before(offset)
        return False

    def _restored(self, key: ShareKey, kept: Kept, partition: Partition, now_ms: int) -> SharePartition:
        """As it was kept. A log that lost its end in a crash gives those offsets anew: nobody has read them yet."""
        end = partition.high_watermark
        if kept.start == NOWHERE:
            return SharePartition(self._first(key.group_id, partition, now_ms))
        inside = [batch._replace(last=min(batch.last, end - 1)) for batch in kept.batches if batch.first < end]
        return SharePartition(min(kept.start, end), inside)

    def _first(self, group_id: str, partition: Partition, now_ms: int) -> int:
        reset = self.config(group_id).auto_offset_reset
        if reset == "earliest":
            return partition.log_start
        duration_ms = reset_duration_ms(reset)
        if duration_ms is None:
            return partition.high_watermark
        try:
            found = partition.offset_at_time(max(0, now_ms - duration_ms))
        except OSError:
            found = None
        return partition.high_watermark if found is None else found[0]

    def _begun_anew(self, key: ShareKey, now_ms: int) -> Kept | None:
        """The state of a partition that its group reads and that has none, as after a crash while it was deleted, or
        without the topic in which it was kept.
        """
        group = self._broker.coordinator.groups.share.get(key.group_id)
        state = None if group is None else group.initialized.get(key.topic_id)
        if group is not None and state is not None and key.partition in state.indexes:
            self.reset({key: NOWHERE}, group.epoch, now_ms)
        return self.states.kept.get(key)

    def _home(self, key: ShareKey) -> Partition | None:
        return self._broker.topics.find(SHARE_STATE_TOPIC, self.states.partition_of(key))

    def _write(self, key: ShareKey, record: Record, now_ms: int) -> Refused | Partition:
        if key not in self.states.kept and len(self.states.kept) >= self.states_max:
            return self._too_many()
        return self._append(self._home(key), [record], now_ms)

    def _too_many(self) -> Refused:
        text = f"the states of {self.states_max} share partitions are kept; delete share groups of no use any more"
        return Refused(KafkaError.INVALID_REQUEST, text)

    def _write_all(self, records: list[tuple[ShareKey, Record]], now_ms: int) -> Refused | list[Partition]:
        """Many records in few batches; where they are. Those of different batches do not count all or none."""
        homes: dict[int, list[Record]] = {}
        for key, record in records:
            homes.setdefault(self.states.partition_of(key), []).append(record)
        written: list[Partition] = []
        for index, found in homes.items():
            home = self._broker.topics.find(SHARE_STATE_TOPIC, index)
            for piece in _pieces(found):
                done = self._append(home, piece, now_ms)
                if isinstance(done, Refused):
                    return done
                written.append(done)
        return written

    def _append(self, home: Partition | None, records: list[Record], now_ms: int) -> Refused | Partition:
        if home is None or home.index in self._unloaded:
            return Refused(KafkaError.COORDINATOR_NOT_AVAILABLE, f"{SHARE_STATE_TOPIC} is not available")
        done = self._broker.internal.append(home, records, now_ms, self.codec)
        if isinstance(done, Refused):
            return done
        for offset, record in enumerate(records, done):
            self.states.replay(home.index, *record, offset)
        return home


def _pieces(records: list[Record]) -> Iterator[list[Record]]:
    """The records in order, as many together as make a batch of middling size."""
    piece: list[Record] = []
    size = 0
    for record in records:
        if size > _BATCH_BYTES_MAX:
            yield piece
            piece, size = [], 0
        piece.append(record)
        size += sum(len(part or b"") for part in record)
    if piece:
        yield piece
