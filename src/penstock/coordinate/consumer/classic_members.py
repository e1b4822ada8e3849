"""Members of the classic protocol in a consumer group: JoinGroup, SyncGroup, Heartbeat and LeaveGroup, translated.

A JoinGroup is a heartbeat that never waits; its generation is the member's epoch. SyncGroup fetches what the join
brought, and Heartbeat tells the member to join again whenever there is something to give back or to get.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from penstock.coordinate.consumer import checks
from penstock.coordinate.consumer.change import Change
from penstock.coordinate.consumer.conversion import can_downgrade, downgrade
from penstock.coordinate.consumer.embedded import assignment_bytes, by_ids, read_subscription, version_in
from penstock.coordinate.consumer.group import ConsumerGroup, is_waiting_for_others
from penstock.coordinate.consumer.heartbeat import Step, move_on, note_member, reconcile_member
from penstock.coordinate.consumer.leaving import fence
from penstock.coordinate.consumer.member import Classic, ConsumerMember, MemberState
from penstock.coordinate.consumer.replacing import replace_static
from penstock.coordinate.consumer.subscriptions import View, update_epoch
from penstock.coordinate.consumer.targets import Targeted
from penstock.coordinate.consumer.timing import await_join, await_sync, prolong
from penstock.coordinate.groups import replies
from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.groups.subscription import CONSUMER
from penstock.coordinate.outcome import Outcome
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import to_base64

_NAMES_MEMBERS_FROM = 4
_MANY_MEMBERS_FROM = 3


class Joining(NamedTuple):
    """A JoinGroup with what surrounds it. is_unnamed: it has no member id yet, so it got this one."""

    member_id: str
    is_unnamed: bool
    request: Any
    client_id: str
    client_host: str
    version: int
    subscription: Any
    protocols: tuple[tuple[str, bytes], ...]

    @property
    def rebalance_timeout_ms(self) -> int:
        # Version 0 has one timeout for both.
        return int(self.request.session_timeout_ms if self.version == 0 else self.request.rebalance_timeout_ms)


def join(desk: Desk, group: ConsumerGroup, request: Any, client_id: str, client_host: str, version: int) -> Outcome:
    """The outcome of a JoinGroup to a consumer group that has members."""
    fault, joining = _read(desk, group, request, client_id, client_host, version)
    if fault is not KafkaError.NONE:
        # A member that is to come back with its name gets it; otherwise the answer is about the member who asked.
        named = joining.member_id if fault is KafkaError.MEMBER_ID_REQUIRED else request.member_id
        return Outcome(replies.join_fault(named, fault, version))
    change = Change(desk, group)
    old = group.static_member(request.group_instance_id)
    member = _member(change, joining)
    if isinstance(member, KafkaError):
        return Outcome(replies.join_fault(request.member_id, member, version))
    said = _updated(member, joining)
    if checks.size_fault(desk, group, said) is not None:
        return Outcome(replies.join_fault(request.member_id, KafkaError.GROUP_MAX_SIZE_REACHED, version))
    view = View(desk, group, group.members.get(member.member_id) or old, said)
    step = note_member(change, view, member, said)
    if old is not None and old.classic is None and can_downgrade(desk, group, [old], joiners=1):
        return _join_and_downgrade(change, view, step, joining, old)
    owned = by_ids(desk.topics, joining.subscription.owned_partitions)
    moved = move_on(change, view, step, owned)
    assert moved is not None, "only states that a later version wrote are fenced, and their members are not classic"
    change.after.append(lambda now: _joined(desk, now, moved.member_id, joining.rebalance_timeout_ms))
    return change.conclude(
        _join_reply(moved), lambda error: replies.join_fault(replies.UNKNOWN_MEMBER_ID, error, version)
    )


def _read(
    desk: Desk, group: ConsumerGroup, request: Any, client_id: str, client_host: str, version: int
) -> tuple[KafkaError, Joining]:
    protocols: dict[str, bytes] = {}
    for protocol in request.protocols:
        protocols.setdefault(protocol.name, bytes(protocol.metadata))
    subscription = read_subscription(next(iter(protocols.values()), b""))
    is_unnamed = not request.member_id
    member_id = request.member_id or to_base64(desk.dice(16))
    listed = tuple(protocols.items())
    joining = Joining(member_id, is_unnamed, request, client_id, client_host, version, subscription, listed)
    fault = KafkaError.NONE
    if desk.settings.group_consumer_migration_policy.upper() == "DISABLED":
        fault = KafkaError.INCONSISTENT_GROUP_PROTOCOL
    elif checks.full_fault(desk, group, request.member_id) is not None:
        fault = KafkaError.GROUP_MAX_SIZE_REACHED
    elif not group.supports_classic(request.protocol_type, protocols) or subscription is None:
        fault = KafkaError.INCONSISTENT_GROUP_PROTOCOL
    elif is_unnamed and request.group_instance_id is None and version >= _NAMES_MEMBERS_FROM:
        fault = KafkaError.MEMBER_ID_REQUIRED
    return fault, joining


def _member(change: Change, joining: Joining) -> ConsumerMember | KafkaError:
    group, member_id = change.group, joining.member_id
    instance_id = joining.request.group_instance_id
    if instance_id is None:
        return group.members.get(member_id) or ConsumerMember(member_id)
    member = group.static_member(instance_id)
    if joining.is_unnamed:
        return ConsumerMember(member_id) if member is None else replace_static(change, member, member_id)
    if member is None:
        return KafkaError.UNKNOWN_MEMBER_ID
    return member if member.member_id == member_id else KafkaError.FENCED_INSTANCE_ID


def _updated(member: ConsumerMember, joining: Joining) -> ConsumerMember:
    request, subscription = joining.request, joining.subscription
    return member._replace(
        instance_id=request.group_instance_id if request.group_instance_id is not None else member.instance_id,
        rack_id=subscription.rack_id if subscription.rack_id is not None else member.rack_id,
        rebalance_timeout_ms=joining.rebalance_timeout_ms,
        topics=frozenset(subscription.topics),
        # The classic protocol knows patterns on the client's side only.
        pattern="",
        client_id=joining.client_id,
        client_host=joining.client_host,
        classic=Classic(request.session_timeout_ms, joining.protocols),
    )


def _join_and_downgrade(change: Change, view: View, step: Step, joining: Joining, old: ConsumerMember) -> Outcome:
    """The last member of the new protocol came back with the classic one: the group becomes a classic one."""
    desk, group = change.desk, change.group
    epoch = update_epoch(change, view, bump=step.bump)
    is_stale = group.assignment_epoch < epoch
    moved: ConsumerMember = step.new
    if not is_stale:
        targeted = Targeted(group.assignment_epoch, group.target_of(moved.member_id, moved.instance_id))
        owned = by_ids(desk.topics, joining.subscription.owned_partitions)
        moved = reconcile_member(change, view, step, targeted, owned) or moved
    # None of the group's own entries counts any more.
    change.entries.clear()
    downgrade(change, [old], moved, epoch=group.epoch, rejoin=is_stale)
    return change.conclude(
        _join_reply(moved), lambda error: replies.join_fault(replies.UNKNOWN_MEMBER_ID, error, joining.version)
    )


def _joined(desk: Desk, group: ConsumerGroup, member_id: str, sync_timeout_ms: int) -> None:
    group.clocks_of(member_id).join.stop()
    prolong(desk, group, member_id)
    await_sync(desk, group, member_id, sync_timeout_ms)


def _join_reply(member: ConsumerMember) -> Any:
    assert member.classic is not None, member.member_id
    return messages.JoinGroupResponse(
        generation_id=member.epoch,
        protocol_type=CONSUMER,
        protocol_name=member.classic.protocols[0][0],
        member_id=member.member_id,
    )


def _known(group: ConsumerGroup, request: Any) -> tuple[KafkaError, ConsumerMember | None]:
    """The classic member that a request comes from, in its generation."""
    if request.group_instance_id is None:
        member = group.members.get(request.member_id)
    else:
        member = group.static_member(request.group_instance_id)
        if member is not None and member.member_id != request.member_id:
            return KafkaError.FENCED_INSTANCE_ID, None
    if member is None or member.classic is None:
        return KafkaError.UNKNOWN_MEMBER_ID, None
    return KafkaError.NONE if request.generation_id == member.epoch else KafkaError.ILLEGAL_GENERATION, member


def sync(desk: Desk, group: ConsumerGroup, request: Any) -> Outcome:
    """What the member may use since its last JoinGroup."""
    fault, member = _known(group, request)
    if fault is not KafkaError.NONE or member is None or member.classic is None:
        return Outcome(replies.sync_fault(fault))
    name, metadata = member.classic.protocols[0]
    if request.protocol_type not in (None, CONSUMER) or request.protocol_name not in (None, name):
        return Outcome(replies.sync_fault(KafkaError.INCONSISTENT_GROUP_PROTOCOL))
    if group.epoch > member.epoch and member.state is not MemberState.UNREVOKED:
        await_join(desk, group, member)
        return Outcome(replies.sync_fault(KafkaError.REBALANCE_IN_PROGRESS))
    group.clocks_of(member.member_id).sync.stop()
    prolong(desk, group, member.member_id)
    return Outcome(
        messages.SyncGroupResponse(
            protocol_type=request.protocol_type,
            protocol_name=request.protocol_name,
            assignment=assignment_bytes(desk.topics, member.assigned, version_in(metadata)),
        )
    )


def heartbeat(desk: Desk, group: ConsumerGroup, request: Any) -> Outcome:
    """Prolongs the session; REBALANCE_IN_PROGRESS tells the member to join again."""
    fault, member = _known(group, request)
    if fault is not KafkaError.NONE or member is None:
        return Outcome(replies.heartbeat(fault))
    prolong(desk, group, member.member_id)
    if (
        member.epoch < group.assignment_epoch
        or member.state is MemberState.UNREVOKED
        or (member.state is MemberState.UNRELEASED and not is_waiting_for_others(group, member))
    ):
        await_join(desk, group, member)
        return Outcome(replies.heartbeat(KafkaError.REBALANCE_IN_PROGRESS))
    return Outcome(replies.heartbeat(KafkaError.NONE))


def leave(desk: Desk, group: ConsumerGroup, request: Any, version: int) -> Outcome:
    """Takes members out, each with its own result; administrators take out members of the new protocol too."""
    leavers = [(member.member_id, member.group_instance_id) for member in request.members]
    if version < _MANY_MEMBERS_FROM:
        leavers = [(request.member_id, None)]
    gone: dict[str, ConsumerMember] = {}
    results = []
    for member_id, instance_id in leavers:
        member = group.members.get(member_id) if instance_id is None else group.static_member(instance_id)
        fault = KafkaError.NONE
        if member is None:
            fault = KafkaError.UNKNOWN_MEMBER_ID
        elif instance_id is not None and member_id and member.member_id != member_id:
            fault = KafkaError.FENCED_INSTANCE_ID
        else:
            gone[member.member_id] = member
        results.append(replies.left(member_id, instance_id, fault))
    reply = messages.LeaveGroupResponse(members=results)
    if version < _MANY_MEMBERS_FROM:
        reply = replies.leave_fault(KafkaError(results[0].error_code))
    return fence(Change(desk, group), list(gone.values()), reply, replies.leave_fault)
