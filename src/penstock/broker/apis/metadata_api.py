"""Metadata, DescribeTopicPartitions and DescribeCluster: which topics there are, and who serves them: this broker."""

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from penstock.broker.authorized import CLUSTER_OPERATIONS, NOT_ASKED, TOPIC_OPERATIONS
from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.broker.topics import ServedTopic
from penstock.coordinate.metadata.names import INTERNAL_TOPICS, is_topic_name
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import ZERO_UUID

if TYPE_CHECKING:
    from penstock.broker.core import Broker

MetadataResponse = messages.MetadataResponse
TopicAnswer = MetadataResponse.MetadataResponseTopic
PartitionAnswer = MetadataResponse.MetadataResponsePartition
BrokerAnswer = MetadataResponse.MetadataResponseBroker

DescribeTopicPartitionsResponse = messages.DescribeTopicPartitionsResponse
DescribedTopic = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic
DescribedPartition = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition
Cursor = DescribeTopicPartitionsResponse.Cursor

DescribeClusterResponse = messages.DescribeClusterResponse

# Metadata: from this version on null asks for all topics and [] for none; from that on ids may be asked for.
NULL_IS_ALL_VERSION = 1
TOPIC_ID_VERSION = 12
BROKERS = 1
CONTROLLERS = 2


class Metadata:
    """The handler of Metadata.  Source: MetadataRequest v0-13."""

    __slots__ = ("broker", "topics")

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker
        self.topics = broker.topics

    def handle(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Unknown topics are created on the way when the client and auto.create.topics.enable allow it."""
        broker, wanted = self.broker, request.topics
        if wanted is None or (not wanted and session.version < NULL_IS_ALL_VERSION):
            answers = [self._topic(topic) for topic in self.topics.by_name.values()]
            return Reply(self._response(answers, request, session))
        if session.version < TOPIC_ID_VERSION and any(
            topic.name is None or topic.topic_id != ZERO_UUID for topic in wanted
        ):
            return Reply(self._refused(wanted))
        ids = {topic.topic_id: None for topic in wanted if topic.topic_id != ZERO_UUID}
        if ids:
            return Reply(self._response([self._by_id(topic_id) for topic_id in ids], request, session))
        names = list(dict.fromkeys(topic.name for topic in wanted))
        missing = [name for name in names if name not in self.topics.by_name]
        faults = self._create(missing, now_ms) if missing and request.allow_auto_topic_creation else {}
        answers = [self._by_name(name, faults) for name in names]
        reply = Reply(self._response(answers, request, session))
        return broker.controller.when_on_disk(reply) if missing else reply

    def _create(self, names: list[str], now_ms: int) -> dict[str, KafkaError]:
        """Creates topics that a client named; internal ones come with the settings that they need."""
        if not self.broker.settings.auto_create_topics_enable:
            return {}
        return self.broker.controller.create(names, now_ms)

    def _by_id(self, topic_id: bytes) -> Any:
        topic = self.topics.by_id.get(topic_id)
        if topic is not None:
            return self._topic(topic)
        return TopicAnswer(error_code=KafkaError.UNKNOWN_TOPIC_ID, name=None, topic_id=topic_id)

    def _by_name(self, name: str | None, faults: dict[str, KafkaError]) -> Any:
        topic = self.topics.by_name.get(name or "")
        if topic is not None:
            return self._topic(topic)
        error = faults.get(name or "") or name_error(name)
        return TopicAnswer(error_code=error, name=name, is_internal=name in INTERNAL_TOPICS)

    def _topic(self, topic: ServedTopic) -> Any:
        node = self.broker.settings.node_id
        return TopicAnswer(
            name=topic.name,
            topic_id=topic.topic_id,
            is_internal=topic.is_internal,
            partitions=[_partition(PartitionAnswer, partition, node) for partition in topic.partitions],
        )

    def _response(self, answers: list[Any], request: Any, session: Session) -> Any:
        broker = self.broker
        settings = broker.settings
        host, port = broker.endpoint(session.listener)
        if request.include_topic_authorized_operations:
            for answer in answers:
                answer.topic_authorized_operations = TOPIC_OPERATIONS
        cluster_operations = CLUSTER_OPERATIONS if request.include_cluster_authorized_operations else NOT_ASKED
        return MetadataResponse(
            brokers=[BrokerAnswer(settings.node_id, host, port, settings.broker_rack)],
            cluster_id=broker.cluster_id,
            controller_id=settings.node_id,
            topics=answers,
            cluster_authorized_operations=cluster_operations,
        )

    def _refused(self, wanted: list[Any]) -> Any:
        error = KafkaError.INVALID_REQUEST
        answers = [TopicAnswer(error, topic.name or "", topic.topic_id) for topic in wanted]
        return MetadataResponse(topics=answers, error_code=error)


class DescribeTopicPartitions:
    """The handler of DescribeTopicPartitions: topics by name, in pages.  Source: KIP-966."""

    __slots__ = ("broker", "partitions_max", "topics")

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker
        self.topics = broker.topics
        self.partitions_max = broker.settings.max_request_partition_size_limit

    def handle(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """No topics named: all of them. The page begins at the cursor, the next cursor is where it ended."""
        cursor = request.cursor
        if cursor is not None and cursor.partition_index < 0:
            error = KafkaError.INVALID_REQUEST
            answers = [DescribedTopic(error, topic.name) for topic in request.topics]
            return Reply(DescribeTopicPartitionsResponse(topics=answers))
        names = sorted({topic.name for topic in request.topics} or self.topics.by_name)
        first = 0
        if cursor is not None:
            del names[: bisect_left(names, cursor.topic_name)]
            first = cursor.partition_index if names[:1] == [cursor.topic_name] else 0
        left = max(1, min(request.response_partition_limit, self.partitions_max))
        answers, following = self._page(names, first, left)
        return Reply(DescribeTopicPartitionsResponse(topics=answers, next_cursor=following))

    def _page(self, names: list[str], first: int, left: int) -> tuple[list[Any], Any]:
        node = self.broker.settings.node_id
        answers: list[Any] = []
        for name in names:
            if left <= 0:
                return answers, Cursor(name, 0)
            topic = self.topics.by_name.get(name)
            if topic is None:
                error = name_error(name)
                answers.append(DescribedTopic(error, name, topic_authorized_operations=TOPIC_OPERATIONS))
                continue
            end = first + left
            page = [_partition(DescribedPartition, partition, node) for partition in topic.partitions[first:end]]
            for partition in page:
                partition.eligible_leader_replicas = partition.last_known_elr = []
            answers.append(DescribedTopic(0, name, topic.topic_id, topic.is_internal, page, TOPIC_OPERATIONS))
            if end < len(topic.partitions):
                return answers, Cursor(name, end)
            left -= len(page)
            first = 0
        return answers, None


class DescribeCluster:
    """The handler of DescribeCluster.  Source: KIP-700, KIP-919, KIP-1073."""

    __slots__ = ("broker",)

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker

    def handle(self, request: Any, session: Session, now_ms: int) -> Reply:
        broker = self.broker
        settings = broker.settings
        kind = request.endpoint_type
        if kind != BROKERS:
            error = KafkaError.MISMATCHED_ENDPOINT_TYPE if kind == CONTROLLERS else KafkaError.UNSUPPORTED_ENDPOINT_TYPE
            text = f"endpoint type {kind} was asked for; this is a broker, type {BROKERS}"
            return Reply(DescribeClusterResponse(error_code=error, error_message=text, endpoint_type=BROKERS))
        host, port = broker.endpoint(session.listener)
        return Reply(
            DescribeClusterResponse(
                cluster_id=broker.cluster_id,
                controller_id=settings.node_id,
                brokers=[
                    DescribeClusterResponse.DescribeClusterBroker(settings.node_id, host, port, settings.broker_rack)
                ],
                cluster_authorized_operations=(
                    CLUSTER_OPERATIONS if request.include_cluster_authorized_operations else NOT_ASKED
                ),
            )
        )


def name_error(name: str | None) -> KafkaError:
    """Why there is no topic of that name: because there cannot be one, or because nobody created it."""
    possible = name is not None and is_topic_name(name)
    return KafkaError.UNKNOWN_TOPIC_OR_PARTITION if possible else KafkaError.INVALID_TOPIC_EXCEPTION


def _partition(answer: type, partition: Any, node: int) -> Any:
    """A partition of a Metadata or DescribeTopicPartitions answer: this broker leads it unless its disk failed."""
    nodes = [node]
    if partition.offline is None:
        return answer(
            partition_index=partition.index,
            leader_id=node,
            leader_epoch=partition.leader_epoch,
            replica_nodes=nodes,
            isr_nodes=nodes,
        )
    return answer(
        error_code=KafkaError.LEADER_NOT_AVAILABLE,
        partition_index=partition.index,
        leader_id=-1,
        leader_epoch=partition.leader_epoch,
        replica_nodes=nodes,
        isr_nodes=nodes,
        offline_replicas=nodes,
    )
