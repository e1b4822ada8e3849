"""Record batches as scripts name them: by what is in them, and by what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

from penstock.records.batch import build, seal
from penstock.records.codec import Codec
from penstock.records.header import ATTRIBUTES_AT, CONTROL_BIT, CRC_AT
from penstock.records.record import Record

TIMESTAMP_MS = 1_700_000_000_000
_LAST_DELTA_AT, _COUNT_AT, _MAGIC_AT, _LENGTH_AT = 23, 57, 16, 8
_INT32, _INT16 = Struct(">i"), Struct(">h")


def make_batch(wanted: dict[str, Any]) -> bytes:
    """The bytes of a batch.

    wanted: count and size of its records; time: milliseconds after TIMESTAMP_MS, of the first, the others one each
    later; key: whether they have one; codec; producer, epoch, sequence, transactional; damage: a key of DAMAGES.
    """
    key = b"k" if wanted.get("key", True) else None
    start = TIMESTAMP_MS + wanted.get("time", 0)
    value = b"v" * wanted.get("size", 1)
    batch = build(
        [Record(key, value, (), start + place) for place in range(wanted.get("count", 1))],
        codec=Codec(wanted.get("codec", 0)),
        producer_id=wanted.get("producer", -1),
        producer_epoch=_int16(wanted.get("epoch", -1)),
        base_sequence=wanted.get("sequence", -1),
        transactional=wanted.get("transactional", False),
        base_offset=wanted.get("base", 0),
    )
    return bytes(DAMAGES[wanted.get("damage", "none")](batch))


def _int16(number: int) -> int:
    """An epoch one beyond the last is one that the batch can still carry."""
    return max(-1, min(number, 32_767))


def _crc(batch: bytearray) -> bytearray:
    batch[CRC_AT] ^= 0xFF
    return batch


def _magic(magic: int) -> Callable[[bytearray], bytearray]:
    def change(batch: bytearray) -> bytearray:
        batch[_MAGIC_AT] = magic
        return batch

    return change


def _control(batch: bytearray) -> bytearray:
    (attributes,) = _INT16.unpack_from(batch, ATTRIBUTES_AT)
    _INT16.pack_into(batch, ATTRIBUTES_AT, attributes | CONTROL_BIT)
    seal(batch)
    return batch


def _count(batch: bytearray) -> bytearray:
    """More records announced than there are offsets."""
    _INT32.pack_into(batch, _COUNT_AT, _INT32.unpack_from(batch, _COUNT_AT)[0] + 1)
    seal(batch)
    return batch


def _delta(batch: bytearray) -> bytearray:
    """A last offset behind that of the last record."""
    _INT32.pack_into(batch, _LAST_DELTA_AT, _INT32.unpack_from(batch, _LAST_DELTA_AT)[0] + 3)
    seal(batch)
    return batch


def _codec(batch: bytearray) -> bytearray:
    """A compression that nobody knows."""
    batch[ATTRIBUTES_AT + 1] |= 7
    seal(batch)
    return batch


def _longer(batch: bytearray) -> bytearray:
    """More bytes announced than follow."""
    _INT32.pack_into(batch, _LENGTH_AT, len(batch) + 100)
    return batch


DAMAGES: dict[str, Callable[[bytearray], bytes | bytearray]] = {
    "none": lambda batch: batch,
    "crc": _crc,
    "magic 0": _magic(0),
    "magic 1": _magic(1),
    "magic 3": _magic(3),
    "control": _control,
    "count": _count,
    "delta": _delta,
    "codec": _codec,
    "longer": _longer,
    "cut": lambda batch: batch[:-1],
    "header only": lambda batch: batch[:40],
    "nothing": lambda batch: b"",
    "twice": lambda batch: batch + batch,
    "trailing": lambda batch: batch + b"\0\0",
}
