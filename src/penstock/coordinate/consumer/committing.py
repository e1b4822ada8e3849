"""Who of a consumer group may commit and fetch offsets.  Source: ConsumerGroup.validateOffsetCommit, KIP-1251."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.protocol.errors import KafkaError

_EPOCHS_FROM = 9
_SIMPLE = (-1, "", None)


def commit_fault(
    group: ConsumerGroup,
    member_id: str,
    instance_id: str | None,
    epoch: int,
    version: int,
    partitions: Iterable[tuple[bytes, int]],
    *,
    in_transaction: bool,
) -> KafkaError:
    """NONE if the member may commit those partitions (topic id, number). One that is behind may commit what it has had
    since the epoch that it names. version: of OffsetCommit.
    """
    if epoch < 0 and group.is_empty:
        return KafkaError.NONE
    if in_transaction and (epoch, member_id, instance_id) == _SIMPLE:
        return KafkaError.NONE
    member = group.members.get(member_id)
    if member is None:
        return KafkaError.UNKNOWN_MEMBER_ID
    if not in_transaction and member.classic is None and version < _EPOCHS_FROM:
        return KafkaError.UNSUPPORTED_VERSION
    if epoch == member.epoch:
        return KafkaError.NONE
    # Transactional producers know the older code only; they would take the newer one for the end of everything.
    is_old = in_transaction or member.classic is not None
    stale = KafkaError.ILLEGAL_GENERATION if is_old else KafkaError.STALE_MEMBER_EPOCH
    if epoch > member.epoch:
        return stale
    since = (member.assignment_epoch(*place) for place in partitions)
    return stale if any(begun is None or epoch < begun for begun in since) else KafkaError.NONE


def fetch_fault(group: ConsumerGroup, member_id: str | None, epoch: int) -> KafkaError:
    """NONE if the member may fetch offsets; who names neither member nor epoch may."""
    if member_id is None and epoch < 0:
        return KafkaError.NONE
    member = group.members.get(member_id or "")
    if member is None:
        return KafkaError.UNKNOWN_MEMBER_ID
    if epoch == member.epoch:
        return KafkaError.NONE
    return KafkaError.STALE_MEMBER_EPOCH if member.classic is None else KafkaError.ILLEGAL_GENERATION
