"""What a partition knows of its producers: enough to take each batch once, in order, from the latest epoch only.

The rules are those of Kafka's idempotent producer (KIP-98, KIP-360, KIP-890): the last five batches of a producer
are remembered, one that comes again is answered like the first time, any other must begin at the next sequence.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from penstock.kit.refusal import Refused
from penstock.log.producer_census import ProducerCensus
from penstock.log.txn_index import AbortedTransaction
from penstock.protocol.errors import KafkaError
from penstock.records.batch import BatchHeader
from penstock.records.control import ControlType, Marker

# A producer keeps at most five requests in flight, so an older batch cannot come again.
BATCHES_KEPT: Final = 5

# A producer takes about a kilobyte; without a bound, made-up ids would fill the memory.
PRODUCERS_MAX: Final = 100_000

# Of these Kafka forgets the old ones by time, we by number: one is of use for as long as its producer tries again.
ATTEMPTS_MAX: Final = 10_000

_SEQUENCE_MASK: Final = (1 << 31) - 1
_NO_SEQUENCE: Final = -1
_NO_EPOCH: Final = -1
# No batch has this sequence: whoever expects it has each batch looked at closely.
_LOOK_CLOSELY: Final = -2

# Above every offset: no transaction holds back the last stable one.
ALL_STABLE: Final = (1 << 63) - 1
# From this version of transactions on each one has an epoch of its own, and its marker that of the next (KIP-890).
EPOCH_BUMP_VERSION: Final = 2

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

    def recall(self, found: Sequence[SeenBatch]) -> None:
        """Batches of its epoch, in order, that lie in the log up to the last one that is known; their sequences may
        have gaps, and then only what follows the last gap counts.
        """
        if not self.batches or not found or found[-1].last_offset != self.batches[-1].last_offset:
            return
        kept = [found[-1]]
        for batch in reversed(found[:-1]):
            if (batch.last_sequence + 1) & _SEQUENCE_MASK != kept[0].first_sequence or len(kept) == BATCHES_KEPT:
                break
            kept.insert(0, batch)
        self.batches.clear()
        self.batches.extend(kept)

    def enter_epoch(self, epoch: int) -> None:
        """Sequences begin anew in each epoch."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.batches.clear()
            self.expected = _LOOK_CLOSELY


class Producers:
    """The producers of a partition by id; `judge` asks, `commit` and `end_transaction` change.

    first_unstable: where the earliest transaction begins that goes on, or whose marker is not visible yet.
    census: where newcomers are counted, once the partition is in use.
    """

    __slots__ = ("__weakref__", "_attempts", "_ended", "_open", "by_id", "census", "first_unstable")

    def __init__(self, producers: Iterable[Producer] = ()) -> None:
        self.census: ProducerCensus | None = None
        self.by_id = {producer.producer_id: producer for producer in producers}
        # Epoch and lowest sequence of batches that are to be the first ones, by producer, until one is.
        self._attempts: dict[int, tuple[int, int]] = {}
        # First offset and producer of each transaction that goes on, in the order of the log.
        starts = sorted((found.transaction_start, found.producer_id) for found in self.by_id.values())
        self._open = OrderedDict((start, producer_id) for start, producer_id in starts if start >= 0)
        # First and last offset of those that ended, until their end is visible.
        self._ended: deque[tuple[int, int]] = deque()
        self.first_unstable = next(iter(self._open), ALL_STABLE)

    def judge(self, header: BatchHeader) -> SeenBatch | Refused | None:
        """None: append it. A SeenBatch: it is there already, as that one. Else why it may not come in."""
        producer = self.by_id.get(header.producer_id)
        if producer is None:
            # Forgotten or never seen. Its history was forgotten on purpose, so any sequence may begin a new one.
            return self._judge_attempt(header)
        # A coordinator's batches have no sequence; its requests come once, there is nothing to recognise.
        if header.producer_epoch == producer.epoch and header.base_sequence >= 0:
            for batch in producer.batches:
                if batch.first_sequence == header.base_sequence and batch.last_sequence == header.last_sequence:
                    return batch
        if header.producer_epoch < producer.epoch:
            return Refused(
                KafkaError.INVALID_PRODUCER_EPOCH,
                f"producer {producer.producer_id}: epoch {header.producer_epoch} is over, {producer.epoch} began",
            )
        return self._judge_attempt(header) or _judge_order(producer, header)

    def note_attempt(self, header: BatchHeader) -> None:
        """A batch with which a transaction is to begin, or one of a new producer that a failing disk kept out.

        Source: KIP-890, Kafka's VerificationStateEntry.
        """
        epoch, sequence = header.producer_epoch, header.base_sequence
        before = self._attempts.get(header.producer_id, (epoch, sequence))
        if epoch >= before[0]:
            self._attempts[header.producer_id] = epoch, min(sequence, before[1]) if epoch == before[0] else sequence
        if len(self._attempts) > ATTEMPTS_MAX:
            del self._attempts[next(iter(self._attempts))]

    def _judge_attempt(self, header: BatchHeader) -> Refused | None:
        attempt = self._attempts.get(header.producer_id)
        if attempt is None or header.base_sequence <= attempt[1]:
            return None
        return Refused(
            KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
            f"producer {header.producer_id}: sequence {header.base_sequence} is to be the first one, but"
            f" {attempt[1]} was sent before and did not get in",
        )

    def judge_marker(self, header: BatchHeader, marker: Marker, transaction_version: int) -> Refused | None:
        """Why a marker may not come in, None if it may; one that ends nothing may too.

        transaction_version: with which the transaction was written; from 2 on its marker has a newer epoch than its
        records, unless it ended already and the marker comes again. Source: KIP-98, KIP-890, KAFKA-19999.
        """
        producer = self.by_id.get(header.producer_id)
        if producer is None:
            return None
        epoch, current = header.producer_epoch, producer.epoch
        bumped = transaction_version >= EPOCH_BUMP_VERSION and producer.transaction_start >= 0
        if epoch < current or (bumped and epoch == current):
            return Refused(
                KafkaError.INVALID_PRODUCER_EPOCH,
                f"producer {producer.producer_id}: marker of epoch {epoch}, its last epoch is {current}"
                + (", which the marker must exceed" if bumped else ""),
            )
        if marker.coordinator_epoch < producer.coordinator_epoch:
            return Refused(
                KafkaError.TRANSACTION_COORDINATOR_FENCED,
                f"producer {producer.producer_id}: marker of coordinator epoch {marker.coordinator_epoch},"
                f" one of epoch {producer.coordinator_epoch} came before",
            )
        return None

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
            self._attempts.pop(producer_id, None)
        last_sequence = (base_sequence + last_delta) & _SEQUENCE_MASK
        batch = (base_sequence, last_sequence, base_offset, base_offset + last_delta, timestamp)
        producer.batches.append(_new(SeenBatch, batch))
        producer.expected = (last_sequence + 1) & _SEQUENCE_MASK
        producer.last_timestamp = timestamp
        producer.touched_ms = now_ms
        return producer

    def commit_careful(self, header: BatchHeader, base_offset: int, timestamp: int, now_ms: int) -> None:
        """As `commit`, for a batch of a transaction or of a coordinator too."""
        producer = self.commit(
            header.producer_id,
            header.producer_epoch,
            header.base_sequence,
            base_offset,
            header.last_offset_delta,
            timestamp,
            now_ms,
        )
        if header.base_sequence < 0:
            last_offset = base_offset + header.last_offset_delta
            producer.batches[-1] = SeenBatch(_NO_SEQUENCE, _NO_SEQUENCE, base_offset, last_offset, timestamp)
            producer.expected = _LOOK_CLOSELY
        if header.is_transactional:
            self._attempts.pop(header.producer_id, None)
            if producer.transaction_start < 0:
                producer.transaction_start = base_offset
                self._open[base_offset] = producer.producer_id
                self.first_unstable = min(self.first_unstable, base_offset)
            producer.expected = _LOOK_CLOSELY

    def end_transaction(
        self, header: BatchHeader, marker: Marker, offset: int, timestamp: int, now_ms: int
    ) -> AbortedTransaction | None:
        """Notes a commit or abort marker that is in the log now, at `offset`; what it aborted.

        The transaction goes on holding back the last stable offset until `settle`.
        """
        self._attempts.pop(header.producer_id, None)
        aborted = self.aborted_by(header.producer_id, marker, offset)
        producer = self._enter(header.producer_id, header.producer_epoch, now_ms)
        start = producer.transaction_start
        if start >= 0:
            del self._open[start]
            self._ended.append((start, offset))
            producer.transaction_start = -1
        producer.coordinator_epoch = marker.coordinator_epoch
        producer.last_timestamp = timestamp
        producer.touched_ms = now_ms
        return aborted

    def aborted_by(self, producer_id: int, marker: Marker, offset: int) -> AbortedTransaction | None:
        """What the index of aborted transactions will say of a marker at `offset`; None: nothing."""
        producer = self.by_id.get(producer_id)
        if marker.type is not ControlType.ABORT or producer is None or producer.transaction_start < 0:
            return None
        start = producer.transaction_start
        # Of those still open at most the first one is this.
        stable = next((first for first in self._open if first != start), offset + 1)
        return AbortedTransaction(producer_id, start, offset, stable)

    def settle(self, high_watermark: int) -> None:
        """The end of a transaction is visible: from here on it no longer holds back the last stable offset."""
        ended = self._ended
        while ended and ended[0][1] < high_watermark:
            ended.popleft()
        first = next(iter(self._open), ALL_STABLE)
        self.first_unstable = min((first, *(start for start, _ in ended)))

    def first_open_offset(self) -> int | None:
        """Where the oldest transaction that goes on began."""
        return next(iter(self._open), None)

    def has_transaction(self, producer_id: int, epoch: int) -> bool:
        """Whether a transaction of this producer, in this epoch, goes on."""
        producer = self.by_id.get(producer_id)
        return producer is not None and producer.transaction_start >= 0 and producer.epoch == epoch

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
            if self.census is not None:
                self.census.come(self, now_ms)
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
    if sequence < 0:
        expected = sequence
    elif header.producer_epoch != producer.epoch:
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
