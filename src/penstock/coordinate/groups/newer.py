"""Groups that have members with epochs and offsets: what consumer and streams groups answer each in their way."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.coordinate.consumer import committing as of_consumers
from penstock.coordinate.consumer import records as consumer_records
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.group_records import Committed, OffsetKey
from penstock.coordinate.outcome import Record
from penstock.coordinate.streams_groups import committing as of_streams
from penstock.coordinate.streams_groups import records as streams_records
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.protocol.errors import KafkaError

Newer = ConsumerGroup | StreamsGroup
# Member id, instance id, epoch.
Who = tuple[str, str | None, int]


def tombstones_of(group: Newer) -> list[Record]:
    """Removes an empty group."""
    if isinstance(group, ConsumerGroup):
        return [consumer_records.record_of(entry) for entry in consumer_records.group_tombstones(group)]
    return [streams_records.record_of(entry) for entry in streams_records.group_tombstones(group)]


def commit_fault(
    group: Newer, who: Who, version: int, entries: Iterable[tuple[OffsetKey, Committed]], *, in_transaction: bool
) -> KafkaError:
    """NONE if the member may commit those offsets. version: of OffsetCommit."""
    if isinstance(group, ConsumerGroup):
        ids = ((committed.topic_id, key.partition) for key, committed in entries)
        return of_consumers.commit_fault(group, *who, version, ids, in_transaction=in_transaction)
    names = ((key.topic, key.partition) for key, _ in entries)
    return of_streams.commit_fault(group, *who, version, names, in_transaction=in_transaction)


def fetch_fault(group: Newer, member_id: str | None, epoch: int) -> KafkaError:
    """NONE if the member may fetch offsets."""
    if isinstance(group, ConsumerGroup):
        return of_consumers.fetch_fault(group, member_id, epoch)
    return of_streams.fetch_fault(group, member_id, epoch)
