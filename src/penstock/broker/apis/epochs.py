"""OffsetForLeaderEpoch: where an epoch ended, for clients that check whether the log was truncated (KIP-320)."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Reply
from penstock.broker.session import Session
from penstock.broker.topics import epoch_error
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

OffsetForLeaderEpochResponse = messages.OffsetForLeaderEpochResponse
TopicAnswer = OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult
PartitionAnswer = OffsetForLeaderEpochResponse.EpochEndOffset


class OffsetForLeaderEpoch:
    """The handler of one broker."""

    __slots__ = ("topics",)

    def __init__(self, broker: "Broker") -> None:
        self.topics = broker.topics

    def handle(self, request: Any, session: Session, now_ms: int) -> Reply:
        return Reply(
            OffsetForLeaderEpochResponse(
                topics=[
                    TopicAnswer(
                        topic=wanted.topic, partitions=[self._answer(wanted.topic, part) for part in wanted.partitions]
                    )
                    for wanted in request.topics
                ]
            )
        )

    def _answer(self, topic: str, wanted: Any) -> Any:
        partition = self.topics.find(topic, wanted.partition)
        if partition is None:
            error = KafkaError.UNKNOWN_TOPIC_OR_PARTITION
        else:
            error = partition.offline or epoch_error(partition, wanted.current_leader_epoch)
        if partition is None or error:
            return PartitionAnswer(error_code=error, partition=wanted.partition)
        epoch, end = partition.epoch_end_offset(wanted.leader_epoch)
        return PartitionAnswer(partition=wanted.partition, leader_epoch=epoch, end_offset=end)
