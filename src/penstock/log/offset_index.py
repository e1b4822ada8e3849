"""Which batch lies where: some offsets of a segment and their positions, in Kafka's `.index` format.

An entry is 8 bytes, big-endian: offset of a batch's last record minus the segment's base, position of the batch.
Offsets and positions rise from entry to entry. In memory the two columns are arrays of the machine's byte order.
"""

import sys
from array import array
from bisect import bisect_left, bisect_right
from typing import Final

ENTRY_SIZE: Final = 8

_SWAP: Final = sys.byteorder == "little"


class OffsetIndex:
    """Grows at its end only, so what was written to the file stays right; `saved` counts those entries."""

    __slots__ = ("base_offset", "offsets", "positions", "saved")

    def __init__(self, base_offset: int) -> None:
        self.base_offset = base_offset
        self.offsets = array("I")
        self.positions = array("I")
        self.saved = 0

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def size(self) -> int:
        """Bytes the file has when all is saved; in memory it is about as much."""
        return len(self.offsets) * ENTRY_SIZE

    def add(self, last_offset: int, position: int) -> None:
        self.offsets.append(last_offset - self.base_offset)
        self.positions.append(position)

    def floor(self, offset: int) -> tuple[int, int]:
        """(last offset, position) of the last entry at or below `offset`; (-1, 0) when the search starts at byte 0."""
        at = bisect_right(self.offsets, max(0, offset - self.base_offset)) - 1
        if at < 0:
            return -1, 0
        return self.offsets[at] + self.base_offset, self.positions[at]

    def next_to(self, offset: int) -> int:
        """Position of the entry that follows one whose batch ends at `offset`; -1 when there are no such two."""
        relative, offsets = offset - self.base_offset, self.offsets
        at = bisect_left(offsets, relative) if relative > 0 else len(offsets)
        return self.positions[at + 1] if at + 1 < len(offsets) and offsets[at] == relative else -1

    def after(self, position: int) -> int | None:
        """The offset of the first entry that lies at or after `position`, None when none does."""
        at = bisect_left(self.positions, position)
        return self.offsets[at] + self.base_offset if at < len(self.offsets) else None

    def back(self, entries: int) -> int:
        """The position of the `entries`th last entry, 0 when there are fewer."""
        return self.positions[-entries] if 0 < entries <= len(self.positions) else 0

    def last(self) -> tuple[int, int]:
        """(last offset, position) of the last entry, (-1, 0) without one."""
        if not self.offsets:
            return -1, 0
        return self.offsets[-1] + self.base_offset, self.positions[-1]

    def unsaved(self) -> bytes:
        """The entries that are not in the file yet, as it will have them."""
        return self.encode(self.saved)

    def encode(self, first: int = 0) -> bytes:
        """The entries from place `first` on."""
        columns = array("I", bytes((len(self) - first) * ENTRY_SIZE))
        columns[0::2] = self.offsets[first:]
        columns[1::2] = self.positions[first:]
        if _SWAP:
            columns.byteswap()
        return columns.tobytes()

    @classmethod
    def decode(cls, base_offset: int, data: bytes, log_size: int) -> "OffsetIndex":
        """The entries of a file, without the zeros with which Kafka fills up that of an active segment.

        log_size: bytes of the segment's log; positions lie below it.
        """
        columns = array("I", data[: len(data) - len(data) % ENTRY_SIZE])
        if _SWAP:
            columns.byteswap()
        index = cls(base_offset)
        index.offsets, index.positions = columns[0::2], columns[1::2]
        # A file whose last entry is sound was closed in order; a wrong one inside shows at its first use.
        if index.positions and not 0 < index.positions[-1] < log_size:
            sound = index._sound(log_size)
            del index.offsets[sound:], index.positions[sound:]
        index.saved = len(index)
        return index

    def _sound(self, log_size: int) -> int:
        """How many entries, from the first on, rise and lie inside the log."""
        offset = position = 0
        for count, (next_offset, next_position) in enumerate(zip(self.offsets, self.positions, strict=True)):
            if not (offset < next_offset and position < next_position < log_size):
                return count
            offset, position = next_offset, next_position
        return len(self)
