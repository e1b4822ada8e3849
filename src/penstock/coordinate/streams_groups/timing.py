"""Deadlines of members, sessions and tasks to be stopped, and of a group whose first members are awaited."""

from __future__ import annotations

from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.coordinate.streams_groups.member import MemberState, StreamsMember

SESSION_TIMEOUT = "streams.session.timeout.ms"


def prolong(desk: Desk, group: StreamsGroup, member_id: str) -> None:
    """The member is alive: its session starts anew."""
    if member_id in group.members:
        timeout_ms = desk.group_number(group.group_id, SESSION_TIMEOUT)
        desk.timers.set(group.clocks_of(member_id).session, desk.now_ms + timeout_ms)


def await_revocation(desk: Desk, group: StreamsGroup, member: StreamsMember) -> None:
    """Gives a member its rebalance timeout to stop what it was asked to; nothing runs for one that need not."""
    clocks = group.clocks_of(member.member_id)
    if member.state is not MemberState.UNREVOKED:
        clocks.revocation.stop()
        return
    clocks.revoking_epoch = member.epoch
    desk.timers.set(clocks.revocation, desk.now_ms + member.rebalance_timeout_ms)


def start_all(desk: Desk, group: StreamsGroup) -> None:
    """After a restart everybody has just been heard of; a delay of the first assignment is over."""
    for member in list(group.members.values()):
        prolong(desk, group, member.member_id)
        if member.state is MemberState.UNREVOKED:
            await_revocation(desk, group, member)
