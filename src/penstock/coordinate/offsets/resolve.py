"""Topics in offset requests: by name up to some version, by id after it; which of them exist."""

from __future__ import annotations

from typing import NamedTuple

from penstock.coordinate.groups.desk import Topics
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import ZERO_UUID


class Resolved(NamedTuple):
    """A topic by name and id. partition_count: None if any index will do; fault: not NONE if it does not exist."""

    name: str
    topic_id: bytes
    partition_count: int | None
    fault: KafkaError = KafkaError.NONE

    def fault_of(self, partition: int) -> KafkaError:
        if self.fault is not KafkaError.NONE:
            return self.fault
        count = self.partition_count
        if partition < 0 or (count is not None and partition >= count):
            return KafkaError.UNKNOWN_TOPIC_OR_PARTITION
        return KafkaError.NONE


def by_name(topics: Topics | None, name: str) -> Resolved:
    if topics is None:
        return Resolved(name, ZERO_UUID, None)
    count = topics.partition_count(name)
    if count is None:
        return Resolved(name, ZERO_UUID, 0, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
    return Resolved(name, topics.id_of(name) or ZERO_UUID, count)


def by_id(topics: Topics | None, topic_id: bytes) -> Resolved:
    name = None if topics is None else topics.name_of(topic_id)
    if topics is None or name is None:
        return Resolved("", topic_id, 0, KafkaError.UNKNOWN_TOPIC_ID)
    return Resolved(name, topic_id, topics.partition_count(name))
