"""The join phase and the assignments that end it: how a group gets from one generation to the next."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.coordinate.group_records import group_record
from penstock.coordinate.groups import replies
from penstock.coordinate.groups.desk import Desk, Stored, nothing
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.groups.member import NO_TICKET, Member
from penstock.coordinate.groups.states import TABLE, Event, Rule, State
from penstock.protocol.errors import KafkaError

# Clients choose the rebalance timeout, and one of 0 would have us look again without a pause.
_STATIC_WAIT_MS_MIN = 1_000
_CAN_REBALANCE = (State.STABLE, State.COMPLETING, State.EMPTY)


def prolong(desk: Desk, member: Member) -> None:
    """The member is alive: its session starts anew."""
    desk.timers.set(member.session, desk.now_ms + member.session_timeout_ms)


def rebalance(desk: Desk, group: ClassicGroup) -> Stored | None:
    """Starts the join phase, or goes on with the one under way."""
    if group.state in _CAN_REBALANCE:
        return start_join_phase(desk, group)
    return end_if_complete(desk, group)


def start_join_phase(desk: Desk, group: ClassicGroup) -> Stored | None:
    """Everybody is to rejoin. A group that was empty waits a while for its first members to arrive together."""
    if group.state is State.COMPLETING:
        give_fault(desk, group, KafkaError.REBALANCE_IN_PROGRESS)
    group.unsynced.clear()
    group.sync_timer.stop()
    is_first = group.is_empty
    if is_first:
        delay_ms = desk.settings.group_initial_rebalance_delay_ms
        group.initial_delay_ms = delay_ms
        group.initial_left_ms = max(group.rebalance_timeout_ms - delay_ms, 0)
        desk.timers.set(group.join_timer, desk.now_ms + delay_ms)
    group.move_to(State.PREPARING, desk.now_ms)
    if is_first:
        return None
    if group.all_joined:
        return end_join_phase(desk, group)
    desk.timers.set(group.join_timer, desk.now_ms + group.rebalance_timeout_ms)
    return None


def end_if_complete(desk: Desk, group: ClassicGroup) -> Stored | None:
    """Ends the join phase when all are there; the first one of a group runs its time, for others may come."""
    if group.state is State.PREPARING and group.all_joined and group.previous is not State.EMPTY:
        return end_join_phase(desk, group)
    return None


def join_time_up(desk: Desk, group: ClassicGroup) -> Stored | None:
    """The join phase's time is up. The first phase of a group is drawn out while members keep coming."""
    if TABLE[Event.JOIN_TIME_UP][group.state] is not Rule.END:
        return None
    is_first = group.previous is State.EMPTY
    if is_first and group.has_new_member and group.initial_left_ms:
        group.has_new_member = False
        delay_ms = min(desk.settings.group_initial_rebalance_delay_ms, group.initial_left_ms)
        group.initial_left_ms = max(group.initial_left_ms - group.initial_delay_ms, 0)
        group.initial_delay_ms = delay_ms
        desk.timers.set(group.join_timer, desk.now_ms + delay_ms)
        return None
    return end_join_phase(desk, group)


def end_join_phase(desk: Desk, group: ClassicGroup) -> Stored | None:
    """The next generation, of those who rejoined and of static members, who are given until their session ends."""
    group.join_timer.stop()
    absent = [m.member_id for m in group.members.values() if m.join_ticket == NO_TICKET and not m.is_static]
    for member_id in absent:
        group.remove(member_id)
    if not group.elect_joined_leader() and group.members:
        # Only static members are left and none has rejoined: wait for one, or for their sessions to end.
        wait_ms = max(group.rebalance_timeout_ms, _STATIC_WAIT_MS_MIN)
        desk.timers.set(group.join_timer, desk.now_ms + wait_ms)
        return None
    group.next_generation(desk.now_ms)
    if group.is_empty:
        # If this record is lost, the generation before it comes back after a restart, and its members time out.
        return Stored([group_record(group, {})], nothing, nothing)
    for member in group.members.values():
        answer_join(desk, group, member, replies.joined(group, member))
        prolong(desk, member)
        member.is_new = False
        group.unsynced.add(member.member_id)
    desk.timers.set(group.sync_timer, desk.now_ms + group.rebalance_timeout_ms)
    return None


def sync_time_up(desk: Desk, group: ClassicGroup) -> Stored | None:
    """Members that did not sync in time are out, and the rest begins again."""
    if TABLE[Event.SYNC_TIME_UP][group.state] is not Rule.EXPEL or not group.unsynced:
        return None
    for member_id in sorted(group.unsynced):
        group.remove(member_id)
    return start_join_phase(desk, group)


def store_assignments(desk: Desk, group: ClassicGroup, assignments: Mapping[str, bytes]) -> Stored:
    """The leader's assignments become the group's once they are in the log. assignments: one for each member."""
    generation = group.generation

    def applied(_: int) -> None:
        if TABLE[Event.ASSIGNMENT_STORED][group.state] is Rule.ASSIGN and group.generation == generation:
            give_assignments(desk, group, assignments)

    def undone(error: KafkaError) -> None:
        if TABLE[Event.ASSIGNMENT_LOST][group.state] is Rule.RESET and group.generation == generation:
            give_fault(desk, group, error)
            stored = rebalance(desk, group)
            assert stored is None, "nobody waits to join, so the join phase cannot end at once"

    return Stored([group_record(group, assignments)], applied, undone)


def give_assignments(desk: Desk, group: ClassicGroup, assignments: Mapping[str, bytes]) -> None:
    """The generation is complete; a session starts anew for all who waited, since waiting suspends it."""
    for member in group.members.values():
        group.assign(member, assignments[member.member_id])
        if answer_sync(desk, member, replies.synced(group, member)):
            prolong(desk, member)
    group.move_to(State.STABLE, desk.now_ms)


def give_fault(desk: Desk, group: ClassicGroup, error: KafkaError) -> None:
    """All assignments are void, and all who wait for one learn why."""
    for member in group.members.values():
        group.assign(member, b"")
        if answer_sync(desk, member, replies.sync_fault(error)):
            prolong(desk, member)


def dismiss(desk: Desk, group: ClassicGroup, member_id: str) -> None:
    """Removes a member; if it waits, it learns that it is none any more, and joins anew if it is alive."""
    member = group.members[member_id]
    gone = KafkaError.UNKNOWN_MEMBER_ID
    answer_join(desk, group, member, replies.join_fault(replies.UNKNOWN_MEMBER_ID, gone, member.join_version))
    answer_sync(desk, member, replies.sync_fault(gone))
    group.remove(member_id)


def answer_join(desk: Desk, group: ClassicGroup, member: Member, reply: object) -> None:
    if member.join_ticket != NO_TICKET:
        desk.done[member.join_ticket] = reply
        group.await_join(member, NO_TICKET)


def answer_sync(desk: Desk, member: Member, reply: object) -> bool:
    if member.sync_ticket == NO_TICKET:
        return False
    desk.done[member.sync_ticket] = reply
    member.sync_ticket = NO_TICKET
    return True
