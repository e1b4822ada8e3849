"""CreatePartitions.  Source: CreatePartitionsRequest v0-3."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session

if TYPE_CHECKING:
    from penstock.broker.core import Broker


class CreatePartitions:
    """The handler of one broker."""

    __slots__ = ("controller",)

    def __init__(self, broker: "Broker") -> None:
        self.controller = broker.controller

    def handle(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Answered when the partitions are there."""
        reply = self.controller.settle(self.controller.metadata.create_partitions(request), now_ms)
        return self.controller.when_on_disk(Reply(reply))
