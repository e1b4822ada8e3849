"""The topics this broker serves, with their partitions: what Produce and Fetch look up for every request."""

from collections.abc import Iterator

from penstock.broker.metrics import Metrics
from penstock.coordinate.metadata.names import CLUSTER_METADATA, INTERNAL_TOPICS
from penstock.log.partition import Partition
from penstock.log.settings import LogSettings
from penstock.protocol.errors import KafkaError
from penstock.records.codec import Codec

OFFSETS_TOPIC = "__consumer_offsets"
TRANSACTIONS_TOPIC = "__transaction_state"
SHARE_STATE_TOPIC = "__share_group_state"
METADATA_TOPIC = CLUSTER_METADATA

_CODECS = {codec.name.lower(): codec for codec in Codec} | {"uncompressed": Codec.NONE}


class ServedTopic:
    """One topic and its open partitions.

    partitions: by index, without gaps; recode: the codec every batch is turned into (compression.type), None to take it
    as it came, and recode_level: how much effort that may be, None for the codec's default; keyed: whether records
    without a key are refused (cleanup.policy has compact); opaque: neither of the two, so that no batch has to be
    opened; durable: whether appends count only once they are on disk.
    """

    __slots__ = (
        "counters",
        "durable",
        "is_internal",
        "keyed",
        "max_batch_bytes",
        "name",
        "opaque",
        "partitions",
        "recode",
        "recode_level",
        "settings",
        "topic_id",
    )

    def __init__(self, name: str, topic_id: bytes, metrics: Metrics) -> None:
        self.name = name
        self.topic_id = topic_id
        self.is_internal = name in INTERNAL_TOPICS
        self.partitions: list[Partition] = []
        self.counters = metrics.topic(name)

    def configure(self, settings: LogSettings, recode_level: int | None) -> None:
        """Takes new settings, for the partitions that are open and for those still to come."""
        self.settings = settings
        self.recode_level = recode_level
        self.durable = settings.durable
        self.max_batch_bytes = settings.max_message_bytes
        self.keyed = "compact" in settings.cleanup_policy
        self.recode = _CODECS.get(settings.compression_type)
        self.opaque = not self.keyed and self.recode is None
        for partition in self.partitions:
            partition.settings = settings


class Topics:
    """All served topics, by name and by id. version: grows with every change, so that who keeps a lookup can tell."""

    __slots__ = ("by_id", "by_name", "metrics", "version")

    def __init__(self, metrics: Metrics) -> None:
        self.by_name: dict[str, ServedTopic] = {}
        self.by_id: dict[bytes, ServedTopic] = {}
        self.metrics = metrics
        self.version = 0

    def add(self, name: str, topic_id: bytes) -> ServedTopic:
        """A topic to be configured and given partitions by the caller."""
        topic = ServedTopic(name, topic_id, self.metrics)
        self.by_name[name] = topic
        self.by_id[topic_id] = topic
        self.version += 1
        return topic

    def extend(self, topic: ServedTopic, partition: Partition) -> None:
        """Adds the topic's next partition."""
        assert partition.index == len(topic.partitions), (topic.name, partition.index)
        partition.settings = topic.settings
        topic.partitions.append(partition)
        self.version += 1

    def remove(self, name: str) -> ServedTopic | None:
        topic = self.by_name.pop(name, None)
        if topic is not None:
            del self.by_id[topic.topic_id]
            self.metrics.forget_topic(name)
            self.version += 1
        return topic

    def find(self, name: str, index: int) -> Partition | None:
        """A partition by topic name, None when the broker has no such topic or no such index in it."""
        topic = self.by_name.get(name)
        if topic is None or not 0 <= index < len(topic.partitions):
            return None
        return topic.partitions[index]

    # What coordinators ask about topics.

    def partition_count(self, name: str) -> int | None:
        topic = self.by_name.get(name)
        return None if topic is None else len(topic.partitions)

    def name_of(self, topic_id: bytes) -> str | None:
        topic = self.by_id.get(topic_id)
        return None if topic is None else topic.name

    def id_of(self, name: str) -> bytes | None:
        topic = self.by_name.get(name)
        return None if topic is None else topic.topic_id

    def names(self) -> Iterator[str]:
        yield from self.by_name

    def partitions(self) -> Iterator[Partition]:
        for topic in self.by_name.values():
            yield from topic.partitions


def epoch_error(partition: Partition, leader_epoch: int) -> KafkaError:
    """What a client learns whose idea of the leader epoch is not ours; NONE when it has none (-1).  Source: KIP-320."""
    if leader_epoch < 0 or leader_epoch == partition.leader_epoch:
        return KafkaError.NONE
    if leader_epoch < partition.leader_epoch:
        return KafkaError.FENCED_LEADER_EPOCH
    return KafkaError.UNKNOWN_LEADER_EPOCH
