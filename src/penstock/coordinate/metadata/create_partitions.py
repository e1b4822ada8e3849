"""CreatePartitions: topics grow, and never shrink."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from penstock.coordinate.metadata.outcome import MetadataOutcome, PartitionsAdded
from penstock.coordinate.metadata.placement import copies_fault, partition_records
from penstock.coordinate.metadata.records import to_bytes
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.coordinate.metadata.commands import Metadata

Response = messages.CreatePartitionsResponse
Result = Response.CreatePartitionsTopicResult


def create_partitions(metadata: "Metadata", request: Any) -> MetadataOutcome:
    """Every topic alone.  Source: CreatePartitionsRequest v0-3."""
    growth = _Growth(metadata)
    counts = Counter(topic.name for topic in request.topics)
    results = []
    for topic in request.topics:
        times = counts.pop(topic.name, 0)
        if not times:
            continue
        fault = growth.grow(topic, times)
        error, text = (fault.error, fault.message) if fault is not None else (KafkaError.NONE, None)
        results.append(Result(name=topic.name, error_code=error, error_message=text))
    reply = Response(results=results)
    if request.validate_only:
        return MetadataOutcome(reply)
    return MetadataOutcome(reply, growth.records, growth.changes, metadata.replay, lambda why: _undone(reply, why))


class _Growth:
    """The new partitions of one request, as far as they were accepted."""

    def __init__(self, metadata: "Metadata") -> None:
        self.metadata = metadata
        self.settings = metadata.settings
        self.records: list[bytes] = []
        self.changes: list[PartitionsAdded] = []
        self.partitions = 0

    def grow(self, wanted: Any, times: int) -> Refused | None:
        """Adds the records for one topic, or says why not."""
        if times > 1:
            text = f"the request names the topic {wanted.name!r} {times} times; name it once"
            return Refused(KafkaError.INVALID_REQUEST, text)
        topic = self.metadata.topic(wanted.name)
        if topic is None:
            return Refused(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, f"there is no topic {wanted.name!r}")
        added = wanted.count - topic.partitions
        fault = (
            _count_fault(topic.name, topic.partitions, wanted.count)
            or self._assignment_fault(wanted, topic.partitions, added)
            or self._size_fault(added)
        )
        if fault is not None:
            return fault
        first = topic.partitions
        self.records += map(to_bytes, partition_records(self.settings, topic.topic_id, first, added))
        self.changes.append(PartitionsAdded(topic.name, first))
        self.partitions += added
        return None

    def _assignment_fault(self, wanted: Any, first: int, added: int) -> Refused | None:
        if wanted.assignments is None:
            return None
        if len(wanted.assignments) != added:
            text = f"{added} partitions are to be added and {len(wanted.assignments)} are assigned; expected as many"
            return Refused(KafkaError.INVALID_REPLICA_ASSIGNMENT, text)
        for partition, assignment in enumerate(wanted.assignments, start=first):
            fault = copies_fault(self.settings.node_id, partition, assignment.broker_ids)
            if fault is not None:
                return fault
        return None

    def _size_fault(self, added: int) -> Refused | None:
        total = self.partitions + added
        limit = self.settings.request_partitions_max
        if total > limit:
            text = f"the request adds {total} partitions; one request may add {limit}"
            return Refused(KafkaError.POLICY_VIOLATION, text)
        return self.metadata.room_fault(total)


def _count_fault(name: str, has: int, wanted: int) -> Refused | None:
    if wanted == has:
        return Refused(KafkaError.INVALID_PARTITIONS, f"the topic {name!r} already has {has} partitions")
    if wanted < has:
        text = f"the topic {name!r} has {has} partitions, and {wanted} would be fewer; partitions can only be added"
        return Refused(KafkaError.INVALID_PARTITIONS, text)
    return None


def _undone(reply: Any, why: Refused) -> Any:
    text = f"the partitions were not added: {why.message}"
    return Response(
        results=[
            result if result.error_code else Result(name=result.name, error_code=why.error, error_message=text)
            for result in reply.results
        ]
    )
