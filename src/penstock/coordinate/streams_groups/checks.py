"""What is wrong with a StreamsGroupHeartbeat; texts for people, codes as Kafka's.

Source: KafkaApis.handleStreamsGroupHeartbeat, GroupCoordinatorService, GroupMetadataManager.
"""

from __future__ import annotations

from typing import Any

from penstock.coordinate.consumer.member import AWAY_EPOCH, JOINING_EPOCH
from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.metadata.names import INTERNAL_TOPICS, is_topic_name
from penstock.coordinate.streams_groups.configured import Configured
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.coordinate.streams_groups.member import StreamsMember
from penstock.coordinate.streams_groups.tasks import Tasks, is_within, tasks_in
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError

PROTOCOL = "streams"


def request_fault(desk: Desk, request: Any) -> Refused | None:
    """Why a request is refused before its group is looked for."""
    if request.topology is not None:
        fault = _topology_fault(request.topology)
        if fault is not None:
            return fault
    text = _unsupported(request) or _names_fault(request) or _epoch_shape_fault(request) or _length_fault(desk, request)
    if text:
        return Refused(KafkaError.INVALID_REQUEST, text)
    if request.topology is not None:
        for part in request.topology.subtopologies:
            for topic in part.state_changelog_topics:
                if topic.partitions:
                    said = f"Changelog topic {topic.name} must have an undefined partition count, but it is set to"
                    return Refused(KafkaError.STREAMS_INVALID_TOPOLOGY, f"{said} {topic.partitions}.")
    return None


def _topology_fault(topology: Any) -> Refused | None:
    names: dict[str, None] = {}
    for part in topology.subtopologies:
        internal = [topic.name for topic in (*part.repartition_source_topics, *part.state_changelog_topics)]
        names |= dict.fromkeys((*part.source_topics, *part.repartition_sink_topics, *internal))
    kept = [name for name in names if name in INTERNAL_TOPICS]
    if kept:
        said = f"Use of Kafka internal topics {','.join(kept)} in a Kafka Streams topology is prohibited."
        return Refused(KafkaError.STREAMS_INVALID_TOPOLOGY, said)
    wrong = [name for name in names if not is_topic_name(name)]
    if wrong:
        said = f"Topic names {','.join(wrong)} are not valid topic names."
        return Refused(KafkaError.STREAMS_INVALID_TOPOLOGY, said)
    return None


def _unsupported(request: Any) -> str:
    """What the protocol has room for and Kafka 4.3 refuses."""
    if request.instance_id is not None:
        return "Static membership is not yet supported."
    if request.task_offsets is not None:
        return "TaskOffsets are not supported yet."
    if request.task_end_offsets is not None:
        return "TaskEndOffsets are not supported yet."
    if request.warmup_tasks:
        return "WarmupTasks are not supported yet."
    parts = () if request.topology is None else request.topology.subtopologies
    if any(part.source_topic_regex for part in parts):
        return "Regular expressions for source topics are not supported yet."
    return ""


def _names_fault(request: Any) -> str:
    for name, value in (
        ("MemberId", request.member_id),
        ("GroupId", request.group_id),
        ("RackId", request.rack_id),
    ):
        if value is not None and not value.strip():
            return f"{name} can't be empty."
    return ""


def _epoch_shape_fault(request: Any) -> str:
    roles = (
        ("ActiveTasks", request.active_tasks),
        ("StandbyTasks", request.standby_tasks),
        ("WarmupTasks", request.warmup_tasks),
    )
    if request.member_epoch == JOINING_EPOCH:
        if request.rebalance_timeout_ms == -1:
            return "RebalanceTimeoutMs must be provided in first request."
        for name, listed in roles:
            if listed is None or listed:
                return f"{name} must be empty when (re-)joining."
        if request.topology is None:
            return "Topology must be non-null when (re-)joining."
    elif request.member_epoch == AWAY_EPOCH:
        return "InstanceId can't be null."
    elif request.member_epoch < AWAY_EPOCH:
        return f"MemberEpoch is {request.member_epoch}, but must be greater than or equal to -2."
    if len({listed is None for _, listed in roles}) > 1:
        return "If one task-type is non-null, all must be non-null."
    if request.member_epoch != JOINING_EPOCH and request.topology is not None:
        return "Topology can only be provided when (re-)joining."
    return ""


def _length_fault(desk: Desk, request: Any) -> str:
    """A bound that Kafka does not have: these names are kept in memory."""
    longest = desk.settings.instance_id_length_max
    for name, value in (
        ("MemberId", request.member_id),
        ("RackId", request.rack_id),
        ("ProcessId", request.process_id),
        ("UserEndpoint", None if request.user_endpoint is None else request.user_endpoint.host),
    ):
        if value is not None and len(value) > longest:
            return f"{name} has {len(value)} characters, expected at most {longest}."
    if len(request.group_id) > desk.settings.group_id_length_max:
        return f"GroupId has {len(request.group_id)} characters, expected at most {desk.settings.group_id_length_max}."
    return ""


def full_fault(desk: Desk, group: StreamsGroup, member_id: str) -> Refused | None:
    size_max = desk.settings.group_streams_max_size
    if len(group.members) < size_max or member_id in group.members:
        return None
    said = f"The streams group has reached its maximum capacity of {size_max} members."
    return Refused(KafkaError.GROUP_MAX_SIZE_REACHED, said)


def size_fault(desk: Desk, group: StreamsGroup, added: int) -> Refused | None:
    """A bound that Kafka does not have: members and topologies are kept in memory. added: bytes."""
    size = group.bytes_held + added
    if size <= desk.settings.group_bytes_max:
        return None
    said = f"The members of the group would take {size} bytes, expected at most {desk.settings.group_bytes_max}."
    return Refused(KafkaError.GROUP_MAX_SIZE_REACHED, said)


def epoch_fault(member: StreamsMember, epoch: int, owned: Tasks | None) -> Refused | None:
    """A member may come with its epoch; with the one before if it lost our reply, which it shows by what it runs."""
    if epoch in (JOINING_EPOCH, member.epoch):
        return None
    if epoch == member.previous_epoch < member.epoch and owned is not None and is_within(owned, member.assigned.tasks):
        return None
    relation = "greater" if epoch > member.epoch else "smaller"
    said = (
        f"The streams group member has a {relation} member epoch ({epoch}) than the one known by the group "
        f"coordinator ({member.epoch}). The member must abandon all its partitions and rejoin."
    )
    return Refused(KafkaError.FENCED_MEMBER_EPOCH, said)


def tasks_fault(configured: Configured, owned: Tasks | None) -> Refused | None:
    """Why a client cannot run what it says it runs; asked only while all topics are there."""
    for tasks in () if owned is None or not configured.is_ready else owned:
        for subtopology, index in tasks_in(tasks):
            count = configured.task_counts.get(subtopology)
            if count is None:
                said = f"Subtopology {subtopology} does not exist in the topology."
                return Refused(KafkaError.INVALID_REQUEST, said)
            if not 0 <= index < count:
                said = f"Task {index} for subtopology {subtopology} is invalid. Number of tasks for this subtopology:"
                return Refused(KafkaError.INVALID_REQUEST, f"{said} {count}")
    return None
