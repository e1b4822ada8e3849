"""The one way in which state machines write: a batch into an internal partition, the reply once it is safe there."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Hangup, Reply, Wait
from penstock.broker.waiting import FOREVER_MS
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol.errors import KafkaError
from penstock.records.batch import build, check_stored, walk
from penstock.records.codec import Codec
from penstock.records.fault import BatchError
from penstock.records.header import BatchHeader, read_header
from penstock.records.record import Record, decode_records

if TYPE_CHECKING:
    from penstock.broker.core import Broker

Pair = tuple[bytes | None, bytes | None]

# One read while loading; a batch is read whole even when larger.
READ_BYTES = 1 << 20
UNPACKED_BYTES_MAX = 128 << 20


class InternalLog:
    """Appends for one broker; in durable mode it notes what must be synced and holds replies until it is."""

    __slots__ = ("to_sync", "wake")

    def __init__(self, broker: "Broker") -> None:
        self.to_sync = broker.to_sync
        self.wake = broker.waiting.wake

    def append(
        self,
        partition: Partition | None,
        pairs: Sequence[Pair],
        now_ms: int,
        codec: Codec = Codec.NONE,
        producer: tuple[int, int] = (-1, -1),
    ) -> int | Refused:
        """The offset of the first of `pairs` (key, value); all or none of them are written.

        producer: id and epoch of a transaction's producer. Pairs too many for one batch are refused like a record
        too large: MESSAGE_TOO_LARGE; the caller halves them where a half is useful.
        """
        if partition is None:
            return Refused(KafkaError.COORDINATOR_NOT_AVAILABLE, "the internal topic has no such partition")
        producer_id, producer_epoch = producer
        batch = build(
            [Record(key, value, (), now_ms) for key, value in pairs],
            codec=codec,
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            transactional=producer_id >= 0,
        )
        if len(batch) > partition.settings.max_message_bytes:
            limit = partition.settings.max_message_bytes
            text = f"{partition.topic}-{partition.index}: {len(pairs)} records take {len(batch)} bytes of {limit}"
            return Refused(KafkaError.MESSAGE_TOO_LARGE, text)
        done = partition.append(memoryview(batch), read_header(batch), now_ms)
        if isinstance(done, Refused):
            return done
        if partition.settings.durable:
            self.to_sync.add(partition)
        else:
            self.wake(partition)
        return done.base_offset

    def when_on_disk(self, partitions: Iterable[Partition | None], reply: Reply) -> Reply | Wait:
        """The reply once all that was appended to `partitions` so far is visible: at once, or when on disk."""
        pending = [(p, p.next_offset) for p in partitions if p is not None and p.high_watermark < p.next_offset]
        if not pending:
            return reply
        held = _Held(pending, reply)
        return Wait(frozenset(partition for partition, _ in pending), FOREVER_MS, held.ready, held.ready)


class _Held:
    """A reply that must not leave before its records are safe. pending: partitions and the offsets they must reach."""

    __slots__ = ("pending", "reply")

    def __init__(self, pending: list[tuple[Partition, int]], reply: Reply) -> None:
        self.pending = pending
        self.reply = reply

    def ready(self) -> Any:
        """A disk that fails leaves open whether the records are there: the client learns neither, it is cut off."""
        for partition, _ in self.pending:
            if partition.offline is not None:
                return Hangup(f"{partition.topic}-{partition.index} failed before its records were on disk")
        self.pending = [entry for entry in self.pending if entry[0].high_watermark < entry[1]]
        return None if self.pending else self.reply


def read_all(partition: Partition) -> Iterator[tuple[BatchHeader, list[Record]]]:
    """Every batch of a partition with its records, from the log start on. Control batches are among them.

    Errors: OSError, and BatchError (a ValueError), when the log cannot be read or is not what it should be.
    """
    if partition.offline is not None:
        # One that could not even be opened has no offsets, which must not be taken for a log that is empty.
        raise OSError(f"{partition.topic}-{partition.index} is offline: {partition.offline_reason}")
    offset = partition.log_start
    while offset < partition.high_watermark:
        plan = partition.read_plan(offset, READ_BYTES, False, True)
        if isinstance(plan, Refused):
            raise OSError(f"{partition.topic}-{partition.index} cannot be read at offset {offset}: {plan.message}")
        start = offset
        for header, batch in walk(plan.slice.read()):
            checked = check_stored(batch)
            if isinstance(checked, Refused):
                # After a clean shutdown nobody has looked at these bytes yet, and what is replayed is believed.
                raise BatchError(checked.error, f"{partition.topic}-{partition.index}: {checked.message}")
            yield header, decode_records(batch, UNPACKED_BYTES_MAX)
            offset = header.next_offset
        if offset == start:
            return
