"""What records do to streams groups: the only place where their state changes, live and on a restart alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.coordinate.consumer.member import LEFT_EPOCH
from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.streams_groups.group import INITIAL_EPOCH, StreamsGroup
from penstock.coordinate.streams_groups.member import MemberState, StreamsMember
from penstock.coordinate.streams_groups.records import Entry, Kind, current_of, member_of, read_entry, target_of
from penstock.coordinate.streams_groups.tasks import NOTHING_HELD
from penstock.coordinate.streams_groups.topology import topology_of
from penstock.kit.refusal import Refused
from penstock.protocol.errors import Malformed


def replay(desk: Desk, key: bytes, value: bytes | None) -> bool:
    """Applies one record; False if its type is not of streams groups.  Error: Malformed."""
    entry = read_entry(key, value)
    if entry is None:
        return False
    apply(desk, entry)
    return True


def apply(desk: Desk, entry: Entry) -> None:
    """Makes an entry true. A group of another type gives way: its tombstone came before, or it had no record at all."""
    group = desk.groups.get(entry.group_id)
    if not isinstance(group, StreamsGroup):
        if entry.value is None:
            return
        desk.drop(entry.group_id)
        group = StreamsGroup(entry.group_id, desk.partition_of(entry.group_id))
        desk.put(group)
    if entry.kind is Kind.GROUP and entry.value is None:
        desk.drop(entry.group_id)
        return
    _STEPS[entry.kind](group, entry.name, entry.value)


def _group(group: StreamsGroup, _: str, value: Any) -> None:
    group.epoch = value.epoch
    group.metadata_hash = value.metadata_hash
    group.validated_epoch = value.validated_topology_epoch
    group.assignment_configs = {pair.key: pair.value for pair in value.last_assignment_configs or ()}


def _topology(group: StreamsGroup, _: str, value: Any) -> None:
    if value is None:
        group.topology = None
        return
    topology = topology_of(value)
    if isinstance(topology, Refused):
        raise Malformed(f"the topology of group {group.group_id}: {topology.message}")
    group.topology = topology


def _member(group: StreamsGroup, member_id: str, value: Any) -> None:
    if value is None:
        group.remove(member_id)
    else:
        group.put(member_of(group.members.get(member_id) or StreamsMember(member_id), value))


def _target_metadata(group: StreamsGroup, _: str, value: Any) -> None:
    group.target_epoch = INITIAL_EPOCH if value is None else value.assignment_epoch
    group.assigned_ms = 0 if value is None else value.assignment_timestamp


def _target(group: StreamsGroup, member_id: str, value: Any) -> None:
    if value is None:
        group.targets.pop(member_id, None)
    else:
        group.targets[member_id] = target_of(value)


def _current(group: StreamsGroup, member_id: str, value: Any) -> None:
    member = group.members.get(member_id)
    if value is not None:
        group.put(current_of(member or StreamsMember(member_id), value))
    elif member is not None:
        group.put(
            member._replace(
                epoch=LEFT_EPOCH,
                previous_epoch=LEFT_EPOCH,
                state=MemberState.STABLE,
                assigned=NOTHING_HELD,
                revoking=NOTHING_HELD,
            )
        )


_STEPS: dict[Kind, Callable[[StreamsGroup, str, Any], None]] = {
    Kind.GROUP: _group,
    Kind.MEMBER: _member,
    Kind.TARGET_METADATA: _target_metadata,
    Kind.TARGET: _target,
    Kind.CURRENT: _current,
    Kind.TOPOLOGY: _topology,
}
