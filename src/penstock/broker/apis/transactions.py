"""The APIs of transactional producers: from a request to commands of `coordinate.transactions`, and back."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.broker.topics import OFFSETS_TOPIC
from penstock.broker.verification import Claim, Verdict
from penstock.coordinate.groups.placement import group_partition
from penstock.coordinate.transactions.transaction import EPOCH_PER_TRANSACTION, Place
from penstock.log.partition import Partition
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

AddPartitionsToTxnResponse = messages.AddPartitionsToTxnResponse
TransactionAnswer = AddPartitionsToTxnResponse.AddPartitionsToTxnResult
TopicAnswer = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult
PartitionAnswer = AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult
TxnOffsetCommitResponse = messages.TxnOffsetCommitResponse

# Producers before these versions know a fenced producer only by the older code.
_FENCED_FROM = 2
# AddPartitionsToTxn: from here on many transactions, asked for by brokers; and the first of clients that name their
# partitions by writing to them.
_BATCHED_FROM = 4
_IMPLICIT_FROM = 5
# EndTxn: the answer has the epoch of the next transaction.
_NEXT_EPOCH_FROM = 5
# TxnOffsetCommit: the transaction begins with it; a partition that was not added has a code of its own.
_IMPLICIT_OFFSETS_FROM = 5
_ABORTABLE_OFFSETS_FROM = 4


class TransactionApis:
    """The handlers of one broker.  Source: KIP-98, KIP-890; KafkaApis of Kafka 4.3.1."""

    __slots__ = ("broker", "coordinator")

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker
        self.coordinator = broker.transactions

    def add_partitions(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """One transaction up to version 3; many from version 4 on, to add to them or only to look."""
        if session.version >= _BATCHED_FROM:
            return self._add_many(request.transactions, session, now_ms)
        places = _places(request.v3_and_below_topics)
        errors = self._faults(places)
        # A client has no business with the partitions of coordinators: it names groups, in AddOffsetsToTxn.
        hidden = {place for place in places if self._is_internal(place)}
        if hidden:
            errors = dict.fromkeys(places, KafkaError.OPERATION_NOT_ATTEMPTED) | errors
            errors |= dict.fromkeys(hidden, KafkaError.TOPIC_AUTHORIZATION_FAILED)
        outcomes = []
        if not errors:
            producer = (request.v3_and_below_producer_id, request.v3_and_below_producer_epoch)
            outcome = self.coordinator.machine.add_partitions(
                request.v3_and_below_transactional_id, *producer, places, 0, now_ms
            )
            error = self.coordinator.settle(outcome, now_ms).error
            errors = dict.fromkeys(places, _known_before(error, session.version, _FENCED_FROM))
            outcomes.append(outcome)
        message = AddPartitionsToTxnResponse(results_by_topic_v3_and_below=_topics(errors))
        return self.coordinator.when_on_disk(outcomes, message)

    def add_offsets(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Adds the partition that keeps a group's offsets."""
        place = self._place_of(request.group_id, now_ms)
        if place is None:
            return Reply(messages.AddOffsetsToTxnResponse(error_code=KafkaError.COORDINATOR_NOT_AVAILABLE))
        outcome = self.coordinator.machine.add_partitions(
            request.transactional_id, request.producer_id, request.producer_epoch, (place,), 0, now_ms
        )
        error = _known_before(self.coordinator.settle(outcome, now_ms).error, session.version, _FENCED_FROM)
        return self.coordinator.when_on_disk((outcome,), messages.AddOffsetsToTxnResponse(error_code=error))

    def end(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Commits or aborts. Answered when that is decided; the partitions learn it afterwards."""
        outcome = self.coordinator.machine.end(
            request.transactional_id,
            request.producer_id,
            request.producer_epoch,
            request.committed,
            EPOCH_PER_TRANSACTION if session.version >= _NEXT_EPOCH_FROM else 0,
            now_ms,
        )
        answer = self.coordinator.settle(outcome, now_ms)
        error = _known_before(answer.error, session.version, _FENCED_FROM)
        message = messages.EndTxnResponse(error_code=error, producer_id=answer.producer_id, producer_epoch=answer.epoch)
        return self.coordinator.when_on_disk((outcome,), message)

    def commit_offsets(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Offsets that count when the transaction commits. From version 5 on they become part of it by that."""
        groups = self.broker.coordinator
        topics = self.broker.topics
        if not request.group_id:
            return Reply(_all_offsets(request.topics, KafkaError.INVALID_GROUP_ID))
        admitted: Partition | None = None
        if any(topics.find(*place) is not None for place in _offset_places(request.topics)):
            found = self._admit_offsets(request, session.version, now_ms)
            if isinstance(found, KafkaError):
                return Reply(_all_offsets(request.topics, found))
            admitted = found.written
        outcome = groups.groups.txn_offset_commit(request, session.version, now_ms)
        message, written = groups.settle(outcome, now_ms)
        return self.broker.internal.when_on_disk((admitted, written), Reply(message))

    def _add_many(self, transactions: list[Any], session: Session, now_ms: int) -> Outcome:
        answers, outcomes = [], []
        for wanted in transactions:
            places = _places(wanted.topics)
            errors = self._faults(places)
            who = (wanted.transactional_id, wanted.producer_id, wanted.producer_epoch)
            if not errors and wanted.verify_only:
                errors = self.coordinator.machine.verify(*who, places)
            elif not errors:
                version = EPOCH_PER_TRANSACTION if session.version >= _IMPLICIT_FROM else 0
                outcome = self.coordinator.machine.add_partitions(*who, places, version, now_ms)
                errors = dict.fromkeys(places, self.coordinator.settle(outcome, now_ms).error)
                outcomes.append(outcome)
            answers.append(TransactionAnswer(wanted.transactional_id, _topics(errors)))
        message = AddPartitionsToTxnResponse(results_by_transaction=answers)
        return self.coordinator.when_on_disk(outcomes, message)

    def _faults(self, places: list[Place]) -> dict[Place, KafkaError]:
        """What keeps all of them from being added; empty when nothing does."""
        unknown = {place for place in places if self.broker.topics.find(*place) is None}
        if not unknown:
            return {}
        errors = dict.fromkeys(places, KafkaError.OPERATION_NOT_ATTEMPTED)
        return errors | dict.fromkeys(unknown, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)

    def _is_internal(self, place: Place) -> bool:
        topic = self.broker.topics.by_name.get(place[0])
        return topic is not None and topic.is_internal

    def _place_of(self, group_id: str, now_ms: int) -> Place | None:
        """The partition that keeps a group's offsets."""
        self.broker.coordinator.prepare(now_ms)
        topic = self.broker.topics.by_name.get(OFFSETS_TOPIC)
        if topic is None or not topic.partitions:
            return None
        return OFFSETS_TOPIC, group_partition(group_id, len(topic.partitions))

    def _admit_offsets(self, request: Any, version: int, now_ms: int) -> Verdict | KafkaError:
        """That the partition of the group's offsets is part of the transaction, or why it is not."""
        place = self._place_of(request.group_id, now_ms)
        partition = None if place is None else self.broker.topics.find(*place)
        if place is None or partition is None:
            return KafkaError.COORDINATOR_NOT_AVAILABLE
        if partition.has_transaction(request.producer_id, request.producer_epoch):
            # Offsets were written before, in this transaction.
            return Verdict({})
        may_add = version >= _IMPLICIT_OFFSETS_FROM
        who = (request.transactional_id, request.producer_id, request.producer_epoch)
        verdict = self.broker.verify_transaction(Claim(*who, [place], may_add), now_ms)
        error = verdict.errors.get(place, KafkaError.NONE)
        if error is KafkaError.TRANSACTION_ABORTABLE and version < _ABORTABLE_OFFSETS_FROM:
            return KafkaError.INVALID_TXN_STATE
        if error is KafkaError.CONCURRENT_TRANSACTIONS and not may_add:
            return KafkaError.COORDINATOR_NOT_AVAILABLE
        if error is KafkaError.PRODUCER_FENCED:
            return KafkaError.INVALID_PRODUCER_EPOCH
        return error or verdict


def _known_before(error: KafkaError, version: int, fenced_from: int) -> KafkaError:
    """The error as the client's version knows it."""
    if error is KafkaError.PRODUCER_FENCED and version < fenced_from:
        return KafkaError.INVALID_PRODUCER_EPOCH
    return error


def _places(topics: list[Any]) -> list[Place]:
    return [(topic.name, index) for topic in topics for index in topic.partitions]


def _offset_places(topics: list[Any]) -> list[Place]:
    return [(topic.name, part.partition_index) for topic in topics for part in topic.partitions]


def _topics(errors: dict[Place, KafkaError]) -> list[Any]:
    by_topic: dict[str, list[Any]] = {}
    for (topic, index), error in errors.items():
        by_topic.setdefault(topic, []).append(PartitionAnswer(index, error))
    return [TopicAnswer(topic, parts) for topic, parts in by_topic.items()]


def _all_offsets(topics: list[Any], error: KafkaError) -> Any:
    """The same error for every partition."""
    topic_class = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic
    part_class = TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition
    return TxnOffsetCommitResponse(
        topics=[
            topic_class(topic.name, [part_class(part.partition_index, error) for part in topic.partitions])
            for topic in topics
        ]
    )
