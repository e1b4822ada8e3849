"""The batch as bytes: what is read, accepted, refused and stamped."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.records import samples

from penstock.kit.refusal import Refused
from penstock.records import batch as batches
from penstock.records.batch import (
    HEADER_SIZE,
    BatchError,
    BatchHeader,
    build,
    check,
    check_client,
    check_stored,
    read_header,
    rebuild,
    seal,
    stamp,
    stamp_log_append_time,
    walk,
)
from penstock.records.codec import Codec
from penstock.records.crc import crc32c
from penstock.records.record import Record, decode_records

MAX_SIZE = 1 << 20
CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, UNSUPPORTED_COMPRESSION_TYPE, INVALID_RECORD = 2, 10, 76, 87


ERRORS = (-CORRUPT_MESSAGE, -MESSAGE_TOO_LARGE, -UNSUPPORTED_COMPRESSION_TYPE, -INVALID_RECORD)
SAMPLE_SIZE = 418  # of samples.batch() uncompressed


def set_field(batch: bytearray, form: str, position: int, value: int) -> None:
    """Writes one header field and a CRC that fits, so that only the field itself can be wrong."""
    struct.pack_into(form, batch, position, value)
    struct.pack_into(">I", batch, 17, crc32c(memoryview(batch)[21:]))


def test_the_header_says_what_was_built() -> None:
    batch = build(
        samples.RECORDS,
        base_offset=40,
        leader_epoch=3,
        codec=Codec.LZ4,
        producer_id=7,
        producer_epoch=2,
        base_sequence=(1 << 31) - 2,
        transactional=True,
    )

    header = read_header(batch)

    assert (header.base_offset, header.last_offset, header.next_offset) == (40, 42, 43)
    assert (header.size, header.leader_epoch, header.magic, header.record_count) == (len(batch), 3, 2, 3)
    assert (header.producer_id, header.producer_epoch) == (7, 2)
    assert header.last_sequence == 0, "sequences go on at 0 after the largest"
    assert (header.base_timestamp, header.max_timestamp) == (samples.NOW_MS, samples.NOW_MS + 70)
    assert header.codec is Codec.LZ4
    assert header.is_transactional
    assert not header.is_control
    assert not header.is_log_append_time
    assert not header.has_delete_horizon


def test_a_batch_without_a_producer_has_no_last_sequence() -> None:
    assert read_header(samples.batch()).last_sequence == -1


def test_a_header_is_read_anywhere_but_not_beyond_the_end() -> None:
    batch = samples.batch(base_offset=9)

    assert read_header(b"zz" + batch, 2).base_offset == 9
    with pytest.raises(BatchError, match="60 bytes are left"):
        read_header(batch[:60])


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_whole_batch_is_accepted_from_any_buffer(kind: Callable[[bytearray], bytes]) -> None:
    batch = samples.batch()

    assert check(kind(batch), len(batch)) == read_header(batch)
    assert check_stored(kind(batch)) == read_header(batch)


@pytest.mark.parametrize(
    ("form", "position", "value", "error", "message"),
    [
        (">b", 16, 1, INVALID_RECORD, "magic 1"),
        (">b", 16, 3, CORRUPT_MESSAGE, "magic 3"),
        (">i", 8, 5, CORRUPT_MESSAGE, "says it has 17 bytes"),
        (">i", 8, -70, CORRUPT_MESSAGE, "says it has -58 bytes"),
        (">i", 8, 1 << 30, CORRUPT_MESSAGE, f"bytes, {SAMPLE_SIZE} were sent"),
        (">i", 8, SAMPLE_SIZE - 12 - 10, INVALID_RECORD, "10 bytes follow"),
        (">i", 57, 0, INVALID_RECORD, "batch of 0 records"),
        (">i", 57, 4, INVALID_RECORD, "batch of 4 records whose last has offset delta 2"),
        (">i", 23, -1, INVALID_RECORD, "offset delta -1"),
        (">h", 21, 5, UNSUPPORTED_COMPRESSION_TYPE, "compression 5"),
    ],
)
def test_a_header_that_breaks_a_rule_is_refused_with_kafkas_code(
    form: str, position: int, value: int, error: int, message: str
) -> None:
    batch = samples.batch()
    set_field(batch, form, position, value)

    refused = check(batch, MAX_SIZE)

    assert isinstance(refused, Refused)
    assert refused.error == error
    assert message in refused.message


def test_a_batch_above_the_largest_size_is_refused() -> None:
    batch = samples.batch()

    refused = check(batch, len(batch) - 1)

    assert refused == Refused(MESSAGE_TOO_LARGE, f"batch of {len(batch)} bytes: at most {len(batch) - 1} are accepted")


@pytest.mark.parametrize("codec", Codec)
def test_more_records_than_the_bytes_can_hold_are_refused(codec: Codec) -> None:
    batch = samples.batch(codec=codec)
    set_field(batch, ">i", 23, (1 << 31) - 2)
    set_field(batch, ">i", 57, (1 << 31) - 1)

    refused = check(batch, MAX_SIZE)

    assert isinstance(refused, Refused)
    assert refused.error == INVALID_RECORD
    assert "do not fit" in refused.message


@pytest.mark.parametrize("codec", Codec)
def test_a_batch_of_nothing_but_empty_records_is_accepted(codec: Codec) -> None:
    batch = build([Record(None, None)] * 100_000, codec=codec)

    header = check(batch, MAX_SIZE)

    assert isinstance(header, BatchHeader)
    assert header.record_count == 100_000


def test_two_batches_are_not_one() -> None:
    refused = check(samples.batch() + samples.batch(), MAX_SIZE)

    assert isinstance(refused, Refused)
    assert refused.error == INVALID_RECORD


@given(samples.record_lists(), samples.codecs, st.data())
@settings(max_examples=50, deadline=None)
def test_a_batch_cut_anywhere_is_refused(records: list[Record], codec: Codec, data: st.DataObject) -> None:
    batch = build(records, codec=codec)
    size = data.draw(st.integers(0, len(batch) - 1))

    assert isinstance(check(batch[:size], MAX_SIZE), Refused)
    assert isinstance(check_stored(batch[:size]), Refused)
    assert list(walk(batch[:size])) == []
    with pytest.raises(BatchError):
        decode_records(batch[:size], MAX_SIZE)


def test_any_changed_bit_is_noticed() -> None:
    # Base offset and leader epoch lie before what the CRC covers and may be anything.
    for position in (*range(8, 12), *range(16, SAMPLE_SIZE)):
        for bit in range(8):
            batch = samples.batch()
            batch[position] ^= 1 << bit

            assert isinstance(check(batch, MAX_SIZE), Refused), (position, bit)
            assert isinstance(check_stored(batch), Refused), (position, bit)


def count_or_error(batch: bytearray) -> int:
    """How many records were decoded, or the negated error; any exception but BatchError is a failure of the test."""
    try:
        return len(decode_records(batch, MAX_SIZE))
    except BatchError as fault:
        return -fault.refused.error


@given(samples.record_lists(), samples.codecs, st.data())
@settings(max_examples=300, deadline=None)
def test_changed_bytes_behind_a_right_crc_give_records_or_a_batch_error(
    records: list[Record], codec: Codec, data: st.DataObject
) -> None:
    batch = build(records, codec=codec)
    for _ in range(data.draw(st.integers(1, 3))):
        batch[data.draw(st.integers(12, len(batch) - 1))] = data.draw(st.integers(0, 255))
    seal(batch)

    assert isinstance(check(batch, MAX_SIZE), BatchHeader | Refused)
    assert count_or_error(batch) in (max(0, read_header(batch).record_count), *ERRORS)


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    assert isinstance(check(noise, MAX_SIZE), Refused)


def test_a_stamp_keeps_the_crc_true() -> None:
    batch = samples.batch()

    stamp(memoryview(batch), 1 << 40, 12)

    header = check(batch, MAX_SIZE)
    assert isinstance(header, BatchHeader)
    assert (header.base_offset, header.leader_epoch) == (1 << 40, 12)
    assert [record.offset for record in decode_records(batch, MAX_SIZE)] == [(1 << 40) + n for n in range(3)]


@pytest.mark.parametrize("codec", Codec)
def test_log_append_time_becomes_the_time_of_every_record(codec: Codec) -> None:
    batch = samples.batch(codec)

    stamp_log_append_time(memoryview(batch), 1234)

    header = check(batch, MAX_SIZE)
    assert isinstance(header, BatchHeader)
    assert header.is_log_append_time
    assert header.codec is codec
    assert (header.base_timestamp, header.max_timestamp) == (samples.NOW_MS, 1234)
    assert {record.timestamp_ms for record in decode_records(batch, MAX_SIZE)} == {1234}


def test_clients_may_not_write_markers() -> None:
    marker = check(build([Record(b"\0\0\0\0", b"")], control=True), MAX_SIZE)
    assert isinstance(marker, BatchHeader)

    refused = check_client(marker)

    assert refused is not None
    assert refused.error == INVALID_RECORD


def test_a_producer_id_needs_a_sequence() -> None:
    with_sequence = read_header(samples.batch(producer_id=7, producer_epoch=0, base_sequence=0))
    without = read_header(samples.batch(producer_id=7, producer_epoch=0))

    assert check_client(with_sequence) is None
    assert check_client(read_header(samples.batch())) is None
    assert check_client(without) == Refused(INVALID_RECORD, "producer 7: sequence -1, expected 0 or more")


def test_a_walk_gives_each_batch_and_leaves_out_a_partial_one() -> None:
    whole = [samples.batch(base_offset=offset) for offset in (0, 3, 6)]

    walked = list(walk(b"".join(whole) + samples.batch()[:80]))

    assert [header.base_offset for header, _ in walked] == [0, 3, 6]
    assert [bytes(view) for _, view in walked] == whole


@pytest.mark.parametrize(("form", "position", "value"), [(">i", 8, 48), (">i", 8, -1), (">b", 16, 1)])
def test_a_walk_ends_with_an_error_where_no_batch_can_be(form: str, position: int, value: int) -> None:
    second = samples.batch()
    struct.pack_into(form, second, position, value)
    steps = walk(samples.batch() + second)
    assert next(steps)[0].record_count == 3

    with pytest.raises(BatchError, match=f"batch at byte {len(second)}"):
        next(steps)


@pytest.mark.parametrize("codec", Codec)
def test_a_thinned_batch_keeps_offsets_times_and_producer(codec: Codec) -> None:
    batch = samples.batch(codec, base_offset=40, producer_id=7, producer_epoch=1, base_sequence=5)
    header, records = read_header(batch), decode_records(batch, MAX_SIZE)

    thinned = rebuild(header, records[:1] + records[2:])

    kept = check_stored(thinned)
    assert isinstance(kept, BatchHeader)
    assert decode_records(thinned, MAX_SIZE) == [records[0], records[2]]
    assert kept._replace(crc=0, batch_length=0) == header._replace(crc=0, batch_length=0, record_count=2)
    assert isinstance(check(thinned, MAX_SIZE), Refused), "no producer may send a batch with gaps"


def test_a_batch_may_lose_all_records_and_keeps_its_place() -> None:
    header = read_header(samples.batch(Codec.ZSTD, base_offset=40, producer_id=7))

    empty = rebuild(header, [])

    assert len(empty) == HEADER_SIZE
    assert decode_records(empty, MAX_SIZE) == []
    kept = check_stored(empty)
    assert isinstance(kept, BatchHeader)
    assert kept.next_offset == 43


def test_crc_is_castagnolis() -> None:
    # The check value of CRC-32C in the catalogue of CRC algorithms, and in RFC 3720 the one of 32 zeros.
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(memoryview(bytes(32))) == 0x8A9136AA


def test_every_public_name_of_the_room_is_there() -> None:
    assert all(hasattr(batches, name) for name in batches.__all__)
