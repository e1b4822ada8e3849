"""Up to where which timestamps reach: some running maxima of a segment, in Kafka's `.timeindex` format.

An entry is 12 bytes, big-endian: the largest timestamp so far (epoch ms), and the last offset of the batch that
brought it, minus the segment's base. Timestamps rise from entry to entry, offsets do not fall.
"""

import sys
from array import array
from bisect import bisect_right
from typing import Final

ENTRY_SIZE: Final = 12

_SWAP: Final = sys.byteorder == "little"


class TimeIndex:
    """Grows at its end only; `saved` counts the entries that are in the file."""

    __slots__ = ("base_offset", "offsets", "saved", "timestamps")

    def __init__(self, base_offset: int) -> None:
        self.base_offset = base_offset
        self.timestamps = array("q")
        self.offsets = array("I")
        self.saved = 0

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def size(self) -> int:
        """Bytes the file has when all is saved; in memory it is about as much."""
        return len(self.offsets) * ENTRY_SIZE

    def add(self, timestamp: int, last_offset: int) -> None:
        """Takes the entry when its timestamp is beyond those before; without one (-1) it never is."""
        if timestamp > (self.timestamps[-1] if self.timestamps else -1):
            self.timestamps.append(timestamp)
            self.offsets.append(last_offset - self.base_offset)

    def floor(self, timestamp: int) -> int:
        """The offset from which to look for records at or after `timestamp`: no earlier one reaches it."""
        at = bisect_right(self.timestamps, timestamp) - 1
        return self.base_offset if at < 0 else self.offsets[at] + self.base_offset

    def last(self) -> tuple[int, int]:
        """(timestamp, offset) of the last entry, (-1, -1) without one."""
        if not self.offsets:
            return -1, -1
        return self.timestamps[-1], self.offsets[-1] + self.base_offset

    def unsaved(self) -> bytes:
        """The entries that are not in the file yet, as it will have them."""
        return self.encode(self.saved)

    def encode(self, first: int = 0) -> bytes:
        """The entries from place `first` on."""
        timestamps, offsets = self.timestamps[first:], self.offsets[first:]
        if _SWAP:
            timestamps.byteswap()
            offsets.byteswap()
        words = array("I", timestamps.tobytes())
        columns = array("I", bytes(len(offsets) * ENTRY_SIZE))
        columns[0::3], columns[1::3], columns[2::3] = words[0::2], words[1::2], offsets
        return columns.tobytes()

    @classmethod
    def decode(cls, base_offset: int, data: bytes) -> "TimeIndex":
        """The entries of a file, without the zeros with which Kafka fills up that of an active segment."""
        columns = array("I", data[: len(data) - len(data) % ENTRY_SIZE])
        words = array("I", bytes(len(columns) // 3 * 8))
        words[0::2], words[1::2] = columns[0::3], columns[1::3]
        index = cls(base_offset)
        index.timestamps, index.offsets = array("q", words.tobytes()), columns[2::3]
        if _SWAP:
            index.timestamps.byteswap()
            index.offsets.byteswap()
        if index.timestamps and index.timestamps[-1] <= (index.timestamps[-2] if len(index) > 1 else 0):
            sound = index._sound()
            del index.timestamps[sound:], index.offsets[sound:]
        index.saved = len(index)
        return index

    def _sound(self) -> int:
        """How many entries, from the first on, rise."""
        timestamp, offset = -1, 0
        for count, (next_timestamp, next_offset) in enumerate(zip(self.timestamps, self.offsets, strict=True)):
            # Timestamp 0 at offset 0 is how an unused entry looks.
            if next_timestamp <= timestamp or next_offset < offset or next_timestamp == next_offset == 0:
                return count
            timestamp, offset = next_timestamp, next_offset
        return len(self)
