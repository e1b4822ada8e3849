"""DescribeProducers: who writes to a partition, and whose transaction goes on.  Source: DescribeProducersRequest v0."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Reply
from penstock.broker.session import Session
from penstock.coordinate.metadata.names import name_fault
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

DescribeProducersResponse = messages.DescribeProducersResponse
TopicAnswer = DescribeProducersResponse.TopicResponse
PartitionAnswer = DescribeProducersResponse.PartitionResponse
ProducerState = DescribeProducersResponse.ProducerState


class DescribeProducers:
    """The handler of one broker."""

    __slots__ = ("topics",)

    def __init__(self, broker: "Broker") -> None:
        self.topics = broker.topics

    def handle(self, request: Any, session: Session, now_ms: int) -> Reply:
        topics = [
            TopicAnswer(wanted.name, [self._describe(wanted.name, index) for index in wanted.partition_indexes])
            for wanted in request.topics
        ]
        return Reply(DescribeProducersResponse(topics=topics))

    def _describe(self, topic: str, index: int) -> Any:
        partition = self.topics.find(topic, index)
        if partition is None:
            if fault := name_fault(topic):
                return PartitionAnswer(index, KafkaError.INVALID_TOPIC_EXCEPTION, fault)
            text = None if topic in self.topics.by_name else f"there is no topic {topic}"
            return PartitionAnswer(index, KafkaError.UNKNOWN_TOPIC_OR_PARTITION, text)
        found = partition.producers()
        if partition.offline is not None:
            return PartitionAnswer(index, partition.offline, partition.offline_reason)
        producers = [
            ProducerState(
                producer.producer_id,
                producer.epoch,
                producer.last_sequence,
                producer.last_timestamp,
                producer.coordinator_epoch,
                producer.transaction_start,
            )
            for producer in found
        ]
        return PartitionAnswer(index, KafkaError.NONE, active_producers=producers)
