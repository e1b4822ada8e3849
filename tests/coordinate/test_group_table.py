"""Every cell of the table, driven on a real group: what is answered, what follows, and that refusals change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.coordinate.group_world import World, stable_group, subscription

from penstock.coordinate.groups.states import MAY_FOLLOW, TABLE, Event, Rule, State, as_markdown
from penstock.coordinate.outcome import Pending
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

LONG = {"session_timeout_ms": 1_000_000}
STATIC = "i-1"


class Stage:
    """A group in one state: a leader, a follower and a static member where there are members at all.

    awaited: the replies of those who wait; generation: the group's.
    """

    def __init__(self, state: State, protocol_type: str = "consumer") -> None:
        self.world = World()
        self.state = state
        self.fields = {**LONG, "protocol_type": protocol_type}
        self.leader = self.follower = self.static = "nobody"
        self.generation = 0
        self.awaited: list[Any] = []
        {
            State.EMPTY: self._empty,
            State.PREPARING: self._preparing,
            State.COMPLETING: self._completing,
            State.STABLE: self._stable,
            State.DEAD: self._dead,
        }[state]()

    def group(self) -> Any:
        return self._group

    def _empty(self) -> None:
        _, (member,) = stable_group(self.world, **self.fields)
        self.world.leave((member, None))
        self._group = self.world.groups._desk.groups["g"]
        self.generation = 2

    def _completing(self) -> None:
        names = [self.world.join(**self.fields).member_id for _ in range(2)]
        waiting = [self.world.join(name, **self.fields) for name in names]
        waiting.append(self.world.join(group_instance_id=STATIC, **self.fields))
        self.world.wait(0)
        self.leader, self.follower, self.static = (self.world.answer(reply).member_id for reply in waiting)
        self._group = self.world.groups._desk.groups["g"]
        self.generation = 1
        self.awaited = [self.sync(self.static, group_instance_id=STATIC)]

    def _stable(self) -> None:
        self._completing()
        self.sync(self.leader)
        self.sync(self.follower)
        self.awaited = []

    def _preparing(self) -> None:
        """The leader has rejoined, the others have not."""
        self._stable()
        self.awaited = [self.world.join(self.leader, **self.fields)]

    def _dead(self) -> None:
        """Unloaded under a call that still holds the group: it is put back where calls would find it."""
        self._stable()
        group = self._group
        self.world.groups.unload(group.partition, self.world.now_ms)
        desk = self.world.groups._desk
        desk.put(group)
        self.world.groups.loaded(group.partition, self.world.now_ms)

    def sync(self, member_id: str, **fields: Any) -> Any:
        return self.world.sync(member_id, self.generation, protocol_type=self.fields["protocol_type"], **fields)


def error_of(reply: Any) -> KafkaError:
    return KafkaError.NONE if isinstance(reply, Pending) else KafkaError(reply.error_code)


def join_unnamed(stage: Stage) -> Any:
    return error_of(stage.world.join(**stage.fields))


def join_new(stage: Stage) -> Any:
    return error_of(stage.world.join(group_instance_id="i-2", **stage.fields))


def join_returning(stage: Stage) -> Any:
    if stage.state is State.EMPTY:
        # No way leads here, as a group without members has no static ones; the cell must hold all the same.
        stage.group().static_members[STATIC] = "nobody"
    return error_of(stage.world.join(group_instance_id=STATIC, **stage.fields))


def rejoin_same(stage: Stage) -> Any:
    return error_of(stage.world.join(stage.follower, **stage.fields))


def rejoin_same_leader(stage: Stage) -> Any:
    return error_of(stage.world.join(stage.leader, **stage.fields))


def rejoin_changed(stage: Stage) -> Any:
    return error_of(stage.world.join(stage.follower, protocols=[("range", subscription("u"))], **stage.fields))


def sync_follower(stage: Stage) -> Any:
    return error_of(stage.sync(stage.follower))


def sync_leader(stage: Stage) -> Any:
    return error_of(stage.sync(stage.leader))


def heartbeat(stage: Stage) -> Any:
    return stage.world.heartbeat(stage.follower, stage.generation)


def member_left(stage: Stage) -> Any:
    if stage.state is State.EMPTY:
        named = stage.world.join(**stage.fields)
        return error_of(stage.world.leave((named.member_id, None)).members[0])
    reply = stage.world.leave((stage.follower, None))
    return error_of(reply.members[0] if reply.members else reply)


def member_expired(stage: Stage) -> Any:
    if stage.state is not State.EMPTY:
        session = stage.group().members[stage.follower].session
        stage.world.groups._desk.timers.set(session, stage.world.now_ms)
    stage.world.wait(0)
    return KafkaError.NONE


def named_expired(stage: Stage) -> Any:
    if stage.state is not State.DEAD:
        stage.world.join(**{**stage.fields, "session_timeout_ms": 6_000})
    stage.world.wait(6_000)
    return KafkaError.NONE


def time_up(name: str) -> Callable[[Stage], Any]:
    def fire(stage: Stage) -> Any:
        if stage.state in (State.COMPLETING, State.STABLE):
            stage.group().unsynced.add(stage.follower)
        stage.world.groups._desk.timers.set(getattr(stage.group(), name), stage.world.now_ms)
        stage.world.wait(0)
        return KafkaError.NONE

    return fire


def assignment(refused: KafkaError | None) -> Callable[[Stage], Any]:
    """The leader's assignments come back from the log after the group has moved to another state."""

    def store(stage: Stage) -> Any:
        before = Stage(State.COMPLETING)
        request = messages.SyncGroupRequest(
            group_id="g", member_id=before.leader, generation_id=before.generation, assignments=[]
        )
        outcome = before.world.groups.sync(request, 4, before.world.now_ms)
        before.group().state = stage.state
        before.world.refuse_with = refused
        before.world.settle(outcome)
        stage.world, stage._group, stage.awaited = before.world, before.group(), before.awaited
        return KafkaError.NONE

    return store


def commit_member(stage: Stage) -> Any:
    fields = {"member_id": stage.follower, "generation_id_or_member_epoch": stage.generation}
    return stage.world.commit({("t", 0): 1}, **fields)["t", 0]


def commit_simple(stage: Stage) -> Any:
    return stage.world.commit({("t", 0): 1})["t", 0]


def commit_transactional(stage: Stage) -> Any:
    topic_class = messages.TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic
    partition_class = messages.TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition
    partition = partition_class(partition_index=0, committed_offset=1)
    topics = [topic_class(name="t", partitions=[partition])]
    request = messages.TxnOffsetCommitRequest(group_id="g", producer_id=7, topics=topics)
    reply = stage.world.settle(stage.world.groups.txn_offset_commit(request, 3, stage.world.now_ms))
    return KafkaError(reply.topics[0].partitions[0].error_code)


def offset_delete(stage: Stage) -> Any:
    topic_class = messages.OffsetDeleteRequest.OffsetDeleteRequestTopic
    partition_class = messages.OffsetDeleteRequest.OffsetDeleteRequestPartition
    topics = [topic_class(name="never read", partitions=[partition_class(partition_index=0)])]
    request = messages.OffsetDeleteRequest(group_id="g", topics=topics)
    return error_of(stage.world.settle(stage.world.groups.offset_delete(request, 0, stage.world.now_ms)))


def delete(stage: Stage) -> Any:
    return error_of(stage.world.settle(stage.world.groups.delete("g", stage.world.now_ms)))


def unload(stage: Stage) -> Any:
    stage.world.replies |= stage.world.groups.unload(stage.group().partition, stage.world.now_ms)
    return KafkaError.NONE


DRIVERS: dict[Event, Callable[[Stage], Any]] = {
    Event.JOIN_UNNAMED: join_unnamed,
    Event.JOIN_NEW: join_new,
    Event.JOIN_RETURNING: join_returning,
    Event.REJOIN_SAME: rejoin_same,
    Event.REJOIN_SAME_LEADER: rejoin_same_leader,
    Event.REJOIN_CHANGED: rejoin_changed,
    Event.SYNC_FOLLOWER: sync_follower,
    Event.SYNC_LEADER: sync_leader,
    Event.HEARTBEAT: heartbeat,
    Event.MEMBER_LEFT: member_left,
    Event.MEMBER_EXPIRED: member_expired,
    Event.NAMED_EXPIRED: named_expired,
    Event.JOIN_TIME_UP: time_up("join_timer"),
    Event.SYNC_TIME_UP: time_up("sync_timer"),
    Event.ASSIGNMENT_STORED: assignment(None),
    Event.ASSIGNMENT_LOST: assignment(KafkaError.NOT_ENOUGH_REPLICAS),
    Event.COMMIT_MEMBER: commit_member,
    Event.COMMIT_SIMPLE: commit_simple,
    Event.COMMIT_TRANSACTIONAL: commit_transactional,
    Event.OFFSET_DELETE: offset_delete,
    Event.OFFSET_DELETE_OTHER: offset_delete,
    Event.DELETE: delete,
    Event.UNLOAD: unload,
}

SAME = None
AFTER: dict[Rule, State | None] = {
    Rule.NAME: SAME,
    Rule.ADD: State.PREPARING,
    Rule.REPLACE: SAME,
    Rule.REPLACE_REBALANCE: State.PREPARING,
    Rule.REPLACE_KEEP: SAME,
    Rule.UPDATE: State.PREPARING,
    Rule.CURRENT: SAME,
    Rule.PARK: SAME,
    Rule.STORE: State.STABLE,
    Rule.ASSIGNMENT: SAME,
    Rule.BEAT: SAME,
    Rule.BEAT_REJOIN: SAME,
    Rule.REBALANCE: State.PREPARING,
    Rule.CONTINUE: SAME,
    Rule.END_IF_JOINED: SAME,
    Rule.END: State.COMPLETING,
    Rule.EXPEL: State.PREPARING,
    Rule.ASSIGN: State.STABLE,
    Rule.RESET: State.PREPARING,
    Rule.COMMIT: SAME,
    Rule.COMMIT_BEAT: SAME,
    Rule.DELETE_OFFSETS: SAME,
    Rule.DELETE_GROUP: SAME,
    Rule.FORGET: State.DEAD,
    Rule.IGNORE: SAME,
}
ERRORS = {Rule.NAME: KafkaError.MEMBER_ID_REQUIRED, Rule.BEAT_REJOIN: KafkaError.REBALANCE_IN_PROGRESS}
AWAITED_LEARN = {
    Rule.ASSIGN: KafkaError.NONE,
    Rule.STORE: KafkaError.NONE,
    Rule.RESET: KafkaError.COORDINATOR_NOT_AVAILABLE,
    Rule.FORGET: KafkaError.NOT_COORDINATOR,
    Rule.END: KafkaError.NONE,
}
CELLS = [(event, state) for event in Event for state in State]


@pytest.mark.parametrize(("event", "state"), CELLS, ids=lambda value: value.name)
def test_a_cell_says_what_happens(event, state):
    cell = TABLE[event][state]
    stage = Stage(state, "connect" if event is Event.OFFSET_DELETE_OTHER else "consumer")
    assert stage.group().state is state

    answered = DRIVERS[event](stage)

    if isinstance(cell, KafkaError):
        assert answered is cell
        assert stage.group().state is state
        return
    assert answered is ERRORS.get(cell, KafkaError.NONE)
    assert stage.group().state is (AFTER[cell] or state)
    if cell in AWAITED_LEARN and stage.awaited:
        assert {error_of(stage.world.answer(reply)) for reply in stage.awaited} == {AWAITED_LEARN[cell]}


def test_every_event_has_a_cell_for_every_state():
    assert set(TABLE) == set(Event)
    assert all(list(row) == list(State) for row in TABLE.values())


def test_a_dead_group_stays_dead_and_any_group_may_die():
    assert all(State.DEAD not in before for state, before in MAY_FOLLOW.items() if state is not State.DEAD)
    assert MAY_FOLLOW[State.DEAD] == frozenset(State)


def test_every_rule_is_used():
    assert {cell for row in TABLE.values() for cell in row.values() if isinstance(cell, Rule)} == set(Rule)


def test_the_docs_show_one_row_per_event():
    lines = as_markdown().splitlines()

    assert lines[0] == "| event | Empty | PreparingRebalance | CompletingRebalance | Stable | Dead |"
    assert len(lines) == 2 + len(Event)
    assert (
        "| Heartbeat | UNKNOWN_MEMBER_ID | session prolonged, REBALANCE_IN_PROGRESS | session prolonged "
        "| session prolonged | COORDINATOR_NOT_AVAILABLE |"
    ) in lines
