"""Deadlines of members: sessions, partitions to be given back, and the joins and syncs of classic members."""

from __future__ import annotations

from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.consumer.member import ConsumerMember, MemberState
from penstock.coordinate.groups.desk import Desk

SESSION_TIMEOUT = "consumer.session.timeout.ms"


def prolong(desk: Desk, group: ConsumerGroup, member_id: str) -> None:
    """The member is alive: its session starts anew."""
    member = group.members.get(member_id)
    if member is None:
        return
    classic = member.classic
    timeout_ms = desk.group_number(group.group_id, SESSION_TIMEOUT) if classic is None else classic.session_timeout_ms
    desk.timers.set(group.clocks_of(member_id).session, desk.now_ms + timeout_ms)


def await_revocation(desk: Desk, group: ConsumerGroup, member: ConsumerMember, *, is_revoking: bool) -> None:
    """Gives a member its rebalance timeout to give partitions back, from when it was asked."""
    clocks = group.clocks_of(member.member_id)
    if not is_revoking:
        clocks.revocation.stop()
        return
    clocks.revoking_epoch = member.epoch
    desk.timers.set(clocks.revocation, desk.now_ms + member.rebalance_timeout_ms)


def await_join(desk: Desk, group: ConsumerGroup, member: ConsumerMember) -> None:
    """A classic member was told to rejoin; it has its rebalance timeout to do so, from when it was first told."""
    timer = group.clocks_of(member.member_id).join
    if not timer.is_running:
        desk.timers.set(timer, desk.now_ms + member.rebalance_timeout_ms)


def await_sync(desk: Desk, group: ConsumerGroup, member_id: str, timeout_ms: int) -> None:
    desk.timers.set(group.clocks_of(member_id).sync, desk.now_ms + timeout_ms)


def start_all(desk: Desk, group: ConsumerGroup) -> None:
    """After a restart everybody has just been heard of."""
    for member in group.members.values():
        # Classic members keep the timeout they asked for; Kafka gives them the group's until they are heard of.
        prolong(desk, group, member.member_id)
        if member.state is MemberState.UNREVOKED:
            await_revocation(desk, group, member, is_revoking=True)
