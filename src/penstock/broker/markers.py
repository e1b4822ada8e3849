"""The end of a transaction, written to its partitions: the one place where the coordinator touches their logs."""

from typing import TYPE_CHECKING

from penstock.broker.topics import OFFSETS_TOPIC
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol.errors import KafkaError
from penstock.records.control import ControlType, Marker, build_marker
from penstock.records.header import read_header

if TYPE_CHECKING:
    from penstock.broker.core import Broker


def write_marker(
    broker: "Broker",
    partition: Partition,
    producer: tuple[int, int],
    commit: bool,
    coordinator_epoch: int,
    transaction_version: int,
    now_ms: int,
) -> Refused | None:
    """Ends the transaction of `producer` (id, epoch) in a partition, and wakes who waits for that.

    Written once more than needed it does no harm. Errors: those of `Partition.append`.
    """
    kind = ControlType.COMMIT if commit else ControlType.ABORT
    batch = build_marker(Marker(kind, coordinator_epoch), *producer, now_ms)
    done = partition.append(memoryview(batch), read_header(batch), now_ms)
    if isinstance(done, Refused):
        return done
    if partition.topic == OFFSETS_TOPIC:
        broker.coordinator.groups.transaction_ended(partition.index, producer[0], commit)
    if partition.settings.durable:
        broker.to_sync.add(partition)
    else:
        broker.waiting.wake(partition)
    return None


def is_final(refused: Refused) -> bool:
    """Whether asking again would change nothing: the partition has seen a later epoch of the producer, so the
    transaction has an end there.  Source: TransactionMarkerRequestCompletionHandler.
    """
    return refused.error in (KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.TRANSACTION_COORDINATOR_FENCED)
