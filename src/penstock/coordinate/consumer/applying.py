"""What records do to consumer groups: the only place where their state changes, live and on a restart alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.coordinate.consumer.group import INITIAL_EPOCH, ConsumerGroup, Resolved
from penstock.coordinate.consumer.member import LEFT_EPOCH, ConsumerMember, MemberState
from penstock.coordinate.consumer.records import Entry, Kind, current_of, member_of, read_entry, target_of
from penstock.coordinate.groups.desk import Desk


def replay(desk: Desk, key: bytes, value: bytes | None) -> bool:
    """Applies one record; False if its type is not of consumer groups.  Error: Malformed."""
    entry = read_entry(key, value)
    if entry is None:
        return False
    apply(desk, entry)
    return True


def apply(desk: Desk, entry: Entry) -> None:
    """Makes an entry true. A group of another type gives way: its tombstone came before, or it had no record at all."""
    group = desk.groups.get(entry.group_id)
    if not isinstance(group, ConsumerGroup):
        if entry.value is None:
            return
        desk.drop(entry.group_id)
        group = ConsumerGroup(entry.group_id, desk.partition_of(entry.group_id))
        desk.put(group)
    if entry.kind is Kind.GROUP and entry.value is None:
        desk.drop(entry.group_id)
        return
    apply_to(group, entry)


def apply_to(group: ConsumerGroup, entry: Entry) -> None:
    """The same on a group that nobody else sees yet."""
    _STEPS[entry.kind](group, entry.name, entry.value)


def _group(group: ConsumerGroup, _: str, value: Any) -> None:
    group.epoch = value.epoch
    group.metadata_hash = value.metadata_hash


def _partitions(group: ConsumerGroup, _: str, value: Any) -> None:
    group.has_partition_record = value is not None


def _member(group: ConsumerGroup, member_id: str, value: Any) -> None:
    if value is None:
        group.remove(member_id)
    else:
        group.put(member_of(group.members.get(member_id) or ConsumerMember(member_id), value))


def _target_metadata(group: ConsumerGroup, _: str, value: Any) -> None:
    group.assignment_epoch = INITIAL_EPOCH if value is None else value.assignment_epoch
    group.assigned_ms = 0 if value is None else value.assignment_timestamp


def _target(group: ConsumerGroup, member_id: str, value: Any) -> None:
    if value is None:
        group.targets.pop(member_id, None)
    else:
        group.targets[member_id] = target_of(value)


def _current(group: ConsumerGroup, member_id: str, value: Any) -> None:
    member = group.members.get(member_id)
    if value is not None:
        group.put(current_of(member or ConsumerMember(member_id), value))
    elif member is not None:
        nothing: dict[bytes, dict[int, int]] = {}
        group.put(
            member._replace(
                epoch=LEFT_EPOCH,
                previous_epoch=LEFT_EPOCH,
                state=MemberState.STABLE,
                assigned=nothing,
                revoking=nothing,
            )
        )


def _pattern(group: ConsumerGroup, text: str, value: Any) -> None:
    if value is None:
        group.patterns.pop(text, None)
    else:
        group.patterns[text] = Resolved(frozenset(value.topics), value.version, value.timestamp)


_STEPS: dict[Kind, Callable[[ConsumerGroup, str, Any], None]] = {
    Kind.GROUP: _group,
    Kind.PARTITIONS: _partitions,
    Kind.MEMBER: _member,
    Kind.TARGET_METADATA: _target_metadata,
    Kind.TARGET: _target,
    Kind.CURRENT: _current,
    Kind.PATTERN: _pattern,
}
