"""OffsetCommit: members of a generation, and consumers without a group protocol ("simple" ones), store positions.
TxnOffsetCommit: the same inside a transaction, to count when it commits."""

from __future__ import annotations

from functools import partial
from typing import Any

from penstock.coordinate.group_records import NO_EXPIRY, Committed, OffsetKey
from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.groups.newer import Newer, commit_fault
from penstock.coordinate.groups.rebalance import prolong
from penstock.coordinate.groups.states import TABLE, Event, Rule, State
from penstock.coordinate.offsets.draft import Draft, Faults
from penstock.coordinate.offsets.resolve import Resolved, by_id, by_name
from penstock.coordinate.outcome import Outcome
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

_TOPIC_IDS_FROM = 10
_GROUP_NOT_FOUND_FROM = 9
_TXN_LOADING_FROM = 2
_NO_RETENTION = -1


def commit(desk: Desk, request: Any, version: int) -> Outcome:
    """Stores what may be stored, each partition with its own result."""
    if version >= _TOPIC_IDS_FROM:
        resolved = [by_id(desk.topics, topic.topic_id) for topic in request.topics]
    else:
        resolved = [by_name(desk.topics, topic.name) for topic in request.topics]
    draft = Draft(desk, request.group_id, request.topics, resolved, _reply)
    if draft.is_hopeless:
        # Kafka asks the group nothing when there is nothing left to commit.
        return Outcome(draft.reply())
    missing = KafkaError.GROUP_ID_NOT_FOUND if version >= _GROUP_NOT_FOUND_FROM else KafkaError.ILLEGAL_GENERATION
    member = (request.member_id, request.group_instance_id, request.generation_id_or_member_epoch)
    fault = _fault_of_commit(desk, request.group_id, member, missing)
    expires_ms = NO_EXPIRY
    if request.retention_time_ms != _NO_RETENTION:
        expires_ms = desk.now_ms + request.retention_time_ms
    if fault is KafkaError.NONE:
        fault = draft.fill(expires_ms)
    if fault is KafkaError.NONE:
        fault = _fault_of_newer(desk, draft, member, version)
    if fault is not KafkaError.NONE:
        return Outcome(draft.reply(fault))
    return draft.conclude(partial(put_offset, desk))


def txn_commit(desk: Desk, request: Any, version: int) -> Outcome:
    """Stores offsets of an open transaction; they count when its marker comes."""
    resolved = [by_name(desk.topics, topic.name) for topic in request.topics]
    draft = Draft(desk, request.group_id, request.topics, resolved, _txn_reply)
    if draft.is_hopeless:
        return Outcome(draft.reply())
    member = (request.member_id, request.group_instance_id, request.generation_id)
    fault = _fault_of_commit(desk, request.group_id, member, KafkaError.ILLEGAL_GENERATION, in_transaction=True)
    if fault is KafkaError.COORDINATOR_LOAD_IN_PROGRESS and version < _TXN_LOADING_FROM:
        # Producers before 2.0 take that code for a fatal one.
        fault = KafkaError.COORDINATOR_NOT_AVAILABLE
    if fault is KafkaError.NONE:
        fault = draft.fill()
    if fault is KafkaError.NONE:
        fault = _fault_of_newer(desk, draft, member, version, in_transaction=True)
    if fault is not KafkaError.NONE:
        return Outcome(draft.reply(fault))
    transaction = (desk.partition_of(request.group_id), request.producer_id)
    outcome = draft.conclude(partial(put_pending, desk, transaction))
    outcome.producer_id = request.producer_id
    outcome.producer_epoch = request.producer_epoch
    return outcome


def put_offset(desk: Desk, key: OffsetKey, committed: Committed) -> None:
    """What an offset record does; a group that commits without ever joining exists from then on, empty."""
    if key.group_id not in desk.groups:
        desk.create(key.group_id)
    desk.offsets.put(key, committed)


def put_pending(desk: Desk, transaction: tuple[int, int], key: OffsetKey, committed: Committed) -> None:
    """What an offset record of a transaction does. transaction: partition of `__consumer_offsets`, producer id."""
    if key.group_id not in desk.groups:
        desk.create(key.group_id)
    desk.offsets.put_pending(transaction, key, committed)


def _fault_of_commit(
    desk: Desk,
    group_id: str,
    member: tuple[str, str | None, int],
    missing: KafkaError,
    *,
    in_transaction: bool = False,
) -> KafkaError:
    """NONE if that member (id, instance id, generation) may commit; the empty group id is allowed, as of old."""
    if len(group_id) > desk.settings.group_id_length_max:
        return KafkaError.INVALID_GROUP_ID
    fault = desk.absence_of(group_id)
    if fault is not KafkaError.NONE:
        return fault
    group = desk.classic(group_id)
    if group is not None:
        return _fault_in_group(desk, group, *member, in_transaction=in_transaction)
    newer = desk.groups.get(group_id)
    if newer is not None:
        # Which partitions a member of a newer group may commit is asked when they are known.
        return KafkaError.NONE if isinstance(newer, Newer) else KafkaError.GROUP_ID_NOT_FOUND
    if member[2] >= 0:
        return missing
    return KafkaError.POLICY_VIOLATION if len(desk.groups) >= desk.settings.groups_max else KafkaError.NONE


def _fault_of_newer(
    desk: Desk, draft: Draft, member: tuple[str, str | None, int], version: int, *, in_transaction: bool = False
) -> KafkaError:
    """NONE if the group is none of the new protocol, or the member may commit the partitions of the draft."""
    group = desk.groups.get(draft.group_id)
    if not isinstance(group, Newer):
        return KafkaError.NONE
    return commit_fault(group, member, version, draft.entries, in_transaction=in_transaction)


def _fault_in_group(
    desk: Desk, group: ClassicGroup, member_id: str, instance_id: str | None, generation: int, *, in_transaction: bool
) -> KafkaError:
    is_simple = generation < 0 and (group.is_empty or (not member_id and instance_id is None))
    if not is_simple and group.state is not State.DEAD:
        fault = group.fault_of(member_id, instance_id)
        if fault is not KafkaError.NONE:
            return fault
        if generation != group.generation:
            return KafkaError.ILLEGAL_GENERATION
    event = Event.COMMIT_SIMPLE if is_simple else Event.COMMIT_MEMBER
    cell = TABLE[Event.COMMIT_TRANSACTIONAL if in_transaction else event][group.state]
    if isinstance(cell, KafkaError):
        return cell
    if cell is Rule.COMMIT_BEAT:
        prolong(desk, group.members[member_id])
    return KafkaError.NONE


def _reply(topics: list[Any], resolved: list[Resolved], faults: Faults) -> Any:
    topic_class = messages.OffsetCommitResponse.OffsetCommitResponseTopic
    partition_class = messages.OffsetCommitResponse.OffsetCommitResponsePartition
    return messages.OffsetCommitResponse(
        topics=[
            topic_class(
                name=topic.name, topic_id=topic.topic_id, partitions=_partitions(partition_class, requested, row)
            )
            for requested, topic, row in zip(topics, resolved, faults, strict=True)
        ]
    )


def _txn_reply(topics: list[Any], resolved: list[Resolved], faults: Faults) -> Any:
    topic_class = messages.TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic
    partition_class = messages.TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition
    return messages.TxnOffsetCommitResponse(
        topics=[
            topic_class(name=topic.name, partitions=_partitions(partition_class, requested, row))
            for requested, topic, row in zip(topics, resolved, faults, strict=True)
        ]
    )


def _partitions(partition_class: Any, requested: Any, row: list[KafkaError]) -> list[Any]:
    return [
        partition_class(partition_index=partition.partition_index, error_code=int(fault))
        for partition, fault in zip(requested.partitions, row, strict=True)
    ]
