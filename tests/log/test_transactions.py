"""Transactions in a partition against a list: readers of committed records see what they may, and nothing else."""

import errno
import struct
from collections.abc import Callable
from typing import NamedTuple

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from penstock.kit.refusal import Refused
from penstock.log.results import Appended
from penstock.log.transactions import TransactionEnd
from penstock.log.txn_index import AbortedTransaction, decode_aborted, encode_aborted
from penstock.protocol.errors import KafkaError
from penstock.records.batch import walk
from penstock.records.control import ControlType, read_marker
from penstock.records.record import decode_records
from penstock.testing.contract.log import LogWorld
from penstock.testing.files import FaultyFiles, MemoryFiles

SMALL = {"segment_bytes": 400, "index_interval_bytes": 100, "file_delete_delay_ms": 0}


def memory_log(**options: object) -> LogWorld:
    return LogWorld(MemoryFiles(), "/data", **options)


def send(world: LogWorld, *values: bytes, producer: int = 7, epoch: int = 0, sequence: int = 0) -> int:
    return world.add(*values, producer_id=producer, producer_epoch=epoch, base_sequence=sequence, transactional=True)


def finish(world: LogWorld, commit: bool, producer: int = 7, epoch: int = 0, **options: int) -> Appended | Refused:
    end = TransactionEnd(producer, epoch, commit, **{"coordinator_epoch": 0} | options)
    return world.partition.end_transaction(end, world.clock.now_ms())


def committed(world: LogWorld, max_bytes: int = 1 << 20) -> list[tuple[int, bytes]]:
    """Offset and value of all records a client hands out that reads what is committed, fetch by fetch.

    The client's part: it drops batches of producers whose transaction was aborted, until the abort marker comes.
    """
    partition = world.partition
    position = partition.log_start
    found = []
    while True:
        plan = partition.read_plan(position, max_bytes, True, True)
        assert not isinstance(plan, Refused), plan
        if not plan.slice.size:
            return found
        waiting = sorted(partition.aborted_in(position, plan.slice), key=lambda entry: entry.first_offset)
        dropped = set()
        for header, batch in walk(plan.slice.read()):
            while waiting and waiting[0].first_offset <= header.last_offset:
                dropped.add(waiting.pop(0).producer_id)
            records = decode_records(batch, 1 << 20)
            if header.is_control:
                if read_marker(records[0]).type is ControlType.ABORT:
                    dropped.discard(header.producer_id)
            elif not (header.is_transactional and header.producer_id in dropped):
                found += [(one.offset, one.value) for one in records if one.offset >= position]
            position = header.next_offset


def aborted(world: LogWorld) -> list[AbortedTransaction]:
    assert world.partition.last_stable_offset >= 0
    return [entry for segment in world.partition.segments for entry in segment.aborted()]


def lose(world: LogWorld, *suffixes: str) -> None:
    for suffix in suffixes:
        for name in world.names(suffix):
            world.files.remove(f"{world.path}/{name}")


def error_of(answer: Appended | Refused) -> int:
    assert isinstance(answer, Refused), answer
    return answer.error


def test_the_last_stable_offset_is_where_the_first_open_transaction_begins() -> None:
    world = memory_log()
    stable = []
    for act in (
        lambda: world.add(b"0"),
        lambda: send(world, b"1", producer=7),
        lambda: send(world, b"2", producer=8),
        lambda: world.add(b"3"),
        lambda: finish(world, True, producer=7),
        lambda: send(world, b"5", producer=7, sequence=1),
        lambda: finish(world, False, producer=8),
        lambda: finish(world, True, producer=7),
    ):
        act()
        stable.append(world.partition.last_stable_offset)

    assert stable == [1, 1, 1, 1, 2, 2, 5, 8]
    assert committed(world) == [(0, b"0"), (1, b"1"), (3, b"3"), (5, b"5")]


def test_a_reader_of_everything_is_not_held_back() -> None:
    world = memory_log()
    world.add(b"0")
    send(world, b"1")

    plan = world.partition.read_plan(0, 1 << 20, False, True)

    assert (plan.high_watermark, plan.last_stable_offset) == (2, 1)
    assert world.values() == [b"0", b"1"]


def test_a_marker_that_is_not_on_disk_yet_does_not_let_readers_go_on() -> None:
    world = memory_log(durable=True)
    send(world, b"0")
    world.sync()
    finish(world, False)
    before = world.partition.last_stable_offset

    world.sync()

    assert (before, world.partition.last_stable_offset) == (0, 2)


def test_a_marker_without_a_transaction_is_written_and_aborts_nothing() -> None:
    world = memory_log()

    done = finish(world, False, producer=9, epoch=3, coordinator_epoch=2)

    assert done == Appended(0, -1, 0)
    (producer,) = world.partition.producers()
    assert (producer.producer_id, producer.epoch, producer.coordinator_epoch) == (9, 3, 2)
    assert world.names(".txnindex") == []


@pytest.mark.parametrize(
    ("marker", "error"),
    [
        ({"epoch": 4}, KafkaError.INVALID_PRODUCER_EPOCH),
        ({"epoch": 4, "transaction_version": 2}, KafkaError.INVALID_PRODUCER_EPOCH),
        ({"epoch": 5, "transaction_version": 2}, KafkaError.INVALID_PRODUCER_EPOCH),
        ({"epoch": 5, "coordinator_epoch": 2}, KafkaError.TRANSACTION_COORDINATOR_FENCED),
        ({"epoch": 6, "coordinator_epoch": 2}, KafkaError.TRANSACTION_COORDINATOR_FENCED),
    ],
)
def test_a_marker_from_the_past_changes_nothing(marker: dict[str, int], error: KafkaError) -> None:
    world = memory_log()
    finish(world, True, epoch=5, coordinator_epoch=3)
    send(world, b"v", epoch=5)

    refused = finish(world, False, **marker)

    assert error_of(refused) == error
    assert (world.partition.next_offset, world.partition.last_stable_offset) == (2, 1)


@pytest.mark.parametrize(
    "marker",
    [
        {"epoch": 5},
        {"epoch": 6},
        {"epoch": 5, "transaction_version": 1},
        {"epoch": 6, "transaction_version": 2},
        {"epoch": 5, "coordinator_epoch": 4},
    ],
)
def test_a_marker_of_this_transaction_ends_it(marker: dict[str, int]) -> None:
    world = memory_log()
    finish(world, True, epoch=5, coordinator_epoch=3)
    send(world, b"v", epoch=5)

    assert isinstance(finish(world, False, **{"coordinator_epoch": 3} | marker), Appended)
    assert world.partition.last_stable_offset == 3
    assert [entry.first_offset for entry in aborted(world)] == [1]


def test_a_marker_that_comes_again_is_taken_with_the_second_version_too() -> None:
    world = memory_log()
    send(world, b"v", epoch=5)
    finish(world, False, epoch=6, transaction_version=2)

    again = finish(world, False, epoch=6, transaction_version=2)

    assert again == Appended(2, -1, 0)
    assert len(aborted(world)) == 1


def test_batches_of_a_coordinator_have_no_sequence_and_are_all_taken() -> None:
    world = memory_log()

    offsets = [send(world, b"v", sequence=-1) for _ in range(3)]
    finish(world, True)
    world.crash()
    offsets.append(send(world, b"v", sequence=-1))

    assert offsets == [0, 1, 2, 4]
    assert world.partition.last_stable_offset == 4


def test_aborted_transactions_go_with_their_segment() -> None:
    world = memory_log(**SMALL)
    for number in range(6):
        send(world, bytes(100), sequence=number)
        finish(world, False)
    files = world.names(".txnindex")
    first = world.partition.segments[1].base_offset

    world.partition.delete_records_before(first)
    world.partition.apply_retention(world.clock.now_ms())
    world.directory.sweep(world.clock.advance(1))

    assert len(files) > 2
    assert world.names(".txnindex") == files[1:]
    assert not world.names(".deleted")
    assert aborted(world)[0].last_offset > first


def test_an_index_is_asked_only_for_what_a_fetch_gives() -> None:
    world = memory_log(index_interval_bytes=100)
    for number in range(50):
        send(world, b"v", sequence=number)
        finish(world, False)

    plan = world.partition.read_plan(40, 300, True, True)
    found = world.partition.aborted_in(40, plan.slice)

    assert [entry.first_offset for entry in found][:2] == [40, 42]
    assert len(found) <= 5


# Written by Apache Kafka 4.3.1: two producers began at offsets 1 and 2, the one that began later ended first.
KAFKAS_INDEX = bytes.fromhex(
    "0000" "0000000000000001" "0000000000000002" "0000000000000006" "0000000000000001"
    "0000" "0000000000000000" "0000000000000001" "0000000000000007" "0000000000000008"
)  # fmt: skip
KAFKAS_ENTRIES = [AbortedTransaction(1, 2, 6, 1), AbortedTransaction(0, 1, 7, 8)]


def test_an_index_is_read_and_written_as_apache_kafka_does() -> None:
    assert decode_aborted(KAFKAS_INDEX) == KAFKAS_ENTRIES
    assert encode_aborted(KAFKAS_ENTRIES) == KAFKAS_INDEX


def test_an_entry_that_was_not_written_whole_is_left_out() -> None:
    assert decode_aborted(KAFKAS_INDEX[:-1]) == KAFKAS_ENTRIES[:1]
    assert decode_aborted(b"") == []


@pytest.mark.parametrize(
    "data",
    [
        b"\0\1" + KAFKAS_INDEX[2:],
        KAFKAS_INDEX[34:] + KAFKAS_INDEX[:34],
        struct.pack(">hqqqq", 0, 1, 9, 4, 1),
        struct.pack(">hqqqq", 0, 1, -1, -1, 1),
    ],
    ids=["newer version", "out of order", "ends before it begins", "before all offsets"],
)
def test_what_is_no_index_is_not_believed(data: bytes) -> None:
    assert decode_aborted(data) is None


@pytest.mark.parametrize("start", [LogWorld.restart, LogWorld.crash])
def test_a_damaged_index_is_made_anew(start: Callable[[LogWorld], None]) -> None:
    world = memory_log()
    send(world, b"v")
    finish(world, False)
    world.restart()
    world.add(b"after a snapshot")
    (name,) = world.names(".txnindex")
    world.files.open(f"{world.path}/{name}").write_at(0, b"\xff")

    start(world)

    assert aborted(world) == [AbortedTransaction(7, 0, 1, 2)]
    assert committed(world) == [(2, b"after a snapshot")]


@pytest.mark.parametrize("snapshots", [True, False], ids=["with snapshots", "without"])
def test_a_damaged_index_of_an_old_segment_is_made_anew_by_who_reads_there(snapshots: bool) -> None:
    world = memory_log(**SMALL)
    send(world, bytes(100), producer=9)
    for number in range(6):
        send(world, bytes(100), sequence=number)
        finish(world, False)
    finish(world, False, producer=9)
    world.add(b"last")
    before = aborted(world)
    old = world.names(".txnindex")[:-1]
    world.restart()
    expected = committed(world)
    files = {name: world.files.read(f"{world.path}/{name}") for name in old}
    for name in old:
        world.files.open(f"{world.path}/{name}").write_at(0, b"\xff")
    world.restart()
    assert world.partition.last_stable_offset == world.partition.next_offset
    if not snapshots:
        lose(world, ".snapshot")

    found = committed(world)

    assert len(old) > 2
    assert found == expected == [(before[-1].last_offset + 1, b"last")]
    assert aborted(world) == before
    assert {name: world.files.read(f"{world.path}/{name}") for name in old} == files


@pytest.mark.parametrize("count", [1, 8])
def test_what_was_aborted_survives_a_power_cut_once_it_is_synced(count: int) -> None:
    world = memory_log(durable=True, **SMALL)
    for number in range(count):
        send(world, bytes(60), sequence=number)
        finish(world, False)
    world.sync()
    world.directory.checkpoint(sync=True)

    world.crash(world.files.after_power_cut())

    assert aborted(world) == [AbortedTransaction(7, 2 * n, 2 * n + 1, 2 * n + 2) for n in range(count)]
    assert world.partition.last_stable_offset == 2 * count


# Error, how many calls fail in a row, and whether a failing write leaves a part behind.
FAULTS = [
    (errno.EIO, 1, False),
    (errno.EIO, 2, True),
    (errno.EIO, 3, True),
    (errno.ENOSPC, 1, False),
    (errno.ENOSPC, 2, True),
    (errno.ENOSPC, 3, True),
]


def live(files: FaultyFiles) -> list[tuple[int, int]]:
    """Eight aborted transactions on a disk that refuses; what is refused is tried again, as a coordinator does.

    Gives first and last offset of each. Error: OSError, before anything was told to anybody.
    """
    world = LogWorld(files, "/data", **SMALL)
    partition = world.partition

    def insist(act: Callable[[], Appended | Refused]) -> int:
        for _ in range(6):
            partition.try_recover(world.clock.advance(2000))
            answer = act()
            if isinstance(answer, Appended):
                return answer.base_offset
        raise AssertionError(answer)

    def batch(number: int) -> Appended | Refused:
        return world.append(bytes(40), producer_id=7, producer_epoch=0, base_sequence=number, transactional=True)

    ended = []
    for number in range(8):
        first = insist(lambda number=number: batch(number))
        if number == 5:
            try:
                partition.synced(partition.sync())
            except OSError as error:
                partition.sync_failed(error)
        ended.append((first, insist(lambda: finish(world, False))))
        held = [(entry.first_offset, entry.last_offset) for entry in aborted(world)]
        assert held == ended, (held, ended)
    world.directory.close()
    return ended


@pytest.mark.parametrize(("error", "failures", "torn"), FAULTS)
def test_a_failed_disk_call_loses_no_aborted_transaction_and_makes_up_none(
    error: int, failures: int, torn: bool
) -> None:
    counted = FaultyFiles(MemoryFiles())
    live(counted)
    told = 0
    for nth in range(1, counted.calls.total() + 1):
        files = FaultyFiles(MemoryFiles(), nth, OSError(error, "the disk says no"), failures=failures, torn=torn)
        try:
            ended = live(files)
        except OSError:
            continue
        told += 1
        world = LogWorld(files.inner.after_kill(), "/data", **SMALL)
        logs = b"".join(world.files.read(f"{world.path}/{name}") for name in world.names(".log"))
        assert [header.base_offset for header, _ in walk(logs)] == list(range(16)), nth
        for _ in range(2):
            assert [(entry.first_offset, entry.last_offset) for entry in aborted(world)] == ended, nth
            assert committed(world) == [], nth
            world.crash()
    assert told > counted.calls.total() * 0.6


def test_what_an_abort_left_behind_that_failed_is_gone_at_once() -> None:
    files = FaultyFiles(MemoryFiles(), error=OSError(errno.ENOSPC, "full"), torn=True)
    world = LogWorld(files, "/data")
    send(world, b"v")
    # The log takes the marker, the index is opened, and then the disk is full.
    files.fail_from_now(1)
    files.fail_at_nth_call += 2

    refused = finish(world, False)

    assert error_of(refused) == KafkaError.KAFKA_STORAGE_ERROR
    assert files.failed == [f"append {world.path}/{0:020d}.txnindex"]
    assert world.names(".txnindex") == []
    assert files.size(f"{world.path}/{0:020d}.log") == world.partition.size_bytes
    assert (world.partition.offline, world.partition.last_stable_offset) == (None, 0)
    assert finish(world, False) == Appended(1, -1, 0)


class Entry(NamedTuple):
    """A batch of the log. kind: "plain", "data" of a transaction, or the marker "commit" or "abort"."""

    base: int
    values: tuple[bytes, ...]
    kind: str
    producer: int

    @property
    def end(self) -> int:
        return self.base + max(1, len(self.values))


class Model:
    """What the batches of a log mean, worked out from the first of them each time."""

    def __init__(self, entries: list[Entry]) -> None:
        self.open: dict[int, int] = {}
        self.aborted: list[AbortedTransaction] = []
        self.next_offset = entries[-1].end if entries else 0
        dropped = set()
        for entry in entries:
            if entry.kind == "data":
                self.open.setdefault(entry.producer, entry.base)
            elif entry.kind in ("commit", "abort"):
                self._end(entry, entries, dropped)
        self.records = [
            (entry.base + place, value)
            for entry in entries
            if entry.kind in ("plain", "data") and entry not in dropped
            for place, value in enumerate(entry.values)
        ]

    def _end(self, marker: Entry, entries: list[Entry], dropped: set[Entry]) -> None:
        start = self.open.pop(marker.producer, None)
        if start is not None and marker.kind == "abort":
            stable = min(self.open.values(), default=marker.end)
            self.aborted.append(AbortedTransaction(marker.producer, start, marker.base, stable))
            dropped |= {
                entry
                for entry in entries
                if entry.kind == "data" and entry.producer == marker.producer and start <= entry.base < marker.base
            }


class TransactionMachine(RuleBasedStateMachine):
    """Producers, ends, rolls, starts, crashes, losses of files and truncation in any order."""

    @initialize(durable=st.booleans())
    def begin(self, durable: bool) -> None:
        self.durable = durable
        self.world = LogWorld(MemoryFiles(), "/data", durable=durable, **SMALL)
        self.world.sync()
        self.entries: list[Entry] = []
        self.dropped = False
        # Each producer's epoch and next sequence.
        self.state = dict.fromkeys(range(4), (0, 0))

    @property
    def partition(self):
        return self.world.partition

    def note(self, base: int, values: tuple[bytes, ...], kind: str, producer: int) -> None:
        self.entries.append(Entry(base, values, kind, producer))

    def values(self, count: int) -> tuple[bytes, ...]:
        return tuple(b"%d.%d" % (self.partition.next_offset, step) for step in range(count))

    @rule(count=st.integers(1, 3))
    def plain(self, count: int) -> None:
        values = self.values(count)
        self.note(self.world.add(*values), values, "plain", -1)

    @rule(producer=st.integers(0, 3), count=st.integers(1, 3))
    def data(self, producer: int, count: int) -> None:
        epoch, sequence = self.state[producer]
        values = self.values(count)
        self.note(
            send(self.world, *values, producer=producer, epoch=epoch, sequence=sequence), values, "data", producer
        )
        self.state[producer] = epoch, sequence + count

    @rule(producer=st.integers(0, 3), commit=st.booleans(), bump=st.booleans())
    def end(self, producer: int, commit: bool, bump: bool) -> None:
        epoch, sequence = self.state[producer]
        if bump:
            epoch, sequence = epoch + 1, 0
        done = finish(self.world, commit, producer, epoch, transaction_version=2 if bump else 0)
        assert isinstance(done, Appended), done
        self.note(done.base_offset, (), "commit" if commit else "abort", producer)
        self.state[producer] = epoch, sequence

    @rule()
    def sync(self) -> None:
        self.world.sync()
        self.world.directory.checkpoint()

    @rule()
    def restart(self) -> None:
        self.world.restart()

    @rule()
    def crash(self) -> None:
        self.world.crash()

    @precondition(lambda self: not self.dropped)
    @rule(indexes=st.booleans(), snapshots=st.booleans(), all_of_it=st.booleans())
    def crash_and_lose_files(self, indexes: bool, snapshots: bool, all_of_it: bool) -> None:
        """What is left is what follows from the log, once it is read from its start."""
        if snapshots or all_of_it:
            lose(self.world, ".snapshot", ".txnindex")
        elif indexes:
            # Only the checked segments are read whole, so the recovery point must be lost too.
            lose(self.world, ".txnindex")
        self.world.files.write_atomic("/data/recovery-point-offset-checkpoint", b"0\n0\n")
        if all_of_it:
            lose(self.world, ".index", ".timeindex")
        self.world.crash()

    @rule(back=st.integers(0, 6))
    def delete_records(self, back: int) -> None:
        self.partition.delete_records_before(max(0, self.partition.high_watermark - back))
        dropped = self.partition.apply_retention(self.world.clock.now_ms())
        self.dropped = self.dropped or bool(dropped)

    @invariant()
    def the_log_says_what_the_list_says(self) -> None:
        if not hasattr(self, "world"):
            return
        partition, model = self.partition, Model(self.entries)
        assert partition.next_offset == model.next_offset
        high = partition.high_watermark
        held = [start for start in model.open.values() if start < high]
        stable = partition.last_stable_offset
        if high == partition.next_offset:
            assert stable == max(min(held, default=high), partition.log_start)
        else:
            visible = Model([entry for entry in self.entries if entry.end <= high])
            assert stable == max(min((*visible.open.values(), high)), partition.log_start)
        expected = [record for record in model.records if partition.log_start <= record[0] < stable]
        for max_bytes in (1, 200, 1 << 20):
            assert committed(self.world, max_bytes) == expected

    @invariant()
    def the_index_lists_what_was_aborted(self) -> None:
        if not hasattr(self, "world"):
            return
        first = self.partition.segments[0].base_offset
        assert aborted(self.world) == [entry for entry in Model(self.entries).aborted if entry.last_offset >= first]


TransactionMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestTransactions = TransactionMachine.TestCase
