"""How a transaction ends in a partition: the order to write a marker, and the marker as a batch."""

from typing import NamedTuple

from penstock.records.batch import BatchHeader, read_header
from penstock.records.control import ControlType, Marker, build_marker


class TransactionEnd(NamedTuple):
    """What a transaction coordinator decided about the transaction of a producer.

    producer_epoch: as of the marker; transaction_version: of the feature `transaction.version` with which the
    transaction was written, 0 when not said; from 2 on the marker's epoch exceeds that of the records (KIP-890).
    """

    producer_id: int
    producer_epoch: int
    commit: bool
    coordinator_epoch: int
    transaction_version: int = 0


def marker_batch(end: TransactionEnd, now_ms: int) -> tuple[memoryview, BatchHeader, Marker]:
    """The control batch, still without a place in the log."""
    marker = Marker(ControlType.COMMIT if end.commit else ControlType.ABORT, end.coordinator_epoch)
    batch = memoryview(build_marker(marker, end.producer_id, end.producer_epoch, now_ms))
    return batch, read_header(batch), marker
