"""`Groups`: the groups and committed offsets of all partitions of `__consumer_offsets` that are ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from penstock.coordinate.consumer import heartbeat as consumer_heartbeat
from penstock.coordinate.consumer import leaving as consumer_leaving
from penstock.coordinate.consumer import reading as consumer_reading
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.consumer.member import ConsumerTimer
from penstock.coordinate.group_records import Committed
from penstock.coordinate.groups import joining, leaving, loading, reading, rebalance, syncing
from penstock.coordinate.groups.desk import Desk, Phase, Stored, Topics
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.groups.member import TimerKind
from penstock.coordinate.groups.settings import GroupSettings, default_number
from penstock.coordinate.groups.timers import Timer
from penstock.coordinate.offsets import commit, delete, expiry, fetch
from penstock.coordinate.outcome import Message, Outcome
from penstock.coordinate.share_groups.coordinator import ShareGroups
from penstock.coordinate.share_groups.group import ShareGroup, ShareTimerKind
from penstock.coordinate.share_groups.heartbeat import NO_TOPICS
from penstock.coordinate.share_groups.settings import ShareConfigs, ShareSettings, same_for_all
from penstock.coordinate.streams_groups.coordinator import StreamsGroups
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.coordinate.streams_groups.member import StreamsTimer

# So that a thousand sessions ending at once do not hold up the connections of everybody else.
_TIMERS_PER_TICK_MAX = 500

# `list` means ListGroups inside the class.
Outcomes = list[Outcome]


class GroupFacts(NamedTuple):
    """A group at a glance, for metrics. state: Kafka's name of it; offset_count: partitions with a committed offset or
    a share state.
    """

    group_id: str
    group_type: str
    state: str
    generation: int
    member_count: int
    offset_count: int


class CommittedOffset(NamedTuple):
    """Where a group stands in a partition, for lag."""

    topic: str
    partition: int
    offset: int
    committed_ms: int


class Groups:
    """Requests in, outcomes out; see the room's README for how outcomes are settled.

    dice: random bytes, as many as asked for; topics: what exists, None to take every topic name as it comes;
    group_number: the value of a group's config, from its id and the config's name; share_configs: all that is set
    about a share group, from its id; share, streams: what only groups of that type know.
    All times are epoch milliseconds.
    """

    __slots__ = ("_desk", "share", "streams")

    def __init__(
        self,
        settings: GroupSettings,
        dice: Callable[[int], bytes],
        topics: Topics | None = None,
        group_number: Callable[[str, str], int] = default_number,
        share_settings: ShareSettings | None = None,
        share_configs: ShareConfigs = same_for_all,
    ) -> None:
        self._desk = Desk(settings, dice, topics, group_number)
        self.share = ShareGroups(self._desk, share_settings or ShareSettings(), share_configs, topics or NO_TOPICS)
        self.streams = StreamsGroups(self._desk, topics or NO_TOPICS)

    # Partitions of __consumer_offsets

    def partition_of(self, group_id: str) -> int:
        return self._desk.partition_of(group_id)

    def load_started(self, partition: int) -> None:
        """Until `loaded`, its groups answer COORDINATOR_LOAD_IN_PROGRESS."""
        self._desk.phases[partition] = Phase.LOADING

    def replay(self, key: bytes, value: bytes | None, offset: int = -1, producer_id: int = -1) -> bool:
        """Applies a record read from the log; False if its type is not ours.  Error: Malformed."""
        known = loading.replay(self._desk, key, value, offset, producer_id)
        return known or self.share.replay(key, value) or self.streams.replay(key, value)

    def replay_marker(self, partition: int, producer_id: int, commit: bool) -> None:
        """Applies the end of a transaction read from the log."""
        self._desk.offsets.end((partition, producer_id), commit=commit)

    def loaded(self, partition: int, now_ms: int) -> Outcomes:
        """The partition is ours from now on."""
        self._desk.begin(now_ms)
        self.share.loaded(partition)
        self.streams.loaded(partition)
        return loading.loaded(self._desk, partition)

    def unload(self, partition: int, now_ms: int) -> dict[int, Message]:
        """The partition is ours no more; gives the replies of those who waited."""
        self._desk.begin(now_ms)
        return loading.unload(self._desk, partition)

    # Members

    def join(self, request: Any, client_id: str | None, client_host: str, version: int, now_ms: int) -> Outcome:
        """JoinGroup. client_host: as Kafka prints an address, "/127.0.0.1"."""
        self._desk.begin(now_ms)
        return joining.join(self._desk, request, client_id, client_host, version)

    def sync(self, request: Any, version: int, now_ms: int) -> Outcome:
        """SyncGroup."""
        self._desk.begin(now_ms)
        return syncing.sync(self._desk, request, version)

    def heartbeat(self, request: Any, version: int, now_ms: int) -> Outcome:
        """Heartbeat; all versions mean the same."""
        self._desk.begin(now_ms)
        return syncing.heartbeat(self._desk, request)

    def leave(self, request: Any, version: int, now_ms: int) -> Outcome:
        """LeaveGroup: one member up to version 2, many from version 3."""
        self._desk.begin(now_ms)
        return leaving.leave(self._desk, request, version)

    def consumer_heartbeat(self, request: Any, client_id: str, client_host: str, version: int, now_ms: int) -> Outcome:
        """ConsumerGroupHeartbeat."""
        self._desk.begin(now_ms)
        return consumer_heartbeat.heartbeat(self._desk, request, client_id, client_host, version)

    # Offsets

    def offset_commit(self, request: Any, version: int, now_ms: int) -> Outcome:
        """OffsetCommit."""
        self._desk.begin(now_ms)
        return commit.commit(self._desk, request, version)

    def txn_offset_commit(self, request: Any, version: int, now_ms: int) -> Outcome:
        """TxnOffsetCommit; the outcome says under which producer its records are appended."""
        self._desk.begin(now_ms)
        return commit.txn_commit(self._desk, request, version)

    def transaction_ended(self, partition: int, producer_id: int, commit: bool) -> None:
        """The transaction's marker is in this partition of `__consumer_offsets`."""
        self._desk.offsets.end((partition, producer_id), commit=commit)

    def offset_fetch(self, group: Any, require_stable: bool, version: int) -> Any:
        """An OffsetFetchResponseGroup from an OffsetFetchRequestGroup; see offsets.fetch for whole requests."""
        return fetch.fetch(self._desk, group, version, require_stable=require_stable)

    def offset_delete(self, request: Any, version: int, now_ms: int) -> Outcome:
        """OffsetDelete."""
        self._desk.begin(now_ms)
        return delete.delete(self._desk, request)

    def topics_deleted(self, topics: Iterable[tuple[str, bytes]], now_ms: int) -> Outcomes:
        """Removes the offsets of topics (name, id) that are gone."""
        self._desk.begin(now_ms)
        return delete.topics_deleted(self._desk, topics)

    # Operators

    def list(self, request: Any, version: int) -> Any:
        """ListGroups."""
        return reading.list_groups(self._desk, request)

    def describe(self, group_id: str, version: int) -> Any:
        """DescribeGroups of one group, as DescribedGroup."""
        return reading.describe(self._desk, group_id, version)

    def consumer_describe(self, group_id: str) -> Any:
        """ConsumerGroupDescribe of one group, as DescribedGroup."""
        return consumer_reading.describe(self._desk, group_id)

    def delete(self, group_id: str, now_ms: int) -> Outcome:
        """DeleteGroups of one group; the reply is a DeletableGroupResult."""
        self._desk.begin(now_ms)
        return self.share.delete(group_id, now_ms) or reading.delete(self._desk, group_id)

    def overview(self) -> Iterator[GroupFacts]:
        """All groups, for metrics."""
        offsets = self._desk.offsets
        for group in self._desk.groups.values():
            count = offsets.count(group.group_id)
            if isinstance(group, ClassicGroup):
                epoch, members = group.generation, len(group.members)
            elif isinstance(group, ConsumerGroup | StreamsGroup):
                epoch, members = group.epoch, len(group.members)
            elif isinstance(group, ShareGroup):
                epoch, members = group.epoch, len(group.members)
                count = sum(len(state.indexes) for state in group.initialized.values())
            else:
                continue
            yield GroupFacts(group.group_id, group.group_type.value, group.state_name, epoch, members, count)

    def committed(self, group_id: str) -> Iterator[CommittedOffset]:
        """The committed offsets of a group, for lag."""
        for topic, partitions in self._desk.offsets.of_group(group_id).items():
            for partition, found in partitions.items():
                yield CommittedOffset(topic, partition, found.offset, found.committed_ms)

    def committed_offset(self, group_id: str, topic: str, partition: int) -> Committed | None:
        return self._desk.offsets.get(group_id, topic, partition)

    # Time

    def next_deadline_ms(self) -> int | None:
        """When `tick` has something to do, at the earliest; None: never, as things stand."""
        return self._desk.timers.next_deadline_ms()

    def tick(self, now_ms: int) -> Iterator[Outcome]:
        """Some of what is due by now: phases that end, sessions that are over, offsets that expire; the rest is still
        due, so `next_deadline_ms` is not later than now.

        Each outcome is settled before the next is asked for: of members that are silent together the second goes from
        a group that the first has left.
        """
        for _ in range(_TIMERS_PER_TICK_MAX):
            timer = self._desk.timers.pop_due(now_ms)
            if timer is None:
                break
            self._desk.begin(now_ms)
            for outcome in self._fire(timer):
                if outcome.records or outcome.done:
                    yield outcome
            if timer.kind is TimerKind.RETENTION:
                # It has looked at every group of a partition, 30 ms for 2,000 of them, and all partitions are due at
                # the same moment: the next one is due in the next call.
                break

    def _fire(self, timer: Timer) -> Outcomes:
        desk = self._desk
        if timer.kind is TimerKind.RETENTION:
            desk.timers.set(timer, desk.now_ms + desk.settings.offsets_retention_check_interval_ms)
            return expiry.expire(desk, timer.group)
        if isinstance(timer.kind, ConsumerTimer):
            return [consumer_leaving.fire(desk, timer)]
        if isinstance(timer.kind, ShareTimerKind):
            return [self.share.fire(timer)]
        if isinstance(timer.kind, StreamsTimer):
            return [self.streams.fire(timer)]
        group: ClassicGroup = timer.group
        stored: Stored | None
        if timer.kind is TimerKind.SESSION:
            stored = leaving.session_over(desk, group, timer.member_id)
        elif timer.kind is TimerKind.NAMED:
            stored = leaving.never_joined(desk, group, timer.member_id)
        elif timer.kind is TimerKind.JOIN:
            stored = rebalance.join_time_up(desk, group)
        else:
            stored = rebalance.sync_time_up(desk, group)
        return [desk.conclude(group.partition, stored)]
