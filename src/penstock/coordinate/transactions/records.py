"""Keys and values of `__transaction_state`, byte for byte as Kafka 4.3.1 writes them.

A key starts with an int16 that says what the record is, a value with an int16 that says which version of it follows.
A value of None forgets the transactional id.  Source: TransactionLog, TransactionCoordinatorRecordSerde.
"""

from __future__ import annotations

from itertools import groupby

from penstock.coordinate.framing import NUMBER_BYTES, framed, number_of
from penstock.coordinate.outcome import Record
from penstock.coordinate.transactions.states import State
from penstock.coordinate.transactions.transaction import Transaction
from penstock.protocol import messages
from penstock.protocol.codec import decode
from penstock.protocol.errors import Malformed

_KEY_TYPE = 0
_KEY_VERSION = 0
# Version 1 can be extended by tags; it is written from level 1 of transaction.version on.
_FLEXIBLE_FROM = 1


def record_of(transaction: Transaction, transaction_version: int) -> Record:
    """What is appended for a step. transaction_version: the finalized level of that feature."""
    value_class = messages.TransactionLogValue
    partitions = None
    if transaction.state is not State.EMPTY:
        partitions = [
            value_class.PartitionsSchema(topic, [index for _, index in places])
            for topic, places in groupby(transaction.partitions, lambda place: place[0])
        ]
    value = value_class(
        producer_id=transaction.producer_id,
        producer_epoch=transaction.epoch,
        transaction_timeout_ms=transaction.timeout_ms,
        transaction_status=transaction.state,
        transaction_partitions=partitions,
        transaction_last_update_timestamp_ms=transaction.updated_ms,
        transaction_start_timestamp_ms=transaction.started_ms,
    )
    version = 0
    if transaction_version >= _FLEXIBLE_FROM:
        version = 1
        value.previous_producer_id = transaction.previous_producer_id
        value.next_producer_id = transaction.next_producer_id
        value.client_transaction_version = transaction.client_version
    return key_of(transaction.transactional_id), framed(version, value, version)


def tombstone_of(transactional_id: str) -> Record:
    """What is appended to forget it."""
    return key_of(transactional_id), None


def key_of(transactional_id: str) -> bytes:
    return framed(_KEY_TYPE, messages.TransactionLogKey(transactional_id=transactional_id), _KEY_VERSION)


def read_key(key: bytes) -> str | None:
    """The transactional id; None for a type of record that is not known. Error: Malformed."""
    if number_of(key, "key of __transaction_state") != _KEY_TYPE:
        return None
    found: str = decode(messages.TransactionLogKey, 0, key, NUMBER_BYTES)[0].transactional_id
    return found


def read_value(transactional_id: str, value: bytes) -> Transaction:
    """The transactional id as the record leaves it. Error: Malformed, also for versions and states not known."""
    version = number_of(value, "value of __transaction_state")
    try:
        stored, _ = decode(messages.TransactionLogValue, version, value, NUMBER_BYTES)
        state = State(stored.transaction_status)
    except ValueError as fault:
        raise Malformed(f"the record of the transactional id {transactional_id[:80]!r}: {fault}") from None
    partitions = stored.transaction_partitions or []
    return Transaction(
        transactional_id,
        stored.producer_id,
        stored.transaction_timeout_ms,
        stored.transaction_last_update_timestamp_ms,
        state,
        stored.previous_producer_id,
        stored.next_producer_id,
        stored.producer_epoch,
        partitions=tuple(sorted((entry.topic, index) for entry in partitions for index in entry.partition_ids)),
        started_ms=stored.transaction_start_timestamp_ms,
        client_version=stored.client_transaction_version,
    )
