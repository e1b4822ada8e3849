"""Ids for idempotent producers: no id is ever handed out twice, also not after a crash."""

from typing import TYPE_CHECKING

from penstock.kit.refusal import Refused

if TYPE_CHECKING:
    from penstock.broker.controller import Controller

# Ids reserved with one record; those left of a block are lost when the broker ends.  Source: ProducerIdsBlock.
BLOCK_SIZE = 1_000


class ProducerIds:
    """Hands out ids from a block that was recorded in the metadata log before its first id is used."""

    __slots__ = ("_controller", "_end", "_next")

    def __init__(self, controller: "Controller") -> None:
        self._controller = controller
        self._next = self._end = 0

    def take(self, now_ms: int) -> int | Refused:
        """A new id; refused when no further block could be recorded."""
        if self._next == self._end:
            first = self._controller.reserve_producer_ids(BLOCK_SIZE, now_ms)
            if isinstance(first, Refused):
                return first
            self._next, self._end = first, first + BLOCK_SIZE
        self._next += 1
        return self._next - 1
