"""The groups of this broker: `coordinate` decides, this module keeps its records in `__consumer_offsets`."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from penstock.broker.group_values import group_value, share_config
from penstock.broker.internal import read_all
from penstock.broker.outcome import Hangup, Reply, Wait
from penstock.broker.topics import OFFSETS_TOPIC, ServedTopic
from penstock.broker.waiting import FOREVER_MS
from penstock.coordinate.groups.coordinator import Groups
from penstock.coordinate.groups.placement import group_partition
from penstock.coordinate.groups.settings import GroupSettings
from penstock.coordinate.outcome import Outcome, Pending
from penstock.coordinate.share_groups.settings import ShareSettings
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol.errors import KafkaError
from penstock.records.codec import Codec
from penstock.records.control import ControlType, read_marker

if TYPE_CHECKING:
    from penstock.broker.core import Broker


log = logging.getLogger("penstock.broker")

# What an operator can set; the further settings of groups are bounds of the room that keeps them.
_SETTINGS = (
    "offsets_topic_num_partitions",
    "group_min_session_timeout_ms",
    "group_max_session_timeout_ms",
    "group_initial_rebalance_delay_ms",
    "group_max_size",
    "group_coordinator_rebalance_protocols",
    "group_consumer_max_size",
    "group_consumer_assignors",
    "group_consumer_migration_policy",
    "group_consumer_regex_refresh_interval_ms",
    "group_streams_max_size",
    "offset_metadata_max_bytes",
    "offsets_retention_minutes",
    "offsets_retention_check_interval_ms",
)


class _Ticket:
    """The place of an answer that another member's request, or the time, will bring; also what wakes its Wait."""

    __slots__ = ("reply",)

    def __init__(self) -> None:
        self.reply: Reply | Hangup | None = None

    def ready(self) -> Any:
        return self.reply


class GroupCoordinator:
    """Runs the outcomes of `Groups`: appends, applies, answers now, later, or when on disk."""

    __slots__ = ("_broker", "_tickets", "_unloaded", "codec", "groups")

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._tickets: dict[int, _Ticket] = {}
        # Partitions that could not be read.
        self._unloaded: set[int] = set()
        self.codec = Codec(broker.settings.offsets_topic_compression_codec)
        self.groups: Groups
        self.renew()

    def renew(self) -> None:
        """Starts with no groups, spread over as many partitions as the offsets topic has or will have."""
        broker = self._broker
        self._unloaded.clear()
        topic = broker.topics.by_name.get(OFFSETS_TOPIC)
        settings = GroupSettings(**{name: getattr(broker.settings, name) for name in _SETTINGS})
        if topic is not None:
            settings = replace(settings, offsets_topic_num_partitions=len(topic.partitions))
        share = ShareSettings(group_share_max_size=broker.settings.group_share_max_size)
        configs, share_configs = partial(group_value, broker), partial(share_config, broker)
        self.groups = Groups(settings, broker.dice, broker.topics, configs, share, share_configs)

    def load(self, partitions: Iterable[Partition], now_ms: int) -> None:
        """Rebuilds the groups of `partitions`. One that cannot be read leaves its groups without a coordinator."""
        for partition in partitions:
            self.groups.load_started(partition.index)
            try:
                self._replay(partition)
            except (OSError, ValueError) as error:
                log.error("%s-%d: its groups are not available: %s", partition.topic, partition.index, error)
                self.groups.unload(partition.index, now_ms)
                self._unloaded.add(partition.index)
                continue
            self._unloaded.discard(partition.index)
            for outcome in self.groups.loaded(partition.index, now_ms):
                self.answer(outcome, now_ms)

    def recovered(self, partition: Partition, now_ms: int) -> None:
        """A partition works again: its groups are loaded if they could not be before."""
        if partition.topic == OFFSETS_TOPIC and partition.index in self._unloaded:
            self.load([partition], now_ms)

    def opened(self, topic: ServedTopic, first: int, now_ms: int) -> None:
        """The offsets topic is there, or has further partitions from `first` on; what is in them is loaded."""
        if not first:
            self.renew()
        self.load(topic.partitions[first:], now_ms)

    def closed(self, count: int, now_ms: int) -> None:
        """The offsets topic was deleted, and with it all groups; who waits is told to look for another coordinator."""
        for index in range(count):
            for number, message in self.groups.unload(index, now_ms).items():
                self._release(number, message, None)
        self.renew()

    def prepare(self, now_ms: int) -> None:
        """Creates the offsets topic when the first group needs it."""
        if OFFSETS_TOPIC not in self._broker.topics.by_name:
            self._broker.controller.create([OFFSETS_TOPIC], now_ms)

    def error_for(self, group_id: str, now_ms: int) -> KafkaError:
        """COORDINATOR_NOT_AVAILABLE while the group's partition cannot be read or written."""
        self.prepare(now_ms)
        topic = self._broker.topics.by_name.get(OFFSETS_TOPIC)
        if topic is None or not topic.partitions:
            return KafkaError.COORDINATOR_NOT_AVAILABLE
        partition = topic.partitions[group_partition(group_id, len(topic.partitions))]
        works = partition.offline is None and partition.index not in self._unloaded
        return KafkaError.NONE if works else KafkaError.COORDINATOR_NOT_AVAILABLE

    def answer(self, outcome: Outcome, now_ms: int, group_id: str | None = None) -> Reply | Hangup | Wait:
        """What a command answers: at once, when on disk, or when others did their part. Reply(None): nobody asked.

        group_id: of a command that tells what others wrote, which must be as safe as if it had written it itself.
        """
        reply, written = self.settle(outcome, now_ms)
        if isinstance(reply, _Ticket):
            return reply.reply or Wait(frozenset((reply,)), FOREVER_MS, reply.ready, reply.ready)
        if written is None and group_id is not None:
            home = self._partition(self.groups.partition_of(group_id))
            written = home if home is not None and home.offline is None else None
        return self._broker.internal.when_on_disk((written,), Reply(reply))

    def settle(self, outcome: Outcome, now_ms: int) -> tuple[Any, Partition | None]:
        """Appends and applies a command; gives its message or ticket, and the partition it wrote to, if any."""
        written = self._partition(outcome.partition) if outcome.records else None
        settled = outcome.settle(lambda proposal: self._append(proposal, now_ms))
        reply = settled.reply
        if isinstance(reply, Pending):
            number = reply.ticket
            reply = self._tickets[number] = _Ticket()
        for number, message in settled.done.items():
            self._release(number, message, written)
        return reply, written

    def tick(self, now_ms: int) -> None:
        """Lets members and offsets expire and joins complete."""
        for outcome in self.groups.tick(now_ms):
            self.answer(outcome, now_ms)

    def topics_deleted(self, topics: list[tuple[str, bytes]], now_ms: int) -> None:
        for outcome in self.groups.topics_deleted(topics, now_ms):
            self.answer(outcome, now_ms)
        for outcome in self.groups.share.topics_deleted({topic_id for _, topic_id in topics}, now_ms):
            self.answer(outcome, now_ms)

    def _replay(self, partition: Partition) -> None:
        groups = self.groups
        for header, records in read_all(partition):
            if header.is_control:
                marker = read_marker(records[0])
                if marker is not None:
                    groups.replay_marker(partition.index, header.producer_id, marker.type is ControlType.COMMIT)
                continue
            producer_id = header.producer_id if header.is_transactional else -1
            for record in records:
                if record.key is not None:
                    groups.replay(record.key, record.value, record.offset, producer_id)

    def _partition(self, index: int) -> Partition | None:
        return self._broker.topics.find(OFFSETS_TOPIC, index)

    def _append(self, proposal: Outcome, now_ms: int) -> int | Refused:
        return self._broker.internal.append(
            self._partition(proposal.partition),
            proposal.records,
            now_ms,
            self.codec,
            (proposal.producer_id, proposal.producer_epoch),
        )

    def _release(self, number: int, message: Any, partition: Partition | None) -> None:
        ticket = self._tickets.pop(number, None)
        if ticket is None:
            return
        reply = self._broker.internal.when_on_disk((partition,), Reply(message))
        deliver = partial(self._deliver, ticket)
        if isinstance(reply, Wait):
            self._broker.waiting.add(reply, deliver)
        else:
            deliver(reply)

    def _deliver(self, ticket: _Ticket, reply: Reply | Hangup) -> None:
        ticket.reply = reply
        self._broker.waiting.wake(ticket)
