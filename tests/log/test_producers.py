"""Idempotent producers: what is accepted, what is recognised, what is refused."""

import errno
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.kit.refusal import Refused
from penstock.log import producers as producers_module
from penstock.log.producers import BATCHES_KEPT, Producer, Producers
from penstock.log.results import Appended
from penstock.log.snapshots import decode_snapshot, encode_snapshot
from penstock.protocol.errors import KafkaError
from penstock.records.batch import read_header
from penstock.records.control import ControlType, Marker, build_marker
from penstock.testing.contract.log import TOPIC_ID, LogWorld, make_batch
from penstock.testing.files import FaultyFiles, MemoryFiles

LAST_SEQUENCE = (1 << 31) - 1


def memory_log(**settings: object) -> LogWorld:
    return LogWorld(MemoryFiles(), "/data", **settings)


def send(world: LogWorld, sequence: int, count: int = 1, producer: int = 7, epoch: int = 0, **options: object):
    return world.append(*[b"v"] * count, producer_id=producer, producer_epoch=epoch, base_sequence=sequence, **options)


def error_of(answer: Appended | Refused) -> int:
    assert isinstance(answer, Refused), answer
    return answer.error


@pytest.mark.parametrize("sequence", [0, 1, 500, LAST_SEQUENCE])
def test_an_unknown_producer_may_begin_anywhere(sequence: int) -> None:
    assert send(memory_log(), sequence) == Appended(0, -1, 0)


@pytest.mark.parametrize("sequence", [0, 1, 2, 4, 5, LAST_SEQUENCE])
def test_a_known_producer_goes_on_where_it_stopped(sequence: int) -> None:
    world = memory_log()
    send(world, 0, count=3)

    refused = send(world, sequence)
    accepted = send(world, 3)

    assert error_of(refused) == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert accepted == Appended(3, -1, 0)


def test_a_refusal_tells_what_was_expected() -> None:
    world = memory_log()
    send(world, 0, count=3)

    refused = send(world, 9)

    assert isinstance(refused, Refused)
    assert refused.message == "producer 7, epoch 0: sequence 9, expected 3"


@pytest.mark.parametrize("count", [1, 2, 5])
def test_sequences_begin_again_after_the_largest(count: int) -> None:
    world = memory_log()
    send(world, LAST_SEQUENCE - 2, count=2)

    across = send(world, LAST_SEQUENCE, count=count)
    again = send(world, LAST_SEQUENCE, count=count)
    following = send(world, count - 1)

    assert (across, again, following) == (Appended(2, -1, 0), Appended(2, -1, 0), Appended(2 + count, -1, 0))


def test_the_last_five_batches_are_recognised() -> None:
    world = memory_log()
    for number in range(8):
        send(world, 2 * number, count=2)

    answers = [send(world, 2 * number, count=2) for number in range(8)]

    assert [error_of(answer) for answer in answers[:3]] == [KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER] * 3
    assert answers[3:] == [Appended(2 * number, -1, 0) for number in range(8 - BATCHES_KEPT, 8)]
    assert world.partition.next_offset == 16


def test_a_batch_of_another_length_is_not_the_same_batch() -> None:
    world = memory_log()
    send(world, 0, count=2)

    assert error_of(send(world, 0, count=3)) == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_new_epoch_begins_at_zero_and_ends_the_old_one() -> None:
    world = memory_log()
    send(world, 0, count=3)

    not_zero = send(world, 3, epoch=1)
    begun = send(world, 0, epoch=1)
    fenced = send(world, 3, epoch=0)
    seen_before = send(world, 0, count=3, epoch=0)

    assert error_of(not_zero) == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert begun == Appended(3, -1, 0)
    assert error_of(fenced) == KafkaError.INVALID_PRODUCER_EPOCH
    assert error_of(seen_before) == KafkaError.INVALID_PRODUCER_EPOCH


def test_producers_do_not_mix() -> None:
    world = memory_log()

    answers = [send(world, sequence, producer=producer) for sequence in range(3) for producer in range(4)]

    assert answers == [Appended(offset, -1, 0) for offset in range(12)]
    assert [found.producer_id for found in world.partition.producers()] == [0, 1, 2, 3]


def test_a_producer_that_was_quiet_for_long_is_forgotten() -> None:
    world = memory_log(producer_id_expiration_ms=1000)
    send(world, 0)
    send(world, 0, producer=8)
    world.clock.advance(600)
    # Its timestamps may be as old as they like: what counts is when it wrote.
    send(world, 1, producer=8, at=5)

    world.partition.apply_retention(world.clock.advance(400))

    assert [found.producer_id for found in world.partition.producers()] == [8]
    assert send(world, 55) == Appended(3, -1, 0)


def test_a_producer_with_a_transaction_going_on_is_not_forgotten() -> None:
    world = memory_log(producer_id_expiration_ms=1000)
    send(world, 0, transactional=True)

    world.partition.apply_retention(world.clock.advance(5000))

    assert [found.transaction_start for found in world.partition.producers()] == [0]


def test_made_up_producers_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producers_module, "PRODUCERS_MAX", 50)
    world = memory_log()

    for producer in range(200):
        world.clock.advance(1)
        send(world, 0, producer=producer)

    known = [found.producer_id for found in world.partition.producers()]
    assert len(known) <= 50
    assert known[-1] == 199
    assert known == list(range(known[0], 200))


def test_made_up_producers_do_not_fill_the_memory_over_many_partitions_either() -> None:
    world = memory_log()
    world.directory.ground.producers.total_max = 50
    partitions = [world.directory.create("wide", index, TOPIC_ID) for index in range(20)]

    for number in range(200):
        now_ms = world.clock.advance(1)
        batch = make_batch([b"a"], now_ms, producer_id=number, producer_epoch=0, base_sequence=0)
        assert isinstance(partitions[number % 20].append(*batch, now_ms), Appended)

    known = sorted(found.producer_id for partition in partitions for found in partition.producers())
    assert len(known) <= 50
    assert known == list(range(known[0], 200))


def test_producers_found_by_a_start_count_too_and_those_of_deleted_partitions_do_not() -> None:
    world = memory_log()
    for producer in range(30):
        world.clock.advance(1)
        send(world, 0, producer=producer)
    world.restart()
    world.directory.ground.producers.total_max = 50
    found = len(world.partition.producers())
    gone = world.directory.create("gone", 0, TOPIC_ID)
    for producer in range(100, 115):
        now_ms = world.clock.advance(1)
        gone.append(*make_batch([b"a"], now_ms, producer_id=producer, producer_epoch=0, base_sequence=0), now_ms)
    world.directory.delete("gone", 0)
    del gone
    gc.collect()

    for producer in range(200, 220):
        world.clock.advance(1)
        send(world, 0, producer=producer)
    kept = len(world.partition.producers())
    send(world, 0, producer=300)

    assert (found, kept) == (30, 50)
    assert len(world.partition.producers()) <= 46


def test_a_transaction_begins_with_its_first_batch_and_ends_with_its_marker() -> None:
    world = memory_log()
    state = world.partition.producer_state
    send(world, 0, transactional=True)
    send(world, 1, transactional=True)
    begun = state.first_open_offset()

    outside = send(world, 2)
    end(world, ControlType.ABORT, coordinator_epoch=3)

    assert begun == 0
    assert error_of(outside) == KafkaError.INVALID_TXN_STATE
    assert state.first_open_offset() is None
    assert state.by_id[7].coordinator_epoch == 3
    assert send(world, 2) == Appended(3, -1, 0)


def test_a_repeated_batch_of_a_transaction_is_recognised() -> None:
    world = memory_log()
    first = send(world, 0, transactional=True)

    assert send(world, 0, transactional=True) == first


def test_a_marker_of_a_newer_epoch_fences_the_producer() -> None:
    world = memory_log()
    send(world, 0, transactional=True)

    end(world, ControlType.COMMIT, coordinator_epoch=0, epoch=1)
    fenced = send(world, 1, transactional=True)
    begun = send(world, 0, epoch=1)

    assert error_of(fenced) == KafkaError.INVALID_PRODUCER_EPOCH
    assert begun == Appended(2, -1, 0)


def test_a_marker_of_an_older_epoch_is_refused() -> None:
    world = memory_log()
    send(world, 0, epoch=5, transactional=True)

    marker = memoryview(build_marker(Marker(ControlType.COMMIT, 0), 7, 4, world.clock.now_ms()))
    refused = world.partition.append(marker, read_header(marker), world.clock.now_ms())

    assert error_of(refused) == KafkaError.INVALID_PRODUCER_EPOCH


def end(world: LogWorld, kind: ControlType, coordinator_epoch: int, epoch: int = 0) -> None:
    now = world.clock.now_ms()
    marker = memoryview(build_marker(Marker(kind, coordinator_epoch), 7, epoch, now))
    assert isinstance(world.partition.append(marker, read_header(marker), now), Appended)


# Written by Apache Kafka 4.3.1 for a producer with batches of twenty records.
KAFKAS_SNAPSHOT = bytes.fromhex(
    "000148d5dff8000000010000000000000000000000000fc70000000000000fc700000013000001a1fdeef897ffffffffffffffffffffffff"
)
KAFKAS_EMPTY_SNAPSHOT = bytes.fromhex("0001") + bytes.fromhex("48674bc7") + bytes(4)


# Two producers after aborted transactions, a third one in a transaction since offset 8.
KAFKAS_TRANSACTIONS = bytes.fromhex(
    "0001c957b92500000003"
    "0000000000000000000000000003000000000000000500000002000001a1feb402e400000000ffffffffffffffff"
    "0000000000000001000000000000000000000000000200000000000001a1feb401fc00000000ffffffffffffffff"
    "0000000000000002000000000000000000000000000800000000000001a1feb403f6ffffffff0000000000000008"
)


def test_transactions_in_a_snapshot_are_read_and_written_as_apache_kafka_does() -> None:
    found = decode_snapshot(KAFKAS_TRANSACTIONS)

    assert found is not None
    assert [(one.producer_id, one.coordinator_epoch, one.transaction_start) for one in found] == [
        (0, 0, -1),
        (1, 0, -1),
        (2, -1, 8),
    ]
    state = Producers(found)
    assert (state.first_open_offset(), state.first_unstable) == (8, 8)
    assert encode_snapshot(found) == KAFKAS_TRANSACTIONS


def test_a_snapshot_is_read_and_written_as_apache_kafka_does() -> None:
    found = decode_snapshot(KAFKAS_SNAPSHOT)

    assert found is not None
    (producer,) = found
    assert (producer.producer_id, producer.epoch, producer.last_sequence, producer.expected) == (0, 0, 4039, 4040)
    assert producer.batches[0].base_offset == 4020
    assert (producer.coordinator_epoch, producer.transaction_start) == (-1, -1)
    assert encode_snapshot(found) == KAFKAS_SNAPSHOT
    assert encode_snapshot([]) == KAFKAS_EMPTY_SNAPSHOT


@pytest.mark.parametrize("byte", range(len(KAFKAS_SNAPSHOT)))
def test_a_damaged_snapshot_is_not_believed(byte: int) -> None:
    damaged = bytearray(KAFKAS_SNAPSHOT)
    damaged[byte] ^= 1

    assert decode_snapshot(bytes(damaged)) is None
    assert decode_snapshot(KAFKAS_SNAPSHOT[:byte]) is None


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**62),
            st.integers(0, 2**15 - 1),
            st.integers(0, LAST_SEQUENCE),
            st.integers(0, 5),
            st.integers(0, 2**40),
            st.sampled_from([-1, 3]),
        ),
        unique_by=lambda entry: entry[0],
        max_size=5,
    )
)
def test_what_a_snapshot_holds_comes_back(entries: list[tuple[int, int, int, int, int, int]]) -> None:
    state = Producers()
    for producer_id, epoch, sequence, delta, offset, start in entries:
        state.commit(producer_id, epoch, sequence, offset, delta, 99, 100)
        state.by_id[producer_id].transaction_start = start

    found = decode_snapshot(encode_snapshot(state.by_id.values()))

    assert found is not None
    assert [facts(producer) for producer in found] == [facts(producer) for producer in state.by_id.values()]


def facts(producer: Producer) -> tuple[object, ...]:
    return (
        producer.producer_id,
        producer.epoch,
        list(producer.batches)[-1],
        producer.last_timestamp,
        producer.transaction_start,
        producer.coordinator_epoch,
    )


def test_what_a_coordinator_writes_for_a_producer_has_no_sequence_and_may_come_again() -> None:
    world = memory_log()

    answers = [send(world, -1, count=2, transactional=True) for _ in range(3)]
    refused = send(world, -1, epoch=-1, transactional=True)

    assert answers == [Appended(0, -1, 0), Appended(2, -1, 0), Appended(4, -1, 0)]
    assert error_of(refused) == KafkaError.INVALID_PRODUCER_EPOCH
    assert world.partition.producers()[0].transaction_start == 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_what_a_new_producer_sent_behind_a_batch_that_the_disk_refused_comes_in_after_it(code: int) -> None:
    files = FaultyFiles(MemoryFiles(), error=OSError(code, "the disk refuses"))
    world = LogWorld(files, "/data")
    world.append(b"v")
    files.fail_from_now(1)

    refused = send(world, 0)
    files.heal()
    world.partition.try_recover(world.clock.advance(2_000))
    too_early = send(world, 1)
    again = [send(world, 0), send(world, 1)]

    assert error_of(refused) == KafkaError.KAFKA_STORAGE_ERROR
    assert error_of(too_early) == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert again == [Appended(1, -1, 0), Appended(2, -1, 0)]


@pytest.mark.parametrize("segment_bytes", [300, 1 << 20])
@pytest.mark.parametrize("is_crash", [False, True])
def test_the_last_batches_are_recognised_after_a_start_as_before(segment_bytes: int, is_crash: bool) -> None:
    world = memory_log(segment_bytes=segment_bytes)
    for sequence in range(8):
        send(world, sequence, producer=7)
        send(world, sequence, producer=8)
    world.sync()

    world.crash() if is_crash else world.restart()
    again = [send(world, sequence, producer=7) for sequence in range(3, 8)]
    too_old = send(world, 2, producer=7)

    assert again == [Appended(2 * sequence, -1, 0) for sequence in range(3, 8)]
    assert error_of(too_old) == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert send(world, 8, producer=7) == Appended(16, -1, 0)


def test_after_a_start_only_batches_of_the_epoch_that_goes_on_are_recognised() -> None:
    world = memory_log()
    send(world, 0)
    send(world, 0, epoch=1)
    send(world, 1, epoch=1)

    world.restart()

    assert send(world, 0, epoch=1) == Appended(1, -1, 0)
    assert error_of(send(world, 0)) == KafkaError.INVALID_PRODUCER_EPOCH
