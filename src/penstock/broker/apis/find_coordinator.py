"""FindCoordinator: this broker coordinates all groups and transactions, once their topics are there."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.coordinate.share.store import ShareKey
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import from_base64

if TYPE_CHECKING:
    from penstock.broker.core import Broker

FindCoordinatorResponse = messages.FindCoordinatorResponse
Coordinator = FindCoordinatorResponse.Coordinator

GROUP = 0
TRANSACTION = 1
SHARE = 2
# From this version on share partitions have coordinators.
SHARE_VERSION = 6
# From this version on one request asks for many keys.
BATCHED_VERSION = 4
NOBODY = (-1, "", -1)


class FindCoordinator:
    """The handler of one broker.  Source: FindCoordinatorRequest v0-6, KIP-699."""

    __slots__ = ("broker",)

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker

    def handle(self, request: Any, session: Session, now_ms: int) -> Outcome:
        broker = self.broker
        if session.version < BATCHED_VERSION:
            error, text = self._fault(request.key_type, request.key, now_ms)
            node, host, port = NOBODY if error else self._here(session)
            return Reply(FindCoordinatorResponse(0, error, text, node, host, port))
        coordinators = []
        for key in request.coordinator_keys:
            if request.key_type == SHARE and session.version >= SHARE_VERSION:
                error, text = self._share_fault(key, now_ms)
            else:
                error, text = self._fault(request.key_type, key, now_ms)
            node, host, port = NOBODY if error else self._here(session)
            coordinators.append(Coordinator(key, node, host, port, error, text))
        return broker.controller.when_on_disk(Reply(FindCoordinatorResponse(coordinators=coordinators)))

    def _here(self, session: Session) -> tuple[int, str, int]:
        return (self.broker.settings.node_id, *self.broker.endpoint(session.listener))

    def _share_fault(self, key: str, now_ms: int) -> tuple[KafkaError, str]:
        """key: group, topic id and partition, as in "group:topic id in base64:0"."""
        rest, _, index = key.rpartition(":")
        group_id, _, topic_id = rest.rpartition(":")
        try:
            share = ShareKey(group_id, from_base64(topic_id), int(index))
        except ValueError:
            return KafkaError.INVALID_REQUEST, f"{key!r} is no share partition; expected group:topic id:partition"
        error = self.broker.shares.error_for(share, now_ms)
        return error, f"the partition of {key!r} in __share_group_state is not available" if error else ""

    def _fault(self, kind: int, key: str, now_ms: int) -> tuple[KafkaError, str]:
        if kind == GROUP:
            error = self.broker.coordinator.error_for(key, now_ms)
            return error, f"the partition of {key!r} in __consumer_offsets is not available" if error else ""
        if kind == TRANSACTION:
            error = self.broker.transactions.error_for(key, now_ms)
            return error, f"the partition of {key!r} in __transaction_state is not available" if error else ""
        return KafkaError.INVALID_REQUEST, f"coordinators of key type {kind} are not served"
