"""From classic groups to consumer groups and back, while their members go on.  Source: KIP-848, online migration."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from penstock.coordinate.consumer.change import Change
from penstock.coordinate.consumer.embedded import (
    assignment_bytes,
    by_ids,
    read_assignment,
    read_subscription,
    version_in,
)
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.consumer.member import Classic, ConsumerMember, with_epoch, without_epochs
from penstock.coordinate.consumer.records import (
    Entry,
    current_entry,
    group_entry,
    group_tombstones,
    member_entry,
    target_entry,
    target_metadata_entry,
)
from penstock.coordinate.consumer.subscriptions import View
from penstock.coordinate.consumer.timing import prolong
from penstock.coordinate.group_records import group_record, group_tombstone
from penstock.coordinate.groups import rebalance, replies
from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.groups.member import Identity, Member
from penstock.coordinate.groups.states import State
from penstock.coordinate.groups.subscription import CONSUMER
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError

_UPGRADES = ("UPGRADE", "BIDIRECTIONAL")
_DOWNGRADES = ("DOWNGRADE", "BIDIRECTIONAL")


# Upgrade


def upgrade(desk: Desk, classic: ClassicGroup) -> Change | Refused:
    """A change that begins with the classic group's end: its members are members of the consumer group from then on."""
    change = Change(desk, ConsumerGroup(classic.group_id, classic.partition))
    change.first.append(group_tombstone(classic.group_id))
    if not classic.is_empty:
        fault = _upgrade_fault(desk, classic)
        members = fault or _consumer_members(desk, classic)
        if isinstance(members, Refused):
            return members
        change.convert(_upgraded(desk, change.group, classic.generation, members))
    change.before.append(lambda: _send_away(desk, classic))
    change.after.append(lambda now: _start_sessions(desk, now))
    return change


def _upgrade_fault(desk: Desk, classic: ClassicGroup) -> Refused | None:
    if desk.settings.group_consumer_migration_policy.upper() not in _UPGRADES:
        why = "online upgrade is disabled"
    elif classic.protocol_type != CONSUMER or classic.protocol_name is None:
        why = "the group does not use the consumer embedded protocol"
    elif len(classic.members) > desk.settings.group_consumer_max_size:
        why = "the group size exceeds the consumer group maximum size"
    else:
        return None
    return _not_upgraded(classic, why)


def _not_upgraded(classic: ClassicGroup, why: str) -> Refused:
    text = f"Cannot upgrade classic group {classic.group_id} to consumer group because {why}."
    return Refused(KafkaError.GROUP_ID_NOT_FOUND, text)


def _consumer_members(desk: Desk, classic: ClassicGroup) -> list[ConsumerMember] | Refused:
    members = []
    for member in classic.members.values():
        subscription = read_subscription(member.metadata(classic.protocol_name))
        assignment = read_assignment(member.assignment) if member.assignment else None
        if subscription is None or (member.assignment and assignment is None):
            return _not_upgraded(classic, "the embedded consumer protocol is malformed")
        if assignment is not None and assignment.user_data:
            # What such an assignor remembers in there would be lost.
            text = "an unsupported custom assignor is in use. Please refer to the documentation or switch to a default"
            return _not_upgraded(classic, f"{text} assignor before re-attempting the upgrade")
        held = {} if assignment is None else by_ids(desk.topics, assignment.assigned_partitions)
        members.append(
            ConsumerMember(
                member.member_id,
                classic.generation,
                classic.generation,
                member.identity.instance_id,
                subscription.rack_id,
                member.rebalance_timeout_ms,
                member.identity.client_id,
                member.identity.client_host,
                frozenset(subscription.topics),
                assigned=with_epoch(held, classic.generation),
                classic=Classic(member.session_timeout_ms, member.protocols),
            )
        )
    return members


def _upgraded(desk: Desk, group: ConsumerGroup, generation: int, members: list[ConsumerMember]) -> list[Entry]:
    group_id = group.group_id
    entries = [member_entry(group_id, member) for member in members]
    scratch = ConsumerGroup(group_id, group.partition)
    for member in members:
        scratch.put(member)
    entries.append(group_entry(group_id, generation, View(desk, scratch).metadata_hash()))
    entries += [target_entry(group_id, member.member_id, without_epochs(member.assigned)) for member in members]
    entries.append(target_metadata_entry(group_id, generation, 0))
    entries += [current_entry(group_id, member) for member in members]
    return entries


def _send_away(desk: Desk, classic: ClassicGroup) -> None:
    """Whoever waits for the classic group is to rejoin, and finds the consumer group."""
    again = KafkaError.REBALANCE_IN_PROGRESS
    for member in classic.members.values():
        fault = replies.join_fault(member.member_id, again, member.join_version)
        rebalance.answer_join(desk, classic, member, fault)
        rebalance.answer_sync(desk, member, replies.sync_fault(again))
    desk.drop(classic.group_id)


def _start_sessions(desk: Desk, group: ConsumerGroup) -> None:
    for member in group.members.values():
        prolong(desk, group, member.member_id)


# Downgrade


def can_downgrade(desk: Desk, group: ConsumerGroup, leavers: Iterable[ConsumerMember], joiners: int = 0) -> bool:
    """Whether only classic members are left without `leavers`, and the group may go back. joiners: classic members
    that come in their place.
    """
    leaving = list(leavers)
    left = len(group.members) - len(leaving) + joiners
    classic_left = group.classic_count - sum(member.classic is not None for member in leaving) + joiners
    return (
        0 < left == classic_left
        and desk.settings.group_consumer_migration_policy.upper() in _DOWNGRADES
        and left <= desk.settings.group_max_size
        and all(_is_readable(member) for member in group.members.values() if member not in leaving)
    )


def _is_readable(member: ConsumerMember) -> bool:
    return member.classic is not None and read_subscription(member.classic.protocols[0][1]) is not None


def downgrade(
    change: Change,
    leavers: list[ConsumerMember],
    joiner: ConsumerMember | None = None,
    *,
    epoch: int | None = None,
    rejoin: bool = True,
    settled: Callable[[ClassicGroup], None] | None = None,
) -> None:
    """The change ends the group and begins a classic one with its classic members but `leavers`, and with `joiner`.

    epoch: the generation, the group's epoch if not given; rejoin: everybody is to join anew at once; settled: called
    with the classic group once it is there.
    """
    desk, group = change.desk, change.group
    classic = _classic_group(desk, group, leavers, joiner, group.epoch if epoch is None else epoch)
    change.entries += group_tombstones(group)
    assignments = {member.member_id: member.assignment for member in classic.members.values()}
    change.last.append(group_record(classic, assignments))

    def begin() -> None:
        desk.put(classic)
        for member in classic.members.values():
            rebalance.prolong(desk, member)
        if settled is not None:
            settled(classic)
        if rejoin:
            stored = rebalance.rebalance(desk, classic)
            assert stored is None, "nobody waits to join, so the join phase cannot end at once"

    change.at_end.append(begin)


def _classic_group(
    desk: Desk,
    group: ConsumerGroup,
    leavers: list[ConsumerMember],
    joiner: ConsumerMember | None,
    generation: int,
) -> ClassicGroup:
    classic = ClassicGroup(group.group_id, group.partition, State.STABLE, desk.now_ms)
    classic.generation = generation
    gone = {member.member_id for member in leavers}
    members = [member for member in group.members.values() if member.member_id not in gone]
    if joiner is not None:
        members.append(joiner)
    for member in members:
        classic.add(_classic_member(desk, classic, group, member))
    classic.protocol_name = classic.select_protocol()
    classic.subscribed = classic.compute_subscribed()
    return classic


def _classic_member(desk: Desk, classic: ClassicGroup, group: ConsumerGroup, member: ConsumerMember) -> Any:
    said = member.classic
    assert said is not None, "only classic members are left"
    target = group.target_of(member.member_id, member.instance_id)
    return Member(
        classic,
        Identity(member.member_id, member.instance_id, member.client_id, member.client_host),
        member.rebalance_timeout_ms,
        said.session_timeout_ms,
        CONSUMER,
        said.protocols,
        assignment_bytes(desk.topics, target, version_in(said.protocols[0][1])),
    )
