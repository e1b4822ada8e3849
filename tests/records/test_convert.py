"""The same records under another codec."""

import pytest
from tests.records import samples

from penstock.records.batch import BatchError, BatchHeader, check, check_stored, read_header, rebuild
from penstock.records.codec import Codec
from penstock.records.convert import recompress
from penstock.records.record import decode_records

MAX_SIZE = 1 << 20


@pytest.mark.parametrize("source", Codec)
@pytest.mark.parametrize("target", Codec)
def test_every_codec_becomes_every_other(source: Codec, target: Codec) -> None:
    batch = samples.batch(source, base_offset=40, producer_id=7, producer_epoch=1, base_sequence=5, timestamp_type=1)
    header = read_header(batch)

    converted = recompress(memoryview(batch), header, target, MAX_SIZE)

    after = check(converted, MAX_SIZE)
    assert isinstance(after, BatchHeader)
    assert after.codec is target
    attributes = header.attributes & ~7 | target
    assert after == header._replace(batch_length=after.batch_length, crc=after.crc, attributes=attributes)
    assert decode_records(converted, MAX_SIZE) == decode_records(batch, MAX_SIZE)


@pytest.mark.parametrize("source", Codec)
def test_more_than_the_limit_is_refused(source: Codec) -> None:
    batch = samples.batch(source)

    with pytest.raises(BatchError, match="at most 300 bytes") as fault:
        recompress(batch, read_header(batch), Codec.ZSTD, 300)
    assert fault.value.error == 10


@pytest.mark.parametrize("target", Codec)
def test_a_batch_without_records_stays_one(target: Codec) -> None:
    empty = rebuild(read_header(samples.batch(Codec.GZIP)), [])

    converted = recompress(empty, read_header(empty), target, MAX_SIZE)

    assert isinstance(check_stored(converted), BatchHeader)
    assert decode_records(converted, MAX_SIZE) == []
