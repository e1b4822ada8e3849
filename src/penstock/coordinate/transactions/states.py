"""The transaction as a table: what each event means in each state.

A cell is a `Rule` (what is done) or a `KafkaError` (the event is refused with that code and nothing changes).
`TABLE` is what the code looks up, what `as_markdown` prints for the docs, and what tests/coordinate drives.
Source: Kafka 4.3.1, TransactionState and TransactionCoordinator; KIP-98, KIP-360, KIP-890.
"""

from enum import Enum, IntEnum

from penstock.protocol.errors import KafkaError


class State(IntEnum):
    """Where a transactional id stands; the value is the number in its record."""

    EMPTY = 0
    ONGOING = 1
    PREPARE_COMMIT = 2
    PREPARE_ABORT = 3
    COMPLETE_COMMIT = 4
    COMPLETE_ABORT = 5
    DEAD = 6
    PREPARE_EPOCH_FENCE = 7

    @property
    def shown(self) -> str:
        """The name that ListTransactions and DescribeTransactions use: "PrepareCommit"."""
        return _SHOWN[self]

    @property
    def is_prepared(self) -> bool:
        """Whether the outcome is decided, and markers are on their way."""
        return self is State.PREPARE_COMMIT or self is State.PREPARE_ABORT


_SHOWN = {state: state.name.title().replace("_", "") for state in State}
BY_NAME = {shown: state for state, shown in _SHOWN.items()}


class Event(Enum):
    """What can happen to a transactional id, after the request's producer id was found right.

    The epoch before: the one that EndTxn v5+ replaced, so the request is one that was repeated.
    """

    INIT = "InitProducerId"
    ADD = "partitions are added: AddPartitionsToTxn, AddOffsetsToTxn, a first write"
    VERIFY = "whether partitions were added"
    COMMIT_OLD = "EndTxn v0-4, commit"
    ABORT_OLD = "EndTxn v0-4, abort"
    COMMIT = "EndTxn v5+, commit"
    ABORT = "EndTxn v5+, abort"
    COMMIT_AGAIN = "EndTxn v5+ of the epoch before, commit"
    ABORT_AGAIN = "EndTxn v5+ of the epoch before, abort"
    TIME_UP = "the transaction's time is up"
    MARKED = "all markers are written"
    SILENT = "nothing was heard of it for too long"

    __hash__ = object.__hash__


class Rule(Enum):
    """What is done; the value is the sentence the docs show."""

    GRANT = "gets the next epoch, or a new producer id"
    FENCE = "is aborted under the next epoch"
    BEGIN = "a transaction begins with these partitions"
    JOIN = "these partitions are added"
    LOOK = "each partition is looked up"
    COMMIT = "to be committed: markers are written"
    ABORT = "to be aborted: markers are written"
    ABORT_NOTHING = "an abort of nothing, for its new epoch"
    REPEAT = "answered as the first time"
    COMPLETE = "the transaction is over"
    FORGET = "forgotten"
    IGNORE = "nothing"


_ITS = KafkaError.INVALID_TXN_STATE
_BUSY = KafkaError.CONCURRENT_TRANSACTIONS
_PAST = KafkaError.PRODUCER_FENCED
_GONE = KafkaError.INVALID_PRODUCER_ID_MAPPING

Cell = Rule | KafkaError


def _row(*cells: Cell) -> dict[State, Cell]:
    """The cells in the order of the numbers, but for the last two, which no transactional id is found in.

    A fence is written as the abort it leads to, and who is dead is forgotten: requests meet neither.
    """
    return dict(zip(_LIVE, cells, strict=True)) | dict.fromkeys((State.DEAD, State.PREPARE_EPOCH_FENCE), _GONE)


_LIVE = tuple(state for state in State if state not in (State.DEAD, State.PREPARE_EPOCH_FENCE))
# The short names keep a row on one line.
E, R = Event, Rule

# fmt: off
TABLE: dict[Event, dict[State, Cell]] = {
    #                    Empty            Ongoing    PrepareCommit  PrepareAbort  CompleteCommit   CompleteAbort
    E.INIT:         _row(R.GRANT,         R.FENCE,   _BUSY,         _BUSY,        R.GRANT,         R.GRANT),
    E.ADD:          _row(R.BEGIN,         R.JOIN,    _BUSY,         _BUSY,        R.BEGIN,         R.BEGIN),
    E.VERIFY:       _row(R.LOOK,          R.LOOK,    _BUSY,         _BUSY,        R.LOOK,          R.LOOK),
    E.COMMIT_OLD:   _row(_ITS,            R.COMMIT,  _BUSY,         _ITS,         R.REPEAT,        _ITS),
    E.ABORT_OLD:    _row(_ITS,            R.ABORT,   _ITS,          _BUSY,        _ITS,            R.REPEAT),
    E.COMMIT:       _row(_ITS,            R.COMMIT,  _PAST,         _PAST,        _ITS,            _ITS),
    E.ABORT:        _row(R.ABORT_NOTHING, R.ABORT,   _PAST,         _PAST,        R.ABORT_NOTHING, R.ABORT_NOTHING),
    E.COMMIT_AGAIN: _row(_PAST,           _PAST,     _BUSY,         _ITS,         R.REPEAT,        _ITS),
    E.ABORT_AGAIN:  _row(_PAST,           _PAST,     _ITS,          _BUSY,        _ITS,            R.REPEAT),
    E.TIME_UP:      _row(R.IGNORE,        R.FENCE,   R.IGNORE,      R.IGNORE,     R.IGNORE,        R.IGNORE),
    E.MARKED:       _row(R.IGNORE,        R.IGNORE,  R.COMPLETE,    R.COMPLETE,   R.IGNORE,        R.IGNORE),
    E.SILENT:       _row(R.FORGET,        R.IGNORE,  R.IGNORE,      R.IGNORE,     R.FORGET,        R.FORGET),
}
# fmt: on

MAY_FOLLOW: dict[State, frozenset[State]] = {
    State.EMPTY: frozenset({State.EMPTY, State.COMPLETE_COMMIT, State.COMPLETE_ABORT}),
    State.ONGOING: frozenset({State.ONGOING, State.EMPTY, State.COMPLETE_COMMIT, State.COMPLETE_ABORT}),
    State.PREPARE_COMMIT: frozenset({State.ONGOING}),
    State.PREPARE_ABORT: frozenset({State.ONGOING, State.EMPTY, State.COMPLETE_COMMIT, State.COMPLETE_ABORT}),
    State.COMPLETE_COMMIT: frozenset({State.PREPARE_COMMIT}),
    State.COMPLETE_ABORT: frozenset({State.PREPARE_ABORT}),
}
"""From which states each state may be entered."""


def as_markdown() -> str:
    """The table for the docs: one row per event, one column per state."""
    lines = [
        "| event | " + " | ".join(state.shown for state in _LIVE) + " |",
        "|---|" + "---|" * len(_LIVE),
    ]
    for event, row in TABLE.items():
        cells = (cell.name if isinstance(cell, KafkaError) else cell.value for cell in map(row.get, _LIVE) if cell)
        lines.append(f"| {event.value} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
