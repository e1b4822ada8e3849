"""Offsets that go: by OffsetDelete, with their group, or with their topic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from penstock.coordinate.group_records import OffsetKey, group_tombstone, offset_tombstone
from penstock.coordinate.groups.desk import Desk, Stored, nothing
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.groups.newer import Newer, tombstones_of
from penstock.coordinate.groups.states import TABLE, Event
from penstock.coordinate.groups.subscription import CONSUMER
from penstock.coordinate.offsets.resolve import by_name
from penstock.coordinate.outcome import Outcome
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import ZERO_UUID

# What one append holds of tombstones: far below the 1 MiB that a topic allows by default, and no client waits long for
# the one in between. Keys have the group's id in them, which may be as long as a string can be.
TOMBSTONES_MAX = 1_000
TOMBSTONE_BYTES_MAX = 256 << 10


def delete(desk: Desk, request: Any) -> Outcome:
    """Removes offsets of topics that no member reads."""
    fault = desk.absence_of(request.group_id) if request.group_id else KafkaError.INVALID_GROUP_ID
    if fault is not KafkaError.NONE:
        return Outcome(_fault(fault))
    group = desk.groups.get(request.group_id)
    if not isinstance(group, ClassicGroup | Newer):
        return Outcome(_fault(KafkaError.GROUP_ID_NOT_FOUND))
    if isinstance(group, ClassicGroup):
        is_consumer = group.protocol_type == CONSUMER
        cell = TABLE[Event.OFFSET_DELETE if is_consumer else Event.OFFSET_DELETE_OTHER][group.state]
        if isinstance(cell, KafkaError):
            return Outcome(_fault(cell))
    topics, keys = [], []
    for topic in request.topics:
        reply, removed = _delete_topic(desk, group, topic)
        topics.append(reply)
        keys += removed
    reply = messages.OffsetDeleteResponse(topics=topics)
    return conclude_removal(desk, group.partition, keys, (), reply, _fault) if keys else desk.conclude(-1, None, reply)


def _delete_topic(desk: Desk, group: ClassicGroup | Newer, topic: Any) -> tuple[Any, list[OffsetKey]]:
    partition_class = messages.OffsetDeleteResponse.OffsetDeleteResponsePartition
    resolved = by_name(desk.topics, topic.name)
    subscribed = group.is_subscribed_to(topic.name)
    partitions, keys = [], []
    for partition in topic.partitions:
        index = partition.partition_index
        fault = resolved.fault_of(index)
        if fault is KafkaError.NONE and subscribed:
            fault = KafkaError.GROUP_SUBSCRIBED_TO_TOPIC
        if fault is KafkaError.NONE and _has_offset(desk, group.group_id, topic.name, index):
            keys.append(OffsetKey(group.group_id, topic.name, index))
        partitions.append(partition_class(partition_index=index, error_code=int(fault)))
    return messages.OffsetDeleteResponse.OffsetDeleteResponseTopic(name=topic.name, partitions=partitions), keys


def _has_offset(desk: Desk, group_id: str, topic: str, partition: int) -> bool:
    offsets = desk.offsets
    return offsets.get(group_id, topic, partition) is not None or offsets.is_unstable(group_id, topic, partition)


def _fault(error: KafkaError) -> Any:
    return messages.OffsetDeleteResponse(error_code=int(error))


def tombstones(desk: Desk, keys: list[OffsetKey], group_ids: Sequence[str] = ()) -> Stored:
    """Removes these offsets, then these groups, once their tombstones are in the log."""
    records = [offset_tombstone(key) for key in keys]
    for group_id in group_ids:
        group = desk.groups.get(group_id)
        if isinstance(group, Newer):
            records += tombstones_of(group)
        else:
            records.append(group_tombstone(group_id))

    def applied(_: int) -> None:
        for key in keys:
            desk.offsets.remove(key)
        for group_id in group_ids:
            desk.drop(group_id)

    return Stored(records, applied, nothing)


def conclude_removal(
    desk: Desk,
    partition: int,
    keys: list[OffsetKey],
    group_ids: Sequence[str],
    reply: Any,
    on_refused: Callable[[KafkaError], Any],
) -> Outcome:
    """The same for a request, in as many appends as it takes, the groups last.

    What ends halfway leaves a group with fewer offsets, which can be deleted again.
    """
    step, rest = _first_step(keys)
    if not rest:
        return desk.conclude(partition, tombstones(desk, step, group_ids), reply, on_refused=on_refused)
    return desk.conclude(
        partition,
        tombstones(desk, step),
        on_refused=on_refused,
        following=partial(conclude_removal, desk, partition, rest, group_ids, reply, on_refused),
    )


def removals(desk: Desk, partition: int, keys: list[OffsetKey], group_ids: Sequence[str] = ()) -> list[Outcome]:
    """The same when nobody asked for it: an outcome for each append, the groups last."""
    outcomes = []
    step, rest = _first_step(keys)
    while rest:
        outcomes.append(desk.conclude(partition, tombstones(desk, step)))
        step, rest = _first_step(rest)
    if step or group_ids:
        outcomes.append(desk.conclude(partition, tombstones(desk, step, group_ids)))
    return outcomes


def _first_step(keys: list[OffsetKey]) -> tuple[list[OffsetKey], list[OffsetKey]]:
    """What is to be removed with one append, and what is left; one key at the least."""
    size = count = 0
    for key in keys[:TOMBSTONES_MAX]:
        size += len(offset_tombstone(key)[0])
        if count and size > TOMBSTONE_BYTES_MAX:
            break
        count += 1
    return keys[:count], keys[count:]


def topics_deleted(desk: Desk, topics: Iterable[tuple[str, bytes]]) -> list[Outcome]:
    """Removes the offsets of topics that are gone. topics: names and ids; zeros for an id that is not known.

    An offset committed to a newer topic of the same name stays.
    """
    gone = dict(topics)
    by_partition: dict[int, list[OffsetKey]] = {}
    for group_id in sorted(desk.offsets.groups()):
        keys = [key for key in desk.offsets.keys(group_id) if _is_gone(desk, key, gone)]
        if keys:
            by_partition.setdefault(desk.partition_of(group_id), []).extend(keys)
    return [outcome for partition, keys in by_partition.items() for outcome in removals(desk, partition, keys)]


def _is_gone(desk: Desk, key: OffsetKey, gone: dict[str, bytes]) -> bool:
    if key.topic not in gone:
        return False
    committed = desk.offsets.get(*key)
    if committed is None or ZERO_UUID in (committed.topic_id, gone[key.topic]):
        return True
    return committed.topic_id == gone[key.topic]
