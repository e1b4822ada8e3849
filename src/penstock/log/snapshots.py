"""Producers on disk, in Kafka's `.snapshot` format: version 1, CRC-32C of the rest, count, 46 bytes a producer.

Of the remembered batches only the last one is kept. Source: ProducerSnapshot.json of Kafka's storage module.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final

from penstock.log.producers import Producer, SeenBatch
from penstock.records.crc import crc32c

_VERSION: Final = 1
_HEAD: Final = Struct(">hI")  # version, CRC
_COUNT: Final = Struct(">i")
# Producer id, epoch, last sequence, last offset, offsets before it in the batch, timestamp, coordinator epoch,
# first offset of the transaction going on.
_ENTRY: Final = Struct(">qhiqiqiq")

_SEQUENCE_MASK: Final = (1 << 31) - 1


def encode_snapshot(producers: Iterable[Producer]) -> bytes:
    entries = [_entry(producer) for producer in producers]
    body = _COUNT.pack(len(entries)) + b"".join(entries)
    return _HEAD.pack(_VERSION, crc32c(body)) + body


def decode_snapshot(data: bytes) -> list[Producer] | None:
    """The producers, or None when the file is not whole, not sound or of another version."""
    if len(data) < _HEAD.size + _COUNT.size:
        return None
    version, crc = _HEAD.unpack_from(data)
    body = data[_HEAD.size :]
    (count,) = _COUNT.unpack_from(body)
    if version != _VERSION or crc != crc32c(body) or len(body) != _COUNT.size + count * _ENTRY.size:
        return None
    return [_producer(*_ENTRY.unpack_from(body, _COUNT.size + place * _ENTRY.size)) for place in range(count)]


def _entry(producer: Producer) -> bytes:
    last_sequence, last_offset, delta = -1, -1, 0
    if producer.batches:
        batch = producer.batches[-1]
        last_sequence, last_offset = batch.last_sequence, batch.last_offset
        delta = batch.last_offset - batch.base_offset
    return _ENTRY.pack(
        producer.producer_id,
        producer.epoch,
        last_sequence,
        last_offset,
        delta,
        producer.last_timestamp,
        producer.coordinator_epoch,
        producer.transaction_start,
    )


def _producer(
    producer_id: int,
    epoch: int,
    last_sequence: int,
    last_offset: int,
    delta: int,
    timestamp: int,
    coordinator_epoch: int,
    transaction_start: int,
) -> Producer:
    producer = Producer(producer_id, epoch)
    producer.last_timestamp = timestamp
    producer.coordinator_epoch = coordinator_epoch
    producer.transaction_start = transaction_start
    if last_offset >= 0:
        first_sequence = (last_sequence - delta) & _SEQUENCE_MASK
        producer.batches.append(SeenBatch(first_sequence, last_sequence, last_offset - delta, last_offset, timestamp))
        if transaction_start < 0:
            producer.expected = (last_sequence + 1) & _SEQUENCE_MASK
    return producer
