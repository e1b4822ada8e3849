"""From records to groups: what a partition of `__consumer_offsets` says when it is read from its start."""

from __future__ import annotations

from typing import Any

from penstock.coordinate.consumer import applying
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.consumer.timing import start_all
from penstock.coordinate.group_records import OffsetKey, read_committed, read_group, read_key
from penstock.coordinate.groups import replies
from penstock.coordinate.groups.desk import Desk, Phase
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.groups.member import Identity, Member, TimerKind
from penstock.coordinate.groups.rebalance import answer_join, answer_sync, prolong, start_join_phase
from penstock.coordinate.groups.states import TABLE, Event, Rule, State
from penstock.coordinate.groups.timers import Timer
from penstock.coordinate.offsets.commit import put_offset, put_pending
from penstock.coordinate.outcome import Message, Outcome
from penstock.protocol.errors import KafkaError

_NO_PRODUCER = -1
_UNKNOWN_TIMEOUT = -1


def replay(desk: Desk, key: bytes, value: bytes | None, offset: int, producer_id: int) -> bool:
    """Applies one record; False if its type is not ours. offset: the record's own; producer_id: of its transaction."""
    subject = read_key(key)
    if subject is None:
        return applying.replay(desk, key, value)
    if isinstance(subject, OffsetKey):
        _replay_offset(desk, subject, value, offset, producer_id)
    elif value is None:
        desk.drop(subject.group_id)
    else:
        desk.drop(subject.group_id)
        desk.put(_group_of(desk, subject.group_id, read_group(value)))
    return True


def _replay_offset(desk: Desk, key: OffsetKey, value: bytes | None, offset: int, producer_id: int) -> None:
    if value is None:
        desk.offsets.remove(key)
    elif producer_id == _NO_PRODUCER:
        put_offset(desk, key, read_committed(value, offset))
    else:
        put_pending(desk, (desk.partition_of(key.group_id), producer_id), key, read_committed(value, offset))


def _group_of(desk: Desk, group_id: str, value: Any) -> ClassicGroup:
    state = State.STABLE if value.members else State.EMPTY
    group = ClassicGroup(group_id, desk.partition_of(group_id), state, value.current_state_timestamp)
    group.generation = value.generation
    group.protocol_type = value.protocol_type or None
    group.protocol_name = value.protocol
    for stored in value.members:
        rebalance_timeout_ms = stored.rebalance_timeout
        if rebalance_timeout_ms == _UNKNOWN_TIMEOUT:
            rebalance_timeout_ms = stored.session_timeout
        member = Member(
            group,
            Identity(stored.member_id, stored.group_instance_id, stored.client_id, stored.client_host),
            rebalance_timeout_ms,
            stored.session_timeout,
            value.protocol_type,
            # Of what the member offered only the protocol in use is stored, so it rebalances if it says more.
            ((value.protocol or "", stored.subscription),),
            stored.assignment,
        )
        group.add(member)
    if value.leader in group.members:
        group.leader_id = value.leader
    group.subscribed = group.compute_subscribed()
    return group


def loaded(desk: Desk, partition: int) -> list[Outcome]:
    """The partition's groups are ours from now on: sessions start, as if everybody had just sent a heartbeat."""
    desk.phases[partition] = Phase.LOADED
    retention = desk.retention.setdefault(partition, Timer(TimerKind.RETENTION, partition))
    desk.timers.set(retention, desk.now_ms + desk.settings.offsets_retention_check_interval_ms)
    outcomes = []
    for group in desk.in_partition(partition):
        if isinstance(group, ConsumerGroup):
            start_all(desk, group)
        if not isinstance(group, ClassicGroup):
            continue
        for member in group.members.values():
            prolong(desk, member)
        if len(group.members) > desk.settings.group_max_size:
            # The setting was lowered: everybody rejoins, and the last ones find no room.
            outcomes.append(desk.conclude(partition, start_join_phase(desk, group)))
    return outcomes


def unload(desk: Desk, partition: int) -> dict[int, Message]:
    """Forgets the partition's groups and offsets; the replies of those who waited."""
    desk.phases.pop(partition, None)
    if partition in desk.retention:
        desk.retention.pop(partition).stop()
    for group in desk.in_partition(partition):
        if isinstance(group, ClassicGroup) and TABLE[Event.UNLOAD][group.state] is Rule.FORGET:
            _let_go(desk, group)
        desk.drop(group.group_id)
    for group_id in desk.offsets.groups():
        if desk.partition_of(group_id) == partition:
            desk.offsets.forget_group(group_id)
    desk.offsets.forget_partition(partition)
    return desk.done


def _let_go(desk: Desk, group: ClassicGroup) -> None:
    moved = KafkaError.NOT_COORDINATOR
    for member in group.members.values():
        answer_join(desk, group, member, replies.join_fault(member.member_id, moved, member.join_version))
        answer_sync(desk, member, replies.sync_fault(moved))
    group.move_to(State.DEAD, desk.now_ms)
