"""StreamsGroupHeartbeat and StreamsGroupDescribe, and the internal topics that applications need.  Source: KIP-1071."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from penstock.broker.authorized import GROUP_OPERATIONS
from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.coordinate.streams_groups.configured import StatusCode
from penstock.coordinate.streams_groups.topology import InternalTopic
from penstock.protocol import messages

if TYPE_CHECKING:
    from penstock.broker.core import Broker

CreateTopics = messages.CreateTopicsRequest
# What a topology says where the broker's own default counts.
_NOT_SAID, _DEFAULT = 0, -1


class StreamsGroupApis:
    """The handlers of one broker."""

    __slots__ = ("broker", "coordinator")

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker
        self.coordinator = broker.coordinator

    def heartbeat(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Topics that the application lacks are made with the answer that says so; the next heartbeat finds them."""
        broker, coordinator = self.broker, self.coordinator
        coordinator.prepare(now_ms)
        streams = coordinator.groups.streams
        outcome = streams.heartbeat(request, session.client_id or "", f"/{session.client_host}", now_ms)
        reply, written = coordinator.settle(outcome, now_ms)
        for status in reply.status:
            if status.status_code == StatusCode.MISSING_INTERNAL_TOPICS:
                status.status_detail += self._create(streams.missing_topics(request.group_id), now_ms)
                return broker.internal.when_on_disk((written, broker.controller.partition), Reply(reply))
        return broker.internal.when_on_disk((written,), Reply(reply))

    def _create(self, topics: Iterable[InternalTopic], now_ms: int) -> str:
        """Makes them; what to say of those that could not be, "" when all are there now."""
        controller = self.broker.controller
        wanted = CreateTopics(topics=[_creatable(topic) for topic in topics])
        reply = controller.settle(controller.metadata.create_topics(wanted), now_ms)
        faults = [f"{result.name} ({result.error_message})" for result in reply.topics if result.error_code]
        return f"; Creation failed: {', '.join(faults)}." if faults else ""

    def describe(self, request: Any, session: Session, now_ms: int) -> Reply:
        """A group named twice is described twice."""
        groups = [self.coordinator.groups.streams.describe(group_id) for group_id in request.group_ids]
        if request.include_authorized_operations:
            for group in groups:
                if not group.error_code:
                    group.authorized_operations = GROUP_OPERATIONS
        return Reply(messages.StreamsGroupDescribeResponse(groups=groups))


def _creatable(topic: InternalTopic) -> Any:
    return CreateTopics.CreatableTopic(
        name=topic.name,
        num_partitions=topic.partitions,
        replication_factor=_DEFAULT if topic.replication_factor == _NOT_SAID else topic.replication_factor,
        configs=[CreateTopics.CreatableTopicConfig(*pair) for pair in topic.configs],
    )
