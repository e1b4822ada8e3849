"""Codecs: round trips, every form that clients write, and refusal of garbage and bombs."""

import random
import subprocess
import sys
import zlib
from pathlib import Path

import cramjam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.records.codec import RATIO_MAX, Codec, compress, decompress
from penstock.records.fault import BatchError

COMPRESSING = [codec for codec in Codec if codec is not Codec.NONE]
STATUS = Path("/proc/self/status")
CORRUPT_MESSAGE, MESSAGE_TOO_LARGE = 2, 10
EXPECTED = {"within the limit", CORRUPT_MESSAGE, MESSAGE_TOO_LARGE}


def size_or_error(codec: Codec, data: bytes, max_size: int) -> object:
    """What became of data that may be anything; any exception but BatchError is a failure of the test."""
    try:
        return "within the limit" if len(decompress(codec, data, max_size)) <= max_size else "too large"
    except BatchError as fault:
        return fault.error


@pytest.mark.parametrize("codec", Codec)
@given(data=st.binary(max_size=3000), times=st.integers(1, 100))
@settings(max_examples=30, deadline=None)
def test_what_is_compressed_is_unpacked_even_when_it_just_fits(codec: Codec, data: bytes, times: int) -> None:
    original = data * times

    packed = compress(codec, memoryview(original))

    assert decompress(codec, memoryview(packed), len(original)) == original


@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize("size", [1, 4096, 100_000, 5_000_000])
def test_one_byte_too_many_is_refused(codec: Codec, size: int) -> None:
    packed = compress(codec, bytes(size))

    assert decompress(codec, packed, size) == bytes(size)
    with pytest.raises(BatchError, match=f"at most {size - 1} bytes") as fault:
        decompress(codec, packed, size - 1)
    assert fault.value.error == MESSAGE_TOO_LARGE


@pytest.mark.parametrize("codec", COMPRESSING)
@given(data=st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_noise_is_refused_or_unpacked_within_the_limit(codec: Codec, data: bytes) -> None:
    assert size_or_error(codec, data, 1000) in EXPECTED


@pytest.mark.parametrize("codec", COMPRESSING)
@given(data=st.data(), records=st.binary(min_size=1, max_size=400))
@settings(max_examples=200, deadline=None)
def test_changed_and_cut_data_is_refused_or_unpacked_within_the_limit(
    codec: Codec, data: st.DataObject, records: bytes
) -> None:
    packed = bytearray(compress(codec, records))
    packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))

    assert size_or_error(codec, packed[: data.draw(st.integers(0, len(packed)))], 1000) in EXPECTED


@pytest.mark.parametrize("codec", COMPRESSING)
def test_data_cut_anywhere_is_refused(codec: Codec) -> None:
    packed = bytes(compress(codec, b"record " * 100))

    for size in range(len(packed)):
        # Without its length the framing of snappy has no end: a cut between two blocks cannot be seen.
        if codec is Codec.SNAPPY and size == 16:
            continue
        with pytest.raises(BatchError) as fault:
            decompress(codec, packed[:size], 100_000)
        assert fault.value.error == CORRUPT_MESSAGE


def test_snappy_is_read_raw_and_in_blocks() -> None:
    original = b"record " * 20_000

    assert decompress(Codec.SNAPPY, bytes(cramjam.snappy.compress_raw(original)), len(original)) == original
    blocks = bytes(compress(Codec.SNAPPY, original))
    assert blocks.startswith(b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")
    assert decompress(Codec.SNAPPY, blocks, len(original)) == original


def test_the_limit_holds_over_all_blocks_of_snappy() -> None:
    with pytest.raises(BatchError, match="at most 99999 bytes"):
        decompress(Codec.SNAPPY, compress(Codec.SNAPPY, bytes(100_000)), 99_999)


def test_gzip_members_one_after_another_are_one() -> None:
    members = zlib.compress(b"first ", wbits=31) + zlib.compress(b"second", wbits=31)

    assert decompress(Codec.GZIP, members, 12) == b"first second"
    with pytest.raises(BatchError, match="at most 11 bytes"):
        decompress(Codec.GZIP, members, 11)


@pytest.mark.parametrize("size", [1, 1000, 16_000, 17_000, 50_000])
def test_gzip_members_are_unpacked_wherever_they_begin_and_end(size: int) -> None:
    contents = [random.Random(number).randbytes(size) for number in range(20)]
    members = b"".join(zlib.compress(content, wbits=31) for content in contents)

    assert decompress(Codec.GZIP, members, 20 * size) == b"".join(contents)
    with pytest.raises(BatchError, match="cut off"):
        decompress(Codec.GZIP, members[:-1], 20 * size)
    with pytest.raises(BatchError, match=f"at most {20 * size - 1} bytes"):
        decompress(Codec.GZIP, members, 20 * size - 1)


@pytest.mark.parametrize("codec", Codec)
def test_no_codec_makes_more_of_a_byte_than_is_said_of_it(codec: Codec) -> None:
    level = 9 if codec is Codec.GZIP else None

    packed = compress(codec, bytes(1 << 24), level)

    assert len(packed) * RATIO_MAX[codec] >= 1 << 24


def test_lz4_blocks_stand_alone_as_java_wants_them() -> None:
    packed = bytes(compress(Codec.LZ4, b"record " * 50_000))

    magic, flags, descriptor = packed[:4], packed[4], packed[5]
    assert magic == b"\x04\x22\x4d\x18"
    assert flags >> 6 == 1, "version"
    assert flags & 0b0010_0000, "blocks do not refer to one another"
    assert not flags & 0b0000_1001, "neither a content size nor a dictionary"
    assert descriptor == 0x40, "blocks of 64 KiB"


@pytest.mark.parametrize(("codec", "low", "high"), [(Codec.GZIP, 1, 9), (Codec.LZ4, 1, 12), (Codec.ZSTD, 1, 19)])
def test_a_higher_level_makes_less_of_it(codec: Codec, low: int, high: int) -> None:
    data = b"".join(b"%d %d\n" % (n, n * n % 977) for n in range(5000))

    small, large = compress(codec, data, high), compress(codec, data, low)

    assert len(small) < len(large) < len(data)
    assert decompress(codec, small, len(data)) == decompress(codec, large, len(data)) == data


@pytest.mark.skipif(not STATUS.exists(), reason="the peak of a process's memory is read from /proc")
@pytest.mark.parametrize("codec", COMPRESSING)
def test_a_bomb_is_refused_without_room_for_what_it_unpacks_to(codec: Codec) -> None:
    # 64 MiB of zeros; zstd and gzip read frames that follow one another as one: 1 GiB from 33 KB and 1 MB.
    packed = bytes(compress(codec, bytes(1 << 26))) * (16 if codec in (Codec.GZIP, Codec.ZSTD) else 1)

    # A process of its own, since the peak never falls.
    done = subprocess.run([sys.executable, "-c", DEFUSE, codec.name], input=packed, capture_output=True, check=True)

    code, grown_kib = done.stdout.split()
    assert int(code) == MESSAGE_TOO_LARGE
    assert int(grown_kib) < 3 * 1024, "for a limit of 1 MiB, and what zstd and Python take besides"


DEFUSE = """
import sys
from pathlib import Path
from penstock.records.codec import Codec, compress, decompress
from penstock.records.fault import BatchError

def peak_kib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

codec, packed = Codec[sys.argv[1]], sys.stdin.buffer.read()
decompress(codec, compress(codec, b"warm"), 4)
before = peak_kib()
try:
    decompress(codec, packed, 1 << 20)
except BatchError as fault:
    print(fault.error, peak_kib() - before)
"""
