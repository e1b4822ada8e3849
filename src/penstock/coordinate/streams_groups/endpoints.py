"""Which partitions are read where: what a process of an application asks other processes' stores by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.coordinate.groups.desk import Topics
from penstock.coordinate.streams_groups.configured import Configured
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.coordinate.streams_groups.member import StreamsMember
from penstock.coordinate.streams_groups.tasks import TaskMap
from penstock.protocol import messages

Response = messages.StreamsGroupHeartbeatResponse


def partitions_by_endpoint(
    group: StreamsGroup, member: StreamsMember, configured: Configured, topics: Topics
) -> list[Any]:
    """EndpointToPartitions of all members that have an endpoint; member: as it is after the request, told last."""
    members = [found for found in group.members.values() if found.member_id != member.member_id]
    inputs = {part.subtopology_id: part.inputs for part in configured.topology.subtopologies}
    told = []
    for found in (*members, member):
        if found.endpoint is not None:
            tasks = found.assigned.tasks
            places = [_partitions(inputs, role, topics) for role in (tasks.active, tasks.standby)]
            told.append(Response.EndpointToPartitions(Response.Endpoint(*found.endpoint), *places))
    return told


def _partitions(inputs: Mapping[str, list[str]], tasks: TaskMap, topics: Topics) -> list[Any]:
    """The inputs of tasks; a topic with fewer partitions than there are tasks gives to the first ones only."""
    listed = []
    for subtopology, indexes in tasks.items():
        for topic in inputs.get(subtopology, ()):
            count = topics.partition_count(topic) or 0
            places = sorted(index for index in indexes if index < count)
            if places:
                listed.append(Response.TopicPartition(topic, places))
    return listed
