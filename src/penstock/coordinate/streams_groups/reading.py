"""StreamsGroupDescribe: what operators see of a streams group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.coordinate.streams_groups.member import StreamsMember
from penstock.coordinate.streams_groups.tasks import Tasks, listed_tasks
from penstock.coordinate.streams_groups.topology import InternalTopic, Topology
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

Response = messages.StreamsGroupDescribeResponse


def describe(desk: Desk, group_id: str) -> Any:
    """One group with its members, as DescribedGroup; authorized_operations is the caller's."""
    if not group_id:
        return Response.DescribedGroup(group_id=group_id, error_code=int(KafkaError.INVALID_GROUP_ID))
    absence = desk.absence_of(group_id)
    if absence is not KafkaError.NONE:
        return Response.DescribedGroup(group_id=group_id, error_code=int(absence))
    group = desk.groups.get(group_id)
    if not isinstance(group, StreamsGroup):
        text = f"Group {group_id} not found." if group is None else f"Group {group_id} is not a streams group."
        return Response.DescribedGroup(
            group_id=group_id, error_code=int(KafkaError.GROUP_ID_NOT_FOUND), error_message=text
        )
    return Response.DescribedGroup(
        group_id=group_id,
        group_state=group.state.value,
        group_epoch=group.epoch,
        assignment_epoch=group.target_epoch,
        topology=None if group.topology is None else _topology(group.topology, _counts(group)),
        members=[_member(group, member) for member in group.members.values()],
    )


def _counts(group: StreamsGroup) -> Mapping[str, int]:
    """The partitions of internal topics, once all topics have been found to be there."""
    if group.configured is None or not group.configured.is_ready:
        return {}
    return group.configured.counts


def _topology(topology: Topology, counts: Mapping[str, int]) -> Any:
    parts = [
        Response.Subtopology(
            part.subtopology_id,
            list(part.sources),
            list(part.sinks),
            [_topic(topic, counts) for topic in part.changelogs],
            [_topic(topic, counts) for topic in part.repartitions],
        )
        for part in topology.subtopologies
    ]
    return Response.Topology(topology.epoch, parts)


def _topic(topic: InternalTopic, counts: Mapping[str, int]) -> Any:
    configs = [Response.KeyValue(*pair) for pair in topic.configs]
    return Response.TopicInfo(topic.name, counts.get(topic.name, topic.partitions), topic.replication_factor, configs)


def _member(group: StreamsGroup, member: StreamsMember) -> Any:
    return Response.Member(
        member_id=member.member_id,
        member_epoch=member.epoch,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        topology_epoch=member.topology_epoch,
        process_id=member.process_id,
        user_endpoint=None if member.endpoint is None else Response.Endpoint(*member.endpoint),
        client_tags=[Response.KeyValue(*pair) for pair in member.tags],
        task_offsets=[],
        task_end_offsets=[],
        assignment=_assignment(member.assigned.tasks),
        target_assignment=_assignment(group.target_of(member.member_id)),
        is_classic=False,
    )


def _assignment(tasks: Tasks) -> Any:
    return Response.Assignment(*(listed_tasks(Response.TaskIds, role) for role in tasks))
