"""Keys and values of streams groups in `__consumer_offsets`, as Kafka 4.3.1 writes them.

Source: StreamsCoordinatorRecordHelpers.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from penstock.coordinate.entries import Classes, read_record, write_record
from penstock.coordinate.outcome import Record
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.coordinate.streams_groups.member import MemberState, StreamsMember
from penstock.coordinate.streams_groups.tasks import EpochMap, Held, Tasks, listed_tasks, said_map
from penstock.coordinate.streams_groups.topology import Topology, value_of
from penstock.protocol import messages


class Kind(IntEnum):
    """What a record is about; the numbers begin the keys."""

    GROUP = 17
    MEMBER = 19
    TARGET_METADATA = 20
    TARGET = 21
    CURRENT = 22
    TOPOLOGY = 23


class Entry(NamedTuple):
    """One record as it is applied. name: a member id, "" where the group is meant; value: None removes."""

    kind: Kind
    group_id: str
    name: str
    value: Any


_CLASSES = {
    Kind.GROUP: Classes(messages.StreamsGroupMetadataKey, messages.StreamsGroupMetadataValue),
    Kind.MEMBER: Classes(messages.StreamsGroupMemberMetadataKey, messages.StreamsGroupMemberMetadataValue, "member_id"),
    Kind.TARGET_METADATA: Classes(
        messages.StreamsGroupTargetAssignmentMetadataKey, messages.StreamsGroupTargetAssignmentMetadataValue
    ),
    Kind.TARGET: Classes(
        messages.StreamsGroupTargetAssignmentMemberKey, messages.StreamsGroupTargetAssignmentMemberValue, "member_id"
    ),
    Kind.CURRENT: Classes(
        messages.StreamsGroupCurrentMemberAssignmentKey, messages.StreamsGroupCurrentMemberAssignmentValue, "member_id"
    ),
    Kind.TOPOLOGY: Classes(messages.StreamsGroupTopologyKey, messages.StreamsGroupTopologyValue),
}


def record_of(entry: Entry) -> Record:
    """The entry as it is written."""
    return write_record(_CLASSES, *entry)


def read_entry(key: bytes, value: bytes | None) -> Entry | None:
    """The entry of a record; None for types that are not of streams groups.  Error: Malformed."""
    found = read_record(_CLASSES, key, value)
    return None if found is None else Entry(Kind(found.number), *found[1:])


# From state to entries


def group_entry(group_id: str, epoch: int, metadata_hash: int, validated_epoch: int, configs: dict[str, str]) -> Entry:
    value_class = messages.StreamsGroupMetadataValue
    value = value_class(
        epoch=epoch,
        metadata_hash=metadata_hash,
        validated_topology_epoch=validated_epoch,
        last_assignment_configs=[value_class.LastAssignmentConfig(*pair) for pair in sorted(configs.items())],
    )
    return Entry(Kind.GROUP, group_id, "", value)


def topology_entry(group_id: str, topology: Topology) -> Entry:
    return Entry(Kind.TOPOLOGY, group_id, "", value_of(topology))


def member_entry(group_id: str, member: StreamsMember) -> Entry:
    value_class = messages.StreamsGroupMemberMetadataValue
    value = value_class(
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        topology_epoch=member.topology_epoch,
        process_id=member.process_id,
        user_endpoint=None if member.endpoint is None else value_class.Endpoint(*member.endpoint),
        client_tags=[value_class.KeyValue(*pair) for pair in member.tags],
    )
    return Entry(Kind.MEMBER, group_id, member.member_id, value)


def target_metadata_entry(group_id: str, epoch: int, assigned_ms: int) -> Entry:
    value = messages.StreamsGroupTargetAssignmentMetadataValue(assignment_epoch=epoch, assignment_timestamp=assigned_ms)
    return Entry(Kind.TARGET_METADATA, group_id, "", value)


def target_entry(group_id: str, member_id: str, tasks: Tasks) -> Entry:
    value_class = messages.StreamsGroupTargetAssignmentMemberValue
    value = value_class(*(listed_tasks(value_class.TaskIds, role) for role in tasks))
    return Entry(Kind.TARGET, group_id, member_id, value)


def current_entry(group_id: str, member: StreamsMember) -> Entry:
    value_class = messages.StreamsGroupCurrentMemberAssignmentValue
    struct = value_class.TaskIds
    lists = []
    for held in (member.assigned, member.revoking):
        lists.append(
            [_with_epochs(struct, subtopology, held.active[subtopology]) for subtopology in sorted(held.active)]
        )
        lists += [listed_tasks(struct, role) for role in (held.standby, held.warmup)]
    value = value_class(member.epoch, member.previous_epoch, int(member.state), *lists)
    return Entry(Kind.CURRENT, group_id, member.member_id, value)


def _with_epochs(struct: Any, subtopology: str, epochs: Any) -> Any:
    partitions = sorted(epochs)
    return struct(subtopology, partitions, [epochs[partition] for partition in partitions])


def member_tombstones(group_id: str, member_id: str) -> list[Entry]:
    """In the order in which readers expect them."""
    return [Entry(kind, group_id, member_id, None) for kind in (Kind.CURRENT, Kind.TARGET, Kind.MEMBER)]


def group_tombstones(group: StreamsGroup) -> list[Entry]:
    """Everything of a group without members."""
    kinds = (Kind.TARGET_METADATA, Kind.GROUP, Kind.TOPOLOGY)
    return [Entry(kind, group.group_id, "", None) for kind in kinds]


# From values to state


def member_of(old: StreamsMember, value: Any) -> StreamsMember:
    """The member with what its metadata says."""
    endpoint = value.user_endpoint
    return old._replace(
        instance_id=value.instance_id,
        rack_id=value.rack_id,
        client_id=value.client_id,
        client_host=value.client_host,
        rebalance_timeout_ms=value.rebalance_timeout_ms,
        topology_epoch=value.topology_epoch,
        process_id=value.process_id,
        endpoint=None if endpoint is None else (endpoint.host, endpoint.port),
        tags=tuple((pair.key, pair.value) for pair in value.client_tags),
    )


def target_of(value: Any) -> Tasks:
    return Tasks(said_map(value.active_tasks), said_map(value.standby_tasks), said_map(value.warmup_tasks))


def current_of(old: StreamsMember, value: Any) -> StreamsMember:
    """The member with what its current assignment says."""
    state = MemberState(value.state) if value.state in _STATES else MemberState.UNKNOWN
    epoch = value.member_epoch
    return old._replace(
        epoch=epoch,
        previous_epoch=value.previous_member_epoch,
        state=state,
        assigned=Held(
            _epochs_of(value.active_tasks, epoch), said_map(value.standby_tasks), said_map(value.warmup_tasks)
        ),
        revoking=Held(
            _epochs_of(value.active_tasks_pending_revocation, epoch),
            said_map(value.standby_tasks_pending_revocation),
            said_map(value.warmup_tasks_pending_revocation),
        ),
    )


_STATES = frozenset(int(state) for state in MemberState)


def _epochs_of(listed: list[Any], epoch: int) -> EpochMap:
    """Older stores have no epochs with tasks; the member's own stands for them, as with Kafka."""
    return {
        entry.subtopology_id: dict(
            zip(entry.partitions, entry.assignment_epochs or [epoch] * len(entry.partitions), strict=False)
        )
        for entry in listed
        if entry.partitions
    }
