"""The one class that the broker talks to: what is true of the cluster, and the commands that change it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from penstock.coordinate.metadata.alter_configs import alter_configs, alter_configs_incrementally
from penstock.coordinate.metadata.create_partitions import create_partitions
from penstock.coordinate.metadata.create_topics import create_topics
from penstock.coordinate.metadata.delete_topics import delete_topics
from penstock.coordinate.metadata.outcome import MetadataOutcome
from penstock.coordinate.metadata.records import to_bytes
from penstock.coordinate.metadata.settings import ConfigKind, ConfigRules, MetadataSettings
from penstock.coordinate.metadata.state import State
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

PRODUCER_ID_MAX: Final = (1 << 63) - 1
# How many ids one record gives out; a crash loses at most so many.  Source: Kafka's ProducerIdsBlock.
PRODUCER_ID_BLOCK: Final = 1_000

GROUP_ID_LENGTH_MAX: Final = 4_096


class Metadata(State):
    """State and commands. Commands change nothing: `outcome.settle(append)` does, and the outcome has the reply."""

    def __init__(self, settings: MetadataSettings, rules: ConfigRules, dice: Callable[[int], bytes]) -> None:
        super().__init__()
        self.settings = settings
        self.rules = rules
        self.dice = dice

    def create_topics(self, request: Any) -> MetadataOutcome:
        return create_topics(self, request)

    def delete_topics(self, request: Any, version: int) -> MetadataOutcome:
        return delete_topics(self, request, version)

    def create_partitions(self, request: Any) -> MetadataOutcome:
        return create_partitions(self, request)

    def alter_configs(self, request: Any) -> MetadataOutcome:
        return alter_configs(self, request)

    def alter_configs_incrementally(self, request: Any) -> MetadataOutcome:
        return alter_configs_incrementally(self, request)

    def set_features(self, levels: Mapping[str, int]) -> MetadataOutcome:
        """Finalizes feature levels, for a new cluster; a level of 0 removes the feature. Reply: None, or Refused."""
        records = [
            to_bytes(messages.FeatureLevelRecord(name=name, feature_level=level))
            for name, level in sorted(levels.items())
            if self.features.get(name, 0) != level
        ]
        return MetadataOutcome(None, records, (), self.replay, _as_it_is)

    def next_producer_ids(self) -> MetadataOutcome:
        """A block of ids that nobody had before. Reply: range, or Refused."""
        first = self.next_producer_id
        if first > PRODUCER_ID_MAX - PRODUCER_ID_BLOCK:
            return MetadataOutcome(Refused(KafkaError.UNKNOWN_SERVER_ERROR, "all producer ids were given out"))
        after = first + PRODUCER_ID_BLOCK
        record = messages.ProducerIdsRecord(broker_id=self.settings.node_id, broker_epoch=0, next_producer_id=after)
        return MetadataOutcome(range(first, after), [to_bytes(record)], (), self.replay, _as_it_is)

    def room_fault(self, partitions: int) -> Refused | None:
        """Why so many more partitions are too many."""
        limit = self.settings.partitions_max
        if self.partition_count + partitions > limit:
            text = f"there are {self.partition_count} partitions, {partitions} more would exceed the limit of {limit}"
            return Refused(KafkaError.POLICY_VIOLATION, text)
        return None

    def resource_fault(self, kind: ConfigKind, name: str) -> Refused | None:
        """Why there is nothing of this kind and name to be configured."""
        invalid = KafkaError.INVALID_REQUEST
        if kind is ConfigKind.TOPIC:
            if not name:
                return Refused(
                    invalid, "topics have no common defaults of their own; name a topic, or set the broker's"
                )
            if name not in self.topics:
                return Refused(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, f"there is no topic {name!r}")
        elif kind is ConfigKind.GROUP:
            if not 0 < len(name) <= GROUP_ID_LENGTH_MAX:
                return Refused(invalid, f"a group's name has 1 to {GROUP_ID_LENGTH_MAX} characters, not {len(name)}")
        elif name not in ("", str(self.settings.node_id)):
            return Refused(
                invalid,
                f"there is no broker {name!r}; expected {str(self.settings.node_id)!r}, or '' for the defaults of all",
            )
        return None


def _as_it_is(why: Refused) -> Refused:
    return why
