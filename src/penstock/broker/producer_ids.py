"""Ids for idempotent producers: none is ever handed out twice, also not after a crash."""

from typing import TYPE_CHECKING

from penstock.kit.refusal import Refused

if TYPE_CHECKING:
    from penstock.broker.controller import Controller


class ProducerIds:
    """Hands out ids from a block that is in the metadata log, and on disk, before its first id is used.

    Whoever keeps an id may be on disk sooner than a record that waits for its turn: a power cut between the two would
    give the id to somebody else as well.

    What is left of a block when the broker ends is lost.
    """

    __slots__ = ("_block", "_controller")

    def __init__(self, controller: "Controller") -> None:
        self._controller = controller
        self._block = iter(range(0))

    def take(self, now_ms: int) -> int | Refused:
        """A new id; refused when no further block could be recorded."""
        producer_id = next(self._block, None)
        if producer_id is not None:
            return producer_id
        block = self._controller.settle(self._controller.metadata.next_producer_ids(), now_ms)
        if isinstance(block, Refused):
            return block
        fault = self._controller.sync_now()
        if fault is not None:
            return fault
        self._block = iter(block)
        return next(self._block)
