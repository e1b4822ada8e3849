"""OffsetFetch: what a group has committed. One group per request up to version 7, many from version 8."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from penstock.coordinate.group_records import Committed
from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.groups.newer import Newer, fetch_fault
from penstock.coordinate.groups.states import State
from penstock.coordinate.offsets.resolve import Resolved, by_id
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import ZERO_UUID

_MANY_GROUPS_FROM = 8
_GROUP_ERROR_FROM = 2
_TOPIC_IDS_FROM = 10
_NO_OFFSET = -1
_ABSENT = Committed(offset=_NO_OFFSET, leader_epoch=-1, metadata="", committed_ms=-1)


def request_groups(request: Any, version: int) -> list[Any]:
    """The groups of a request, as OffsetFetchRequestGroup whatever the version."""
    if version >= _MANY_GROUPS_FROM:
        return list(request.groups)
    topic_class = messages.OffsetFetchRequest.OffsetFetchRequestTopics
    topics = None
    if request.topics is not None:
        topics = [topic_class(name=topic.name, partition_indexes=topic.partition_indexes) for topic in request.topics]
    return [messages.OffsetFetchRequest.OffsetFetchRequestGroup(group_id=request.group_id, topics=topics)]


def response_of(groups: list[Any], version: int) -> Any:
    """The response from OffsetFetchResponseGroups; one of them below version 8."""
    if version >= _MANY_GROUPS_FROM:
        return messages.OffsetFetchResponse(groups=groups)
    (group,) = groups
    topic_class = messages.OffsetFetchResponse.OffsetFetchResponseTopic
    partition_class = messages.OffsetFetchResponse.OffsetFetchResponsePartition
    topics = [
        topic_class(
            name=topic.name,
            partitions=[
                partition_class(
                    partition_index=partition.partition_index,
                    committed_offset=partition.committed_offset,
                    committed_leader_epoch=partition.committed_leader_epoch,
                    metadata=partition.metadata,
                    error_code=partition.error_code,
                )
                for partition in topic.partitions
            ],
        )
        for topic in group.topics
    ]
    return messages.OffsetFetchResponse(topics=topics, error_code=group.error_code)


def refused(group: Any, error: KafkaError, version: int) -> Any:
    """The answer for a group whose offsets may not be read: version 1 can say so only per partition."""
    topics = []
    if version < _GROUP_ERROR_FROM:
        topics = [
            _topic(topic.name, ZERO_UUID, [_partition(index, _ABSENT, error) for index in topic.partition_indexes])
            for topic in group.topics
        ]
    return messages.OffsetFetchResponse.OffsetFetchResponseGroup(
        group_id=group.group_id, topics=topics, error_code=int(error)
    )


def fetch(desk: Desk, group: Any, version: int, *, require_stable: bool) -> Any:
    """The offsets of one group: those asked for, or all if it asks for none in particular (null)."""
    fault = KafkaError.NONE
    if len(group.group_id) > desk.settings.group_id_length_max:
        fault = KafkaError.INVALID_GROUP_ID
    if fault is KafkaError.NONE:
        fault = desk.absence_of(group.group_id)
    newer = desk.groups.get(group.group_id)
    if fault is KafkaError.NONE and isinstance(newer, Newer):
        fault = fetch_fault(newer, group.member_id, group.member_epoch)
    if fault is not KafkaError.NONE:
        return refused(group, fault, version)
    is_known = group.group_id in desk.groups
    classic = desk.classic(group.group_id)
    if classic is not None and classic.state is State.DEAD:
        is_known = False
    if group.topics is None:
        topics = list(_all(desk, group.group_id, version, require_stable=require_stable)) if is_known else []
    else:
        topics = [_asked(desk, group, topic, version, is_known, require_stable) for topic in group.topics]
    return messages.OffsetFetchResponse.OffsetFetchResponseGroup(group_id=group.group_id, topics=topics)


def _asked(desk: Desk, group: Any, topic: Any, version: int, is_known: bool, require_stable: bool) -> Any:
    resolved = Resolved(topic.name, ZERO_UUID, None)
    if version >= _TOPIC_IDS_FROM:
        resolved = by_id(desk.topics, topic.topic_id)
    if resolved.fault is not KafkaError.NONE:
        faulty = [_partition(index, _ABSENT, resolved.fault) for index in topic.partition_indexes]
        return _topic(resolved.name, resolved.topic_id, faulty)
    committed = desk.offsets.of_group(group.group_id).get(resolved.name, {}) if is_known else {}
    partitions = []
    for index in topic.partition_indexes:
        if require_stable and desk.offsets.is_unstable(group.group_id, resolved.name, index):
            partitions.append(_partition(index, _ABSENT, KafkaError.UNSTABLE_OFFSET_COMMIT))
            continue
        found = committed.get(index, _ABSENT)
        if _is_of_other_topic(found, resolved.topic_id):
            found = _ABSENT
        partitions.append(_partition(index, found))
    return _topic(resolved.name, resolved.topic_id, partitions)


def _is_of_other_topic(committed: Committed, topic_id: bytes) -> bool:
    """Whether the offset was committed to an earlier topic of the same name."""
    return ZERO_UUID not in (committed.topic_id, topic_id) and committed.topic_id != topic_id


def _all(desk: Desk, group_id: str, version: int, *, require_stable: bool) -> Iterable[Any]:
    for name, committed in desk.offsets.of_group(group_id).items():
        topic_id = ZERO_UUID
        if version >= _TOPIC_IDS_FROM:
            topic_id = (desk.topics.id_of(name) if desk.topics is not None else None) or ZERO_UUID
            if topic_id == ZERO_UUID:
                continue  # the topic is gone, and this version has no other way to name it
        partitions = []
        for index, found in committed.items():
            if require_stable and desk.offsets.is_unstable(group_id, name, index):
                partitions.append(_partition(index, _ABSENT, KafkaError.UNSTABLE_OFFSET_COMMIT))
            else:
                partitions.append(_partition(index, found))
        yield _topic(name, topic_id, partitions)


def _topic(name: str, topic_id: bytes, partitions: list[Any]) -> Any:
    return messages.OffsetFetchResponse.OffsetFetchResponseTopics(name=name, topic_id=topic_id, partitions=partitions)


def _partition(index: int, committed: Committed, error: KafkaError = KafkaError.NONE) -> Any:
    return messages.OffsetFetchResponse.OffsetFetchResponsePartitions(
        partition_index=index,
        committed_offset=committed.offset,
        committed_leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
        error_code=int(error),
    )
