"""The offsets APIs: commit, fetch and delete what groups have read, through `coordinate.offsets`."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.coordinate.offsets.fetch import request_groups, response_of

if TYPE_CHECKING:
    from penstock.broker.core import Broker


class OffsetApis:
    """The handlers of one broker."""

    __slots__ = ("coordinator",)

    def __init__(self, broker: "Broker") -> None:
        self.coordinator = broker.coordinator

    def commit(self, request: Any, session: Session, now_ms: int) -> Outcome:
        self.coordinator.prepare(now_ms)
        outcome = self.coordinator.groups.offset_commit(request, session.version, now_ms)
        return self.coordinator.answer(outcome, now_ms)

    def fetch(self, request: Any, session: Session, now_ms: int) -> Reply:
        """One group up to version 7, many from version 8 on."""
        groups = self.coordinator.groups
        answers = [
            groups.offset_fetch(group, request.require_stable, session.version)
            for group in request_groups(request, session.version)
        ]
        return Reply(response_of(answers, session.version))

    def delete(self, request: Any, session: Session, now_ms: int) -> Outcome:
        outcome = self.coordinator.groups.offset_delete(request, session.version, now_ms)
        return self.coordinator.answer(outcome, now_ms)
