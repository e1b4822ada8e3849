"""Fetch: where the wanted batches lie, at once or as soon as enough of them are there.  Source: FetchRequest v4-18."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from penstock.broker.fetch_sessions import FetchContext, FetchedPartition
from penstock.broker.outcome import Outcome, Reply, Wait
from penstock.broker.session import Session
from penstock.broker.topics import ServedTopic, epoch_error
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import ZERO_UUID

if TYPE_CHECKING:
    from penstock.broker.core import Broker

FetchResponse = messages.FetchResponse
TopicAnswer = FetchResponse.FetchableTopicResponse
PartitionAnswer = FetchResponse.PartitionData
EpochEndOffset = FetchResponse.EpochEndOffset
AbortedTransaction = FetchResponse.AbortedTransaction

ISOLATION_LEVELS = READ_UNCOMMITTED, READ_COMMITTED = (0, 1)


class Fetch:
    """The handler of one broker."""

    __slots__ = ("clock", "max_bytes", "sessions", "topics")

    def __init__(self, broker: "Broker") -> None:
        self.clock = broker.clock
        self.max_bytes = broker.settings.fetch_max_bytes
        self.sessions = broker.fetch_sessions
        self.topics = broker.topics

    def handle(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """At once: when nothing may be waited for, enough is there, or a partition cannot be read."""
        replica = request.replica_state
        if request.replica_id >= 0 or (replica is not None and replica.replica_id >= 0):
            return Reply(_not_a_replica(request))
        if request.isolation_level not in ISOLATION_LEVELS:
            return Reply(FetchResponse(error_code=KafkaError.INVALID_REQUEST))
        context = self.sessions.open(request, session.version, now_ms)
        if isinstance(context, KafkaError):
            return Reply(FetchResponse(error_code=context))
        self._look_up(context)
        poll = Poll(self, context, request)
        poll.read(context.entries.values())
        if poll.is_enough() or request.max_wait_ms <= 0:
            return poll.answer()
        watched = poll.watch()
        return Wait(frozenset(watched), now_ms + request.max_wait_ms, poll.ready, poll.expired, poll.wake)

    def _look_up(self, context: FetchContext) -> None:
        """Finds the partitions of a fetch; those of a session only after topics came or went."""
        session, topics = context.session, self.topics
        if session is not None:
            if session.topics_version == topics.version:
                return
            session.topics_version = topics.version
        served: dict[Any, ServedTopic] = topics.by_id if context.by_id else topics.by_name
        for entry in context.entries.values():
            topic = served.get(entry.topic)
            found = topic is not None and 0 <= entry.index < len(topic.partitions)
            entry.partition = topic.partitions[entry.index] if topic is not None and found else None


class Poll:
    """One Fetch from its first look to its answer.

    answers: what there is to say so far, in order; counted: bytes available by partition, for min_bytes; watched: the
    entry of each partition that may grow; woken: those that did since.
    """

    __slots__ = (
        "answers",
        "committed",
        "context",
        "counted",
        "failed",
        "fetch",
        "max_bytes",
        "min_bytes",
        "readable",
        "size",
        "watched",
        "woken",
    )

    def __init__(self, fetch: Fetch, context: FetchContext, request: Any) -> None:
        self.fetch = fetch
        self.context = context
        self.committed = request.isolation_level == READ_COMMITTED
        self.max_bytes = min(request.max_bytes, fetch.max_bytes)
        self.min_bytes = min(request.min_bytes, self.max_bytes)
        self.woken: dict[Partition, None] = {}
        self.watched: dict[Partition, FetchedPartition] = {}
        self.counted: dict[Partition | None, int] = {}

    def read(self, entries: Iterable[FetchedPartition]) -> None:
        """Plans the reading of `entries`, in order, within max_bytes; the first batch found is given whole."""
        incremental, committed = self.context.incremental, self.committed
        self.answers: list[tuple[FetchedPartition, Any]] = []
        self.failed = False
        self.readable = self.size = 0
        left = self.max_bytes
        for entry in entries:
            partition = entry.partition
            if partition is None:
                self.answers.append((entry, self._unknown(entry)))
                continue
            self.readable += 1
            end = partition.last_stable_offset if committed else partition.high_watermark
            if (
                incremental
                and entry.offset == end
                and entry.high_watermark == partition.high_watermark
                and entry.log_start == partition.log_start
                and partition.offline is None
                and (entry.leader_epoch < 0 or entry.leader_epoch == partition.leader_epoch)
            ):
                continue
            answer = self._read_one(entry, partition, left)
            self.answers.append((entry, answer))
            left = max(0, self.max_bytes - self.size)

    def is_enough(self) -> bool:
        """Whether waiting would give nothing better: bytes enough, a failure, or nothing that could grow."""
        return self.size >= self.min_bytes or self.failed or not self.readable

    def watch(self) -> Iterable[Partition]:
        """The partitions whose growth may end the wait."""
        entries = self.context.entries.values()
        self.watched = {entry.partition: entry for entry in entries if entry.partition is not None}
        self.counted = {entry.partition: len(answer.records) for entry, answer in self.answers}
        return self.watched

    def wake(self, partition: Any) -> None:
        self.woken[partition] = None

    def ready(self) -> Reply | None:
        """The answer once the partitions woken brought enough; only those are looked at."""
        find, committed = self.fetch.topics.find, self.committed
        for partition in self.woken:
            entry = self.watched[partition]
            served = find(partition.topic, partition.index)
            if partition.offline is not None or served is not partition:
                return self.expired()
            end = partition.last_stable_offset if committed else partition.high_watermark
            available = (
                min(partition.bytes_after(entry.offset, committed), entry.max_bytes) if entry.offset < end else 0
            )
            self.size += available - self.counted.get(partition, 0)
            self.counted[partition] = available
        return self.expired() if self.size >= self.min_bytes else None

    def expired(self) -> Reply:
        """The answer with what is there now. Inside a session the partitions that never stirred are passed over."""
        self.fetch._look_up(self.context)
        if self.context.incremental:
            stirred = [entry for entry, _ in self.answers] + [self.watched[partition] for partition in self.woken]
            self.read({id(entry): entry for entry in stirred}.values())
        else:
            self.read(self.context.entries.values())
        return self.answer()

    def answer(self) -> Reply:
        """The reply, with the session brought up to it."""
        context, sessions = self.context, self.fetch.sessions
        session = context.session
        if session is not None and session.epoch != context.epoch:
            return Reply(FetchResponse(error_code=KafkaError.INVALID_FETCH_SESSION_EPOCH))
        self._remember()
        if session is not None:
            session_id = session.session_id
        else:
            session_id = sessions.keep(context, self.fetch.clock.now_ms()) if context.keep else 0
        return Reply(FetchResponse(0, 0, session_id, self._by_topic()))

    def _read_one(self, entry: FetchedPartition, partition: Partition, left: int) -> Any:
        if 0 <= entry.leader_epoch != partition.leader_epoch:
            return self._failure(entry, partition, epoch_error(partition, entry.leader_epoch))
        if entry.last_epoch >= 0:
            diverging = self._divergence(entry, partition)
            if diverging is not None:
                return diverging
        plan = partition.read_plan(entry.offset, min(entry.max_bytes, left), self.committed, not self.size)
        if isinstance(plan, Refused):
            return self._failure(entry, partition, plan.error)
        data, high_watermark, last_stable_offset, log_start = plan
        aborted: list[Any] | None = None
        if self.committed:
            try:
                found = partition.aborted_in(entry.offset, data)
            except OSError:
                return self._failure(entry, partition, KafkaError.KAFKA_STORAGE_ERROR)
            aborted = [AbortedTransaction(one.producer_id, one.first_offset) for one in found]
        self.size += data.size
        records = data if data.size else b""
        # In the order of the fields, since names cost as much again: no epoch, leader, snapshot, other replica to tell.
        return PartitionAnswer(
            entry.index, 0, high_watermark, last_stable_offset, log_start, None, None, None, aborted, -1, records
        )

    def _divergence(self, entry: FetchedPartition, partition: Partition) -> Any:
        """What a reader that knows the epoch of its last record learns when the log went another way; else None."""
        epoch, end = partition.epoch_end_offset(entry.last_epoch)
        if epoch < 0 or end < 0:
            return self._failure(entry, partition, KafkaError.OFFSET_OUT_OF_RANGE)
        if epoch >= entry.last_epoch and end >= entry.offset:
            return None
        self.failed = True
        return PartitionAnswer(
            partition_index=entry.index,
            high_watermark=partition.high_watermark,
            last_stable_offset=partition.last_stable_offset,
            log_start_offset=partition.log_start,
            diverging_epoch=EpochEndOffset(epoch, end),
            aborted_transactions=None,
            records=b"",
        )

    def _failure(self, entry: FetchedPartition, partition: Partition, error: int) -> Any:
        self.failed = True
        topic = self.fetch.topics.by_name.get(partition.topic)
        if topic is not None:
            topic.counters.failed_fetches.value += 1
        return _error(entry.index, error)

    def _unknown(self, entry: FetchedPartition) -> Any:
        if self.context.by_id and entry.topic not in self.fetch.topics.by_id:
            return _error(entry.index, KafkaError.UNKNOWN_TOPIC_ID, [])
        return _error(entry.index, KafkaError.UNKNOWN_TOPIC_OR_PARTITION, [])

    def _remember(self) -> None:
        """Notes in the entries what is answered; in a session those that gave records go to the end (KIP-227)."""
        by_name, entries = self.fetch.topics.by_name, self.context.entries
        session = self.context.session
        for entry, answer in self.answers:
            entry.high_watermark = -1 if answer.error_code else answer.high_watermark
            entry.log_start = answer.log_start_offset
            size = len(answer.records)
            if size:
                assert entry.partition is not None, entry.topic
                by_name[entry.partition.topic].counters.bytes_out.value += size
                if session is not None and len(entries) > 1:
                    key = (entry.topic, entry.index)
                    entries[key] = entries.pop(key)

    def _by_topic(self) -> list[Any]:
        """The answers under their topics; a topic appears again when another came between, as the order matters."""
        by_id = self.context.by_id
        topics: list[Any] = []
        last: Any = None
        parts: list[Any] = []
        for entry, answer in self.answers:
            topic = entry.topic
            if topic != last:
                last, parts = topic, []
                topics.append(TopicAnswer("", topic, parts) if by_id else TopicAnswer(topic, ZERO_UUID, parts))
            parts.append(answer)
        return topics


def _error(index: int, error: int, aborted: list[Any] | None = None) -> Any:
    """aborted: as Kafka has it, null for a partition that failed, empty for one that is not there."""
    return PartitionAnswer(index, error, -1, aborted_transactions=aborted, records=b"")


def _not_a_replica(request: Any) -> Any:
    """The answer to a follower: this broker has no replicas elsewhere."""
    return FetchResponse(
        responses=[
            TopicAnswer(
                topic=wanted.topic,
                topic_id=wanted.topic_id,
                partitions=[_error(part.partition, KafkaError.NOT_LEADER_OR_FOLLOWER) for part in wanted.partitions],
            )
            for wanted in request.topics
        ]
    )
