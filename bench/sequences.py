"""The channel of an idempotent producer: every batch that leaves has the next sequence number of its partition.

A batch's CRC covers its sequence. CRCs are linear over exclusive or, so the CRC for another sequence is that for
sequence 0 with the effects of the sequence's bits on it: two look-ups, whatever the size of the batch.
"""

from struct import Struct

from bench.channel import Channel
from bench.wire import Stream
from penstock.records.crc import crc32c
from penstock.records.header import ATTRIBUTES_AT, CRC_AT

PRODUCER_ID_AT, SEQUENCE_AT = 43, 53
SEQUENCE_MAX = (1 << 31) - 1
_PRODUCER = Struct(">qhi")

_pack_producer = _PRODUCER.pack_into
_pack_crc = Struct(">I").pack_into
_pack_sequence = Struct(">i").pack_into


def stamp(batch: bytes, producer_id: int, epoch: int, sequence: int = 0) -> bytes:
    """The same batch from this producer."""
    stamped = bytearray(batch)
    _pack_producer(stamped, PRODUCER_ID_AT, producer_id, epoch, sequence)
    _pack_crc(stamped, CRC_AT, crc32c(memoryview(stamped)[ATTRIBUTES_AT:]))
    return bytes(stamped)


class Checksums:
    """What a sequence changes in the CRC of `batch`, the same for every producer id: low half, high half."""

    def __init__(self, batch: bytes) -> None:
        changed = bytearray(batch)
        view = memoryview(changed)[ATTRIBUTES_AT:]
        _pack_sequence(changed, SEQUENCE_AT, 0)
        zero = crc32c(view)
        effects = []
        for bit in range(31):
            _pack_sequence(changed, SEQUENCE_AT, 1 << bit)
            effects.append(crc32c(view) ^ zero)
        self.low = _combined(effects[:16])
        self.high = _combined(effects[16:])


def _combined(effects: list[int]) -> list[int]:
    """The effect of every number of so many bits."""
    found = [0]
    for effect in effects:
        found += [effect ^ other for other in found]
    return found


class IdempotentChannel(Channel):
    """`stream` holds batches that `stamp` made with sequence 0, so many requests that a whole window fits.

    batch: one of them; partitions: which the requests go to, in turn; records: how many a batch has.
    """

    def __init__(
        self,
        address: tuple[str, int],
        stream: Stream,
        batch: bytes,
        partitions: int,
        records: int,
        checksums: Checksums,
    ) -> None:
        super().__init__(address, stream)
        self._stamped = bytearray(stream.requests)
        self._requests = memoryview(self._stamped)
        self._batch_at = stream.requests.index(batch)
        self._crc = int.from_bytes(batch[CRC_AT : CRC_AT + 4], "big")
        self._partitions, self._records = partitions, records
        self._low, self._high = checksums.low, checksums.high
        self._next = 0
        # The first pass too: only the first batch of each partition has sequence 0.
        self._stamp(stream.count)

    def send(self, limit: int, now: float) -> None:
        # A place in the stream is free again once its last request has left whole, and a window is never longer.
        free = self.sent // self._request_size + self.stream.count
        assert limit <= free, (limit, free)
        self._stamp(limit)
        super().send(limit, now)

    def _stamp(self, limit: int) -> None:
        """Gives the requests up to number `limit` their sequences."""
        stamped, size, count = self._stamped, self._request_size, self.stream.count
        low, high = self._low, self._high
        partitions, records, crc = self._partitions, self._records, self._crc
        crc_at, sequence_at = self._batch_at + CRC_AT, self._batch_at + SEQUENCE_AT
        for number in range(self._next, limit):
            sequence = number // partitions * records & SEQUENCE_MAX
            at = number % count * size
            _pack_crc(stamped, crc_at + at, crc ^ low[sequence & 0xFFFF] ^ high[sequence >> 16])
            _pack_sequence(stamped, sequence_at + at, sequence)
        self._next = max(self._next, limit)
