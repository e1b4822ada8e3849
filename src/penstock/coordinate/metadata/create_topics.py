"""CreateTopics: which topics come to be, and why the others do not."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from penstock.coordinate.metadata.ids import random_id
from penstock.coordinate.metadata.names import CLUSTER_METADATA, folded, name_fault
from penstock.coordinate.metadata.outcome import MetadataOutcome, TopicCreated
from penstock.coordinate.metadata.placement import copies_fault, factor_fault, numbers_fault, partition_records
from penstock.coordinate.metadata.records import to_bytes
from penstock.coordinate.metadata.settings import ConfigKind
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.coordinate.metadata.commands import Metadata

Response = messages.CreateTopicsResponse
Result = Response.CreatableTopicResult
DEFAULT = -1


def create_topics(metadata: "Metadata", request: Any) -> MetadataOutcome:
    """Every topic alone: those that can be created are, in the request's order.  Source: CreateTopicsRequest v2-7.

    A result without error lacks `configs`, which are the broker's to tell. validate_only: no records, no ids.
    """
    creation = _Creation(metadata)
    counts = Counter(topic.name for topic in request.topics)
    too_many = creation.size_fault(request)
    results = []
    for topic in request.topics:
        times = counts.pop(topic.name, 0)
        if not times:
            continue
        fault = too_many or creation.request_fault(topic.name, times) or creation.fault(topic)
        if fault is not None:
            results.append(Result(name=topic.name, error_code=fault.error, error_message=fault.message))
        else:
            results.append(creation.create(topic))
    reply = Response(topics=results)
    if request.validate_only:
        for result in results:
            result.topic_id = bytes(16)
        return MetadataOutcome(reply)
    return MetadataOutcome(reply, creation.records, creation.changes, metadata.replay, lambda why: _undone(reply, why))


def partitions_wanted(topic: Any, default: int) -> int:
    if topic.assignments:
        return len(topic.assignments)
    return default if topic.num_partitions == DEFAULT else int(topic.num_partitions)


class _Creation:
    """The topics of one request, as far as they were accepted."""

    def __init__(self, metadata: "Metadata") -> None:
        self.metadata = metadata
        self.settings = metadata.settings
        self.records: list[bytes] = []
        self.changes: list[TopicCreated] = []
        self.partitions = 0
        self.taken: dict[str, str] = {}

    def size_fault(self, request: Any) -> Refused | None:
        """One request may not hold up all others."""
        default = self.settings.num_partitions
        total = sum(max(0, partitions_wanted(topic, default)) for topic in request.topics)
        limit = self.settings.request_partitions_max
        if total > limit:
            text = f"the request creates {total} partitions; one request may create {limit}"
            return Refused(KafkaError.POLICY_VIOLATION, text)
        return None

    def request_fault(self, name: str, times: int) -> Refused | None:
        if times > 1:
            text = f"the request names the topic {name!r} {times} times; name it once"
            return Refused(KafkaError.INVALID_REQUEST, text)
        if name == CLUSTER_METADATA:
            text = f"{name} is the log of the cluster itself and cannot be created"
            return Refused(KafkaError.INVALID_REQUEST, text)
        return None

    def fault(self, topic: Any) -> Refused | None:
        """Why the topic cannot be created; in the order in which Kafka looks."""
        return (
            self._name_fault(topic.name)
            or self._configs_fault(topic)
            or (self._assignment_fault(topic) if topic.assignments else self._numbers_fault(topic))
            or self._limit_fault(topic)
        )

    def create(self, topic: Any) -> Any:
        """The result of an accepted topic; its records are added to those of the request."""
        count = partitions_wanted(topic, self.settings.num_partitions)
        topic_id = random_id(self.metadata.dice)
        records = [messages.TopicRecord(name=topic.name, topic_id=topic_id)]
        records += [
            messages.ConfigRecord(resource_type=ConfigKind.TOPIC, resource_name=topic.name, name=name, value=value)
            for name, value in sorted(_configs(topic).items())
        ]
        records += partition_records(self.settings, topic_id, 0, count)
        self.records += map(to_bytes, records)
        self.changes.append(TopicCreated(topic.name))
        self.partitions += count
        self.taken[folded(topic.name)] = topic.name
        return Result(name=topic.name, topic_id=topic_id, num_partitions=count, replication_factor=1)

    def _name_fault(self, name: str) -> Refused | None:
        fault = name_fault(name)
        if fault:
            return Refused(KafkaError.INVALID_TOPIC_EXCEPTION, fault)
        other = self.metadata.colliding(name) or self.taken.get(folded(name))
        if other is not None:
            return Refused(
                KafkaError.INVALID_TOPIC_EXCEPTION,
                f"the topic name {name!r} collides with the existing topic {other!r}: they differ only in '.' and '_'",
            )
        if name in self.metadata.topics:
            return Refused(KafkaError.TOPIC_ALREADY_EXISTS, f"the topic {name!r} already exists")
        return None

    def _configs_fault(self, topic: Any) -> Refused | None:
        for config in topic.configs:
            if config.value is None:
                text = f"topic {topic.name!r}: {config.name} has no value; leave it out to have its default"
                return Refused(KafkaError.INVALID_CONFIG, text)
        configs = _configs(topic)
        return self.metadata.rules.fault(ConfigKind.TOPIC, topic.name, configs) if configs else None

    def _assignment_fault(self, topic: Any) -> Refused | None:
        for given, what in ((topic.replication_factor, "replication factor"), (topic.num_partitions, "partitions")):
            if given != DEFAULT:
                text = f"a manual assignment decides the {what}, which must then be -1, not {given}"
                return Refused(KafkaError.INVALID_REQUEST, text)
        node = self.settings.node_id
        for assignment in topic.assignments:
            fault = copies_fault(node, assignment.partition_index, assignment.broker_ids)
            if fault is not None:
                return fault
        return numbers_fault(assignment.partition_index for assignment in topic.assignments)

    def _numbers_fault(self, topic: Any) -> Refused | None:
        count, factor = topic.num_partitions, topic.replication_factor
        is_factor = factor == DEFAULT or factor > 0
        if is_factor and count != DEFAULT and count < 1:
            text = f"a topic cannot have {count} partitions; expected 1 or more, or -1 for the default"
            return Refused(KafkaError.INVALID_PARTITIONS, text)
        return factor_fault(factor)

    def _limit_fault(self, topic: Any) -> Refused | None:
        wanted = partitions_wanted(topic, self.settings.num_partitions)
        return self.metadata.room_fault(self.partitions + wanted)


def _configs(topic: Any) -> dict[str, str]:
    """Of a name that is given twice the last value counts, as in Kafka."""
    return {config.name: config.value for config in topic.configs}


def _undone(reply: Any, why: Refused) -> Any:
    """The reply when nothing could be written."""
    topics = [
        result
        if result.error_code
        else Result(name=result.name, error_code=why.error, error_message=f"the topic was not created: {why.message}")
        for result in reply.topics
    ]
    return Response(topics=topics)
