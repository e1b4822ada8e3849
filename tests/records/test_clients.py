"""Our batches beside those of kafka-python and aiokafka: equal bytes, and each reads what the other wrote."""

from collections.abc import Callable, Iterable
from typing import Any

import aiokafka.record.default_records as aiokafka
import kafka.codec
import kafka.record.default_records as kafka_python
import pytest
from hypothesis import given, settings
from tests.records import samples

from penstock.records.batch import BatchHeader, build, check
from penstock.records.codec import Codec
from penstock.records.record import Record, decode_records

MAX_SIZE = 1 << 20

# aiokafka takes a time of -1 for "now".
RECORDS = samples.record_lists(times=samples.real_times)
BUILDERS: dict[str, Callable[..., Any]] = {
    "kafka-python": kafka_python.DefaultRecordBatchBuilder,
    "aiokafka": aiokafka.DefaultRecordBatchBuilder,
}
READERS: dict[str, Callable[[bytes], Iterable[Any]]] = {
    "kafka-python": kafka_python.DefaultRecordBatch,
    "aiokafka": aiokafka.DefaultRecordBatch,
}
WITHOUT_A_LIBRARY = {
    codec
    for codec, present in (
        (Codec.SNAPPY, kafka.codec.has_snappy()),
        (Codec.LZ4, kafka.codec.has_lz4()),
        (Codec.ZSTD, kafka.codec.has_zstd()),
    )
    if not present
}
PAIRS = [
    pytest.param(client, codec, id=f"{client}-{codec.name}")
    for client in BUILDERS
    for codec in Codec
    if client != "kafka-python" or codec not in WITHOUT_A_LIBRARY
]


def theirs(client: str, records: list[Record], codec: Codec) -> bytes:
    """The batch their builder makes; the sequence and producer of an idempotent producer."""
    builder = BUILDERS[client](
        magic=2,
        compression_type=int(codec),
        is_transactional=False,
        producer_id=7,
        producer_epoch=1,
        base_sequence=5,
        batch_size=MAX_SIZE,
    )
    for record in records:
        builder.append(
            record.offset,
            record.timestamp_ms,
            record.key,
            record.value,
            [(key, value) for key, value in record.headers],
        )
    return bytes(builder.build())


def ours(records: list[Record], codec: Codec) -> bytes:
    return bytes(build(records, codec=codec, producer_id=7, producer_epoch=1, base_sequence=5))


@pytest.mark.parametrize("client", BUILDERS)
@given(records=RECORDS)
@settings(max_examples=60, deadline=None)
def test_uncompressed_batches_are_equal_byte_for_byte(client: str, records: list[Record]) -> None:
    # kafka-python and aiokafka write leader epoch -1 or 0: the broker's to set, and not under the CRC.
    assert ours(records, Codec.NONE)[16:] == theirs(client, records, Codec.NONE)[16:]
    assert ours(records, Codec.NONE)[:12] == theirs(client, records, Codec.NONE)[:12]


@pytest.mark.parametrize(("client", "codec"), PAIRS)
@given(records=RECORDS)
@settings(max_examples=20, deadline=None)
def test_we_read_what_they_write(client: str, codec: Codec, records: list[Record]) -> None:
    # Data that would not shrink is sent uncompressed by both; a long value makes sure that it does.
    records = [*records, Record(None, b"long " * 200, timestamp_ms=samples.NOW_MS, offset=len(records))]

    batch = theirs(client, records, codec)

    header = check(batch, MAX_SIZE)
    assert isinstance(header, BatchHeader)
    assert header.codec is codec
    assert decode_records(batch, MAX_SIZE) == records


@pytest.mark.parametrize(("client", "codec"), PAIRS)
@given(records=RECORDS)
@settings(max_examples=20, deadline=None)
def test_they_read_what_we_write(client: str, codec: Codec, records: list[Record]) -> None:
    reader: Any = READERS[client](ours(records, codec))

    assert reader.validate_crc()
    assert reader.compression_type == codec
    read = [
        Record(record.key, record.value, tuple(record.headers), record.timestamp, record.offset) for record in reader
    ]
    assert read == records


@pytest.mark.parametrize(("client", "codec"), PAIRS)
def test_they_read_data_of_many_blocks(client: str, codec: Codec) -> None:
    values = [bytes([n % 251]) * 1000 for n in range(500)]

    reader: Any = READERS[client](ours([Record(None, value, timestamp_ms=1) for value in values], codec))

    assert [record.value for record in reader] == values
