"""What a command on a group answers: records to append, and the replies that depend on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from penstock.kit.refusal import Refused

Message = Any  # a response message, or one of its structs
Record = tuple[bytes, bytes | None]
Then = Callable[[int | Refused], "Outcome"]


class Pending(NamedTuple):
    """A reply that comes later, in `done` of some outcome, under this ticket."""

    ticket: int


class Outcome:
    """One command's effect. With records it is a proposal: nothing counts until `settle`.

    partition: of `__consumer_offsets`, where all records go; reply: a message, Pending, or None when nobody asked;
    done: replies of earlier requests, by ticket; producer_id and producer_epoch: not -1 for transactional commits.
    """

    __slots__ = ("_then", "done", "partition", "producer_epoch", "producer_id", "records", "reply")

    def __init__(
        self,
        reply: Message | Pending | None = None,
        done: dict[int, Message] | None = None,
        partition: int = -1,
        records: list[Record] | None = None,
        then: Then | None = None,
    ) -> None:
        assert (then is None) == (not records), "records need a continuation, and only records do"
        self.reply = reply
        self.done: dict[int, Message] = done if done is not None else {}
        self.partition = partition
        self.records: list[Record] = records if records is not None else []
        self.producer_id = -1
        self.producer_epoch = -1
        self._then = then

    def settle(self, append: Callable[[Outcome], int | Refused]) -> Outcome:
        """The final outcome, with no records left: applied when `append` gave an offset, undone when it refused."""
        outcome = self
        while outcome._then is not None:
            then, outcome._then = outcome._then, None
            outcome = then(append(outcome))
        return outcome

    def __repr__(self) -> str:
        return f"Outcome({self.reply!r}, done={self.done!r}, partition={self.partition}, {len(self.records)} records)"
