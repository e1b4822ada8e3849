"""DeleteTopics: which topics go, by name or by id."""

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from penstock.coordinate.metadata.outcome import MetadataOutcome, TopicDeleted
from penstock.coordinate.metadata.records import to_bytes
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import ZERO_UUID, to_base64

if TYPE_CHECKING:
    from penstock.coordinate.metadata.commands import Metadata
    from penstock.coordinate.metadata.state import Topic

Response = messages.DeleteTopicsResponse
Result = Response.DeletableTopicResult

# From this version on topics may be named by id; from that on there is a code for "not allowed here".
BY_ID_VERSION: Final = 6
DISABLED_VERSION: Final = 3


def delete_topics(metadata: "Metadata", request: Any, version: int) -> MetadataOutcome:
    """Every topic alone; internal topics may be deleted too, as in Kafka.  Source: DeleteTopicsRequest v1-6."""
    wanted = _wanted(request, version)
    if not metadata.settings.delete_topic_enable:
        error = KafkaError.TOPIC_DELETION_DISABLED if version >= DISABLED_VERSION else KafkaError.INVALID_REQUEST
        text = "topics cannot be deleted here: delete.topic.enable is false"
        return MetadataOutcome(Response(responses=[_refused(*pair, Refused(error, text)) for pair in wanted]))
    results, records, changes = [], [], []
    for name, topic_id, topic, fault in _resolved(metadata, wanted):
        if fault is not None or topic is None:
            assert fault is not None, (name, topic_id)
            results.append(_refused(name, topic_id, fault))
            continue
        records.append(to_bytes(messages.RemoveTopicRecord(topic_id=topic.topic_id)))
        changes.append(TopicDeleted(topic.name, topic.topic_id))
        results.append(Result(name=topic.name, topic_id=topic.topic_id))
    reply = Response(responses=results)
    return MetadataOutcome(reply, records, changes, metadata.replay, lambda why: _undone(reply, why))


Pair = tuple[str | None, bytes]


def _wanted(request: Any, version: int) -> list[Pair]:
    if version < BY_ID_VERSION:
        return [(name, ZERO_UUID) for name in request.topic_names]
    return [(topic.name, topic.topic_id) for topic in request.topics]


def _resolved(
    metadata: "Metadata", wanted: list[Pair]
) -> list[tuple[str | None, bytes, "Topic | None", Refused | None]]:
    """Name, id, topic and fault of everything wanted; the same topic, name or id twice is one fault."""
    names = Counter(name for name, _ in wanted if name is not None)
    ids = Counter(topic_id for name, topic_id in wanted if topic_id != ZERO_UUID and name is None)
    resolved = []
    for name, topic_id in dict.fromkeys(wanted):
        topic, fault = _one(metadata, name, topic_id, names, ids)
        resolved.append((name, topic_id, topic, fault))
    return resolved


def _one(
    metadata: "Metadata", name: str | None, topic_id: bytes, names: Counter[str], ids: Counter[bytes]
) -> tuple["Topic | None", Refused | None]:
    invalid = KafkaError.INVALID_REQUEST
    if name is None:
        if topic_id == ZERO_UUID:
            return None, Refused(invalid, "a topic to be deleted has neither name nor id")
        if ids[topic_id] > 1:
            return None, Refused(invalid, f"the request names the topic id {to_base64(topic_id)} more than once")
        topic = metadata.topic_by_id(topic_id)
        if topic is None:
            return None, Refused(KafkaError.UNKNOWN_TOPIC_ID, f"there is no topic with the id {to_base64(topic_id)}")
        if topic.name in names:
            return None, Refused(invalid, f"the request names the topic {topic.name!r} by name and by id")
        return topic, None
    if topic_id != ZERO_UUID:
        return None, Refused(invalid, f"the topic {name!r} is named by name and by id at once; use one of them")
    if names[name] > 1:
        return None, Refused(invalid, f"the request names the topic {name!r} more than once")
    topic = metadata.topic(name)
    if topic is None:
        return None, Refused(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, f"there is no topic {name!r}")
    if ids[topic.topic_id]:
        return None, Refused(invalid, f"the request names the topic {name!r} by name and by id")
    return topic, None


def _refused(name: str | None, topic_id: bytes, fault: Refused) -> Any:
    return Result(name=name, topic_id=topic_id, error_code=fault.error, error_message=fault.message)


def _undone(reply: Any, why: Refused) -> Any:
    fault = Refused(why.error, f"the topic was not deleted: {why.message}")
    return Response(
        responses=[
            result if result.error_code else _refused(result.name, result.topic_id, fault) for result in reply.responses
        ]
    )
