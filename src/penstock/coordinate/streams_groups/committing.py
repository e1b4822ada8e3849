"""Who of a streams group may commit and fetch offsets.  Source: StreamsGroup.validateOffsetCommit, KIP-1251."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.coordinate.streams_groups.member import StreamsMember
from penstock.protocol.errors import KafkaError

_EPOCHS_FROM = 9
_SIMPLE = (-1, "", None)


def commit_fault(
    group: StreamsGroup,
    member_id: str,
    instance_id: str | None,
    epoch: int,
    version: int,
    partitions: Iterable[tuple[str, int]],
    *,
    in_transaction: bool,
) -> KafkaError:
    """NONE if the member may commit those partitions (topic name, number). One that is behind may commit for tasks that
    it has had since the epoch that it names. version: of OffsetCommit.
    """
    if epoch < 0 and group.is_empty:
        return KafkaError.NONE
    if in_transaction and (epoch, member_id, instance_id) == _SIMPLE:
        return KafkaError.NONE
    member = group.members.get(member_id)
    if member is None:
        return KafkaError.UNKNOWN_MEMBER_ID
    if not in_transaction and version < _EPOCHS_FROM:
        return KafkaError.UNSUPPORTED_VERSION
    if epoch == member.epoch:
        return KafkaError.NONE
    # Transactional producers know the older code only; they would take the newer one for the end of everything.
    stale = KafkaError.ILLEGAL_GENERATION if in_transaction else KafkaError.STALE_MEMBER_EPOCH
    if epoch > member.epoch:
        return stale
    since = (_begun(group, member, topic, index) for topic, index in partitions)
    return stale if any(begun is None or epoch < begun for begun in since) else KafkaError.NONE


def _begun(group: StreamsGroup, member: StreamsMember, topic: str, index: int) -> int | None:
    """In which epoch the member got the task that reads the partition; None if it does not run it."""
    part = None if group.topology is None else group.topology.reader_of(topic)
    return None if part is None else member.assignment_epoch(part.subtopology_id, index)


def fetch_fault(group: StreamsGroup, member_id: str | None, epoch: int) -> KafkaError:
    """NONE if the member may fetch offsets; who names neither member nor epoch may."""
    if member_id is None and epoch < 0:
        return KafkaError.NONE
    member = group.members.get(member_id or "")
    if member is None:
        return KafkaError.UNKNOWN_MEMBER_ID
    return KafkaError.NONE if epoch == member.epoch else KafkaError.STALE_MEMBER_EPOCH
