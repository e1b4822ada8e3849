"""WriteTxnMarkers: what a coordinator decided, into the partitions of a transaction.  Source: WriteTxnMarkers v1-2."""

from typing import TYPE_CHECKING, Any

from penstock.broker.markers import Written
from penstock.broker.outcome import Reply, Wait
from penstock.broker.session import Session
from penstock.log.partition import Partition
from penstock.log.transactions import TransactionEnd
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

WriteTxnMarkersResponse = messages.WriteTxnMarkersResponse
MarkerAnswer = WriteTxnMarkersResponse.WritableTxnMarkerResult
TopicAnswer = WriteTxnMarkersResponse.WritableTxnMarkerTopicResult
PartitionAnswer = WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult


class WriteTxnMarkers:
    """The handler of one broker."""

    __slots__ = ("broker",)

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker

    def handle(self, request: Any, session: Session, now_ms: int) -> Reply | Wait:
        """Answered once all markers are on disk, if the broker syncs at all; those of one producer in one answer.

        UNKNOWN_SERVER_ERROR for a producer that cannot be, as Apache Kafka answers it.
        """
        found: dict[int, dict[str, dict[int, KafkaError]]] = {}
        appended: list[Partition] = []
        for marker in request.markers:
            end = TransactionEnd(
                marker.producer_id,
                marker.producer_epoch,
                marker.transaction_result,
                marker.coordinator_epoch,
                marker.transaction_version,
            )
            # A partition that is named twice gets one marker.
            places = dict.fromkeys((topic.name, index) for topic in marker.topics for index in topic.partition_indexes)
            if end.producer_id < 0 or end.producer_epoch < 0:
                written = Written(dict.fromkeys(places, KafkaError.UNKNOWN_SERVER_ERROR), [])
            else:
                written = self.broker.markers.write(end, places, now_ms)
            appended += written.appended
            for (name, index), error in written.errors.items():
                found.setdefault(end.producer_id, {}).setdefault(name, {})[index] = error
        answers = [
            MarkerAnswer(
                producer_id,
                [
                    TopicAnswer(name, [PartitionAnswer(index, error) for index, error in parts.items()])
                    for name, parts in topics.items()
                ],
            )
            for producer_id, topics in found.items()
        ]
        return self.broker.internal.when_on_disk(appended, Reply(WriteTxnMarkersResponse(answers)))
