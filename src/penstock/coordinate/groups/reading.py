"""ListGroups, DescribeGroups, DeleteGroups: what operators see and remove."""

from __future__ import annotations

from functools import partial
from typing import Any

from penstock.coordinate.groups.desk import AnyGroup, Desk, Phase
from penstock.coordinate.groups.member import Member
from penstock.coordinate.groups.newer import Newer
from penstock.coordinate.groups.states import TABLE, Event, State
from penstock.coordinate.offsets.delete import conclude_removal
from penstock.coordinate.outcome import Outcome
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

_NOT_FOUND_FROM = 6


def list_groups(desk: Desk, request: Any) -> Any:
    """All groups, or those in the states and of the types asked for, in any case; none while some are loading."""
    if Phase.LOADING in desk.phases.values():
        return messages.ListGroupsResponse(error_code=int(KafkaError.COORDINATOR_LOAD_IN_PROGRESS))
    # Kafka's filter calls one state not_ready, which it lists as NotReady; both find it here.
    states = {state.strip().lower().replace("_", "") for state in request.states_filter}
    types = {kind.strip().lower() for kind in request.types_filter}
    listed_class = messages.ListGroupsResponse.ListedGroup
    listed = []
    for group in desk.groups.values():
        if states and group.state_name.lower() not in states:
            continue
        if types and group.group_type.value not in types:
            continue
        listed.append(
            listed_class(
                group_id=group.group_id,
                protocol_type=group.listed_protocol,
                group_state=group.state_name,
                group_type=group.group_type.value,
            )
        )
    return messages.ListGroupsResponse(groups=listed)


def describe(desk: Desk, group_id: str, version: int) -> Any:
    """One group with its members; subscriptions are shown while it is stable."""
    described_class = messages.DescribeGroupsResponse.DescribedGroup
    fault = desk.absence_of(group_id)
    if fault is not KafkaError.NONE:
        return described_class(group_id=group_id, error_code=int(fault))
    group = desk.classic(group_id)
    if group is None:
        return _not_found(desk, group_id, version)
    is_stable = group.state is State.STABLE
    return described_class(
        group_id=group_id,
        group_state=group.state.value,
        protocol_type=group.protocol_type or "",
        protocol_data=(group.protocol_name or "") if is_stable else "",
        members=[
            _describe_member(member, group.protocol_name if is_stable else None) for member in group.members.values()
        ],
    )


def _not_found(desk: Desk, group_id: str, version: int) -> Any:
    """Before version 6 a group that does not exist is one that is dead."""
    described_class = messages.DescribeGroupsResponse.DescribedGroup
    if version < _NOT_FOUND_FROM:
        return described_class(group_id=group_id, group_state=State.DEAD.value)
    text = f"Group {group_id} is not a classic group." if group_id in desk.groups else f"Group {group_id} not found."
    return described_class(
        group_id=group_id,
        group_state=State.DEAD.value,
        error_code=int(KafkaError.GROUP_ID_NOT_FOUND),
        error_message=text,
    )


def _describe_member(member: Member, protocol: str | None) -> Any:
    return messages.DescribeGroupsResponse.DescribedGroupMember(
        member_id=member.member_id,
        group_instance_id=member.identity.instance_id,
        client_id=member.identity.client_id,
        client_host=member.identity.client_host,
        member_metadata=b"" if protocol is None else member.metadata(protocol),
        member_assignment=member.assignment,
    )


def delete(desk: Desk, group_id: str) -> Outcome:
    """Removes an empty group and its offsets; the reply is a DeletableGroupResult."""
    fault = desk.absence_of(group_id)
    newer = desk.groups.get(group_id)
    if fault is KafkaError.NONE and isinstance(newer, Newer):
        return _delete_newer(desk, newer)
    group = desk.classic(group_id)
    if fault is KafkaError.NONE and group is None:
        fault = KafkaError.GROUP_ID_NOT_FOUND
    if group is None or fault is not KafkaError.NONE:
        return Outcome(_deleted(group_id, fault))
    cell = TABLE[Event.DELETE][group.state]
    if isinstance(cell, KafkaError):
        return Outcome(_deleted(group_id, cell))
    return _remove(desk, group)


def _delete_newer(desk: Desk, group: Newer) -> Outcome:
    if not group.is_empty:
        return Outcome(_deleted(group.group_id, KafkaError.NON_EMPTY_GROUP))
    return _remove(desk, group)


def _remove(desk: Desk, group: AnyGroup) -> Outcome:
    group_id = group.group_id
    keys = list(desk.offsets.keys(group_id))
    refused = partial(_deleted, group_id)
    return conclude_removal(desk, group.partition, keys, [group_id], _deleted(group_id, KafkaError.NONE), refused)


def _deleted(group_id: str, error: KafkaError) -> Any:
    return messages.DeleteGroupsResponse.DeletableGroupResult(group_id=group_id, error_code=int(error))
