"""OffsetCommit: members of a generation, and consumers without a group protocol ("simple" ones), store positions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from penstock.coordinate.group_records import NO_EXPIRY, Committed, OffsetKey, offset_record
from penstock.coordinate.groups.desk import Desk, Stored, nothing
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.groups.rebalance import prolong
from penstock.coordinate.groups.states import TABLE, Event, Rule, State
from penstock.coordinate.offsets.resolve import Resolved, by_id, by_name
from penstock.coordinate.outcome import Outcome
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

_TOPIC_IDS_FROM = 10
_GROUP_NOT_FOUND_FROM = 9
_NO_RETENTION = -1

Entries = list[tuple[OffsetKey, Committed]]


def commit(desk: Desk, request: Any, version: int) -> Outcome:
    """Stores what may be stored, each partition with its own result."""
    use_ids = version >= _TOPIC_IDS_FROM
    topics = [by_id(desk.topics, t.topic_id) if use_ids else by_name(desk.topics, t.name) for t in request.topics]
    faults = _partition_faults(desk, request, topics)
    if not any(fault is KafkaError.NONE for row in faults for fault in row):
        # Kafka asks the group nothing when there is nothing left to commit.
        return Outcome(_reply(request, topics, faults))
    fault = _fault_of_commit(desk, request, version)
    if fault is KafkaError.NONE:
        faults, entries = _accept(desk, request, topics, faults)
        if not entries:
            return Outcome(_reply(request, topics, faults))
        fault = fault_of_count(desk, request.group_id, entries)
    if fault is not KafkaError.NONE:
        return Outcome(_reply(request, topics, _instead_of_none(faults, fault)))
    return conclude_commit(
        desk,
        request.group_id,
        entries,
        _reply(request, topics, faults),
        lambda error: _reply(request, topics, _instead_of_none(faults, error)),
    )


def conclude_commit(
    desk: Desk, group_id: str, entries: Entries, reply: Any, on_refused: Callable[[KafkaError], Any]
) -> Outcome:
    """Appends the records of accepted offsets, then puts them."""

    def applied(record_offset: int) -> None:
        for number, (key, committed) in enumerate(entries):
            put_offset(desk, key, committed._replace(record_offset=record_offset + number))

    stored = Stored([offset_record(*entry) for entry in entries], applied, nothing)
    return desk.conclude(desk.partition_of(group_id), stored, reply, on_refused=on_refused)


def put_offset(desk: Desk, key: OffsetKey, committed: Committed) -> None:
    """What an offset record does; a group that commits without ever joining exists from then on, empty."""
    if key.group_id not in desk.groups:
        desk.create(key.group_id)
    desk.offsets.put(key, committed)


def fault_of_group_id(desk: Desk, group_id: str) -> KafkaError:
    """NONE if the group, existing or not, is ours; the empty id is allowed, as old simple consumers use it."""
    if len(group_id) > desk.settings.group_id_length_max:
        return KafkaError.INVALID_GROUP_ID
    return desk.absence_of(group_id)


def fault_of_count(desk: Desk, group_id: str, entries: Entries) -> KafkaError:
    """NONE if these offsets find room; counts them all as new only when that could matter."""
    room = desk.settings.group_offsets_max - desk.offsets.count(group_id)
    if len(entries) <= room:
        return KafkaError.NONE
    added = {key for key, _ in entries if desk.offsets.get(*key) is None}
    return KafkaError.NONE if len(added) <= room else KafkaError.POLICY_VIOLATION


def _partition_faults(desk: Desk, request: Any, topics: list[Resolved]) -> list[list[KafkaError]]:
    return [
        [resolved.fault_of(partition.partition_index) for partition in topic.partitions]
        for topic, resolved in zip(request.topics, topics, strict=True)
    ]


def _fault_of_commit(desk: Desk, request: Any, version: int) -> KafkaError:
    fault = fault_of_group_id(desk, request.group_id)
    if fault is not KafkaError.NONE:
        return fault
    generation = request.generation_id_or_member_epoch
    if request.group_id not in desk.groups:
        return fault_of_missing(
            desk,
            generation,
            KafkaError.GROUP_ID_NOT_FOUND if version >= _GROUP_NOT_FOUND_FROM else KafkaError.ILLEGAL_GENERATION,
        )
    group = desk.classic(request.group_id)
    if group is None:
        return KafkaError.GROUP_ID_NOT_FOUND
    return _fault_in_group(desk, group, request.member_id, request.group_instance_id, generation)


def fault_of_missing(desk: Desk, generation: int, error: KafkaError) -> KafkaError:
    """What a group that does not exist answers: only a simple consumer makes it be."""
    if generation >= 0:
        return error
    return KafkaError.POLICY_VIOLATION if len(desk.groups) >= desk.settings.groups_max else KafkaError.NONE


def _fault_in_group(
    desk: Desk, group: ClassicGroup, member_id: str, instance_id: str | None, generation: int
) -> KafkaError:
    is_simple = generation < 0 and (group.is_empty or (not member_id and instance_id is None))
    if not is_simple and group.state is not State.DEAD:
        fault = group.fault_of(member_id, instance_id)
        if fault is not KafkaError.NONE:
            return fault
        if generation != group.generation:
            return KafkaError.ILLEGAL_GENERATION
    cell = TABLE[Event.COMMIT_SIMPLE if is_simple else Event.COMMIT_MEMBER][group.state]
    if isinstance(cell, KafkaError):
        return cell
    if cell is Rule.COMMIT_BEAT:
        prolong(desk, group.members[member_id])
    return KafkaError.NONE


def _accept(
    desk: Desk, request: Any, topics: list[Resolved], faults: list[list[KafkaError]]
) -> tuple[list[list[KafkaError]], Entries]:
    expires_ms = NO_EXPIRY
    if request.retention_time_ms != _NO_RETENTION:
        expires_ms = desk.now_ms + request.retention_time_ms
    entries: Entries = []
    checked = []
    for topic, resolved, row in zip(request.topics, topics, faults, strict=True):
        checked.append(row := list(row))
        for number, partition in enumerate(topic.partitions):
            if row[number] is not KafkaError.NONE:
                continue
            if is_too_large(desk, partition.committed_metadata):
                row[number] = KafkaError.OFFSET_METADATA_TOO_LARGE
                continue
            key = OffsetKey(request.group_id, resolved.name, partition.partition_index)
            entries.append((key, committed_of(desk, partition, resolved.topic_id, expires_ms)))
    return checked, entries


def is_too_large(desk: Desk, metadata: str | None) -> bool:
    """Kafka counts characters as Java does, in UTF-16 code units, in spite of the setting's name."""
    if metadata is None:
        return False
    size_max = desk.settings.offset_metadata_max_bytes
    return len(metadata) > size_max or len(metadata.encode("utf-16-le", "surrogatepass")) // 2 > size_max


def committed_of(desk: Desk, partition: Any, topic_id: bytes, expires_ms: int = NO_EXPIRY) -> Committed:
    return Committed(
        partition.committed_offset,
        partition.committed_leader_epoch,
        partition.committed_metadata or "",
        desk.now_ms,
        expires_ms,
        topic_id,
    )


def _instead_of_none(faults: list[list[KafkaError]], error: KafkaError) -> list[list[KafkaError]]:
    return [[error if fault is KafkaError.NONE else fault for fault in row] for row in faults]


def _reply(request: Any, topics: list[Resolved], faults: Iterable[list[KafkaError]]) -> Any:
    topic_class = messages.OffsetCommitResponse.OffsetCommitResponseTopic
    partition_class = messages.OffsetCommitResponse.OffsetCommitResponsePartition
    return messages.OffsetCommitResponse(
        topics=[
            topic_class(
                name=resolved.name,
                topic_id=resolved.topic_id,
                partitions=[
                    partition_class(partition_index=partition.partition_index, error_code=int(fault))
                    for partition, fault in zip(topic.partitions, row, strict=True)
                ],
            )
            for topic, resolved, row in zip(request.topics, topics, faults, strict=True)
        ]
    )
