"""What members say of the records they hold: done, again, never, or not yet.  Source: KIP-932, KIP-1222."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import groupby
from typing import NamedTuple

from penstock.coordinate.share.flight import RecordState, Run
from penstock.coordinate.share.partition import Change, SharePartition, Transition
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError


class AckType(IntEnum):
    """Kafka's numbers. GAP: there is no record at that offset."""

    GAP = 0
    ACCEPT = 1
    RELEASE = 2
    REJECT = 3
    RENEW = 4


_STATES = {
    AckType.GAP: RecordState.ARCHIVED,
    AckType.ACCEPT: RecordState.ACKNOWLEDGED,
    AckType.REJECT: RecordState.ARCHIVED,
}


class Ack(NamedTuple):
    """What is said of offsets `first` to `last`. types: one for all of them, or one for each."""

    first: int
    last: int
    types: Sequence[int]


class AckRules(NamedTuple):
    """renew_allowed: by the group's config; due_ms: until when a renewed lock lasts."""

    delivery_max: int
    renew_allowed: bool
    due_ms: int


def ack_fault(acks: Sequence[Ack], renew: bool) -> bool:
    """Whether the acknowledgements of a partition are no valid request: out of order, or of unknown types.

    renew: RENEW may be among them, which a request has to announce.
    """
    highest = AckType.RENEW if renew else AckType.REJECT
    before = -1
    for first, last, types in acks:
        if first > last or first < before or not types:
            return True
        if len(types) > 1 and len(types) != last - first + 1:
            return True
        if not all(0 <= kind <= highest for kind in types):
            return True
        before = last
    return False


def acknowledge(partition: SharePartition, member: str, acks: Sequence[Ack], rules: AckRules) -> Transition | Refused:
    """What acknowledgements come to; nothing changes before `apply`. Errors: INVALID_RECORD_STATE, INVALID_REQUEST."""
    changes: list[Change] = []
    done = -1
    for ack in acks:
        if ack.last < partition.start:
            continue
        fault = _range_fault(partition, ack)
        if fault is None and ack.first <= done:
            text = "The offset cannot be acknowledged. The offset is not acquired."
            fault = Refused(KafkaError.INVALID_RECORD_STATE, text)
        if fault is not None:
            return fault
        found = _changes(partition, member, ack, rules)
        if isinstance(found, Refused):
            return found
        changes += found
        done = ack.last
    return partition.transition(changes)


def _range_fault(partition: SharePartition, ack: Ack) -> Refused | None:
    batches = partition.batches
    if not batches or (ack.first < batches[0].first and not ack.first < partition.start <= ack.last):
        text = "Batch record not found. The request batch offsets are not found in the cache."
        return Refused(KafkaError.INVALID_RECORD_STATE, text)
    if ack.last >= partition.next:
        which = "first" if ack.first >= partition.next else "last"
        text = f"Batch record not found. The {which} offset in request is past acquired records."
        return Refused(KafkaError.INVALID_REQUEST, text)
    return None


def _changes(partition: SharePartition, member: str, ack: Ack, rules: AckRules) -> list[Change] | Refused:
    changes: list[Change] = []
    for batch in partition.batches[partition.place(max(ack.first, partition.start)) :]:
        if batch.first > ack.last:
            break
        whole = not batch.split
        for run in batch.runs:
            first, last = max(run.first, ack.first, partition.start), min(run.last, ack.last)
            if last < first:
                continue
            fault = _fault(run, member, whole)
            if fault:
                return Refused(KafkaError.INVALID_RECORD_STATE, fault)
            for kind, begin, end in _kinds(ack, first, last):
                found = _change(partition, run, kind, (begin, end), rules)
                if isinstance(found, Refused):
                    return found
                changes += found
    return changes


def _fault(run: Run, member: str, whole: bool) -> str:
    """Why this member may not speak of these records; "" when it may."""
    if run.state is not RecordState.ACQUIRED:
        if whole:
            return "The batch cannot be acknowledged. The batch is not in the acquired state."
        return "The offset cannot be acknowledged. The offset is not acquired."
    if run.member != member:
        return f"Member is not the owner of {'batch record' if whole else 'offset'}"
    return ""


def _kinds(ack: Ack, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """(type, first, last) of neighbours of whom the same is said."""
    if len(ack.types) == 1:
        yield ack.types[0], first, last
        return
    for kind, offsets in groupby(range(first, last + 1), key=lambda offset: ack.types[offset - ack.first]):
        same = list(offsets)
        yield kind, same[0], same[-1]


def _change(
    partition: SharePartition, run: Run, kind: int, offsets: tuple[int, int], rules: AckRules
) -> list[Change] | Refused:
    first, last = offsets
    if kind == AckType.RENEW:
        if not rules.renew_allowed:
            text = "Renewing acquisition locks is not enabled for the group."
            return Refused(KafkaError.INVALID_RECORD_STATE, text)
        return [Change(first, last, run.state, run.deliveries, rules.due_ms)]
    if kind == AckType.RELEASE:
        return partition.released(run, first, last, rules.delivery_max)
    return [Change(first, last, _STATES[AckType(kind)], run.deliveries)]
