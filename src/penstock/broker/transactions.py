"""What partitions have to do with transactions: batches are verified before they are appended, markers end them.

The transaction coordinator is not here: it gives `Broker.verify_transaction`, and has markers written by `Markers`.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from penstock.broker.topics import OFFSETS_TOPIC
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.log.transactions import TransactionEnd
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

Place = tuple[str, int]  # topic and partition index


class Claim(NamedTuple):
    """A producer says that these partitions are part of its transaction, where none of it goes on yet.

    may_add: the coordinator adds those that are not (Produce v12+, transactions of version 2); else it only looks.
    """

    transactional_id: str
    producer_id: int
    producer_epoch: int
    places: list[Place]
    may_add: bool


class Verdict(NamedTuple):
    """What the coordinator says of a claim.

    errors: by place, as AddPartitionsToTxn has them; a place that is not in it is part of the transaction.
    written: the partition of `__transaction_state` that got a record, None if none did: acks=all waits for it too.
    """

    errors: dict[Place, KafkaError]
    written: Partition | None = None


Verify = Callable[[Claim, int], Verdict]  # the claim, and now in epoch milliseconds


def nobody_knows(claim: Claim, now_ms: int) -> Verdict:
    """The verdict as long as there is no coordinator: what one says of a transactional id it never heard of."""
    return Verdict(dict.fromkeys(claim.places, KafkaError.INVALID_PRODUCER_ID_MAPPING))


class Written(NamedTuple):
    """What became of a marker in each place. appended: the partitions that got it, to wait for if it must be safe."""

    errors: dict[Place, KafkaError]
    appended: list[Partition]


class Markers:
    """Writes the markers that end a transaction into partitions of this broker."""

    __slots__ = ("_broker",)

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker

    def write(self, end: TransactionEnd, places: Iterable[Place], now_ms: int) -> Written:
        """One marker into each of `places`; who waits for them is woken, groups learn what their offsets became.

        Errors by place: NONE, UNKNOWN_TOPIC_OR_PARTITION, INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED,
        KAFKA_STORAGE_ERROR. In durable mode the markers are not on disk yet when this returns:
        `internal.when_on_disk(written.appended, reply)` holds a reply until they are.
        """
        errors: dict[Place, KafkaError] = {}
        appended = []
        for place in places:
            partition = self._broker.topics.find(*place)
            if partition is None:
                errors[place] = KafkaError.UNKNOWN_TOPIC_OR_PARTITION
                continue
            done = partition.end_transaction(end, now_ms)
            if isinstance(done, Refused):
                errors[place] = KafkaError(done.error)
                continue
            errors[place] = KafkaError.NONE
            appended.append(partition)
            self._appended(partition, end)
        return Written(errors, appended)

    def _appended(self, partition: Partition, end: TransactionEnd) -> None:
        broker = self._broker
        if partition.topic == OFFSETS_TOPIC:
            broker.coordinator.groups.transaction_ended(partition.index, end.producer_id, end.commit)
        if partition.settings.durable:
            broker.to_sync.add(partition)
        else:
            broker.waiting.wake(partition)
