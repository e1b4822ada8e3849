"""Which transactions were aborted, in Kafka's `.txnindex` format: a file per segment that holds an abort marker.

An entry is 34 bytes, big-endian: version, producer id, first offset of the transaction, offset of its marker, last
stable offset once the marker was written. Both of the last two rise from entry to entry. Source: KIP-98.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import attrgetter
from struct import Struct
from typing import Final, NamedTuple

_ENTRY: Final = Struct(">hqqqq")
_VERSION: Final = 0

ENTRY_SIZE: Final = _ENTRY.size
# What an entry takes in memory: a tuple of four and its numbers.
MEMORY_SIZE: Final = 224

_last_offset = attrgetter("last_offset")


class AbortedTransaction(NamedTuple):
    """Records of `producer_id` from `first_offset` up to the marker at `last_offset` do not count.

    last_stable_offset: before it no transaction was open any more once the marker was written.
    """

    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


def encode_aborted(entries: Iterable[AbortedTransaction]) -> bytes:
    return b"".join(_ENTRY.pack(_VERSION, *entry) for entry in entries)


def decode_aborted(data: bytes) -> list[AbortedTransaction] | None:
    """The entries of a file; a last one that was not written whole is left out. None for what is not such a file."""
    entries: list[AbortedTransaction] = []
    reached = -1
    for place in range(0, len(data) - ENTRY_SIZE + 1, ENTRY_SIZE):
        version, *fields = _ENTRY.unpack_from(data, place)
        entry = AbortedTransaction(*fields)
        if version != _VERSION or not reached < entry.last_offset or entry.first_offset > entry.last_offset:
            return None
        reached = entry.last_offset
        entries.append(entry)
    return entries


def before(entries: Sequence[AbortedTransaction], offset: int) -> list[AbortedTransaction]:
    """Those whose marker lies before `offset`."""
    return list(entries[: bisect_left(entries, offset, key=_last_offset)])


def collect(entries: Sequence[AbortedTransaction], start: int, end: int, found: list[AbortedTransaction]) -> bool:
    """Adds to `found` those that have records from `start` up to `end`; True when no later entry can have any."""
    for place in range(bisect_left(entries, start, key=_last_offset), len(entries)):
        entry = entries[place]
        if entry.first_offset < end:
            found.append(entry)
        if entry.last_stable_offset >= end:
            return True
    return False
