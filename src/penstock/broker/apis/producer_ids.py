"""InitProducerId: the identity under which a producer may repeat its batches without doubling them."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

InitProducerIdResponse = messages.InitProducerIdResponse

NONE = -1
# Producers before this version know a fenced producer only by the older code.
FENCED_VERSION = 4


class InitProducerId:
    """The handler of one broker. Without a transactional id every request gets a new producer id with epoch 0,
    whatever id it names; with one, the transaction coordinator answers.
    Source: InitProducerIdRequest v0-5, TransactionCoordinator.handleInitProducerId.
    """

    __slots__ = ("broker",)

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker

    def handle(self, request: Any, session: Session, now_ms: int) -> Outcome:
        error = _fault(request)
        if error:
            return Reply(_refused(error))
        if request.transactional_id is not None:
            return self._of_transactional_id(request, session.version, now_ms)
        producer_id = self.broker.producer_ids.take(now_ms)
        if isinstance(producer_id, Refused):
            # Retriable, unlike the code of a failing disk.
            return Reply(_refused(KafkaError.COORDINATOR_NOT_AVAILABLE))
        reply = Reply(InitProducerIdResponse(producer_id=producer_id, producer_epoch=0))
        return self.broker.controller.when_on_disk(reply)

    def _of_transactional_id(self, request: Any, version: int, now_ms: int) -> Outcome:
        coordinator = self.broker.transactions
        expected = None if request.producer_id == NONE else (request.producer_id, request.producer_epoch)
        outcome = coordinator.machine.init_producer_id(
            request.transactional_id, request.transaction_timeout_ms, expected, now_ms
        )
        answer = coordinator.settle(outcome, now_ms)
        if answer.error:
            fenced = answer.error is KafkaError.PRODUCER_FENCED and version < FENCED_VERSION
            message = _refused(KafkaError.INVALID_PRODUCER_EPOCH if fenced else answer.error)
        else:
            message = InitProducerIdResponse(producer_id=answer.producer_id, producer_epoch=answer.epoch)
        return coordinator.when_on_disk((outcome,), message)


def _fault(request: Any) -> KafkaError:
    if (request.producer_id == NONE) != (request.producer_epoch == NONE) or request.transactional_id == "":
        return KafkaError.INVALID_REQUEST
    return KafkaError.NONE


def _refused(error: KafkaError) -> Any:
    return InitProducerIdResponse(error_code=error, producer_id=NONE, producer_epoch=NONE)
