"""The classic group as a table: what each event means in each state.

A cell is a `Rule` (what is done) or a `KafkaError` (the event is refused with that code and nothing changes).
`TABLE` is what the code looks up, what `as_markdown` prints for the docs, and what tests/coordinate/test_group_table.py
drives cell by cell.  Source: Kafka 4.3.1, ClassicGroupState and GroupMetadataManager.
"""

from enum import Enum

from penstock.protocol.errors import KafkaError


class State(Enum):
    """Where a group stands; the value is the name that ListGroups and DescribeGroups show."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"

    # Looked up in TABLE for every request; Enum's own hash is a call into Python.
    __hash__ = object.__hash__


class Event(Enum):
    """What can happen to a group, after the request's member id, instance id and generation were found right."""

    JOIN_UNNAMED = "JoinGroup v4+ without a member id, not static"
    JOIN_NEW = "JoinGroup of a member the group does not have (new, or named before)"
    JOIN_RETURNING = "JoinGroup without a member id of a static member the group has"
    REJOIN_SAME = "JoinGroup of a follower, nothing changed"
    REJOIN_SAME_LEADER = "JoinGroup of the leader, nothing changed"
    REJOIN_CHANGED = "JoinGroup of a member with other protocols"
    SYNC_FOLLOWER = "SyncGroup of a follower"
    SYNC_LEADER = "SyncGroup of the leader"
    HEARTBEAT = "Heartbeat"
    MEMBER_LEFT = "LeaveGroup took members out"
    MEMBER_EXPIRED = "a member's session ended"
    NAMED_EXPIRED = "a named member never joined"
    JOIN_TIME_UP = "the join phase's time is up"
    SYNC_TIME_UP = "the sync phase's time is up"
    ASSIGNMENT_STORED = "the leader's assignment is in the log"
    ASSIGNMENT_LOST = "the leader's assignment could not be appended"
    COMMIT_MEMBER = "OffsetCommit of a member in this generation"
    COMMIT_SIMPLE = "OffsetCommit without member and generation"
    COMMIT_TRANSACTIONAL = "TxnOffsetCommit"
    OFFSET_DELETE = "OffsetDelete, protocol type consumer"
    OFFSET_DELETE_OTHER = "OffsetDelete, another protocol type"
    DELETE = "DeleteGroups"
    UNLOAD = "the partition moves away"

    __hash__ = object.__hash__


class Rule(Enum):
    """What is done; the value is the sentence the docs show."""

    NAME = "gets a member id and MEMBER_ID_REQUIRED"
    ADD = "is added; rebalance"
    REPLACE = "takes the old one's place; the join phase goes on"
    REPLACE_REBALANCE = "takes the old one's place; rebalance"
    REPLACE_KEEP = "takes the old one's place; rebalance only if the protocol changes"
    UPDATE = "is updated; rebalance"
    CURRENT = "gets the current generation"
    PARK = "waits for the leader"
    STORE = "its assignments are appended"
    ASSIGNMENT = "gets its assignment"
    BEAT = "session prolonged"
    BEAT_REJOIN = "session prolonged, REBALANCE_IN_PROGRESS"
    REBALANCE = "rebalance"
    CONTINUE = "the join phase ends if all joined, unless it is the first"
    END_IF_JOINED = "the join phase ends if all joined"
    END = "the join phase ends; who did not rejoin is out"
    EXPEL = "who did not sync is out; rebalance"
    ASSIGN = "all who wait get their assignments"
    RESET = "all who wait get the error; rebalance"
    COMMIT = "accepted"
    COMMIT_BEAT = "accepted, session prolonged"
    DELETE_OFFSETS = "accepted, but for topics subscribed to"
    DELETE_GROUP = "tombstones for its offsets and itself"
    FORGET = "all who wait get NOT_COORDINATOR"
    IGNORE = "nothing"


_UNKNOWN = KafkaError.UNKNOWN_MEMBER_ID
_GONE = KafkaError.COORDINATOR_NOT_AVAILABLE
_REJOIN = KafkaError.REBALANCE_IN_PROGRESS
_FULL = KafkaError.NON_EMPTY_GROUP
_MISSING = KafkaError.GROUP_ID_NOT_FOUND

Cell = Rule | KafkaError


def _row(empty: Cell, preparing: Cell, completing: Cell, stable: Cell, dead: Cell) -> dict[State, Cell]:
    return dict(zip(State, (empty, preparing, completing, stable, dead), strict=True))


# The short names keep a row on one line.
E, R = Event, Rule

# fmt: off
TABLE: dict[Event, dict[State, Cell]] = {
    #                            Empty             Preparing         Completing           Stable            Dead
    E.JOIN_UNNAMED:         _row(R.NAME,           R.NAME,           R.NAME,              R.NAME,           _GONE),
    E.JOIN_NEW:             _row(R.ADD,            R.ADD,            R.ADD,               R.ADD,            _GONE),
    E.JOIN_RETURNING:       _row(_UNKNOWN,         R.REPLACE,        R.REPLACE_REBALANCE, R.REPLACE_KEEP,   _GONE),
    E.REJOIN_SAME:          _row(_UNKNOWN,         R.UPDATE,         R.CURRENT,           R.CURRENT,        _GONE),
    E.REJOIN_SAME_LEADER:   _row(_UNKNOWN,         R.UPDATE,         R.CURRENT,           R.UPDATE,         _GONE),
    E.REJOIN_CHANGED:       _row(_UNKNOWN,         R.UPDATE,         R.UPDATE,            R.UPDATE,         _GONE),
    E.SYNC_FOLLOWER:        _row(_UNKNOWN,         _REJOIN,          R.PARK,              R.ASSIGNMENT,     _GONE),
    E.SYNC_LEADER:          _row(_UNKNOWN,         _REJOIN,          R.STORE,             R.ASSIGNMENT,     _GONE),
    E.HEARTBEAT:            _row(_UNKNOWN,         R.BEAT_REJOIN,    R.BEAT,              R.BEAT,           _GONE),
    E.MEMBER_LEFT:          _row(R.IGNORE,         R.CONTINUE,       R.REBALANCE,         R.REBALANCE,      _GONE),
    E.MEMBER_EXPIRED:       _row(R.IGNORE,         R.END_IF_JOINED,  R.REBALANCE,         R.REBALANCE,      R.IGNORE),
    E.NAMED_EXPIRED:        _row(R.IGNORE,         R.END_IF_JOINED,  R.IGNORE,            R.IGNORE,         R.IGNORE),
    E.JOIN_TIME_UP:         _row(R.IGNORE,         R.END,            R.IGNORE,            R.IGNORE,         R.IGNORE),
    E.SYNC_TIME_UP:         _row(R.IGNORE,         R.IGNORE,         R.EXPEL,             R.EXPEL,          R.IGNORE),
    E.ASSIGNMENT_STORED:    _row(R.IGNORE,         R.IGNORE,         R.ASSIGN,            R.IGNORE,         R.IGNORE),
    E.ASSIGNMENT_LOST:      _row(R.IGNORE,         R.IGNORE,         R.RESET,             R.IGNORE,         R.IGNORE),
    E.COMMIT_MEMBER:        _row(_UNKNOWN,         R.COMMIT_BEAT,    _REJOIN,             R.COMMIT_BEAT,    _GONE),
    E.COMMIT_SIMPLE:        _row(R.COMMIT,         _UNKNOWN,         _UNKNOWN,            _UNKNOWN,         _GONE),
    E.COMMIT_TRANSACTIONAL: _row(R.COMMIT,         R.COMMIT,         R.COMMIT,            R.COMMIT,         _GONE),
    E.OFFSET_DELETE:        _row(R.DELETE_OFFSETS, R.DELETE_OFFSETS, R.DELETE_OFFSETS,    R.DELETE_OFFSETS, _MISSING),
    E.OFFSET_DELETE_OTHER:  _row(R.DELETE_OFFSETS, _FULL,            _FULL,               _FULL,            _MISSING),
    E.DELETE:               _row(R.DELETE_GROUP,   _FULL,            _FULL,               _FULL,            _MISSING),
    E.UNLOAD:               _row(R.FORGET,         R.FORGET,         R.FORGET,            R.FORGET,         R.IGNORE),
}
# fmt: on

MAY_FOLLOW: dict[State, frozenset[State]] = {
    State.EMPTY: frozenset({State.PREPARING}),
    State.PREPARING: frozenset({State.EMPTY, State.STABLE, State.COMPLETING}),
    State.COMPLETING: frozenset({State.PREPARING}),
    State.STABLE: frozenset({State.COMPLETING}),
    State.DEAD: frozenset(State),
}
"""From which states each state may be entered."""


def as_markdown() -> str:
    """The table for the docs: one row per event, one column per state."""
    lines = [
        "| event | " + " | ".join(state.value for state in State) + " |",
        "|---|" + "---|" * len(State),
    ]
    for event, row in TABLE.items():
        cells = (cell.name if isinstance(cell, KafkaError) else cell.value for cell in row.values())
        lines.append(f"| {event.value} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
