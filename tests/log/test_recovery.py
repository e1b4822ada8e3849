"""What is left of a log after a crash, a torn write, a flipped bit or a file that went missing."""

import zlib

import pytest

from penstock.kit.refusal import Refused
from penstock.log.results import Appended
from penstock.log.scan import walk_sound
from penstock.log.time_index import TimeIndex
from penstock.protocol.errors import KafkaError
from penstock.records.batch import read_header
from penstock.records.control import ControlType, Marker, build_marker
from penstock.testing.contract.log import LogWorld, fill, numbered
from penstock.testing.files import MemoryFiles

FIRST_LOG = "00000000000000000000.log"

SEVERAL = {"segment_bytes": 300, "index_interval_bytes": 100}
"""Six records a segment, in three batches of 94 bytes."""


def memory_log(**settings: object) -> LogWorld:
    return LogWorld(MemoryFiles(), "/data", **settings)


def overwrite(world: LogWorld, name: str, data: bytes) -> None:
    file = world.files.open(f"{world.path}/{name}", create=True)
    file.truncate(0)
    file.append(data)


def content(world: LogWorld, name: str) -> bytes:
    return world.files.read(f"{world.path}/{name}")


def three_batches() -> tuple[LogWorld, bytes, int]:
    """A log of three batches, its bytes, and where the last batch begins."""
    world = memory_log()
    for value in (b"a", b"b", b"c"):
        start = world.partition.size_bytes
        world.add(value, producer_id=7, producer_epoch=0, base_sequence=ord(value) - ord("a"))
    return world, content(world, FIRST_LOG), start


def test_a_torn_last_batch_is_cut_off_wherever_it_was_torn() -> None:
    world, data, start = three_batches()

    for cut in range(start, len(data)):
        overwrite(world, FIRST_LOG, data[:cut])
        world.crash()

        assert world.values() == [b"a", b"b"]
        assert content(world, FIRST_LOG) == data[:start]
        again = world.append(b"c", producer_id=7, producer_epoch=0, base_sequence=2)
        assert again == Appended(2, -1, 0)
        assert content(world, FIRST_LOG) == data


def test_a_flipped_bit_cuts_the_last_batch_off_wherever_the_crc_reaches() -> None:
    world, data, start = three_batches()

    for byte in range(start, len(data)):
        for bit in (1, 128):
            overwrite(world, FIRST_LOG, data[:byte] + bytes([data[byte] ^ bit]) + data[byte + 1 :])
            world.crash()

            # Base offset and leader epoch, the first 16 bytes less the length, lie before what the CRC covers.
            if start + 8 <= byte < start + 12 or byte >= start + 16:
                assert world.values() == [b"a", b"b"]
            assert world.values()[:2] == [b"a", b"b"]
            before = world.records()
            world.crash()
            assert world.records() == before


@pytest.mark.parametrize("garbage", [bytes(1), bytes(61), bytes(5000), b"\xff" * 200, bytes(8) + b"\x7f\xff\xff\xff"])
def test_garbage_after_the_last_batch_is_cut_off(garbage: bytes) -> None:
    world, data, _ = three_batches()

    overwrite(world, FIRST_LOG, data + garbage)
    world.crash()

    assert world.values() == [b"a", b"b", b"c"]
    assert content(world, FIRST_LOG) == data


def test_segments_after_a_damaged_batch_are_removed() -> None:
    world = memory_log(**SEVERAL)
    values = fill(world, 12)
    name = world.names(".log")[2]
    data = bytearray(content(world, name))
    data[94 + 70] ^= 1

    overwrite(world, name, bytes(data))
    world.crash()

    assert world.values() == values[:14]
    assert world.names(".log") == ["00000000000000000000.log", "00000000000000000006.log", "00000000000000000012.log"]
    assert world.names(".deleted") == []
    assert world.add(b"next") == 14


def flip_a_bit(world: LogWorld, name: str) -> None:
    """In the first batch's records, where only its CRC tells."""
    file = world.files.open(f"{world.path}/{name}")
    file.write_at(70, bytes([file.pread(1, 70)[0] ^ 1]))


def test_what_lies_before_the_recovery_point_is_not_checked_again() -> None:
    world = memory_log(**SEVERAL)
    fill(world, 12)
    world.sync()
    world.directory.checkpoint()
    world.add(b"more")
    flip_a_bit(world, FIRST_LOG)

    world.crash()

    assert (world.partition.log_start, world.partition.next_offset) == (0, 25)
    assert world.values(6) == [*numbered(6, 24), b"more"]


def test_a_log_that_ends_at_its_recovery_point_is_not_checked() -> None:
    world = memory_log()
    fill(world, 100)
    world.restart()
    flip_a_bit(world, FIRST_LOG)

    world.crash()

    assert world.partition.next_offset == 200
    assert world.values(2) == numbered(2, 200)


@pytest.mark.parametrize("crash", [True, False], ids=["after a crash", "after a shutdown"])
@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
@pytest.mark.parametrize("damage", ["missing", "empty", "short", "zeros", "noise", "preallocated"])
def test_a_damaged_index_is_built_anew(crash: bool, suffix: str, damage: str) -> None:
    world = memory_log(segment_bytes=3000, index_interval_bytes=200)
    for number in range(100):
        world.add(b"%d" % number, at=world.clock.advance(10))
    files = world.names(suffix)
    whole = [content(world, name) for name in files]
    if not crash:
        assert world.directory.close()
    for name, data in zip(files, whole, strict=True):
        damaged = {
            "missing": None,
            "empty": b"",
            "short": data[: len(data) // 2 + 1],
            "zeros": bytes(len(data)),
            "noise": bytes(255 - byte for byte in data),
            "preallocated": data + bytes(10_000),
        }[damage]
        if damaged is None:
            world.files.remove(f"{world.path}/{name}")
        else:
            overwrite(world, name, damaged)

    world.crash()

    start = world.clock.now_ms() - 1000
    assert world.values() == [b"%d" % number for number in range(100)]
    for number in range(100):
        assert world.values(number)[0] == b"%d" % number
        assert world.partition.offset_at_time(start + 10 * number + 1) == (number, start + 10 * (number + 1))
    world.restart()
    sealed = slice(0, len(files) - 1)
    if crash or suffix == ".index":
        assert [content(world, name) for name in files[sealed]] == whole[sealed]


def test_missing_indexes_of_all_kinds_at_once_are_built_anew() -> None:
    world = memory_log(**SEVERAL)
    values = fill(world, 12)
    names = world.names(".index") + world.names(".timeindex") + world.names(".snapshot")
    for name in names:
        world.files.remove(f"{world.path}/{name}")

    world.crash()

    assert world.values() == values
    assert set(world.names()) >= set(names)


def test_leftovers_of_interrupted_work_are_removed() -> None:
    world = memory_log()
    values = fill(world, 3)
    leftovers = [
        "00000000000000000000.log.deleted",
        "00000000000000000000.timeindex.deleted",
        "00000000000000000002.log.cleaned",
        "leader-epoch-checkpoint.tmp",
        "00000000000000000077.index",
        "00000000000000000077.timeindex",
    ]
    for name in leftovers:
        overwrite(world, name, b"rubbish")

    world.crash()

    assert world.values() == values
    world.directory.sweep(world.clock.now_ms())
    assert set(world.names()).isdisjoint(leftovers)


def compacted(world: LogWorld, keep: int) -> bytes:
    """The first segment with only the batch at offset `keep` left."""
    plan = world.partition.read_plan(keep, 0, False, True)
    assert not isinstance(plan, Refused)
    return plan.slice.read()


def test_a_finished_compaction_takes_the_place_of_what_it_was_made_from() -> None:
    world = memory_log(**SEVERAL)
    values = fill(world, 9)
    overwrite(world, "00000000000000000000.log.swap", compacted(world, 2) + compacted(world, 10))
    overwrite(world, "00000000000000000000.index.swap", b"")

    world.crash()

    assert world.names(".log") == ["00000000000000000000.log", "00000000000000000012.log"]
    assert world.names(".swap") == []
    assert world.values() == [*values[2:4], *values[10:]]


def test_an_unfinished_compaction_is_forgotten() -> None:
    world = memory_log(**SEVERAL)
    values = fill(world, 9)
    overwrite(world, "00000000000000000000.log.swap", compacted(world, 2))
    overwrite(world, "00000000000000000000.log.cleaned", compacted(world, 2))

    world.crash()

    assert world.values() == values
    assert [name for name in world.names() if name.endswith((".swap", ".cleaned"))] == []


def test_gaps_that_compaction_left_are_read_over() -> None:
    world = memory_log(**SEVERAL)
    values = fill(world, 9)
    overwrite(world, "00000000000000000000.log", compacted(world, 0) + compacted(world, 4))
    overwrite(world, "00000000000000000006.log", compacted(world, 6))

    world.crash()

    left = [*values[0:2], *values[4:8], *values[12:]]
    assert world.values() == left
    for offset in (2, 3):
        assert world.values(offset) == left[2:]
    for offset in (8, 9, 10, 11):
        assert world.values(offset) == left[6:]


def test_a_damaged_snapshot_gives_way_to_an_older_one() -> None:
    world = memory_log(segment_bytes=300)
    for number in range(12):
        world.add(b"a", producer_id=7, producer_epoch=0, base_sequence=number)
    snapshots = world.names(".snapshot")
    overwrite(world, snapshots[-1], b"\0\1" + bytes(30))

    world.crash()

    assert len(snapshots) == 2
    assert world.append(b"a", producer_id=7, producer_epoch=0, base_sequence=8) == Appended(8, -1, 0)
    assert world.append(b"a", producer_id=7, producer_epoch=0, base_sequence=12) == Appended(12, -1, 0)


def test_old_snapshots_go_when_they_are_of_no_use() -> None:
    world = memory_log(segment_bytes=300)
    for _ in range(4):
        fill(world, 4)
        world.restart()

    bases = {name.removesuffix(".log") for name in world.names(".log")}
    snapshots = {name.removesuffix(".snapshot") for name in world.names(".snapshot")}

    assert snapshots - bases == {f"{world.partition.next_offset:020d}"}


def test_all_five_last_batches_are_known_after_a_crash() -> None:
    world = memory_log()
    for number in range(8):
        world.add(b"a", b"b", producer_id=7, producer_epoch=0, base_sequence=2 * number)

    world.crash()
    answers = [
        world.append(b"a", b"b", producer_id=7, producer_epoch=0, base_sequence=2 * number) for number in range(3, 8)
    ]
    too_old = world.append(b"a", b"b", producer_id=7, producer_epoch=0, base_sequence=4)

    assert answers == [Appended(2 * number, -1, 0) for number in range(3, 8)]
    assert isinstance(too_old, Refused)
    assert too_old.error == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER


@pytest.mark.parametrize("crash", [True, False])
def test_an_open_transaction_is_known_after_a_start(crash: bool) -> None:
    world = memory_log()
    marker = memoryview(build_marker(Marker(ControlType.COMMIT, 5), 7, 0, world.clock.now_ms()))
    world.add(b"a", producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    world.partition.append(marker, read_header(marker), world.clock.now_ms())
    world.add(b"b", producer_id=7, producer_epoch=0, base_sequence=1, transactional=True)
    world.add(b"c", producer_id=8, producer_epoch=0, base_sequence=0, transactional=True)

    (world.crash if crash else world.restart)()

    seven, eight = world.partition.producers()
    assert (seven.transaction_start, seven.coordinator_epoch, seven.last_sequence) == (2, 5, 1)
    assert (eight.transaction_start, eight.coordinator_epoch) == (3, -1)
    assert world.partition.producer_state.first_open_offset() == 2


def test_a_log_that_ends_before_its_start_begins_there() -> None:
    world = memory_log(**SEVERAL)
    fill(world, 9)
    world.partition.delete_records_before(17)
    world.directory.checkpoint()
    for name in world.names(".log"):
        overwrite(world, name, b"")

    world.crash()

    assert (world.partition.log_start, world.partition.next_offset) == (17, 17)
    assert world.add(b"next") == 17
    world.restart()
    assert world.values() == [b"next"]


def test_a_shutdown_that_was_not_what_it_said_is_found_out() -> None:
    world = memory_log(**SEVERAL)
    values = fill(world, 9)
    assert world.directory.close()
    name = world.names(".log")[-1]
    overwrite(world, name, content(world, name)[:-50])

    world.crash()

    assert world.values() == values[:16]


def test_messages_of_an_old_format_are_left_alone() -> None:
    world = memory_log()
    # Offset 0, length, CRC, then version 1, attributes, timestamp, no key, "hi": as Kafka 0.10 wrote it.
    body = b"\1\0" + bytes(8) + b"\xff\xff\xff\xff" + b"\0\0\0\2hi"
    old = bytes(8) + (len(body) + 4).to_bytes(4) + zlib.crc32(body).to_bytes(4) + body
    overwrite(world, FIRST_LOG, old)

    world.crash()
    refused = world.append(b"a")

    assert isinstance(refused, Refused)
    assert refused.error == KafkaError.KAFKA_STORAGE_ERROR
    assert "holds messages of version 1" in refused.message
    assert content(world, FIRST_LOG) == old


def test_leader_epochs_that_were_lost_are_found_in_the_batches() -> None:
    world = memory_log()
    world.add(*numbered(0, 2))
    world.partition.become_leader(4)
    world.add(*numbered(2, 5))
    world.files.remove(f"{world.path}/leader-epoch-checkpoint")

    world.crash()

    assert world.partition.epochs.entries() == [(0, 0), (4, 2)]
    assert world.partition.leader_epoch == 4


def test_the_largest_timestamp_survives_where_the_time_index_did_not() -> None:
    world = memory_log(index_interval_bytes=0)
    start = world.clock.now_ms()
    world.add(b"late", at=start + 500)
    world.add(b"early", at=start)
    assert world.directory.close()
    data = content(world, "00000000000000000000.timeindex")
    assert TimeIndex.decode(0, data).last() == (start + 500, 0)
    overwrite(world, "00000000000000000000.timeindex", b"")

    world.crash()

    assert world.partition.offset_at_time(start + 1) == (0, start + 500)


def test_a_file_that_ends_before_it_should_ends_the_walk() -> None:
    world, _, _ = three_batches()
    file = world.files.open(f"{world.path}/00000000000000000000.log")

    found = [header.base_offset for _, header, _ in walk_sound(file, 0, file.size + 100)]

    assert found == [record.offset for record in world.records()]
