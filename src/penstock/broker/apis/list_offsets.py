"""ListOffsets: the offset at a time, or at one of Kafka's marks.  Source: ListOffsetsRequest v1-11."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Reply
from penstock.broker.session import Session
from penstock.broker.topics import epoch_error
from penstock.log.partition import Partition
from penstock.log.scan import Damaged
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

ListOffsetsResponse = messages.ListOffsetsResponse
TopicAnswer = ListOffsetsResponse.ListOffsetsTopicResponse
PartitionAnswer = ListOffsetsResponse.ListOffsetsPartitionResponse

LATEST = -1
EARLIEST = -2
MAX_TIMESTAMP = -3
EARLIEST_LOCAL = -4
LATEST_TIERED = -5
EARLIEST_PENDING_UPLOAD = -6
# Which version of the request first knew each mark; other negative timestamps are unknown.
MARKS = {
    LATEST: 1,
    EARLIEST: 1,
    MAX_TIMESTAMP: 7,
    EARLIEST_LOCAL: 8,
    LATEST_TIERED: 9,
    EARLIEST_PENDING_UPLOAD: 11,
}
# From this version on the answer has a leader epoch.
EPOCH_VERSION = 4
UNKNOWN_MARK = 1 << 15
CONSUMER = -1
READ_COMMITTED = 1

# (timestamp, offset, leader epoch); a mark that nothing lies at.
Found = tuple[int, int, int]
NOWHERE: Found = (-1, -1, -1)


class ListOffsets:
    """The handler of one broker."""

    __slots__ = ("topics",)

    def __init__(self, broker: "Broker") -> None:
        self.topics = broker.topics

    def handle(self, request: Any, session: Session, now_ms: int) -> Reply:
        """A partition named twice is answered once, with INVALID_REQUEST."""
        counts = Counter((wanted.name, part.partition_index) for wanted in request.topics for part in wanted.partitions)
        topics = []
        for wanted in request.topics:
            answers = []
            for part in wanted.partitions:
                count = counts.pop((wanted.name, part.partition_index), 0)
                if count == 1:
                    answers.append(self._answer(wanted.name, part, request, session.version))
                elif count:
                    answers.append(PartitionAnswer(part.partition_index, KafkaError.INVALID_REQUEST))
            topics.append(TopicAnswer(wanted.name, answers))
        return Reply(ListOffsetsResponse(topics=topics))

    def _answer(self, topic: str, wanted: Any, request: Any, version: int) -> Any:
        index, timestamp = wanted.partition_index, wanted.timestamp
        if timestamp < 0 and version < MARKS.get(timestamp, UNKNOWN_MARK):
            return PartitionAnswer(index, KafkaError.UNSUPPORTED_VERSION)
        partition = self.topics.find(topic, index)
        if partition is None:
            return PartitionAnswer(index, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
        error = partition.offline or epoch_error(partition, wanted.current_leader_epoch)
        if error:
            return PartitionAnswer(index, error)
        end = _end(partition, request)
        try:
            at, offset, epoch = (_at_mark if timestamp < 0 else _at_time)(partition, timestamp, end)
        except (OSError, Damaged):
            return PartitionAnswer(index, KafkaError.KAFKA_STORAGE_ERROR)
        return PartitionAnswer(index, KafkaError.NONE, at, offset, epoch if version >= EPOCH_VERSION else -1)


def _end(partition: Partition, request: Any) -> int:
    """The first offset that this client may not see."""
    if request.replica_id != CONSUMER:
        return partition.next_offset
    if request.isolation_level == READ_COMMITTED:
        return partition.last_stable_offset
    return partition.high_watermark


def _at_mark(partition: Partition, mark: int, end: int) -> Found:
    if mark == LATEST:
        return -1, end, partition.leader_epoch
    if mark in (EARLIEST, EARLIEST_LOCAL):
        return -1, partition.log_start, partition.epoch_at(partition.log_start)
    if mark == MAX_TIMESTAMP:
        offset, timestamp = partition.max_timestamp()
        return (timestamp, offset, partition.epoch_at(offset)) if 0 <= offset < end else NOWHERE
    # Nothing lies in remote storage, and nothing is on its way there.
    return NOWHERE


def _at_time(partition: Partition, timestamp: int, end: int) -> Found:
    """The first record at or after a time, if the client may see it."""
    found = partition.offset_at_time(timestamp)
    if found is None or found[0] >= end:
        return NOWHERE
    return found[1], found[0], partition.epoch_at(found[0])
