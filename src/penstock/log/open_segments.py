"""Which segments have a file open: a bound on descriptors and on index memory, however many partitions there are."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from penstock.kit.clock import Clock
from penstock.kit.files import Files
from penstock.log.housekeeping import Rubbish
from penstock.log.producer_census import ProducerCensus

if TYPE_CHECKING:
    from penstock.log.segment import Segment


class OpenSegments:
    """A ring of open segments; when it is full, one that nobody used since it was last looked at lets go.

    A second-chance queue: an append sets one flag and moves nothing, which a true LRU would have to.
    segments_max: files open at once; index_bytes_max: memory for the indexes of sealed segments.
    """

    __slots__ = ("_ring", "index_bytes", "index_bytes_max", "segments_max")

    def __init__(self, segments_max: int = 1000, index_bytes_max: int = 64 << 20) -> None:
        assert segments_max > 0, segments_max
        self.segments_max = segments_max
        self.index_bytes_max = index_bytes_max
        self.index_bytes = 0
        self._ring: OrderedDict[Segment, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ring)

    def add(self, segment: Segment) -> None:
        """The segment has opened its file, or holds the indexes of a sealed one."""
        segment.used = True
        self._ring[segment] = None
        self._trim()

    def remove(self, segment: Segment) -> None:
        """The segment is gone, and with it its place."""
        self._ring.pop(segment, None)

    def _trim(self) -> None:
        # Twice around at most: the first round may do no more than take the flags away.
        for _ in range(2 * len(self._ring)):
            if len(self._ring) <= self.segments_max and self.index_bytes <= self.index_bytes_max:
                return
            segment = next(iter(self._ring))
            if segment.used:
                segment.used = False
                self._ring.move_to_end(segment)
            else:
                del self._ring[segment]
                segment.release()


class Ground(NamedTuple):
    """What all partitions of one log directory stand on."""

    files: Files
    clock: Clock
    open_segments: OpenSegments
    rubbish: Rubbish
    producers: ProducerCensus
