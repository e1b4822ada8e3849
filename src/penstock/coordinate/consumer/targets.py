"""What the members of a group shall have: asks an assignor, when the group's epoch has moved and the time has come."""

from __future__ import annotations

from typing import NamedTuple

from penstock.coordinate.assignors.catalog import ASSIGNORS, CLASS_NAMES
from penstock.coordinate.assignors.spec import NO_ASSIGNMENT, Assignment, MemberSpec, Spec
from penstock.coordinate.consumer.change import Change
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.consumer.member import ConsumerMember
from penstock.coordinate.consumer.records import target_entry, target_metadata_entry
from penstock.coordinate.consumer.subscriptions import View
from penstock.coordinate.groups.desk import Desk

ASSIGNMENT_INTERVAL = "consumer.assignment.interval.ms"


class Targeted(NamedTuple):
    """The epoch of the targets, and the member's own."""

    epoch: int
    partitions: Assignment


def served_assignors(desk: Desk) -> list[str]:
    """The assignors that members may ask for; the first is the default."""
    return [CLASS_NAMES.get(name, name) for name in desk.settings.group_consumer_assignors]


def update_target(change: Change, view: View, epoch: int, member: ConsumerMember) -> Targeted:
    """The targets after the request: new ones for a new epoch, if the last ones are old enough."""
    desk, group = change.desk, change.group
    if epoch <= group.assignment_epoch or not _is_due(desk, group):
        return Targeted(group.assignment_epoch, group.target_of(member.member_id, member.instance_id))
    members = {**group.members, member.member_id: member}
    replaced = group.static_members.get(member.instance_id or "", member.member_id)
    if replaced != member.member_id:
        # A static member's new self stands in for the old one.
        members.pop(replaced, None)
    spec = _spec(desk, group, view, members)
    made = ASSIGNORS[preferred_assignor(desk, group, member)](spec)
    for member_id, target in made.items():
        if group.targets.get(member_id) is not target and group.targets.get(member_id) != target:
            change.entries.append(target_entry(group.group_id, member_id, target))
    change.entries.append(target_metadata_entry(group.group_id, epoch, desk.now_ms))
    return Targeted(epoch, made[member.member_id])


def preferred_assignor(desk: Desk, group: ConsumerGroup, member: ConsumerMember | None = None) -> str:
    """What most members ask for; the default where none asks. member: as it will be, if it changes."""
    votes = group.assignors
    if member is not None:
        votes = votes.copy()
        old = group.members.get(member.member_id)
        if old is not None and old.assignor is not None:
            votes[old.assignor] -= 1
        if member.assignor is not None:
            votes[member.assignor] += 1
    served = served_assignors(desk)
    most = max(served, key=lambda name: votes.get(name, 0))
    return most if votes.get(most, 0) > 0 else served[0]


def _is_due(desk: Desk, group: ConsumerGroup) -> bool:
    interval_ms = desk.group_number(group.group_id, ASSIGNMENT_INTERVAL)
    # A clock that was set back makes the age negative.
    return not group.assigned_ms or not 0 <= desk.now_ms - group.assigned_ms < interval_ms


def _spec(desk: Desk, group: ConsumerGroup, view: View, members: dict[str, ConsumerMember]) -> Spec:
    specs: dict[str, MemberSpec] = {}
    # Members with the same subscription share one set of ids.
    ids: dict[tuple[frozenset[str], str], frozenset[bytes]] = {}
    partitions: dict[bytes, int] = {}
    for member_id, member in members.items():
        subscription = member.topics, member.pattern
        topics = ids.get(subscription)
        if topics is None:
            topics = ids[subscription] = view.topic_ids(member)
            for topic_id in topics:
                partitions[topic_id] = _count(desk, topic_id)
        held = group.target_of(member_id, member.instance_id)
        specs[member_id] = MemberSpec(member.instance_id, topics, held or NO_ASSIGNMENT)
    return Spec(specs, partitions)


def _count(desk: Desk, topic_id: bytes) -> int:
    assert desk.topics is not None, "only topics that exist have ids"
    name = desk.topics.name_of(topic_id)
    return 0 if name is None else desk.topics.partition_count(name) or 0
