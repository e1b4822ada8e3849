"""Records inside a batch: round trips, limits, and what is not a record."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.records import samples

from penstock.records.batch import assemble, build, read_header
from penstock.records.codec import Codec
from penstock.records.fault import BatchError
from penstock.records.record import Record, decode_records, encode_records

MAX_SIZE = 1 << 20


@given(samples.record_lists(), samples.codecs, st.integers(0, 1 << 50))
@settings(deadline=None)
def test_what_is_built_is_decoded(records: list[Record], codec: Codec, base_offset: int) -> None:
    batch = build(records, codec=codec, base_offset=base_offset)

    decoded = decode_records(memoryview(batch), MAX_SIZE)

    assert decoded == [record._replace(offset=base_offset + record.offset) for record in records]


def test_times_before_and_far_after_the_first_are_kept() -> None:
    times = [samples.NOW_MS, 0, -1, (1 << 62)]

    batch = build([Record(None, None, timestamp_ms=time) for time in times])

    assert [record.timestamp_ms for record in decode_records(batch, MAX_SIZE)] == times
    assert read_header(batch).max_timestamp == 1 << 62


def test_a_header_key_that_is_no_text_survives() -> None:
    raw = encode_records([Record(None, None, (("k", None),))], 0, [0]).replace(b"k", b"\xff")
    batch = assemble(read_header(build([Record(None, None)])), raw)

    (record,) = decode_records(batch, MAX_SIZE)

    assert encode_records([record], 0, [0]) == raw


@pytest.mark.parametrize("codec", Codec)
def test_records_above_the_limit_are_not_unpacked(codec: Codec) -> None:
    batch = build([Record(None, bytes(1 << 16))], codec=codec)

    with pytest.raises(BatchError, match="at most 4096 bytes"):
        decode_records(batch, 4096)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "cut off"),
        (b"\x0c\x00\x00\x00\x01\x01", "cut off"),
        (b"\x0e\x00\x00\x00\x01\x01\x00", "record of 7 bytes ends at byte 8, its fields at 7"),
        (b"\x0c\x00\x00\x00\x01\x7e\x00", "cut off"),
        (b"\x0c\x00\x00\x00\x01\x01\x01", "-1 headers"),
        (b"\x10\x00\x00\x00\x01\x01\x02\x01\x00", "header without a key"),
        (b"\x0c\x00\x00\x00\x01\x01\x00!", "1 bytes follow the last one"),
        (b"\x0c\x00\x00\x00\xff\xff\xff\xff\xff", "longer than"),
    ],
)
def test_bytes_that_are_no_record_say_why(data: bytes, why: str) -> None:
    batch = assemble(read_header(build([Record(None, None)])), data)

    with pytest.raises(BatchError, match=why) as fault:
        decode_records(batch, MAX_SIZE)
    assert fault.value.refused == (87, str(fault.value))


def test_a_batch_and_a_byte_is_not_a_batch() -> None:
    with pytest.raises(BatchError, match="says 418 bytes and has 419"):
        decode_records(samples.batch() + b"!", MAX_SIZE)
