"""What a command on a transactional id answers: a record to append, the reply, and markers to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from penstock.coordinate.outcome import Record
from penstock.coordinate.transactions.transaction import NO_EPOCH, NO_ID, Place
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError


class Answer(NamedTuple):
    """What the client learns: an error, or NONE; and where it was asked for, a producer id and its epoch."""

    error: KafkaError
    producer_id: int = NO_ID
    epoch: int = NO_EPOCH


class Markers(NamedTuple):
    """A decided transaction: its end is to be written to all its partitions, and then `Transactions.marked` called.

    producer_id, epoch: of the markers; version: the level of transaction.version that they are written under.
    """

    transactional_id: str
    producer_id: int
    epoch: int
    commit: bool
    partitions: tuple[Place, ...]
    version: int


class TransactionOutcome:
    """One command's effect. With records it is a proposal: nothing counts until `settle`.

    partition: of `__transaction_state`, where the records go; markers: to be written once the records are on disk.
    """

    __slots__ = ("_apply", "answer", "markers", "partition", "records")

    def __init__(
        self,
        answer: Answer,
        partition: int = -1,
        records: list[Record] | None = None,
        markers: Markers | None = None,
        apply: Callable[[], None] | None = None,
    ) -> None:
        assert (apply is None) == (not records), "records need somebody to apply them, and only records do"
        self.answer = answer
        self.partition = partition
        self.records = records or []
        self.markers = markers
        self._apply = apply

    def settle(self, append: Callable[[TransactionOutcome], int | Refused]) -> TransactionOutcome:
        """The final outcome, without records: applied when `append` gave an offset, else an error and no markers."""
        if self._apply is None:
            return self
        done = append(self)
        if isinstance(done, Refused):
            error = KafkaError(done.error)
            return TransactionOutcome(Answer(_CLIENT_CODES.get(error, error)))
        self._apply()
        return TransactionOutcome(self.answer, self.partition, markers=self.markers)

    def __repr__(self) -> str:
        return f"TransactionOutcome({self.answer}, {self.partition}, {len(self.records)} records, {self.markers})"


# What clients are told when an append fails: codes they know how to act on.
# Source: TransactionStateManager.appendTransactionToLog.
_CLIENT_CODES = {
    KafkaError.UNKNOWN_TOPIC_OR_PARTITION: KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_ENOUGH_REPLICAS: KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.REQUEST_TIMED_OUT: KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_OR_FOLLOWER: KafkaError.NOT_COORDINATOR,
    KafkaError.KAFKA_STORAGE_ERROR: KafkaError.NOT_COORDINATOR,
    KafkaError.MESSAGE_TOO_LARGE: KafkaError.UNKNOWN_SERVER_ERROR,
    KafkaError.RECORD_LIST_TOO_LARGE: KafkaError.UNKNOWN_SERVER_ERROR,
}
