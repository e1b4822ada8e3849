"""The classic group APIs: from a request to a command of `coordinate.groups`, and back."""

from typing import TYPE_CHECKING, Any

from penstock.broker.authorized import GROUP_OPERATIONS
from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.protocol import messages

if TYPE_CHECKING:
    from penstock.broker.core import Broker


class GroupApis:
    """The handlers of one broker. Members are known by the address they came from, as Kafka prints it."""

    __slots__ = ("broker", "coordinator")

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker
        self.coordinator = broker.coordinator

    def join(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Answered when all members of the group have joined, or the rebalance timeout is over."""
        self.coordinator.prepare(now_ms)
        outcome = self.coordinator.groups.join(
            request, session.client_id or "", f"/{session.client_host}", session.version, now_ms
        )
        return self.coordinator.answer(outcome, now_ms, request.group_id)

    def sync(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Answered when the leader's assignment is there and written."""
        outcome = self.coordinator.groups.sync(request, session.version, now_ms)
        return self.coordinator.answer(outcome, now_ms, request.group_id)

    def heartbeat(self, request: Any, session: Session, now_ms: int) -> Outcome:
        return self.coordinator.answer(self.coordinator.groups.heartbeat(request, session.version, now_ms), now_ms)

    def leave(self, request: Any, session: Session, now_ms: int) -> Outcome:
        return self.coordinator.answer(self.coordinator.groups.leave(request, session.version, now_ms), now_ms)

    def list(self, request: Any, session: Session, now_ms: int) -> Reply:
        return Reply(self.coordinator.groups.list(request, session.version))

    def describe(self, request: Any, session: Session, now_ms: int) -> Reply:
        """A group named twice is described twice."""
        groups = [self.coordinator.groups.describe(group_id, session.version) for group_id in request.groups]
        if request.include_authorized_operations:
            for group in groups:
                if not group.error_code:
                    group.authorized_operations = GROUP_OPERATIONS
        return Reply(messages.DescribeGroupsResponse(groups=groups))

    def delete(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Each group alone: those that are not empty stay, the others go."""
        results: list[Any] = []
        written: list[Partition | None] = []
        for group_id in dict.fromkeys(request.groups_names):
            is_share = self.coordinator.groups.share.get(group_id) is not None
            result, partition = self.coordinator.settle(self.coordinator.groups.delete(group_id, now_ms), now_ms)
            if is_share and not result.error_code:
                done = self.broker.shares.delete(self.broker.shares.keys_of(group_id), now_ms)
                if isinstance(done, Refused):
                    result.error_code = done.error
                else:
                    written += done
            results.append(result)
            written.append(partition)
        return self.broker.internal.when_on_disk(written, Reply(messages.DeleteGroupsResponse(results=results)))
