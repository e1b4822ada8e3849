"""What the members of a streams group shall run: asks the assignor, when the epoch has moved and the time has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.streams_groups.assignor import MemberSpec, SubtopologySpec, assign
from penstock.coordinate.streams_groups.change import Change
from penstock.coordinate.streams_groups.configured import Configured
from penstock.coordinate.streams_groups.group import INITIAL_EPOCH, StreamsGroup
from penstock.coordinate.streams_groups.member import StreamsMember
from penstock.coordinate.streams_groups.records import target_entry, target_metadata_entry
from penstock.coordinate.streams_groups.tasks import NOTHING, Tasks

ASSIGNMENT_INTERVAL = "streams.assignment.interval.ms"
STANDBY_REPLICAS = "streams.num.standby.replicas"
_REPLICAS = "num.standby.replicas"
_FIRST = "Assignment delayed due to the configured initial rebalance delay."
_INTERVAL = "Assignment delayed due to the configured assignment interval."


class Aim(NamedTuple):
    """The epoch of the targets and the member's own. delay: why there are no newer ones yet, "" for no reason."""

    epoch: int
    tasks: Tasks
    delay: str = ""


def assignment_configs(desk: Desk, group_id: str) -> dict[str, str]:
    """What of a group's configs concerns its assignor."""
    return {_REPLICAS: str(desk.group_number(group_id, STANDBY_REPLICAS))}


def aim(
    change: Change,
    configured: Configured,
    configs: Mapping[str, str],
    epoch: int,
    member: StreamsMember,
    *,
    is_first: bool,
) -> Aim:
    """The targets after a heartbeat of the member. is_first: first members are still awaited."""
    group = change.group
    now = Aim(group.target_epoch, group.target_of(member.member_id))
    if epoch <= group.target_epoch:
        return now
    if is_first:
        return Aim(max(INITIAL_EPOCH, group.target_epoch), NOTHING, _FIRST)
    if not _is_due(change.desk, group):
        return now._replace(delay=_INTERVAL)
    members = {**group.members, member.member_id: member}
    return Aim(epoch, retarget(change, configured, configs, epoch, members)[member.member_id])


def retarget(
    change: Change,
    configured: Configured,
    configs: Mapping[str, str],
    epoch: int,
    members: Mapping[str, StreamsMember],
) -> dict[str, Tasks]:
    """New targets for all members, with their entries; nothing for anybody while topics are missing."""
    group = change.group
    made = dict.fromkeys(members, NOTHING)
    if configured.is_ready:
        stateful = {part.subtopology_id for part in configured.topology.subtopologies if part.changelogs}
        made = assign(
            {
                member_id: MemberSpec(member.process_id, group.target_of(member_id))
                for member_id, member in members.items()
            },
            {name: SubtopologySpec(count, name in stateful) for name, count in configured.task_counts.items()},
            int(configs.get(_REPLICAS, "0")),
        )
    for member_id, tasks in made.items():
        if group.targets.get(member_id) != tasks:
            change.entries.append(target_entry(group.group_id, member_id, tasks))
    change.entries.append(target_metadata_entry(group.group_id, epoch, change.desk.now_ms))
    return made


def _is_due(desk: Desk, group: StreamsGroup) -> bool:
    interval_ms = desk.group_number(group.group_id, ASSIGNMENT_INTERVAL)
    return not group.assigned_ms or not interval_ms or desk.now_ms - group.assigned_ms >= interval_ms
