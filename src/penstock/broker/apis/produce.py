"""Produce: batches into partitions. The hot path: work per batch, never per record."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penstock.broker.apis.claims import NO_TRANSACTIONAL_ID, Claims, has_transactional
from penstock.broker.outcome import Hangup, NoReply, Outcome, Reply, Wait
from penstock.broker.session import Session
from penstock.broker.topics import ServedTopic
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.log.results import Appended
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.records.batch import check
from penstock.records.codec import Codec
from penstock.records.convert import recompress
from penstock.records.fault import BatchError
from penstock.records.header import CODEC_BITS, CONTROL_BIT, TRANSACTIONAL_BIT, BatchHeader, read_header
from penstock.records.record import decode_records

if TYPE_CHECKING:
    from penstock.broker.core import Broker

ProduceResponse = messages.ProduceResponse
TopicAnswer = ProduceResponse.TopicProduceResponse
PartitionAnswer = ProduceResponse.PartitionProduceResponse
RecordFault = ProduceResponse.BatchIndexAndErrorMessage

ACKS_ALL = -1
# The one client id that Kafka lets write to its own topics.  Source: AdminUtils.ADMIN_CLIENT_ID.
ADMIN_CLIENT_ID = "__admin_client"
# From this version on a topic is named by its id; zstd may be used.
TOPIC_ID_VERSION = 13
ZSTD_VERSION = 7
# Zstd is the only codec with this bit, so one test finds all batches that need a second look.
_SECOND_LOOK = TRANSACTIONAL_BIT | CONTROL_BIT | Codec.ZSTD
# What a batch may unpack to when its records must be looked at: 1 MiB of compressed zeros would be about 1 GiB.
UNPACKED_BYTES_MAX = 128 * 1024 * 1024


class Produce:
    """The handler of one broker; what every call needs is kept as attributes."""

    __slots__ = ("broker", "by_id", "by_name", "to_sync", "topics", "wake")

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker
        self.topics = broker.topics
        self.by_name = broker.topics.by_name
        self.by_id = broker.topics.by_id
        self.to_sync = broker.to_sync
        self.wake = broker.waiting.wake

    def handle(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """acks 0: nothing, or a hangup when anything failed, the only sign such a client can get; 1: when appended;
        -1: when on disk, if the broker syncs at all.  Source: ProduceRequest v3-13, KIP-516, KIP-467.
        """
        acks = request.acks
        if acks > 1 or acks < ACKS_ALL:
            return Reply(self._refuse_all(request.topic_data, session))
        topics = request.topic_data
        claims = None
        if request.transactional_id is not None:
            claims = Claims(self.broker, request.transactional_id, session.version)
            claims.verify(self._batches(topics, session), now_ms)
        if len(topics) == 1 and len(topics[0].partition_data) == 1:
            wanted = topics[0]
            part = wanted.partition_data[0]
            if session.version >= TOPIC_ID_VERSION:
                topic = self.by_id.get(wanted.topic_id)
            else:
                topic = self.by_name.get(wanted.name)
            answers = [TopicAnswer(wanted.name, wanted.topic_id, [self.append(topic, part, session, now_ms, claims)])]
        elif claims is None and has_transactional(topics):
            # Kafka looks at all of a request before it looks at any partition.
            answers = _unauthorized(topics)
        else:
            answers = self._append_all(topics, session, now_ms, claims)
        if acks == 0:
            return _silent(answers)
        reply = Reply(ProduceResponse(answers))
        if acks == ACKS_ALL and self.to_sync:
            return self._when_on_disk(reply, now_ms + request.timeout_ms, claims)
        return reply

    def append(
        self, topic: ServedTopic | None, part: Any, session: Session, now_ms: int, claims: Claims | None = None
    ) -> Any:
        """One partition's batch into its log; gives its PartitionProduceResponse.

        claims: which partitions are part of the request's transaction; None when it has none.
        """
        index = part.index
        if topic is None or index >= len(topic.partitions) or index < 0:
            return PartitionAnswer(index=index, error_code=_unknown(topic, session), base_offset=-1)
        batch = part.records
        if not batch or (topic.is_internal and session.client_id != ADMIN_CLIENT_ID):
            return _forbidden(topic, index, batch)
        done = self.store(topic, index, batch, session, now_ms, claims)
        if type(done) is not Appended:
            return done
        return PartitionAnswer(index, 0, done.base_offset, done.log_append_time_ms, done.log_start)

    def store(
        self,
        topic: ServedTopic,
        index: int,
        batch: memoryview,
        session: Session,
        now_ms: int,
        claims: Claims | None = None,
    ) -> Any:
        """A batch into the log of a partition that is there: Appended, or the PartitionProduceResponse that refuses."""
        header = check(batch, topic.max_batch_bytes)
        if isinstance(header, Refused):
            return _failed(topic, index, header)
        if (
            header.base_offset
            or header.attributes & _SECOND_LOOK
            or not topic.opaque
            or header.producer_id >= 0 > header.base_sequence
        ):
            seen = _look_closer(topic, index, batch, header, session.version, claims)
            if isinstance(seen, PartitionAnswer):
                return seen
            batch, header = seen
        partition = topic.partitions[index]
        done = partition.append(batch, header, now_ms)
        if isinstance(done, Refused):
            if done.error == KafkaError.INVALID_TIMESTAMP:
                return _late_or_early(topic, index, batch, done, now_ms)
            return _failed(topic, index, done, partition.log_start)
        counters = topic.counters
        counters.bytes_in.value += len(batch)
        counters.messages_in.value += header.record_count
        if topic.durable:
            self.to_sync.add(partition)
        else:
            self.wake(partition)
        return done

    def reply_to_one(self, wanted: Any, answer: Any) -> Any:
        """The response to a request for one partition. wanted: its TopicProduceData."""
        return ProduceResponse([TopicAnswer(wanted.name, wanted.topic_id, [answer])])

    def _batches(self, topics: list[Any], session: Session) -> Iterator[tuple[Partition, Any]]:
        """The partitions that are there and may be written to, each with what was sent for it."""
        by_id = session.version >= TOPIC_ID_VERSION
        for wanted in topics:
            topic = self.by_id.get(wanted.topic_id) if by_id else self.by_name.get(wanted.name)
            if topic is None or (topic.is_internal and session.client_id != ADMIN_CLIENT_ID):
                continue
            for part in wanted.partition_data:
                if 0 <= part.index < len(topic.partitions):
                    yield topic.partitions[part.index], part.records

    def _append_all(self, topics: list[Any], session: Session, now_ms: int, claims: Claims | None) -> list[Any]:
        """Several partitions. One that is named twice is appended to once, with the batch named last, as Kafka does."""
        by_id = session.version >= TOPIC_ID_VERSION
        chosen: dict[Any, tuple[Any, dict[int, Any]]] = {}
        for wanted in topics:
            _, parts = chosen.setdefault(wanted.topic_id if by_id else wanted.name, (wanted, {}))
            for part in wanted.partition_data:
                parts[part.index] = part
        served: dict[Any, ServedTopic] = self.by_id if by_id else self.by_name
        answers = []
        for key, (wanted, parts) in chosen.items():
            topic = served.get(key)
            done = [self.append(topic, part, session, now_ms, claims) for part in parts.values()]
            answers.append(TopicAnswer(wanted.name, wanted.topic_id, done))
        return answers

    def _refuse_all(self, topics: list[Any], session: Session) -> Any:
        """acks of neither -1, 0 nor 1: nothing is appended."""
        by_id = session.version >= TOPIC_ID_VERSION
        answers = []
        for wanted in topics:
            topic = self.by_id.get(wanted.topic_id) if by_id else self.by_name.get(wanted.name)
            parts = []
            for part in wanted.partition_data:
                error = KafkaError.INVALID_REQUIRED_ACKS
                if topic is None or not 0 <= part.index < len(topic.partitions):
                    error = _unknown(topic, session)
                parts.append(PartitionAnswer(index=part.index, error_code=error, base_offset=-1))
            answers.append(TopicAnswer(wanted.name, wanted.topic_id, parts))
        return ProduceResponse(answers)

    def _when_on_disk(self, reply: Reply, until_ms: int, claims: Claims | None) -> Outcome:
        pending = []
        written = None if claims is None else claims.written
        for answer in reply.message.responses:
            topic = self.by_name.get(answer.name) or self.by_id.get(answer.topic_id)
            for part in answer.partition_responses:
                if not part.error_code and topic is not None and topic.durable:
                    partition = topic.partitions[part.index]
                    pending.append((partition, partition.next_offset, part))
                    if written is not None:
                        pending.append((written, written.next_offset, part))
        acks = _Acks(reply, pending)
        return acks.ready() or Wait(frozenset(entry[0] for entry in pending), until_ms, acks.ready, acks.expired)


class _Acks:
    """A reply held back until all its batches are on disk. pending: (partition, end offset, its answer)."""

    __slots__ = ("pending", "reply")

    def __init__(self, reply: Reply, pending: list[tuple[Partition, int, Any]]) -> None:
        self.reply = reply
        self.pending = pending

    def ready(self) -> Reply | None:
        left = []
        for partition, end, answer in self.pending:
            if partition.offline is not None:
                answer.error_code = partition.offline
            elif partition.high_watermark < end:
                left.append((partition, end, answer))
        self.pending = left
        return None if left else self.reply

    def expired(self) -> Reply:
        for _, _, answer in self.pending:
            answer.error_code = KafkaError.REQUEST_TIMED_OUT
        return self.reply


def single_batch(produce: Produce, request: Any, session: Session) -> tuple[ServedTopic, Any, Any] | None:
    """(topic, TopicProduceData, PartitionProduceData) of a request for one partition that any client may write to.

    None for all others, transactional ones and those that want no answer included.
    """
    topics = request.topic_data
    if request.transactional_id is not None or request.acks not in (1, ACKS_ALL) or len(topics) != 1:
        return None
    (wanted,) = topics
    topic = (
        produce.by_id.get(wanted.topic_id) if session.version >= TOPIC_ID_VERSION else produce.by_name.get(wanted.name)
    )
    if topic is None or topic.is_internal or len(wanted.partition_data) != 1:
        return None
    (part,) = wanted.partition_data
    return (topic, wanted, part) if part.records and 0 <= part.index < len(topic.partitions) else None


def _look_closer(
    topic: ServedTopic, index: int, batch: memoryview, header: BatchHeader, version: int, claims: Claims | None
) -> tuple[memoryview, BatchHeader] | Any:
    """The batch as it shall be stored, with its header, or the answer that refuses it."""
    if header.attributes & TRANSACTIONAL_BIT:
        refused = NO_TRANSACTIONAL_ID if claims is None else claims.refused.get((topic.name, index))
        if refused is not None:
            # The log has not been asked yet, so Kafka does not tell where it starts.
            return _failed(topic, index, refused)
    refused = _fault(header, version)
    if refused is not None:
        return _failed(topic, index, refused, topic.partitions[index].log_start)
    try:
        return _convert(topic, index, batch, header)
    except BatchError as error:
        return _failed(topic, index, error.refused)


def _fault(header: BatchHeader, version: int) -> Refused | None:
    """Which rule for clients the batch breaks."""
    attributes = header.attributes
    if header.base_offset:
        return Refused(
            KafkaError.INVALID_RECORD, f"the batch's base offset is {header.base_offset}; a client's must be 0"
        )
    if attributes & CONTROL_BIT:
        return Refused(KafkaError.INVALID_RECORD, "clients may not write control batches")
    if header.producer_id >= 0 > header.base_sequence:
        text = f"producer {header.producer_id} gave the sequence {header.base_sequence}; the first one is 0"
        return Refused(KafkaError.INVALID_RECORD, text)
    if attributes & CODEC_BITS == Codec.ZSTD and version < ZSTD_VERSION:
        return Refused(
            KafkaError.UNSUPPORTED_COMPRESSION_TYPE,
            f"zstd needs Produce version {ZSTD_VERSION} or newer, this request has version {version}",
        )
    return None


def _convert(
    topic: ServedTopic, index: int, batch: memoryview, header: BatchHeader
) -> tuple[memoryview, BatchHeader] | Any:
    if topic.keyed:
        records = decode_records(batch, UNPACKED_BYTES_MAX)
        text = f"Compacted topic cannot accept message without key in topic partition {topic.name}-{index}."
        faults = [RecordFault(place, text) for place, record in enumerate(records) if record.key is None]
        if faults:
            return _rejected(topic, index, KafkaError.INVALID_RECORD, faults)
    if topic.recode is not None and header.codec is not topic.recode:
        batch = memoryview(recompress(batch, header, topic.recode, UNPACKED_BYTES_MAX, topic.recode_level))
        header = read_header(batch)
        if len(batch) > topic.max_batch_bytes:
            text = f"batch of {len(batch)} bytes as {topic.recode.name}: at most {topic.max_batch_bytes} are accepted"
            return _failed(topic, index, Refused(KafkaError.MESSAGE_TOO_LARGE, text))
    return batch, header


def _failed(topic: ServedTopic, index: int, refused: Refused, log_start: int = -1) -> Any:
    """The answer for a batch that was not appended. log_start: given when the log itself refused."""
    topic.counters.failed_produces.value += 1
    return PartitionAnswer(
        index=index,
        error_code=refused.error,
        base_offset=-1,
        log_start_offset=log_start,
        error_message=refused.message,
    )


def _rejected(topic: ServedTopic, index: int, error: int, faults: list[Any]) -> Any:
    """The answer for a batch whose records break a rule: which, and why, so that the others can be sent again."""
    topic.counters.failed_produces.value += 1
    return PartitionAnswer(
        index=index,
        error_code=error,
        base_offset=-1,
        log_start_offset=topic.partitions[index].log_start,
        record_errors=faults,
        error_message=f"{len(faults)} records were rejected, the first: {faults[0].batch_index_error_message}",
    )


def _late_or_early(topic: ServedTopic, index: int, batch: memoryview, refused: Refused, now_ms: int) -> Any:
    """The answer for a batch with timestamps too far from the broker's clock: the records are looked at only now."""
    low = now_ms - topic.settings.message_timestamp_before_max_ms
    high = now_ms + topic.settings.message_timestamp_after_max_ms
    try:
        records = decode_records(batch, UNPACKED_BYTES_MAX)
    except BatchError as error:
        return _failed(topic, index, error.refused)
    faults = [
        RecordFault(place, f"Timestamp {record.timestamp_ms} is out of range. It should be within [{low}, {high}]")
        for place, record in enumerate(records)
        if not low <= record.timestamp_ms <= high
    ]
    return _rejected(topic, index, refused.error, faults) if faults else _failed(topic, index, refused)


def _unknown(topic: ServedTopic | None, session: Session) -> KafkaError:
    if topic is None and session.version >= TOPIC_ID_VERSION:
        return KafkaError.UNKNOWN_TOPIC_ID
    return KafkaError.UNKNOWN_TOPIC_OR_PARTITION


def _forbidden(topic: ServedTopic, index: int, records: memoryview | None) -> Any:
    if not records:
        return _failed(topic, index, Refused(KafkaError.INVALID_RECORD, "no batch was sent for the partition"))
    text = f"{topic.name} is an internal topic: only the broker writes to it"
    return _failed(topic, index, Refused(KafkaError.INVALID_TOPIC_EXCEPTION, text))


def _unauthorized(topics: list[Any]) -> list[Any]:
    """The answers to a request without a transactional id that has a transactional batch somewhere."""
    named: dict[Any, tuple[Any, dict[int, None]]] = {}
    for wanted in topics:
        _, indexes = named.setdefault((wanted.name, wanted.topic_id), (wanted, {}))
        indexes.update(dict.fromkeys(part.index for part in wanted.partition_data))
    error, text = NO_TRANSACTIONAL_ID.error, NO_TRANSACTIONAL_ID.message
    return [
        TopicAnswer(
            wanted.name,
            wanted.topic_id,
            [PartitionAnswer(index=each, error_code=error, base_offset=-1, error_message=text) for each in indexes],
        )
        for wanted, indexes in named.values()
    ]


def _silent(answers: list[Any]) -> NoReply | Hangup:
    for answer in answers:
        for part in answer.partition_responses:
            if part.error_code:
                name = answer.name or answer.topic_id.hex()
                error = KafkaError(part.error_code).name
                return Hangup(f"Produce with acks=0 to {name}-{part.index} failed: {error}")
    return NoReply()
