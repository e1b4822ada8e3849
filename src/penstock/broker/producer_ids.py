"""Ids for idempotent producers: none is ever handed out twice, also not after a crash."""

from typing import TYPE_CHECKING

from penstock.kit.refusal import Refused

if TYPE_CHECKING:
    from penstock.broker.controller import Controller


class ProducerIds:
    """Hands out ids from a block that was recorded in the metadata log before its first id is used.

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
        self._block = iter(block)
        return next(self._block)
