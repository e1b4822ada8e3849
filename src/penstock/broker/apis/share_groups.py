"""ShareGroupHeartbeat and ShareGroupDescribe.  Source: KIP-932, v1 of both."""

from typing import TYPE_CHECKING, Any

from penstock.broker.authorized import GROUP_OPERATIONS
from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.kit.refusal import Refused
from penstock.protocol import messages

if TYPE_CHECKING:
    from penstock.broker.core import Broker


class ShareGroupApis:
    """The handlers of one broker."""

    __slots__ = ("broker", "coordinator")

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker
        self.coordinator = broker.coordinator

    def heartbeat(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Partitions that the group is to read get their share state first, so that a member's first answer already
        tells what is its own. Apache Kafka tells it with the next heartbeat.
        """
        broker, coordinator = self.broker, self.coordinator
        coordinator.prepare(now_ms)
        groups = coordinator.groups.share
        added = groups.uninitialized(request)
        written: Any = []
        if added:
            group = groups.get(request.group_id)
            epoch = 2 if group is None else group.epoch + 1
            written = broker.shares.initialize(request.group_id, added, epoch, now_ms, anew=group is None)
            if isinstance(written, Refused):
                return Reply(messages.ShareGroupHeartbeatResponse(error_code=written.error))
        client_id, host = session.client_id or "", f"/{session.client_host}"
        outcome = groups.heartbeat(request, client_id, host, added, now_ms)
        reply, home = coordinator.settle(outcome, now_ms)
        return broker.internal.when_on_disk((*written, home), Reply(reply))

    def describe(self, request: Any, session: Session, now_ms: int) -> Reply:
        groups = [self.coordinator.groups.share.describe(group_id) for group_id in request.group_ids]
        if request.include_authorized_operations:
            for group in groups:
                if not group.error_code:
                    group.authorized_operations = GROUP_OPERATIONS
        return Reply(messages.ShareGroupDescribeResponse(groups=groups))
