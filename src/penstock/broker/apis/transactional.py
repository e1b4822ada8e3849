"""Whether a batch may be written within its producer's transaction: what Produce asks, in the words of its version."""

from typing import TYPE_CHECKING

from penstock.coordinate.transactions.transaction import EPOCH_PER_TRANSACTION
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol.errors import KafkaError
from penstock.records.header import BatchHeader

if TYPE_CHECKING:
    from penstock.broker.core import Broker

# From these versions on a client knows that a transaction can only be aborted; and adds partitions by writing to them.
ABORTABLE_VERSION = 11
IMPLICIT_VERSION = 12

# A coordinator that cannot answer now. Older clients repeat a Produce after this code, and only this one.
_NOT_NOW = (
    KafkaError.CONCURRENT_TRANSACTIONS,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)


def refusal_of_transactional(
    broker: "Broker",
    transactional_id: str | None,
    partition: Partition,
    header: BatchHeader,
    version: int,
    now_ms: int,
) -> Refused | None:
    """Why a transactional batch may not be written, None when it may; from version 12 on its partition is added.

    header: of the batch; version: of Produce.  Source: KIP-890; ReplicaManager of Kafka 4.3.1.
    Errors: TRANSACTIONAL_ID_AUTHORIZATION_FAILED without a transactional id, INVALID_REQUEST, INVALID_TXN_STATE,
    TRANSACTION_ABORTABLE, INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_EPOCH, CONCURRENT_TRANSACTIONS,
    NOT_ENOUGH_REPLICAS.
    """
    if transactional_id is None:
        text = "a transactional batch came in a request without a transactional id"
        return Refused(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, text)
    producer = (header.producer_id, header.producer_epoch)
    level = EPOCH_PER_TRANSACTION if version >= IMPLICIT_VERSION else 0
    error = broker.transactions.admit(transactional_id, producer, partition, level, now_ms)
    if not error:
        return _fault_of_first(partition, header) if level else None
    who = f"producer {producer[0]} of {transactional_id[:80]!r}"
    if error is KafkaError.TRANSACTION_ABORTABLE:
        if version < ABORTABLE_VERSION:
            error = KafkaError.INVALID_TXN_STATE
        return Refused(error, f"{who}: the partition was not added to the transaction")
    if error is KafkaError.PRODUCER_FENCED:
        return Refused(KafkaError.INVALID_PRODUCER_EPOCH, f"{who}: epoch {producer[1]} is not the current one")
    if error in _NOT_NOW and not (error is KafkaError.CONCURRENT_TRANSACTIONS and level):
        return Refused(KafkaError.NOT_ENOUGH_REPLICAS, f"{who}: the coordinator answered {error.name}")
    return Refused(error, f"{who}: {error.message}")


def _fault_of_first(partition: Partition, header: BatchHeader) -> Refused | None:
    """What is new in a log begins at sequence 0, or a batch before it was lost; known since the epoch rises with
    every transaction.
    """
    if not header.base_sequence or header.producer_id in partition.producer_state.by_id or partition.active is None:
        return None
    text = f"producer {header.producer_id}: sequence {header.base_sequence} is its first in the partition, expected 0"
    return Refused(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, text)
