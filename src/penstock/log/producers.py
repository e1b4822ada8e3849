"""What a partition knows of its producers: enough to take each batch once, in order, from the latest epoch only.

The rules are those of Kafka's idempotent producer (KIP-98, KIP-360, KIP-890): the last five batches of a producer
are remembered, one that comes again is answered like the first time, any other must begin at the next sequence.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError
from penstock.records.batch import BatchHeader
from penstock.records.control import Marker

# A producer keeps at most five requests in flight, so an older batch cannot come again.
BATCHES_KEPT: Final = 5

# A producer takes about a kilobyte; without a bound, made-up ids would fill the memory.
PRODUCERS_MAX: Final = 100_000

_SEQUENCE_MASK: Final = (1 << 31) - 1
_NO_SEQUENCE: Final = -1
_NO_EPOCH: Final = -1
# No batch has this sequence: whoever expects it has each batch looked at closely.
_LOOK_CLOSELY: Final = -2

_new = tuple.__new__


class SeenBatch(NamedTuple):
    """A batch of a producer that is in the log."""

    first_sequence: int
    last_sequence: int
    base_offset: int
    last_offset: int
    timestamp: int


class Producer:
    """One producer's standing in the partition.

    expected: the sequence with which a batch is accepted unseen, if its epoch is the producer's.
    transaction_start: first offset of the transaction going on, -1 without one; coordinator_epoch: of the last marker.
    last_timestamp: of its last batch or marker; touched_ms: when it last wrote, by our clock.
    """

    __slots__ = (
        "batches",
        "coordinator_epoch",
        "epoch",
        "expected",
        "last_timestamp",
        "producer_id",
        "touched_ms",
        "transaction_start",
    )

    def __init__(self, producer_id: int, epoch: int) -> None:
        self.producer_id = producer_id
        self.epoch = epoch
        self.expected = _LOOK_CLOSELY
        self.batches: deque[SeenBatch] = deque(maxlen=BATCHES_KEPT)
        self.last_timestamp = -1
        self.touched_ms = 0
        self.coordinator_epoch = -1
        self.transaction_start = -1

    @property
    def last_sequence(self) -> int:
        """Of the last record it wrote in its epoch, -1 when it wrote none."""
        return self.batches[-1].last_sequence if self.batches else _NO_SEQUENCE

    def enter_epoch(self, epoch: int) -> None:
        """Sequences begin anew in each epoch."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.batches.clear()
            self.expected = _LOOK_CLOSELY


class Producers:
    """The producers of a partition by id; `judge` asks, `commit` and `end_transaction` change."""

    __slots__ = ("by_id",)

    def __init__(self, producers: Iterable[Producer] = ()) -> None:
        self.by_id = {producer.producer_id: producer for producer in producers}

    def judge(self, header: BatchHeader) -> SeenBatch | Refused | None:
        """None: append it. A SeenBatch: it is there already, as that one. Else why it may not come in."""
        producer = self.by_id.get(header.producer_id)
        if producer is None:
            # Forgotten or never seen. Its history was forgotten on purpose, so any sequence may begin a new one.
            return None
        # What a coordinator writes for a producer, offsets for one, has no sequence, and may come again.
        has_order = not header.is_control and header.base_sequence != _NO_SEQUENCE
        if has_order and header.producer_epoch == producer.epoch:
            for batch in producer.batches:
                if batch.first_sequence == header.base_sequence and batch.last_sequence == header.last_sequence:
                    return batch
        if header.producer_epoch < producer.epoch:
            return Refused(
                KafkaError.INVALID_PRODUCER_EPOCH,
                f"producer {producer.producer_id}: epoch {header.producer_epoch} is over, {producer.epoch} began",
            )
        return _judge_order(producer, header) if has_order else None

    def commit(
        self,
        producer_id: int,
        epoch: int,
        base_sequence: int,
        base_offset: int,
        last_delta: int,
        timestamp: int,
        now_ms: int,
    ) -> Producer:
        """Notes a batch that is in the log now."""
        producer = self.by_id.get(producer_id)
        if producer is None or producer.epoch != epoch:
            producer = self._enter(producer_id, epoch, now_ms)
        last_sequence = (base_sequence + last_delta) & _SEQUENCE_MASK
        batch = (base_sequence, last_sequence, base_offset, base_offset + last_delta, timestamp)
        producer.batches.append(_new(SeenBatch, batch))
        producer.expected = (last_sequence + 1) & _SEQUENCE_MASK
        producer.last_timestamp = timestamp
        producer.touched_ms = now_ms
        return producer

    def commit_careful(self, header: BatchHeader, base_offset: int, timestamp: int, now_ms: int) -> None:
        """As `commit`, for a batch of a transaction too."""
        if header.base_sequence == _NO_SEQUENCE:
            producer = self._enter(header.producer_id, header.producer_epoch, now_ms)
            producer.last_timestamp = timestamp
            producer.touched_ms = now_ms
        else:
            producer = self.commit(
                header.producer_id,
                header.producer_epoch,
                header.base_sequence,
                base_offset,
                header.last_offset_delta,
                timestamp,
                now_ms,
            )
        if header.is_transactional:
            if producer.transaction_start < 0:
                producer.transaction_start = base_offset
            producer.expected = _LOOK_CLOSELY

    def end_transaction(self, header: BatchHeader, marker: Marker, timestamp: int, now_ms: int) -> None:
        """Notes a commit or abort marker that is in the log now."""
        producer = self._enter(header.producer_id, header.producer_epoch, now_ms)
        producer.transaction_start = -1
        producer.coordinator_epoch = marker.coordinator_epoch
        producer.last_timestamp = timestamp
        producer.touched_ms = now_ms

    def first_open_offset(self) -> int | None:
        """Where the oldest transaction that goes on began: what the last stable offset waits for."""
        starts = [producer.transaction_start for producer in self.by_id.values() if producer.transaction_start >= 0]
        return min(starts, default=None)

    def expire(self, now_ms: int, expiration_ms: int) -> int:
        """Forgets who has written nothing for `expiration_ms`, unless a transaction goes on; how many that were."""
        expired = [
            producer_id
            for producer_id, producer in self.by_id.items()
            if now_ms - producer.touched_ms >= expiration_ms and producer.transaction_start < 0
        ]
        for producer_id in expired:
            del self.by_id[producer_id]
        return len(expired)

    def _enter(self, producer_id: int, epoch: int, now_ms: int) -> Producer:
        producer = self.by_id.get(producer_id)
        if producer is None:
            if len(self.by_id) >= PRODUCERS_MAX:
                self._forget_oldest(now_ms)
            producer = self.by_id[producer_id] = Producer(producer_id, epoch)
        producer.enter_epoch(epoch)
        return producer

    def _forget_oldest(self, now_ms: int) -> None:
        """Makes room by a tenth, so that this work is rare."""
        ages = sorted(now_ms - producer.touched_ms for producer in self.by_id.values())
        self.expire(now_ms, ages[-(PRODUCERS_MAX // 10)])


def _judge_order(producer: Producer, header: BatchHeader) -> Refused | None:
    """Whether the batch continues what the producer wrote; its epoch is not of the past."""
    sequence = header.base_sequence
    if header.producer_epoch != producer.epoch:
        # A producer that was only ever seen through a marker may have lost its history.
        expected = sequence if producer.epoch == _NO_EPOCH else 0
    else:
        expected = (producer.last_sequence + 1) & _SEQUENCE_MASK
    if sequence != expected:
        return Refused(
            KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
            f"producer {producer.producer_id}, epoch {header.producer_epoch}: sequence {sequence}, expected {expected}",
        )
    if producer.transaction_start >= 0 and not header.is_transactional:
        return Refused(
            KafkaError.INVALID_TXN_STATE,
            f"producer {producer.producer_id} has a transaction going on since offset {producer.transaction_start},"
            " the batch is outside of it",
        )
    return None
