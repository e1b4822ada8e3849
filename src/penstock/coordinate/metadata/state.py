"""The metadata of one cluster: what is true after the records so far. Only `replay` changes it."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from penstock.coordinate.metadata.names import INTERNAL_TOPICS, folded
from penstock.coordinate.metadata.records import PASSED_OVER, MetadataError, from_bytes
from penstock.coordinate.metadata.settings import ConfigKind
from penstock.protocol.primitives import to_base64

Configs = dict[str, str]


class Topic:
    """One topic. partitions: how many; configs: its own, by name, as they were given."""

    __slots__ = ("configs", "internal", "name", "partitions", "topic_id")

    def __init__(self, name: str, topic_id: bytes, configs: Configs) -> None:
        self.name = name
        self.topic_id = topic_id
        self.partitions = 0
        self.configs = configs
        self.internal = name in INTERNAL_TOPICS

    def __repr__(self) -> str:
        return f"Topic({self.name!r}, {to_base64(self.topic_id)}, partitions={self.partitions}, {self.configs})"


class State:
    """Topics, configs, features and producer ids.

    topics: by name; partition_count: of all topics together; configs: those of their own, by kind and name (brokers are
    named by node id, "" holds the defaults of all brokers); features: levels by name; next_producer_id: the first
    that was not given out.
    """

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self.partition_count = 0
        self.configs: dict[ConfigKind, dict[str, Configs]] = {kind: {} for kind in ConfigKind}
        self.features: dict[str, int] = {}
        self.next_producer_id = 0
        self._by_id: dict[bytes, Topic] = {}
        # Names that may not be taken any more, by what they collide in.
        self._folded: dict[str, set[str]] = {}

    def topic(self, name: str) -> Topic | None:
        return self.topics.get(name)

    def topic_by_id(self, topic_id: bytes) -> Topic | None:
        return self._by_id.get(topic_id)

    def colliding(self, name: str) -> str | None:
        """A topic whose name differs from `name` only in '.' and '_'."""
        others = self._folded.get(folded(name), set()) - {name}
        return min(others) if others else None

    def configs_of(self, kind: ConfigKind, name: str) -> Configs:
        """The resource's own configs; empty when it has none."""
        return self.configs[kind].get(name, {})

    def replay(self, data: bytes) -> None:
        """Applies one record of the log. Error: MetadataError."""
        record = from_bytes(data)
        _REPLAY[record.DEFINITION.name](self, record)

    def replay_all(self, records: Iterable[bytes]) -> None:
        for record in records:
            self.replay(record)

    # One method for each record that is kept.

    def _topic(self, record: Any) -> None:
        name = record.name
        if name in self.topics:
            raise MetadataError(f"the metadata log creates the topic {name!r} a second time")
        # Kafka's order allows configs before their topic.
        topic = Topic(name, record.topic_id, self.configs[ConfigKind.TOPIC].setdefault(name, {}))
        self.topics[name] = topic
        self._by_id[topic.topic_id] = topic
        self._folded.setdefault(folded(name), set()).add(name)

    def _partition(self, record: Any) -> None:
        topic = self._known(record.topic_id, "a partition")
        if record.partition_id != topic.partitions:
            raise MetadataError(
                f"the metadata log adds partition {record.partition_id} to {topic.name!r}, expected {topic.partitions}"
            )
        topic.partitions += 1
        self.partition_count += 1

    def _partition_change(self, record: Any) -> None:
        """Leaders and copies: on one node nothing of it can be different from before."""
        self._known(record.topic_id, "a change of a partition")

    def _remove_topic(self, record: Any) -> None:
        topic = self._known(record.topic_id, "the deletion")
        del self.topics[topic.name], self._by_id[topic.topic_id]
        self.configs[ConfigKind.TOPIC].pop(topic.name, None)
        self.partition_count -= topic.partitions
        alike = self._folded[folded(topic.name)]
        alike.discard(topic.name)
        if not alike:
            del self._folded[folded(topic.name)]

    def _config(self, record: Any) -> None:
        try:
            resources = self.configs[ConfigKind(record.resource_type)]
        except ValueError:
            # Kafka's client metrics: nothing here would use them.
            return
        configs = resources.setdefault(record.resource_name, {})
        if record.value is None:
            configs.pop(record.name, None)
        else:
            configs[record.name] = record.value
        # A topic's dictionary is shared with its Topic and stays as long as that does.
        if not configs and not (record.resource_type == ConfigKind.TOPIC and record.resource_name in self.topics):
            del resources[record.resource_name]

    def _feature(self, record: Any) -> None:
        if record.feature_level:
            self.features[record.name] = record.feature_level
        else:
            self.features.pop(record.name, None)

    def _producer_ids(self, record: Any) -> None:
        self.next_producer_id = record.next_producer_id

    def _nothing(self, record: Any) -> None:
        pass

    def _known(self, topic_id: bytes, what: str) -> Topic:
        topic = self._by_id.get(topic_id)
        if topic is None:
            raise MetadataError(
                f"the metadata log has {what} of the topic id {to_base64(topic_id)}, which no topic has"
            )
        return topic


_REPLAY: Final[dict[str, Callable[[State, Any], None]]] = {
    "TopicRecord": State._topic,
    "PartitionRecord": State._partition,
    "PartitionChangeRecord": State._partition_change,
    "RemoveTopicRecord": State._remove_topic,
    "ConfigRecord": State._config,
    "FeatureLevelRecord": State._feature,
    "ProducerIdsRecord": State._producer_ids,
    **{name: State._nothing for name in PASSED_OVER},
}
