"""The metadata of this broker: `coordinate.metadata` decides, `__cluster_metadata-0` remembers, the logs follow."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.broker.features import FEATURES
from penstock.broker.internal import read_all
from penstock.broker.outcome import Reply, Wait
from penstock.broker.topics import METADATA_TOPIC, OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTIONS_TOPIC, ServedTopic
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
from penstock.coordinate.metadata.records import from_bytes
from penstock.coordinate.metadata.settings import MetadataSettings
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.log.settings import LogSettings
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import ZERO_UUID, from_base64, to_base64
from penstock.records.fault import BatchError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

log = logging.getLogger("penstock.broker")

CreateTopicsRequest = messages.CreateTopicsRequest
CreatableTopic = CreateTopicsRequest.CreatableTopic
CreatableTopicConfig = CreateTopicsRequest.CreatableTopicConfig

# The id of the metadata log in every Kafka cluster.  Source: Uuid.METADATA_TOPIC_ID.
METADATA_TOPIC_ID = (1).to_bytes(16, "big")
FIRST_EPOCH = 0
# Levels of a new cluster; a store that was set up before a feature was served gets its level with the next start.
LEVELS_SET = {name: feature.level for name, feature in FEATURES.items()}

# Which config has the effort of each codec; Snappy has none.
LEVELS = {
    "gzip": "compression.gzip.level",
    "lz4": "compression.lz4.level",
    "zstd": "compression.zstd.level",
}


class StartError(RuntimeError):
    """The data cannot be used as it is; the text says what to do."""


class Controller:
    """Runs the commands of `Metadata` and keeps the served topics and their logs in line with it.

    partition: the metadata log.
    """

    __slots__ = ("_broker", "metadata", "partition")

    def __init__(self, broker: "Broker") -> None:
        """Opens or creates the metadata log and replays it. Errors: StartError, OSError, MetadataError."""
        self._broker = broker
        self.partition = self._open()
        settings = broker.settings
        self.metadata = Metadata(
            MetadataSettings(
                node_id=settings.node_id,
                num_partitions=settings.num_partitions,
                delete_topic_enable=settings.delete_topic_enable,
                directory_id=from_base64(broker.log.identity.directory_id or to_base64(ZERO_UUID)),
                partitions_max=settings.penstock_partitions_max,
            ),
            broker.configs,
            broker.dice,
        )
        try:
            for value in self._values():
                self.metadata.replay(value)
        except BatchError as error:
            raise StartError(
                f"{settings.log_dir}: the metadata log is damaged, and without it nobody knows what the other files "
                f"are: {error}; bring back a copy of {METADATA_TOPIC}-0"
            ) from error

    def start(self, now_ms: int) -> None:
        """Sets up a new cluster, or takes stock: every topic gets its logs, a log without a topic goes.

        Errors: OSError, BatchError.
        """
        missing = {name: level for name, level in LEVELS_SET.items() if name not in self.metadata.features}
        if missing:
            self.commit(self.metadata.set_features(missing), now_ms)
        broker = self._broker
        topics = self.metadata.topics
        strays = []
        for partition in list(broker.log.partitions.values()):
            topic = topics.get(partition.topic)
            if topic is not None and partition.topic_id == ZERO_UUID:
                # Its partition.metadata is missing or cannot be read, which is no reason to doubt its records.
                partition.topic_id = topic.topic_id
            if partition is not self.partition and (topic is None or topic.topic_id != partition.topic_id):
                strays.append(partition)
        if strays:
            self._remove_strays(strays)
        for topic in topics.values():
            served = broker.topics.add(topic.name, topic.topic_id)
            self.configure(served)
            for index in range(topic.partitions):
                found = broker.log.partitions.get((topic.name, index))
                broker.topics.extend(served, found or self._create_log(topic.name, index, topic.topic_id))

    def _remove_strays(self, strays: list[Partition]) -> None:
        """Deletes the logs of deleted topics, and empty ones, whose topic was never written down. What holds records
        and was not deleted is set aside: the metadata log may have lost its end.
        """
        removed = {
            record.topic_id
            for value in self._values()
            if isinstance(record := from_bytes(value), messages.RemoveTopicRecord)
        }
        directory = self._broker.log
        for partition in strays:
            name, index = partition.topic, partition.index
            if partition.topic_id in removed or (partition.offline is None and not partition.next_offset):
                log.warning("%s-%d: its topic was deleted, its log is removed", name, index)
                directory.delete(name, index)
            else:
                path = directory.set_aside(name, index)
                log.error("%s-%d: no topic has the id in its log, and none was deleted; see %s", name, index, path)

    def commit(self, outcome: MetadataOutcome, now_ms: int) -> Reply | Wait:
        """Appends and applies a command; its reply leaves once it is on disk, if the broker syncs at all."""
        return self.when_on_disk(Reply(self.settle(outcome, now_ms)))

    def settle(self, outcome: MetadataOutcome, now_ms: int) -> Any:
        """As `commit`, but gives the message alone."""
        settled = outcome.settle(lambda proposal: self._append(proposal, now_ms))
        for change in settled.changes:
            self._follow(change, now_ms)
        return settled.reply

    def when_on_disk(self, reply: Reply) -> Reply | Wait:
        """The reply, once all metadata written so far is on disk."""
        return self._broker.internal.when_on_disk((self.partition,), reply)

    def sync_now(self) -> Refused | None:
        """Puts the metadata log on disk while everybody waits: only for what is rare, and may not be used before."""
        partition = self.partition
        try:
            self._broker.synced(partition, partition.sync())
        except OSError as error:
            self._broker.sync_failed(partition, error)
            return Refused(KafkaError.KAFKA_STORAGE_ERROR, f"the metadata log could not be synced: {error}")
        return None

    def create(self, names: Iterable[str], now_ms: int) -> dict[str, KafkaError]:
        """Creates topics with the defaults of their kind; gives each name's error, NONE for created."""
        topics = [self._wanted(name) for name in names]
        reply = self.settle(self.metadata.create_topics(CreateTopicsRequest(topics=topics)), now_ms)
        return {result.name: KafkaError(result.error_code) for result in reply.topics}

    def configure(self, served: ServedTopic) -> None:
        """Gives a topic the settings that its own configs and the broker's add up to."""
        configs = self.metadata.topics[served.name].configs
        topics = self._broker.configs.topics
        settings = topics.log_settings(configs)
        if settings.flush_messages == 1:
            # Kafka syncs such a topic with every append before it answers.
            settings = replace(settings, durable=True)
        level_name = LEVELS.get(settings.compression_type)
        level: Any = None if level_name is None else topics.values(configs)[level_name]
        served.configure(settings, level)

    def _values(self) -> Iterator[bytes]:
        """The metadata log, record by record. Errors: OSError, BatchError."""
        for _, records in read_all(self.partition):
            for record in records:
                if record.value is not None:
                    yield record.value

    def _wanted(self, name: str) -> Any:
        count, configs = -1, {}
        if name == OFFSETS_TOPIC:
            settings = self._broker.settings
            count = settings.offsets_topic_num_partitions
            configs = {
                "cleanup.policy": "compact",
                "compression.type": "producer",
                "segment.bytes": str(settings.offsets_topic_segment_bytes),
            }
        elif name == TRANSACTIONS_TOPIC:
            settings = self._broker.settings
            count = settings.transaction_state_log_num_partitions
            configs = {
                "cleanup.policy": "compact",
                "compression.type": "uncompressed",
                "min.insync.replicas": "1",
                "segment.bytes": str(settings.transaction_state_log_segment_bytes),
                "unclean.leader.election.enable": "false",
            }
        elif name == SHARE_STATE_TOPIC:
            settings = self._broker.settings
            count = settings.share_coordinator_state_topic_num_partitions
            # What is of no use any more is deleted by who knows which that is.
            configs = {
                "cleanup.policy": "delete",
                "compression.type": "producer",
                "min.insync.replicas": "1",
                "retention.ms": "-1",
                "segment.bytes": str(settings.share_coordinator_state_topic_segment_bytes),
            }
        return CreatableTopic(
            name=name,
            num_partitions=count,
            replication_factor=-1,
            configs=[CreatableTopicConfig(*pair) for pair in configs.items()],
        )

    def _open(self) -> Partition:
        broker = self._broker
        # Nothing is ever deleted from it, and a command is one batch: 10,000 partitions take about 1 MB.
        settings = LogSettings(
            cleanup_policy=frozenset(),
            retention_ms=-1,
            max_message_bytes=64 << 20,
            message_timestamp_after_max_ms=(1 << 63) - 1,
            durable=broker.settings.durable,
        )
        partitions = broker.log.partitions
        found = partitions.get((METADATA_TOPIC, 0))
        if found is not None:
            found.settings = settings
            return found
        if partitions:
            names = ", ".join(sorted({topic for topic, _ in partitions})[:3])
            raise StartError(
                f"{broker.settings.log_dir} holds partitions (of {names}) but no {METADATA_TOPIC}-0, which says what "
                "they are: start with an empty directory, or bring that one back"
            )
        return broker.log.create(METADATA_TOPIC, 0, METADATA_TOPIC_ID, settings)

    def _append(self, proposal: MetadataOutcome, now_ms: int) -> int | Refused:
        """New logs first: a log without a topic is found and removed by the next start, a topic without logs is not."""
        try:
            made = self._create_logs(proposal)
        except OSError as error:
            return Refused(KafkaError.KAFKA_STORAGE_ERROR, f"its logs could not be created: {error}")
        done = self._broker.internal.append(self.partition, [(None, record) for record in proposal.records], now_ms)
        if isinstance(done, Refused):
            self._delete_logs(made)
        # Kafka's controller syncs what it decided, whatever brokers do with records.
        self._broker.to_sync.add(self.partition)
        return done

    def _create_logs(self, proposal: MetadataOutcome) -> list[Partition]:
        """Logs for the partitions that the records add; all or none. Error: OSError."""
        if not any(isinstance(change, TopicCreated | PartitionsAdded) for change in proposal.changes):
            return []
        names: dict[bytes, str] = {}
        made: list[Partition] = []
        try:
            for record in map(from_bytes, proposal.records):
                if isinstance(record, messages.TopicRecord):
                    names[record.topic_id] = record.name
                elif isinstance(record, messages.PartitionRecord):
                    known = self.metadata.topic_by_id(record.topic_id)
                    name = names[record.topic_id] if known is None else known.name
                    made.append(self._create_log(name, record.partition_id, record.topic_id))
        except OSError:
            self._delete_logs(made)
            raise
        return made

    def _create_log(self, name: str, index: int, topic_id: bytes) -> Partition:
        directory = self._broker.log
        if (name, index) in directory.partitions:
            # What is left of a topic whose logs could not be removed when it was deleted.
            directory.delete(name, index)
        partition = directory.create(name, index, topic_id)
        try:
            partition.become_leader(FIRST_EPOCH)
        except OSError:
            self._delete_logs([partition])
            raise
        return partition

    def _delete_logs(self, partitions: list[Partition]) -> None:
        for partition in partitions:
            try:
                self._broker.log.delete(partition.topic, partition.index)
            except OSError as error:
                log.warning("%s-%d: its log is left until the next start: %s", partition.topic, partition.index, error)
        # Once for all of them, by the thread that syncs the record which says so. A log that is back after a power cut
        # has an id that no topic has.
        self.partition.sync_parent_too()
        self._broker.to_sync.add(self.partition)

    def _follow(self, change: Change, now_ms: int) -> None:
        """Makes the broker do what the metadata says now."""
        broker = self._broker
        if isinstance(change, TopicCreated):
            topic = self.metadata.topics[change.name]
            served = broker.topics.add(topic.name, topic.topic_id)
            self.configure(served)
            self._extend(served, topic.partitions, now_ms)
        elif isinstance(change, PartitionsAdded):
            served = broker.topics.by_name[change.name]
            self._extend(served, self.metadata.topics[change.name].partitions, now_ms)
        elif isinstance(change, TopicDeleted):
            self._delete(change, now_ms)
        elif isinstance(change, TopicConfigured):
            self.configure(broker.topics.by_name[change.name])
        elif isinstance(change, BrokerConfigured):
            broker.reconfigure()

    def _extend(self, served: ServedTopic, count: int, now_ms: int) -> None:
        broker = self._broker
        first = len(served.partitions)
        for index in range(first, count):
            broker.topics.extend(served, broker.log.partitions[served.name, index])
        if served.name == OFFSETS_TOPIC:
            broker.coordinator.opened(served, first, now_ms)
        elif served.name == TRANSACTIONS_TOPIC:
            broker.transactions.opened(served, first, now_ms)
        elif served.name == SHARE_STATE_TOPIC:
            broker.shares.opened(served, first)

    def _delete(self, change: TopicDeleted, now_ms: int) -> None:
        broker = self._broker
        served = broker.topics.remove(change.name)
        assert served is not None, change
        self._delete_logs(served.partitions)
        for partition in served.partitions:
            broker.to_sync.discard(partition)
            # Who waits for records of it learns that there will be none.
            broker.waiting.wake(partition)
        if change.name == OFFSETS_TOPIC:
            broker.coordinator.closed(len(served.partitions), now_ms)
        elif change.name == TRANSACTIONS_TOPIC:
            broker.transactions.closed()
        elif change.name == SHARE_STATE_TOPIC:
            broker.shares.renew()
        else:
            broker.shares.topics_deleted({change.topic_id}, now_ms)
            broker.coordinator.topics_deleted([(change.name, change.topic_id)], now_ms)
