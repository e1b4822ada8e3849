"""From a share partition to the bytes of an answer: where the batches lie whose records a member acquired."""

from __future__ import annotations

from typing import Any, NamedTuple

from penstock.broker.share.partitions import LiveShare
from penstock.coordinate.share.acquire import Limits, LogBatch, Want, acquire
from penstock.coordinate.share.flight import Acquired
from penstock.coordinate.share_groups.settings import ShareConfig
from penstock.kit.files import FileSlice
from penstock.kit.refusal import Refused
from penstock.log.partition import Partition
from penstock.log.scan import walk_headers
from penstock.protocol.errors import KafkaError

READ_COMMITTED = "read_committed"


class Share(NamedTuple):
    """What one partition may give. max_bytes: soft, see `must_give_one` of `read`."""

    max_bytes: int
    config: ShareConfig
    now_ms: int


class Found(NamedTuple):
    """records: whole batches, or b""; acquired: which of their records are the member's; aborted: (first, last) of
    those that nobody may see, in order.
    """

    records: Any
    acquired: list[Acquired]
    aborted: list[tuple[int, int]]


_NOTHING = Found(b"", [], [])


def read(live: LiveShare, want: Want, share: Share, *, must_give_one: bool) -> Found | Refused:
    """Acquires what a member wants of one partition. must_give_one: the first batch, however large.

    Errors: of `Partition.read_plan`.
    """
    machine, config = live.machine, share.config
    offset = machine.fetch_offset()
    committed = config.isolation_level == READ_COMMITTED
    plan = live.log.read_plan(offset, share.max_bytes, committed, must_give_one)
    if isinstance(plan, Refused):
        # The log may have lost its end; it is looked at anew with the next request.
        return _NOTHING if plan.error == KafkaError.OFFSET_OUT_OF_RANGE else plan
    # Past these nothing can be acquired.
    enough = max(machine.next, offset) + min(want.records_max, config.partition_max_record_locks)
    try:
        log = _batches(plan.slice, enough)
    except OSError as error:
        return Refused(KafkaError.KAFKA_STORAGE_ERROR, str(error))
    if not log:
        return _NOTHING
    limits = Limits(
        config.partition_max_record_locks, config.delivery_count_limit, share.now_ms + config.record_lock_duration_ms
    )
    acquired = acquire(machine, want, limits, offset, [batch for _, _, batch in log])
    aborted: list[LogBatch] = []
    if committed and acquired:
        try:
            aborted = _aborted(live.log, offset, plan.slice)
        except OSError as error:
            return Refused(KafkaError.KAFKA_STORAGE_ERROR, str(error))
        acquired = [rest for piece in acquired for rest in _without(piece, aborted)]
    records = _cut(plan.slice, log, acquired) if acquired else b""
    return Found(records, acquired, aborted)


def _aborted(log: Partition, offset: int, piece: FileSlice) -> list[LogBatch]:
    """First and last offset of the batches in `piece` that belong to aborted transactions. Error: OSError."""
    transactions = log.aborted_in(offset, piece)
    if not transactions or piece.file is None:
        return []
    return [
        (header.base_offset, header.last_offset)
        for _, header in walk_headers(piece.file, piece.position, piece.position + piece.size)
        if header.is_transactional
        and not header.is_control
        and any(
            one.producer_id == header.producer_id and one.first_offset <= header.base_offset <= one.last_offset
            for one in transactions
        )
    ]


def _without(piece: Acquired, aborted: list[LogBatch]) -> list[Acquired]:
    """What is left of acquired records without those of aborted batches."""
    left: list[Acquired] = []
    first = piece.first
    for base, last in aborted:
        if last < first or base > piece.last:
            continue
        if first < base:
            left.append(piece._replace(first=first, last=base - 1))
        first = last + 1
    if first <= piece.last:
        left.append(piece._replace(first=first))
    return left


def _batches(slice: FileSlice, enough: int) -> list[tuple[int, int, LogBatch]]:
    """(position, end, offsets) of each whole batch that begins before `enough`. Error: OSError."""
    found: list[tuple[int, int, LogBatch]] = []
    if not slice.size:
        return found
    assert slice.file is not None
    for position, header in walk_headers(slice.file, slice.position, slice.position + slice.size):
        if header.base_offset >= enough:
            break
        found.append((position, position + header.size, (header.base_offset, header.last_offset)))
    return found


def _cut(slice: FileSlice, log: list[tuple[int, int, LogBatch]], acquired: list[Acquired]) -> FileSlice:
    """The batches from the first to the last with acquired records; a batch is never torn."""
    first, last = acquired[0].first, acquired[-1].last
    wanted = [(position, end) for position, end, (base, until) in log if until >= first and base <= last]
    start = wanted[0][0]
    return FileSlice(slice.file, start, wanted[-1][1] - start)
