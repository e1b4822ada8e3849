"""Which leader epoch began at which offset; clients find out from it whether a log was cut behind their back."""

from bisect import bisect_left, bisect_right
from typing import Final

NONE: Final = -1


class Epochs:
    """Epochs and their first offsets, both rising. Source: KIP-101, KIP-320."""

    __slots__ = ("epochs", "starts")

    def __init__(self, entries: list[tuple[int, int]]) -> None:
        self.epochs = [epoch for epoch, _ in entries]
        self.starts = [start for _, start in entries]

    @property
    def latest(self) -> int:
        return self.epochs[-1] if self.epochs else NONE

    def entries(self) -> list[tuple[int, int]]:
        return list(zip(self.epochs, self.starts, strict=True))

    def begin(self, epoch: int, offset: int) -> bool:
        """Notes that records from `offset` on are of `epoch`; False when that was known or is of the past."""
        if epoch <= self.latest:
            return False
        # An epoch in which nothing was written leaves no trace.
        self.cut_from(offset)
        self.epochs.append(epoch)
        self.starts.append(offset)
        return True

    def at(self, offset: int) -> int:
        """The epoch of the record at `offset`, -1 when unknown."""
        place = bisect_right(self.starts, offset) - 1
        return self.epochs[place] if place >= 0 else NONE

    def end_offset(self, epoch: int, log_end: int) -> tuple[int, int]:
        """(largest epoch not above the one asked for, offset after its last record), (-1, -1) when unknown.

        Source: OffsetForLeaderEpoch v4. An epoch older than all gives itself and the first offset known.
        """
        if epoch == NONE or epoch > self.latest:
            return NONE, NONE
        if epoch == self.latest:
            return epoch, log_end
        place = bisect_right(self.epochs, epoch)
        return self.epochs[place - 1] if place else epoch, self.starts[place]

    def cut_from(self, offset: int) -> bool:
        """Forgets epochs that begin at `offset` or after; True when there were any."""
        place = bisect_left(self.starts, offset)
        cut = place < len(self.starts)
        del self.epochs[place:], self.starts[place:]
        return cut

    def cut_before(self, offset: int) -> bool:
        """Forgets epochs that ended before `offset`, the log's new start; True when something changed."""
        place = bisect_right(self.starts, offset) - 1
        if place < 0 or (place == 0 and self.starts[0] == offset):
            return False
        del self.epochs[:place], self.starts[:place]
        self.starts[0] = offset
        return True
