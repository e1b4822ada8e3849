"""What operators see of transactions: DescribeTransactions and ListTransactions (KIP-664, KIP-994, KIP-1152)."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Reply
from penstock.broker.session import Session
from penstock.broker.transactions import partitions_by_topic
from penstock.coordinate.transactions.states import BY_NAME
from penstock.coordinate.transactions.transaction import Transaction
from penstock.kit.pattern import Pattern, PatternError, Work
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

DescribeTransactionsResponse = messages.DescribeTransactionsResponse
Described = DescribeTransactionsResponse.TransactionState
TopicData = DescribeTransactionsResponse.TopicData
ListTransactionsResponse = messages.ListTransactionsResponse
Listed = ListTransactionsResponse.TransactionState


class TransactionAdminApis:
    """The handlers of one broker."""

    __slots__ = ("coordinator",)

    def __init__(self, broker: "Broker") -> None:
        self.coordinator = broker.transactions

    def describe(self, request: Any, session: Session, now_ms: int) -> Reply:
        """A transactional id named twice is described twice."""
        states = [self._describe(name) for name in request.transactional_ids]
        return Reply(DescribeTransactionsResponse(transaction_states=states))

    def list(self, request: Any, session: Session, now_ms: int) -> Reply:
        """All that pass every filter that is given; states that do not exist are told, and match nothing.

        The duration, in milliseconds, is that since the last transaction began; who had none passes always.
        Errors: INVALID_REGULAR_EXPRESSION, COORDINATOR_LOAD_IN_PROGRESS.
        """
        if self.coordinator.machine.is_loading:
            return Reply(ListTransactionsResponse(error_code=KafkaError.COORDINATOR_LOAD_IN_PROGRESS))
        fitting = None
        try:
            if request.transactional_id_pattern:
                pattern = Pattern(request.transactional_id_pattern)
                fitting = pattern.matching((known.transactional_id for known in self.coordinator.machine.all()), Work())
        except PatternError:
            return Reply(ListTransactionsResponse(error_code=KafkaError.INVALID_REGULAR_EXPRESSION))
        unknown = [name for name in request.state_filters if name not in BY_NAME]
        states = {BY_NAME[name] for name in request.state_filters if name in BY_NAME}
        producer_ids = set(request.producer_id_filters)
        began_before = now_ms - request.duration_filter
        found = [
            Listed(known.transactional_id, known.producer_id, known.state.shown)
            for known in self.coordinator.machine.all()
            if (not request.state_filters or known.state in states)
            and (not producer_ids or known.producer_id in producer_ids)
            and (request.duration_filter < 0 or known.started_ms < began_before)
            and (fitting is None or known.transactional_id in fitting)
        ]
        return Reply(ListTransactionsResponse(unknown_state_filters=unknown, transaction_states=found))

    def _describe(self, transactional_id: str) -> Any:
        found = self.coordinator.machine.get(transactional_id)
        if not isinstance(found, Transaction):
            return Described(
                error_code=found,
                transactional_id=transactional_id,
                transaction_state="",
            )
        return Described(
            transactional_id=transactional_id,
            transaction_state=found.state.shown,
            transaction_timeout_ms=found.timeout_ms,
            transaction_start_time_ms=found.started_ms,
            producer_id=found.producer_id,
            producer_epoch=found.epoch,
            topics=[TopicData(topic, indexes) for topic, indexes in partitions_by_topic(found).items()],
        )
