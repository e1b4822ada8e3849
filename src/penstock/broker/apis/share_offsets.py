"""DescribeShareGroupOffsets, AlterShareGroupOffsets, DeleteShareGroupOffsets.  Source: KIP-932, KIP-1226 (lag)."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.coordinate.share.store import NOWHERE, ShareKey
from penstock.coordinate.share_groups.group import ShareGroup, TopicState
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import ZERO_UUID

if TYPE_CHECKING:
    from penstock.broker.core import Broker

Described = messages.DescribeShareGroupOffsetsResponse
DescribedGroup = Described.DescribeShareGroupOffsetsResponseGroup
DescribedTopic = Described.DescribeShareGroupOffsetsResponseTopic
DescribedPartition = Described.DescribeShareGroupOffsetsResponsePartition
Altered = messages.AlterShareGroupOffsetsResponse
AlteredTopic = Altered.AlterShareGroupOffsetsResponseTopic
AlteredPartition = Altered.AlterShareGroupOffsetsResponsePartition
Deleted = messages.DeleteShareGroupOffsetsResponse
DeletedTopic = Deleted.DeleteShareGroupOffsetsResponseTopic

UNKNOWN = KafkaError.UNKNOWN_TOPIC_OR_PARTITION
_NOT_HERE = "This server does not host this topic-partition."


class ShareOffsetApis:
    """The handlers of one broker."""

    __slots__ = ("broker", "groups", "shares", "topics")

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker
        self.groups = broker.coordinator
        self.shares = broker.shares
        self.topics = broker.topics

    # Describe

    def describe(self, request: Any, session: Session, now_ms: int) -> Reply:
        """Where groups begin and how much is before them; without topics: of all they read."""
        self.groups.prepare(now_ms)
        return Reply(Described(groups=[self._describe(group) for group in request.groups]))

    def _describe(self, wanted: Any) -> Any:
        error, text = self.groups.groups.share.describe_fault(wanted.group_id)
        if error:
            return DescribedGroup(group_id=wanted.group_id, error_code=error, error_message=text)
        names: dict[str, list[int]] = {}
        if wanted.topics is None:
            group = self.groups.groups.share.get(wanted.group_id)
            for topic_id, state in ({} if group is None else group.initialized).items():
                if topic_id in self.topics.by_id:
                    names[state.name] = sorted(state.indexes)
        else:
            for topic in wanted.topics:
                names.setdefault(topic.topic_name, []).extend(topic.partitions)
        topics = []
        for name, indexes in names.items():
            topic_id = self.topics.id_of(name) or ZERO_UUID
            parts = [self._partition(ShareKey(wanted.group_id, topic_id, index)) for index in indexes]
            topics.append(DescribedTopic(name, topic_id, parts))
        return DescribedGroup(group_id=wanted.group_id, topics=topics)

    def _partition(self, key: ShareKey) -> Any:
        kept = self.shares.states.kept.get(key)
        topic = self.topics.by_id.get(key.topic_id)
        start, lag, epoch = NOWHERE, -1, 0
        if topic is not None and kept is not None and key.partition < len(topic.partitions):
            log = topic.partitions[key.partition]
            start, epoch = kept.start, log.leader_epoch
            if start != NOWHERE:
                lag = max(0, log.high_watermark - start - max(0, kept.complete_count))
        return DescribedPartition(partition_index=key.partition, start_offset=start, leader_epoch=epoch, lag=lag)

    # Alter

    def alter(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """New beginnings for a group without members; a group that does not exist comes to be."""
        self.groups.prepare(now_ms)
        error, text = self.groups.groups.share.offsets_fault(request.group_id, may_be_missing=True)
        if error:
            return Reply(Altered(error_code=error, error_message=text))
        self.shares.prepare(now_ms)
        starts: dict[ShareKey, int] = {}
        added: dict[bytes, TopicState] = {}
        topics = []
        for topic in request.topics:
            topic_id = self.topics.id_of(topic.topic_name) or ZERO_UUID
            parts = []
            indexes = set() if topic_id not in added else set(added[topic_id].indexes)
            for part in topic.partitions:
                key = ShareKey(request.group_id, topic_id, part.partition_index)
                fault = self._alter_fault(key, part.start_offset)
                if fault is None:
                    starts[key] = part.start_offset
                    indexes.add(part.partition_index)
                    parts.append(AlteredPartition(part.partition_index))
                else:
                    parts.append(AlteredPartition(part.partition_index, fault.error, fault.message))
            if indexes:
                added[topic_id] = TopicState(topic.topic_name, frozenset(indexes))
            topics.append(AlteredTopic(topic.topic_name, topic_id, parts))
        reply: Any = Altered(responses=topics)
        return self._begin(request.group_id, starts, added, reply, now_ms) if added else Reply(reply)

    def _alter_fault(self, key: ShareKey, start: int) -> Refused | None:
        topic = self.topics.by_id.get(key.topic_id)
        if topic is None or not 0 <= key.partition < len(topic.partitions):
            return Refused(UNKNOWN, _NOT_HERE)
        if start < 0:
            return Refused(KafkaError.INVALID_REQUEST, f"The start offset {start} is below 0.")
        return None

    def _begin(
        self, group_id: str, starts: dict[ShareKey, int], added: dict[bytes, TopicState], reply: Any, now_ms: int
    ) -> Outcome:
        group = self.groups.groups.share.get(group_id)
        done = self.shares.reset(starts, 1 if group is None else group.epoch, now_ms)
        if isinstance(done, Refused):
            return Reply(Altered(error_code=done.error, error_message=done.message))
        states = (group or ShareGroup(group_id, 0)).with_initialized(added)
        outcome = self.groups.groups.share.set_initialized(
            group_id, states, reply, now_ms, lambda error: Altered(error_code=error)
        )
        reply, home = self.groups.settle(outcome, now_ms)
        return self.broker.internal.when_on_disk((*done, home), Reply(reply))

    # Delete

    def delete(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """What is kept of topics, for a group without members."""
        self.groups.prepare(now_ms)
        error, text = self.groups.groups.share.offsets_fault(request.group_id, may_be_missing=False)
        if error:
            return Reply(Deleted(error_code=error, error_message=text))
        group = self.groups.groups.share.get(request.group_id)
        states = {} if group is None else dict(group.initialized)
        gone: dict[bytes, TopicState] = {}
        topics = []
        for topic in request.topics:
            topic_id = self.topics.id_of(topic.topic_name)
            if topic_id is None:
                topics.append(DeletedTopic(topic.topic_name, ZERO_UUID, UNKNOWN, _NOT_HERE))
            elif topic_id not in states:
                text = "There is no offset information to delete."
                topics.append(DeletedTopic(topic.topic_name, ZERO_UUID, UNKNOWN, text))
            else:
                gone[topic_id] = states.pop(topic_id)
                topics.append(DeletedTopic(topic.topic_name, topic_id))
        reply: Any = Deleted(responses=topics)
        if not gone:
            return Reply(reply)
        # The group first: should the rest fail, it begins anew where nothing is kept, and nothing is lost for good.
        outcome = self.groups.groups.share.set_initialized(
            request.group_id, states, reply, now_ms, lambda error: Deleted(error_code=error)
        )
        reply, home = self.groups.settle(outcome, now_ms)
        written: list[Partition | None] = [home]
        if not reply.error_code:
            group_id = request.group_id
            keys = [ShareKey(group_id, topic_id, index) for topic_id, state in gone.items() for index in state.indexes]
            done = self.shares.delete(keys, now_ms)
            if isinstance(done, Refused):
                reply = Deleted(error_code=done.error, error_message=done.message)
            else:
                written += done
        return self.broker.internal.when_on_disk(written, Reply(reply))
