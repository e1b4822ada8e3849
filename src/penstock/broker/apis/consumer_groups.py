"""The APIs of consumer groups (KIP-848): from a request to a command of `coordinate.groups`, and back."""

from typing import TYPE_CHECKING, Any

from penstock.broker.authorized import GROUP_OPERATIONS
from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.protocol import messages

if TYPE_CHECKING:
    from penstock.broker.core import Broker


class ConsumerGroupApis:
    """The handlers of one broker. Members are known by the address they came from, as Kafka prints it."""

    __slots__ = ("coordinator",)

    def __init__(self, broker: "Broker") -> None:
        self.coordinator = broker.coordinator

    def heartbeat(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Answered at once: members come again for what is not ready."""
        self.coordinator.prepare(now_ms)
        outcome = self.coordinator.groups.consumer_heartbeat(
            request, session.client_id or "", f"/{session.client_host}", session.version, now_ms
        )
        return self.coordinator.answer(outcome, now_ms, request.group_id)

    def describe(self, request: Any, session: Session, now_ms: int) -> Reply:
        """A group named twice is described twice."""
        groups = [self.coordinator.groups.consumer_describe(group_id) for group_id in request.group_ids]
        if request.include_authorized_operations:
            for group in groups:
                if not group.error_code:
                    group.authorized_operations = GROUP_OPERATIONS
        return Reply(messages.ConsumerGroupDescribeResponse(groups=groups))
