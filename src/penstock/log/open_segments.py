"""Which segments have a file open: a bound on descriptors and on index memory, however many partitions there are."""

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.log.segment import Segment


class OpenSegments:
    """A ring of open segments; when it is full, one that nobody used since it was last looked at is closed.

    The ring is a second-chance queue: an append sets one flag and moves nothing, which a true LRU would have to.
    segments_max: files open at once; index_bytes_max: memory for the indexes of closed-off segments.
    """

    __slots__ = ("_ring", "index_bytes", "index_bytes_max", "segments_max")

    def __init__(self, segments_max: int = 1000, index_bytes_max: int = 64 << 20) -> None:
        assert segments_max > 0, segments_max
        self.segments_max = segments_max
        self.index_bytes_max = index_bytes_max
        self.index_bytes = 0
        self._ring: deque[Segment] = deque()

    def __len__(self) -> int:
        return len(self._ring)

    def add(self, segment: "Segment") -> None:
        """The segment has just opened its file, or loaded its indexes into memory."""
        if segment not in self._ring_of(segment):
            self._ring.append(segment)
        self.trim()
