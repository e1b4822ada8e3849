"""What a metadata command answers: records to append, the reply that depends on them, and what will have changed."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from penstock.kit.refusal import Refused


class TopicCreated(NamedTuple):
    """A topic with all its partitions is there."""

    name: str


class PartitionsAdded(NamedTuple):
    """A topic grew. first: the lowest new partition."""

    name: str
    first: int


class TopicDeleted(NamedTuple):
    """A topic is gone; its logs are the broker's to remove."""

    name: str
    topic_id: bytes


class TopicConfigured(NamedTuple):
    """A topic's own configs are others than before."""

    name: str


class BrokerConfigured(NamedTuple):
    """Dynamic broker configs are others than before. name: a node id, or "" for the defaults of all brokers."""

    name: str


class GroupConfigured(NamedTuple):
    """A group's own configs are others than before."""

    name: str


Change = TopicCreated | PartitionsAdded | TopicDeleted | TopicConfigured | BrokerConfigured | GroupConfigured

Append = Callable[["MetadataOutcome"], int | Refused]
Replay = Callable[[bytes], None]
# The reply for the case that the records could not be appended.
Refusal = Callable[[Refused], Any]


class MetadataOutcome:
    """One command's effect. With records it is a proposal: nothing counts until `settle`.

    records: framed values for `__cluster_metadata-0`, without keys, to be appended all or none, so in one batch;
    reply: a message; changes: what is different once the records are replayed, in order.
    """

    __slots__ = ("_refusal", "_replay", "changes", "records", "reply")

    def __init__(
        self,
        reply: Any,
        records: Sequence[bytes] = (),
        changes: Sequence[Change] = (),
        replay: Replay | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        assert not records or (replay is not None and refusal is not None), "records need somebody to replay them"
        self.reply = reply
        self.records = list(records)
        self.changes = list(changes)
        self._replay = replay
        self._refusal = refusal

    def settle(self, append: Append) -> "MetadataOutcome":
        """The final outcome: applied when `append` gave an offset; no changes and another reply when it refused."""
        if not self.records:
            return self
        assert self._replay is not None
        assert self._refusal is not None
        done = append(self)
        if isinstance(done, Refused):
            return MetadataOutcome(self._refusal(done))
        for record in self.records:
            self._replay(record)
        return MetadataOutcome(self.reply, (), self.changes)

    def __repr__(self) -> str:
        return f"MetadataOutcome({self.reply!r}, {len(self.records)} records, changes={self.changes!r})"
