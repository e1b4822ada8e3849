"""DescribeLogDirs: how much disk each partition takes.  Source: DescribeLogDirsRequest v1-5, KIP-827."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Reply
from penstock.broker.session import Session
from penstock.log.partition import Partition
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

Response = messages.DescribeLogDirsResponse
Result = Response.DescribeLogDirsResult
TopicAnswer = Response.DescribeLogDirsTopic
PartitionAnswer = Response.DescribeLogDirsPartition

UNKNOWN_BYTES = -1


class DescribeLogDirs:
    """The handler of one broker: it has one directory."""

    __slots__ = ("log", "topics")

    def __init__(self, broker: "Broker") -> None:
        self.log = broker.log
        self.topics = broker.topics

    def handle(self, request: Any, session: Session, now_ms: int) -> Reply:
        """Topics null: all of them. What does not exist is left out, as Kafka does."""
        sizes: dict[str, list[Any]] = {}
        for partition in self._wanted(request.topics):
            if partition.offline is None:
                answers = sizes.setdefault(partition.topic, [])
                answers.append(PartitionAnswer(partition.index, partition.size_bytes, 0, False))
        total, usable = self._space()
        return Reply(
            Response(
                results=[
                    Result(
                        error_code=KafkaError.KAFKA_STORAGE_ERROR if usable == UNKNOWN_BYTES else KafkaError.NONE,
                        log_dir=self.log.path,
                        topics=[TopicAnswer(name, partitions) for name, partitions in sizes.items()],
                        total_bytes=total,
                        usable_bytes=usable,
                    )
                ]
            )
        )

    def _wanted(self, topics: list[Any] | None) -> Iterator[Partition]:
        if topics is None:
            yield from self.topics.partitions()
            return
        wanted: dict[str, dict[int, None]] = {}
        for topic in topics:
            wanted.setdefault(topic.topic, {}).update(dict.fromkeys(topic.partitions))
        for name, indexes in wanted.items():
            for index in indexes:
                partition = self.topics.find(name, index)
                if partition is not None:
                    yield partition

    def _space(self) -> tuple[int, int]:
        """Total and usable bytes of the file system; unknown when it does not answer."""
        files, path = self.log.files, self.log.path
        try:
            return files.total_bytes(path), files.free_bytes(path)
        except OSError:
            return UNKNOWN_BYTES, UNKNOWN_BYTES
