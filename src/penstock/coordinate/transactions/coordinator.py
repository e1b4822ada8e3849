"""`Transactions`: every transactional id of the partitions of `__transaction_state` that are ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from penstock.coordinate.groups.placement import group_partition
from penstock.coordinate.transactions.outcome import Answer, Markers, TransactionOutcome
from penstock.coordinate.transactions.records import read_key, read_value, record_of, tombstone_of
from penstock.coordinate.transactions.settings import TransactionSettings
from penstock.coordinate.transactions.states import TABLE, Event, Rule, State
from penstock.coordinate.transactions.transaction import (
    CLIENT_EPOCH_MAX,
    EPOCH_PER_TRANSACTION,
    NO_EPOCH,
    NO_ID,
    Place,
    Transaction,
)
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError

NewProducerId = Callable[[], int | Refused]


class Transactions:
    """Requests in, outcomes out; see the room's README for how outcomes are settled.

    new_producer_id: an id that nobody had, or Refused. All times are epoch milliseconds.
    """

    __slots__ = ("_by_id", "_new_producer_id", "_ongoing", "_ours", "_prepared", "_settings")

    def __init__(self, settings: TransactionSettings, new_producer_id: NewProducerId) -> None:
        self._settings = settings
        self._new_producer_id = new_producer_id
        self._by_id: dict[str, Transaction] = {}
        # Those that may time out, and those that are decided, so that looking for them does not look at all.
        self._ongoing: dict[str, None] = {}
        self._prepared: dict[str, None] = {}
        # Whether each partition has been read.
        self._ours: dict[int, bool] = {}

    # Partitions of __transaction_state

    def partition_of(self, transactional_id: str) -> int:
        return group_partition(transactional_id, self._settings.transaction_state_log_num_partitions)

    def load_started(self, partition: int) -> None:
        """Until `loaded`, its transactional ids answer COORDINATOR_LOAD_IN_PROGRESS."""
        self._ours[partition] = False

    def replay(self, key: bytes, value: bytes | None) -> bool:
        """Applies a record read from the log; False if its type is not ours. Error: Malformed."""
        transactional_id = read_key(key)
        if transactional_id is None:
            return False
        if value is None:
            self._forget(transactional_id)
        else:
            self._put(read_value(transactional_id, value))
        return True

    def loaded(self, partition: int) -> list[Markers]:
        """The partition is ours from now on; gives what was decided and may not be written everywhere yet."""
        self._ours[partition] = True
        return [markers_of(self._by_id[name]) for name in self._prepared if self.partition_of(name) == partition]

    def unload(self, partition: int) -> None:
        """The partition is ours no more."""
        self._ours.pop(partition, None)
        for transactional_id in [name for name in self._by_id if self.partition_of(name) == partition]:
            self._forget(transactional_id)

    # Producers

    def init_producer_id(
        self, transactional_id: str, timeout_ms: int, expected: tuple[int, int] | None, now_ms: int
    ) -> TransactionOutcome:
        """A producer id and epoch under which nobody else writes.

        expected: producer id and epoch of a client that goes on after an error (KIP-360). While a transaction goes on
        it is aborted, and the answer is CONCURRENT_TRANSACTIONS: the client asks again.
        Errors: INVALID_REQUEST, INVALID_TRANSACTION_TIMEOUT, PRODUCER_FENCED, POLICY_VIOLATION, and of a coordinator.
        """
        if not transactional_id or len(transactional_id) > self._settings.transactional_id_length_max:
            return _refused(KafkaError.INVALID_REQUEST)
        if not 0 < timeout_ms <= self._settings.transaction_max_timeout_ms:
            return _refused(KafkaError.INVALID_TRANSACTION_TIMEOUT)
        absence = self._absence_of(transactional_id)
        if absence:
            return _refused(absence)
        known = self._by_id.get(transactional_id)
        if known is None:
            return self._grant_first(transactional_id, timeout_ms, now_ms)
        if expected is not None and not _may_go_on(known, *expected):
            return _refused(KafkaError.PRODUCER_FENCED)
        cell = TABLE[Event.INIT][known.state]
        if isinstance(cell, KafkaError):
            return _refused(cell)
        if cell is Rule.FENCE:
            return self._fence(known, now_ms, Answer(KafkaError.CONCURRENT_TRANSACTIONS))
        return self._grant(known, timeout_ms, expected, now_ms)

    def add_partitions(
        self, transactional_id: str, producer_id: int, epoch: int, added: Iterable[Place], version: int, now_ms: int
    ) -> TransactionOutcome:
        """Makes partitions part of the transaction, which begins with the first ones. version: the client's level.

        Errors: INVALID_REQUEST, INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS.
        """
        found = self._find(transactional_id, producer_id, epoch)
        if isinstance(found, KafkaError):
            return _refused(found)
        cell = TABLE[Event.ADD][found.state]
        if isinstance(cell, KafkaError):
            return _refused(cell)
        places = frozenset(added)
        done = Answer(KafkaError.NONE)
        if cell is Rule.JOIN and places.issubset(found.partitions):
            return TransactionOutcome(done)
        return self._proposal(found.with_partitions(places, version, now_ms), done)

    def verify(
        self, transactional_id: str, producer_id: int, epoch: int, places: Iterable[Place]
    ) -> dict[Place, KafkaError]:
        """Whether each partition is part of the transaction: NONE, or why not (TRANSACTION_ABORTABLE: not added)."""
        found = self._find(transactional_id, producer_id, epoch)
        error = found if isinstance(found, KafkaError) else KafkaError.NONE
        if isinstance(found, Transaction):
            cell = TABLE[Event.VERIFY][found.state]
            if not isinstance(cell, KafkaError):
                absent, known = KafkaError.TRANSACTION_ABORTABLE, set(found.partitions)
                return {place: KafkaError.NONE if place in known else absent for place in places}
            error = cell
        return dict.fromkeys(places, error)

    def end(
        self, transactional_id: str, producer_id: int, epoch: int, commit: bool, version: int, now_ms: int
    ) -> TransactionOutcome:
        """Decides a transaction. version: the client's level, EPOCH_PER_TRANSACTION from EndTxn v5 on.

        With that level the answer has the producer id and epoch of the next transaction.
        Errors: INVALID_REQUEST, INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, INVALID_TXN_STATE,
        CONCURRENT_TRANSACTIONS.
        """
        if version < EPOCH_PER_TRANSACTION:
            found = self._find(transactional_id, producer_id, epoch)
            event = Event.COMMIT_OLD if commit else Event.ABORT_OLD
        else:
            found, event = self._find_end(transactional_id, producer_id, epoch, commit)
        if isinstance(found, KafkaError):
            return _refused(found)
        cell = TABLE[event][found.state]
        if isinstance(cell, KafkaError):
            return _refused(cell)
        if cell is Rule.REPEAT:
            return TransactionOutcome(_granted(found, version))
        return self._prepare(
            found, State.PREPARE_COMMIT if cell is Rule.COMMIT else State.PREPARE_ABORT, version, now_ms
        )

    # What the coordinator does by itself

    def marked(self, markers: Markers, now_ms: int) -> TransactionOutcome:
        """All of `markers` are written: the transaction is over, if it is still that one."""
        found = self._by_id.get(markers.transactional_id)
        if found is None or markers_of(found) != markers or TABLE[Event.MARKED][found.state] is not Rule.COMPLETE:
            return TransactionOutcome(Answer(KafkaError.NONE))
        return self._proposal(found.completed(now_ms), Answer(KafkaError.NONE))

    def time_up(self, now_ms: int) -> list[str]:
        """The transactional ids whose transaction takes longer than it may; `abort_late` each."""
        by_id = self._by_id
        return [name for name in self._ongoing if by_id[name].started_ms + by_id[name].timeout_ms < now_ms]

    def abort_late(self, transactional_id: str, now_ms: int) -> TransactionOutcome:
        """Aborts a transaction whose time is up, and fences its producer."""
        found = self._by_id.get(transactional_id)
        if found is None or TABLE[Event.TIME_UP][found.state] is not Rule.FENCE:
            return TransactionOutcome(Answer(KafkaError.NONE))
        return self._fence(found, now_ms, Answer(KafkaError.NONE))

    def silent(self, now_ms: int) -> list[str]:
        """The transactional ids that were silent for transactional.id.expiration.ms; `expire` each."""
        limit_ms = now_ms - self._settings.transactional_id_expiration_ms
        return [name for name, transaction in self._by_id.items() if _is_silent(transaction, limit_ms)]

    def expire(self, transactional_id: str, now_ms: int) -> TransactionOutcome:
        """Forgets a transactional id, if it is still silent."""
        found = self._by_id.get(transactional_id)
        if found is None or not _is_silent(found, now_ms - self._settings.transactional_id_expiration_ms):
            return TransactionOutcome(Answer(KafkaError.NONE))
        return TransactionOutcome(
            Answer(KafkaError.NONE),
            self.partition_of(transactional_id),
            [tombstone_of(transactional_id)],
            apply=lambda: self._forget(transactional_id),
        )

    # Operators

    def get(self, transactional_id: str) -> Transaction | KafkaError:
        """One transactional id. Errors: INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND, and of a coordinator."""
        if not transactional_id:
            return KafkaError.INVALID_REQUEST
        absence = self._absence_of(transactional_id)
        if absence:
            return absence
        return self._by_id.get(transactional_id) or KafkaError.TRANSACTIONAL_ID_NOT_FOUND

    def all(self) -> Iterator[Transaction]:
        return iter(self._by_id.values())

    @property
    def is_loading(self) -> bool:
        return not all(self._ours.values())

    # Steps

    def _grant_first(self, transactional_id: str, timeout_ms: int, now_ms: int) -> TransactionOutcome:
        if len(self._by_id) >= self._settings.transactional_ids_max:
            return _refused(KafkaError.POLICY_VIOLATION)
        producer_id = self._new_producer_id()
        if isinstance(producer_id, Refused):
            return _refused(KafkaError.COORDINATOR_NOT_AVAILABLE)
        new = Transaction(transactional_id, producer_id, timeout_ms, now_ms)
        return self._granting(new.with_epoch(0, NO_EPOCH, timeout_ms, now_ms))

    def _grant(
        self, known: Transaction, timeout_ms: int, expected: tuple[int, int] | None, now_ms: int
    ) -> TransactionOutcome:
        if expected is not None and expected[1] != known.epoch:
            if expected[1] != known.last_epoch:
                return _refused(KafkaError.PRODUCER_FENCED)
            if not known.is_exhausted:
                # The answer was lost on its way. No other producer came since: it would have cleared the last epoch.
                return self._granting(known.with_epoch(known.epoch, known.last_epoch, timeout_ms, now_ms))
        last_epoch = NO_EPOCH if expected is None else expected[1]
        if not known.is_exhausted:
            return self._granting(known.with_epoch(known.epoch + 1, last_epoch, timeout_ms, now_ms))
        producer_id = self._new_producer_id()
        if isinstance(producer_id, Refused):
            return _refused(KafkaError.COORDINATOR_NOT_AVAILABLE)
        return self._granting(known.with_producer_id(producer_id, last_epoch, timeout_ms, now_ms))

    def _granting(self, granted: Transaction) -> TransactionOutcome:
        return self._proposal(granted, Answer(KafkaError.NONE, granted.producer_id, granted.epoch))

    def _prepare(self, found: Transaction, state: State, version: int, now_ms: int) -> TransactionOutcome:
        next_producer_id = NO_ID
        if version >= EPOCH_PER_TRANSACTION and found.is_exhausted:
            taken = self._new_producer_id()
            if isinstance(taken, Refused):
                return _refused(KafkaError.COORDINATOR_NOT_AVAILABLE)
            next_producer_id = taken
        prepared = found.prepared(state, version, now_ms, next_producer_id=next_producer_id)
        return self._proposal(prepared, _granted(prepared, version))

    def _fence(self, found: Transaction, now_ms: int, answer: Answer) -> TransactionOutcome:
        version = self._settings.transaction_version
        level = version if version >= EPOCH_PER_TRANSACTION else 0
        return self._proposal(found.prepared(State.PREPARE_ABORT, level, now_ms, fenced=True), answer)

    def _proposal(self, proposed: Transaction, answer: Answer) -> TransactionOutcome:
        return TransactionOutcome(
            answer,
            self.partition_of(proposed.transactional_id),
            [record_of(proposed, self._settings.transaction_version)],
            markers_of(proposed) if proposed.state.is_prepared else None,
            lambda: self._put(proposed),
        )

    # State

    def _put(self, transaction: Transaction) -> None:
        name = transaction.transactional_id
        self._forget(name)
        if transaction.state is State.DEAD:
            return
        self._by_id[name] = transaction
        if transaction.state is State.ONGOING:
            self._ongoing[name] = None
        elif transaction.state.is_prepared:
            self._prepared[name] = None

    def _forget(self, transactional_id: str) -> None:
        self._by_id.pop(transactional_id, None)
        self._ongoing.pop(transactional_id, None)
        self._prepared.pop(transactional_id, None)

    def _absence_of(self, transactional_id: str) -> KafkaError:
        """Why this coordinator cannot speak for the transactional id; NONE when it can."""
        is_loaded = self._ours.get(self.partition_of(transactional_id))
        if is_loaded is None:
            return KafkaError.NOT_COORDINATOR
        return KafkaError.NONE if is_loaded else KafkaError.COORDINATOR_LOAD_IN_PROGRESS

    def _named(self, transactional_id: str) -> Transaction | KafkaError:
        if not transactional_id:
            return KafkaError.INVALID_REQUEST
        absence = self._absence_of(transactional_id)
        return absence or self._by_id.get(transactional_id) or KafkaError.INVALID_PRODUCER_ID_MAPPING

    def _find(self, transactional_id: str, producer_id: int, epoch: int) -> Transaction | KafkaError:
        """The transactional id, if it is that producer's."""
        found = self._named(transactional_id)
        if isinstance(found, KafkaError):
            return found
        if found.producer_id != producer_id:
            return KafkaError.INVALID_PRODUCER_ID_MAPPING
        # Nobody gets the last epoch: a transaction in it could not be ended by an epoch that is later.
        return found if found.epoch == epoch <= CLIENT_EPOCH_MAX else KafkaError.PRODUCER_FENCED

    def _find_end(
        self, transactional_id: str, producer_id: int, epoch: int, commit: bool
    ) -> tuple[Transaction | KafkaError, Event]:
        """As `_find`, for an EndTxn that raises the epoch: it may come again, under the epoch before."""
        found = self._named(transactional_id)
        current, again = (Event.COMMIT, Event.COMMIT_AGAIN) if commit else (Event.ABORT, Event.ABORT_AGAIN)
        if isinstance(found, KafkaError):
            return found, current
        if (found.previous_producer_id, epoch, found.epoch) == (producer_id, CLIENT_EPOCH_MAX, 0):
            return found, again
        if found.producer_id != producer_id:
            return KafkaError.INVALID_PRODUCER_ID_MAPPING, current
        if epoch == found.epoch:
            return found, current
        return (found if epoch + 1 == found.epoch else KafkaError.PRODUCER_FENCED), again


def markers_of(transaction: Transaction) -> Markers:
    """What is to be written of a decided transaction."""
    return Markers(
        transaction.transactional_id,
        transaction.producer_id,
        transaction.epoch,
        transaction.is_commit,
        transaction.partitions,
        transaction.client_version,
    )


def _may_go_on(known: Transaction, producer_id: int, epoch: int) -> bool:
    """Whether a client that names this producer id and epoch may be the one we know; the epoch is looked at later.

    The previous producer id counts if its epochs were used up: the answer with the new one may have been lost.
    """
    if producer_id == known.producer_id:
        return True
    return producer_id == known.previous_producer_id and epoch >= CLIENT_EPOCH_MAX


def _is_silent(transaction: Transaction, limit_ms: int) -> bool:
    return TABLE[Event.SILENT][transaction.state] is Rule.FORGET and transaction.updated_ms <= limit_ms


def _granted(transaction: Transaction, version: int) -> Answer:
    if version < EPOCH_PER_TRANSACTION:
        return Answer(KafkaError.NONE)
    return Answer(KafkaError.NONE, *transaction.granted)


def _refused(error: KafkaError) -> TransactionOutcome:
    return TransactionOutcome(Answer(error))
