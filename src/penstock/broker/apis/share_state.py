"""What brokers ask each other about the state of share groups: Initialize-, Read-, Write-, Delete- and
ReadShareGroupStateSummary.  Source: KIP-932, v0 and v1.

Here nobody needs to ask: share partitions are kept by the broker that reads them. The APIs answer for tools all the
same, as Apache Kafka does. What is in flight is not touched by them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.coordinate.share.flight import StateBatch
from penstock.coordinate.share.store import Kept, ShareKey
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

Initialized = messages.InitializeShareGroupStateResponse
Read = messages.ReadShareGroupStateResponse
Written = messages.WriteShareGroupStateResponse
Deleted = messages.DeleteShareGroupStateResponse
Summary = messages.ReadShareGroupStateSummaryResponse

_TEXTS = {
    KafkaError.UNKNOWN_TOPIC_OR_PARTITION: "This server does not host this topic-partition.",
    KafkaError.FENCED_STATE_EPOCH: "The share coordinator rejected the request because the share-group state epoch"
    " did not match.",
    KafkaError.FENCED_LEADER_EPOCH: "The leader epoch in the request is older than the epoch on the broker.",
}
# What one request makes of one partition: where it was written, if it was, or why not.
Done = Refused | Partition | None


class ShareStateApis:
    """The handlers of one broker."""

    __slots__ = ("broker", "shares")

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker
        self.shares = broker.shares

    def initialize(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """A new beginning. Error: FENCED_STATE_EPOCH for an older one."""

        def one(key: ShareKey, kept: Kept | None, part: Any) -> Done:
            if kept is not None and part.state_epoch < kept.state_epoch:
                return _refused(KafkaError.FENCED_STATE_EPOCH)
            record = self.shares.states.initialize(key, part.state_epoch, part.start_offset, now_ms)
            return self.shares.put(key, record, now_ms)

        def answer(key: ShareKey, error: int, text: str | None) -> Any:
            return Initialized.PartitionResult(key.partition, error, text)

        return self._each(request, (Initialized, Initialized.InitializeStateResult), one, answer, now_ms)

    def read(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Everything; a leader of a later epoch is noted. Errors: INVALID_REQUEST, FENCED_LEADER_EPOCH."""

        def one(key: ShareKey, kept: Kept | None, part: Any) -> Done:
            if kept is None:
                text = "Read operation on uninitialized share partition not allowed."
                return Refused(KafkaError.INVALID_REQUEST, text)
            if part.leader_epoch < kept.leader_epoch:
                return _refused(KafkaError.FENCED_LEADER_EPOCH)
            if part.leader_epoch == kept.leader_epoch:
                return None
            return self.shares.put(key, self.shares.states.write(key, part.leader_epoch, -1, -1, (), now_ms), now_ms)

        def answer(key: ShareKey, error: int, text: str | None) -> Any:
            kept = self.shares.states.kept.get(key)
            if error or kept is None:
                return Read.PartitionResult(key.partition, error, text)
            batches = [Read.StateBatch(*batch) for batch in kept.batches]
            return Read.PartitionResult(key.partition, 0, None, kept.state_epoch, kept.start, batches)

        return self._each(request, (Read, Read.ReadStateResult), one, answer, now_ms, must_exist=False)

    def write(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """A change. Errors: INVALID_REQUEST, FENCED_STATE_EPOCH, FENCED_LEADER_EPOCH."""

        def one(key: ShareKey, kept: Kept | None, part: Any) -> Done:
            if kept is None:
                text = "Write operation on uninitialized share partition not allowed."
                return Refused(KafkaError.INVALID_REQUEST, text)
            if 0 <= part.leader_epoch < kept.leader_epoch:
                return _refused(KafkaError.FENCED_LEADER_EPOCH)
            if 0 <= part.state_epoch < kept.state_epoch:
                return _refused(KafkaError.FENCED_STATE_EPOCH)
            batches = sorted(
                StateBatch(batch.first_offset, batch.last_offset, batch.delivery_state, batch.delivery_count)
                for batch in part.state_batches
            )
            fault = _batches_fault(batches)
            if fault:
                return Refused(KafkaError.INVALID_REQUEST, fault)
            count = part.delivery_complete_count
            record = self.shares.states.write(key, part.leader_epoch, part.start_offset, count, batches, now_ms)
            return self.shares.put(key, record, now_ms)

        def answer(key: ShareKey, error: int, text: str | None) -> Any:
            return Written.PartitionResult(key.partition, error, text)

        return self._each(request, (Written, Written.WriteStateResult), one, answer, now_ms, must_exist=False)

    def delete(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Nothing is kept any more; what is not kept is deleted too."""

        def one(key: ShareKey, kept: Kept | None, part: Any) -> Done:
            done = self.shares.delete((key,), now_ms)
            return done if isinstance(done, Refused) else next(iter(done), None)

        def answer(key: ShareKey, error: int, text: str | None) -> Any:
            return Deleted.PartitionResult(key.partition, error, text)

        return self._each(request, (Deleted, Deleted.DeleteStateResult), one, answer, now_ms)

    def summary(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Where a share partition begins; one without state begins nowhere."""

        def one(key: ShareKey, kept: Kept | None, part: Any) -> Done:
            return None

        def answer(key: ShareKey, error: int, text: str | None) -> Any:
            kept = self.shares.states.kept.get(key)
            if error:
                return Summary.PartitionResult(key.partition, error, text)
            if kept is None:
                return Summary.PartitionResult(partition=key.partition, start_offset=-1)
            facts = kept.state_epoch, kept.leader_epoch, kept.start, kept.complete_count
            return Summary.PartitionResult(key.partition, 0, None, *facts)

        return self._each(request, (Summary, Summary.ReadStateSummaryResult), one, answer, now_ms)

    def _each(
        self,
        request: Any,
        kinds: tuple[Any, Any],
        one: Callable[[ShareKey, Kept | None, Any], Done],
        answer: Callable[[ShareKey, int, str | None], Any],
        now_ms: int,
        *,
        must_exist: bool = True,
    ) -> Outcome:
        """The response, partition by partition. kinds: its class and that of its topics; must_exist: the partition,
        before it is looked for its state. A request without a group gets none.
        """
        response, result = kinds
        if not request.group_id:
            return Reply(response(results=[]))
        written: list[Partition] = []
        results = []
        for topic in request.topics:
            parts = []
            for part in topic.partitions:
                key = ShareKey(request.group_id, topic.topic_id, part.partition)
                kept = self.shares.states.kept.get(key)
                done: Done = self._fault(key, now_ms, must_exist) or one(key, kept, part)
                if isinstance(done, Partition):
                    written.append(done)
                fault = done if isinstance(done, Refused) else Refused(KafkaError.NONE, "")
                parts.append(answer(key, fault.error, fault.message or None))
            results.append(result(topic.topic_id, parts))
        return self.broker.internal.when_on_disk(written, Reply(response(results=results)))

    def _fault(self, key: ShareKey, now_ms: int, must_exist: bool) -> Refused | None:
        if key.partition < 0:
            return Refused(KafkaError.INVALID_REQUEST, "The partition id cannot be a negative number.")
        topic = self.broker.topics.by_id.get(key.topic_id)
        if must_exist and (topic is None or key.partition >= len(topic.partitions)):
            return _refused(KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
        error = self.shares.error_for(key, now_ms)
        return Refused(error, "__share_group_state is not available") if error else None


def _refused(error: KafkaError) -> Refused:
    return Refused(error, _TEXTS[error])


def _batches_fault(batches: list[StateBatch]) -> str:
    """Why batches, in order, are not a state; "" when they are. What is kept must be fit to be read again."""
    before = -1
    for first, last, state, deliveries in batches:
        if not before < first <= last:
            return f"A state batch from {first} to {last} after offset {before}: expected batches in order, apart."
        if state not in (0, 2, 4) or deliveries < 0:
            return f"A state batch of state {state} after {deliveries} deliveries: expected state 0, 2 or 4."
        before = last
    return ""
