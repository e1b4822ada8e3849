"""DeleteRecords: moves the log start forward.  Source: DeleteRecordsRequest v0-2."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Reply
from penstock.broker.session import Session
from penstock.coordinate.metadata.names import INTERNAL_TOPICS
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

DeleteRecordsResponse = messages.DeleteRecordsResponse
TopicAnswer = DeleteRecordsResponse.DeleteRecordsTopicResult
PartitionAnswer = DeleteRecordsResponse.DeleteRecordsPartitionResult

HIGH_WATERMARK = -1
NO_WATERMARK = -1


class DeleteRecords:
    """The handler of one broker."""

    __slots__ = ("topics",)

    def __init__(self, broker: "Broker") -> None:
        self.topics = broker.topics

    def handle(self, request: Any, session: Session, now_ms: int) -> Reply:
        """A partition named twice is deleted from once, up to the offset named last, as Kafka does."""
        wanted: dict[str, dict[int, int]] = {}
        for topic in request.topics:
            offsets = wanted.setdefault(topic.name, {})
            for part in topic.partitions:
                offsets[part.partition_index] = part.offset
        return Reply(
            DeleteRecordsResponse(
                topics=[
                    TopicAnswer(name=name, partitions=[self._delete(name, *entry) for entry in offsets.items()])
                    for name, offsets in wanted.items()
                ]
            )
        )

    def _delete(self, topic: str, index: int, offset: int) -> Any:
        partition = self.topics.find(topic, index)
        done = _delete_before(partition, topic, offset)
        if isinstance(done, int):
            return PartitionAnswer(partition_index=index, low_watermark=done)
        return PartitionAnswer(partition_index=index, low_watermark=NO_WATERMARK, error_code=done.error)


def _delete_before(partition: Partition | None, topic: str, offset: int) -> int | Refused:
    """The new log start."""
    if topic in INTERNAL_TOPICS:
        return Refused(KafkaError.INVALID_TOPIC_EXCEPTION, f"records of the internal topic {topic} may not be deleted")
    if partition is None:
        return Refused(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, f"no such partition of {topic}")
    if "delete" not in partition.settings.cleanup_policy:
        return Refused(KafkaError.POLICY_VIOLATION, f"{topic}: cleanup.policy does not have delete")
    if offset == HIGH_WATERMARK:
        offset = partition.high_watermark
    if not 0 <= offset <= partition.high_watermark:
        return Refused(KafkaError.OFFSET_OUT_OF_RANGE, f"offset {offset} is not in 0 to {partition.high_watermark}")
    return partition.delete_records_before(offset)
