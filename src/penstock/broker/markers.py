"""Markers end transactions: the one place where a coordinator writes to the partitions of clients."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from penstock.broker.topics import OFFSETS_TOPIC
from penstock.broker.verification import Place
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.log.transactions import TransactionEnd
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker


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
