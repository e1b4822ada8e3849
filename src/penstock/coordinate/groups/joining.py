"""JoinGroup: naming members, taking them in, and starting the join phase."""

from __future__ import annotations

from typing import Any, NamedTuple

from penstock.coordinate.consumer import classic_members
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.group_records import group_record, new_group_record
from penstock.coordinate.groups import replies
from penstock.coordinate.groups.desk import AnyGroup, Desk, Stored
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.groups.member import NO_TICKET, Identity, Member, Protocols, TimerKind
from penstock.coordinate.groups.newer import Newer, tombstones_of
from penstock.coordinate.groups.rebalance import (
    answer_join,
    answer_sync,
    dismiss,
    end_if_complete,
    prolong,
    rebalance,
    start_join_phase,
)
from penstock.coordinate.groups.states import TABLE, Event, Rule, State
from penstock.coordinate.groups.timers import Timer
from penstock.coordinate.outcome import Outcome
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.protocol.errors import KafkaError

_NAMES_MEMBERS_FROM = 4
_SKIPS_ASSIGNMENT_FROM = 9
# A member id travels as a string of at most 32767 bytes; the client id in front of it is only there for people to read.
_CLIENT_ID_SHOWN_MAX = 255


class Joining(NamedTuple):
    """A JoinGroup with what surrounds it; the caller waits under `ticket`."""

    ticket: int
    version: int
    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: Protocols


def join(desk: Desk, request: Any, client_id: str | None, client_host: str, version: int) -> Outcome:
    """The outcome of a JoinGroup: usually Pending until all members are there."""
    fault = _fault_of_request(desk, request)
    if fault is not KafkaError.NONE:
        return Outcome(replies.join_fault(request.member_id, fault, version))
    existing = desk.groups.get(request.group_id)
    if isinstance(existing, ConsumerGroup):
        if not existing.is_empty:
            return classic_members.join(desk, existing, request, client_id or "", client_host, version)
    elif existing is not None and not isinstance(existing, ClassicGroup) and not _gives_way(existing):
        return Outcome(replies.join_fault(replies.UNKNOWN_MEMBER_ID, KafkaError.INCONSISTENT_GROUP_PROTOCOL, version))
    group = desk.classic(request.group_id)
    is_new_group = group is None
    if group is None:
        if request.member_id:
            return Outcome(replies.join_fault(request.member_id, KafkaError.UNKNOWN_MEMBER_ID, version))
        if len(desk.groups) >= desk.settings.groups_max:
            return Outcome(replies.join_fault(replies.UNKNOWN_MEMBER_ID, KafkaError.POLICY_VIOLATION, version))
        group = desk.create(request.group_id)
    joining = _joining(desk.ticket(), request, client_id, client_host, version)
    stored = _join_group(desk, group, joining)
    if is_new_group:
        assert stored is None, "nothing else is stored on the first join"
        stored = _store_new_group(desk, group, joining, existing)
    return desk.conclude(group.partition, stored, ticket=joining.ticket)


def _gives_way(group: AnyGroup) -> bool:
    return isinstance(group, StreamsGroup) and group.is_empty


def _fault_of_request(desk: Desk, request: Any) -> KafkaError:
    settings = desk.settings
    if not request.group_id or len(request.group_id) > settings.group_id_length_max:
        return KafkaError.INVALID_GROUP_ID
    if request.group_instance_id is not None and len(request.group_instance_id) > settings.instance_id_length_max:
        return KafkaError.INVALID_REQUEST
    if not settings.group_min_session_timeout_ms <= request.session_timeout_ms <= settings.group_max_session_timeout_ms:
        return KafkaError.INVALID_SESSION_TIMEOUT
    return desk.absence_of(request.group_id)


def _joining(ticket: int, request: Any, client_id: str | None, client_host: str, version: int) -> Joining:
    protocols: dict[str, bytes] = {}
    for protocol in request.protocols:
        protocols.setdefault(protocol.name, protocol.metadata)
    return Joining(
        ticket,
        version,
        request.member_id,
        request.group_instance_id,
        client_id or "",
        client_host,
        request.session_timeout_ms,
        # Version 0 has one timeout for both.
        request.session_timeout_ms if version == 0 else request.rebalance_timeout_ms,
        request.protocol_type,
        tuple(protocols.items()),
    )


def _store_new_group(desk: Desk, group: ClassicGroup, joining: Joining, former: AnyGroup | None) -> Stored:
    """The group itself is a record, so that a restart knows it even if nobody ever finishes joining.

    former: the empty group of a newer type whose place it takes, if there is one.
    """
    ended = tombstones_of(former) if isinstance(former, Newer) else []

    def undone(error: KafkaError) -> None:
        desk.drop(group.group_id)
        if former is not None:
            desk.put(former)
        desk.done[joining.ticket] = replies.join_fault(replies.UNKNOWN_MEMBER_ID, error, joining.version)

    return Stored([*ended, new_group_record(group)], lambda _: None, undone)


def _join_group(desk: Desk, group: ClassicGroup, joining: Joining) -> Stored | None:
    """Answers under the ticket now or later."""
    member_id = joining.member_id
    if _is_full(desk, group, joining):
        if member_id in group.members:
            dismiss(desk, group, member_id)
        group.forget_named(member_id)
        return _refuse(desk, joining, replies.UNKNOWN_MEMBER_ID, KafkaError.GROUP_MAX_SIZE_REACHED)
    if group.state is State.DEAD:
        return _refuse(desk, joining, member_id, KafkaError.COORDINATOR_NOT_AVAILABLE)
    if group.bytes_held + sum(len(m) for _, m in joining.protocols) > desk.settings.group_bytes_max:
        return _refuse(desk, joining, member_id, KafkaError.GROUP_MAX_SIZE_REACHED)
    if not group.supports(joining.protocol_type, joining.protocols):
        return _refuse(desk, joining, member_id, KafkaError.INCONSISTENT_GROUP_PROTOCOL)
    if member_id:
        return _join_by_name(desk, group, joining)
    if joining.instance_id in group.static_members:
        return _perform(desk, group, joining, Event.JOIN_RETURNING)
    if joining.instance_id is None and joining.version >= _NAMES_MEMBERS_FROM:
        return _perform(desk, group, joining, Event.JOIN_UNNAMED)
    return _perform(desk, group, joining, Event.JOIN_NEW)


def _join_by_name(desk: Desk, group: ClassicGroup, joining: Joining) -> Stored | None:
    if joining.member_id in group.named:
        if joining.instance_id is not None:
            # Only dynamic members are named in advance.
            return _refuse(desk, joining, joining.member_id, KafkaError.UNKNOWN_MEMBER_ID)
        return _perform(desk, group, joining, Event.JOIN_NEW)
    fault = group.fault_of(joining.member_id, joining.instance_id)
    if fault is not KafkaError.NONE:
        return _refuse(desk, joining, joining.member_id, fault)
    if group.members[joining.member_id].protocols != joining.protocols:
        return _perform(desk, group, joining, Event.REJOIN_CHANGED)
    if joining.member_id == group.leader_id:
        # The leader rejoins a stable group when it wants a rebalance: a topic it assigns has new partitions, say.
        return _perform(desk, group, joining, Event.REJOIN_SAME_LEADER)
    return _perform(desk, group, joining, Event.REJOIN_SAME)


def _perform(desk: Desk, group: ClassicGroup, joining: Joining, event: Event) -> Stored | None:
    cell = TABLE[event][group.state]
    if isinstance(cell, KafkaError):
        return _refuse(desk, joining, joining.member_id, cell)
    return _STEPS[cell](desk, group, joining)


def _refuse(desk: Desk, joining: Joining, member_id: str, error: KafkaError) -> Stored | None:
    desk.done[joining.ticket] = replies.join_fault(member_id, error, joining.version)
    return None


def _is_full(desk: Desk, group: ClassicGroup, joining: Joining) -> bool:
    """Whether there is no room; while members rejoin, the last ones of a group that is too large find none."""
    size_max = desk.settings.group_max_size
    member = group.members.get(joining.member_id)
    if group.state is State.PREPARING:
        is_waiting = member is not None and member.join_ticket != NO_TICKET
        return not is_waiting and group.awaiting_join >= size_max
    if group.state in (State.COMPLETING, State.STABLE):
        return member is None and len(group.members) >= size_max
    return False


def _name(desk: Desk, group: ClassicGroup, joining: Joining) -> Stored | None:
    """The client gets its member id first, so that a JoinGroup it sends twice does not make two members."""
    if len(group.named) >= desk.settings.named_members_max:
        return _refuse(desk, joining, replies.UNKNOWN_MEMBER_ID, KafkaError.GROUP_MAX_SIZE_REACHED)
    member_id = _new_member_id(desk, joining)
    timer = Timer(TimerKind.NAMED, group, member_id)
    group.named[member_id] = timer
    desk.timers.set(timer, desk.now_ms + joining.session_timeout_ms)
    return _refuse(desk, joining, member_id, KafkaError.MEMBER_ID_REQUIRED)


def _add(desk: Desk, group: ClassicGroup, joining: Joining) -> Stored | None:
    member_id = joining.member_id or _new_member_id(desk, joining)
    member = Member(
        group,
        Identity(member_id, joining.instance_id, joining.client_id, joining.client_host),
        joining.rebalance_timeout_ms,
        joining.session_timeout_ms,
        joining.protocol_type,
        joining.protocols,
    )
    member.is_new = True
    member.join_version = joining.version
    if group.state is State.PREPARING and group.previous is State.EMPTY:
        group.has_new_member = True
    group.add(member, joining.ticket)
    # It cannot send heartbeats while its JoinGroup waits, and may be gone without our seeing it.
    desk.timers.set(member.session, desk.now_ms + desk.settings.new_member_join_timeout_ms)
    return rebalance(desk, group)


def _update(desk: Desk, group: ClassicGroup, joining: Joining) -> Stored | None:
    _take_over(desk, group, group.members[joining.member_id], joining)
    return rebalance(desk, group)


def _current(desk: Desk, group: ClassicGroup, joining: Joining) -> Stored | None:
    """It may have missed our first reply; the leader gets the members again."""
    desk.done[joining.ticket] = replies.joined(group, group.members[joining.member_id])
    return None


def _replace(desk: Desk, group: ClassicGroup, joining: Joining) -> Stored | None:
    _come_back(desk, group, joining)
    return end_if_complete(desk, group)


def _replace_rebalance(desk: Desk, group: ClassicGroup, joining: Joining) -> Stored | None:
    """The leader may be assigning to the old member id at this moment, which would leave the new one with nothing."""
    _come_back(desk, group, joining)
    return start_join_phase(desk, group)


def _replace_keep(desk: Desk, group: ClassicGroup, joining: Joining) -> Stored | None:
    """A static member restarted: unless the group's protocol changes by it, everybody keeps what they have."""
    leader_before = group.leader_id or ""
    old, new = _come_back(desk, group, joining)
    if group.select_protocol() != group.protocol_name:
        return rebalance(desk, group)

    def applied(_: int) -> None:
        if joining.version >= _SKIPS_ASSIGNMENT_FROM:
            # The leader sees the members again, to know them, but is told not to assign.
            reply = replies.joined(group, new, skip_assignment=new.member_id == group.leader_id)
        else:
            # An older leader would start a rebalance on seeing its own id as leader, so it gets the one it had.
            reply = replies.joined_again(group, leader_before, new.member_id)
        answer_join(desk, group, new, reply)

    def undone(error: KafkaError) -> None:
        group.update(new, old.protocols, old.rebalance_timeout_ms, old.session_timeout_ms, NO_TICKET)
        group.replace_static(new, old)
        prolong(desk, old)
        desk.done[joining.ticket] = replies.joined_again(group, leader_before, replies.UNKNOWN_MEMBER_ID, error)

    assignments = {member.member_id: member.assignment for member in group.members.values()}
    return Stored([group_record(group, assignments)], applied, undone)


def _come_back(desk: Desk, group: ClassicGroup, joining: Joining) -> tuple[Member, Member]:
    """Puts a static member's new self in the old one's place, and fences whoever still uses the old member id."""
    instance_id = joining.instance_id
    assert instance_id is not None, joining
    old = group.members[group.static_members[instance_id]]
    answer_join(desk, group, old, replies.join_fault(old.member_id, KafkaError.FENCED_INSTANCE_ID, old.join_version))
    answer_sync(desk, old, replies.sync_fault(KafkaError.FENCED_INSTANCE_ID))
    new = Member(
        group,
        old.identity._replace(member_id=_new_member_id(desk, joining)),
        old.rebalance_timeout_ms,
        old.session_timeout_ms,
        old.protocol_type,
        old.protocols,
        old.assignment,
    )
    group.replace_static(old, new)
    prolong(desk, new)
    _take_over(desk, group, new, joining)
    return old, new


def _take_over(desk: Desk, group: ClassicGroup, member: Member, joining: Joining) -> None:
    """What the member says now counts; if an earlier JoinGroup of it still waits, that one is let go."""
    retry = replies.join_fault(member.member_id, KafkaError.REBALANCE_IN_PROGRESS, member.join_version)
    answer_join(desk, group, member, retry)
    member.join_version = joining.version
    group.update(member, joining.protocols, joining.rebalance_timeout_ms, joining.session_timeout_ms, joining.ticket)


def _new_member_id(desk: Desk, joining: Joining) -> str:
    """A name people can read, and a random UUID (version 4) that nobody can guess."""
    digits = bytearray(desk.dice(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    uuid = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    name = joining.client_id[:_CLIENT_ID_SHOWN_MAX] if joining.instance_id is None else joining.instance_id
    return f"{name}-{uuid}"


_STEPS = {
    Rule.NAME: _name,
    Rule.ADD: _add,
    Rule.UPDATE: _update,
    Rule.CURRENT: _current,
    Rule.REPLACE: _replace,
    Rule.REPLACE_REBALANCE: _replace_rebalance,
    Rule.REPLACE_KEEP: _replace_keep,
}
