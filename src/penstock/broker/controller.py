"""The metadata of this broker: `coordinate.metadata` decides, `__cluster_metadata-0` remembers, the logs follow."""

import logging
from typing import TYPE_CHECKING, Any

from penstock.broker.internal import read_all
from penstock.broker.outcome import Reply, Wait
from penstock.broker.topics import METADATA_TOPIC, OFFSETS_TOPIC, ServedTopic
from penstock.coordinate.metadata.commands import Metadata
from penstock.coordinate.metadata.outcome import (
    BrokerConfigured,
    Change,
    MetadataOutcome,
    PartitionsAdded,
    TopicConfigured,
    TopicCreated,
    TopicDeleted,
)
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.log.settings import LogSettings
from penstock.protocol import messages

if TYPE_CHECKING:
    from penstock.broker.core import Broker

log = logging.getLogger("penstock.broker")

CreateTopicsRequest = messages.CreateTopicsRequest
CreatableTopic = CreateTopicsRequest.CreatableTopic

# Records are never deleted from the metadata log, and one command's are one batch: 10,000 partitions are about 1 MB.
_METADATA_SETTINGS = {
    "cleanup_policy": frozenset(),
    "retention_ms": -1,
    "max_message_bytes": 64 << 20,
    "message_timestamp_after_max_ms": (1 << 63) - 1,
}


class StartError(RuntimeError):
    """The data cannot be used as it is; the text says what to do."""


class Controller:
    """Runs the commands of `Metadata` and brings topics and logs in line with what they changed.

    partition: the metadata log.
    """

    __slots__ = ("_broker", "metadata", "partition")

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self.metadata: Metadata
        self.partition: Partition

    def load(self, now_ms: int) -> None:
        """Replays the metadata log and opens, creates or removes logs until they are those of the topics."""
        broker = self._broker
        key = (METADATA_TOPIC, 0)
        settings = LogSettings(durable=broker.settings.durable, **_METADATA_SETTINGS)
        found = broker.log.partitions.get(key)
        if found is None and broker.log.partitions:
            names = sorted({topic for topic, _ in broker.log.partitions})
            raise StartError(
                f"{broker.settings.log_dir} holds {len(names)} topics ({', '.join(names[:3])}, ...) but no "
                f"{METADATA_TOPIC}-0, which says what they are; start with an empty directory, or bring that one back"
            )
        self.partition = found or broker.log.create(METADATA_TOPIC, 0, broker.config.metadata_topic_id, settings)
        self.partition.settings = settings
        self.metadata = Metadata(broker.config.metadata_settings(), broker.config.rules, broker.dice)
        for _, records in read_all(self.partition):
            for record in records:
                if record.value is not None:
                    self.metadata.replay(record.value)
        if not self.metadata.features:
            self.commit(self.metadata.set_features(FEATURES), now_ms)
        broker.config.replayed(self.metadata)
        self._adopt_logs()

    def commit(self, outcome: MetadataOutcome, now_ms: int) -> Reply | Wait:
        """Appends and applies a command; its reply leaves once it is on disk, if the broker syncs at all."""
        settled = outcome.settle(lambda proposal: self._append(proposal, now_ms))
        for change in settled.changes:
            self._follow(change, now_ms)
        return self.when_on_disk(Reply(settled.reply))

    def when_on_disk(self, reply: Reply) -> Reply | Wait:
        """The reply, once all metadata written so far is on disk."""
        return self._broker.internal.when_on_disk((self.partition,), reply)

    def create(self, topics: list[Any], now_ms: int) -> dict[str, int]:
        """Creates topics (CreatableTopic) and gives the error code of each name, 0 for created."""
        outcome = self.metadata.create_topics(CreateTopicsRequest(topics=topics))
        settled = outcome.settle(lambda proposal: self._append(proposal, now_ms))
        for change in settled.changes:
            self._follow(change, now_ms)
        return {result.name: result.error_code for result in settled.reply.topics}
