"""Java's view: Apache Kafka reads our batches from a segment, and we read the segment that it wrote for its clients."""

import re
from pathlib import Path

import confluent_kafka
import pytest
from tests.records import samples

from penstock.records.batch import build, check_stored, walk
from penstock.records.codec import Codec
from penstock.records.control import ControlType, Marker, build_marker
from penstock.records.header import BatchHeader
from penstock.records.record import Record, decode_records
from penstock.testing.apache_kafka import apache_kafka, tool

pytestmark = [pytest.mark.apache, pytest.mark.slow]

MAX_SIZE = 1 << 24
# More than one block of each codec that has blocks.
VALUES = [f"record {n} ".encode() * 20 for n in range(1000)]


def test_java_reads_what_we_write(tmp_path: Path) -> None:
    records = [Record(b"key", value, (("h", b"1"), ("none", None)), samples.NOW_MS) for value in VALUES]
    batches = [build(records, base_offset=1000 * codec, codec=codec) for codec in Codec]
    batches.append(build_marker(Marker(ControlType.COMMIT, 5), 7, 2, samples.NOW_MS, base_offset=5000))
    segment = tmp_path / "00000000000000000000.log"
    segment.write_bytes(b"".join(batches))

    dump = tool("kafka-dump-log", "--print-data-log", "--files", segment).stdout

    assert re.findall(r"count: 1000 .*?isvalid: (\w+)", dump) == ["true"] * len(Codec)
    assert re.findall(r"compresscodec: (\w+)", dump) == [codec.name.lower() for codec in Codec] + ["none"]
    assert dump.count("headerKeys: [h,none]") == 1000 * len(Codec)
    for value in VALUES:
        assert dump.count(f"payload: {value.decode()}\n") == len(Codec), value
    assert "endTxnMarker: COMMIT coordinatorEpoch: 5" in dump


def test_we_read_what_java_and_librdkafka_write() -> None:
    names = [codec.name.lower() for codec in Codec]
    with apache_kafka() as kafka:
        for name in names:
            kafka.tool(
                "kafka-console-producer",
                *("--topic", f"java-{name}"),
                *("--compression-codec", name, "--command-property", "linger.ms=1000"),
                stdin="".join(value.decode() + "\n" for value in VALUES),
            )
            producer = confluent_kafka.Producer(
                {"bootstrap.servers": kafka.bootstrap_servers, "compression.type": name, "linger.ms": 1000}
            )
            for value in VALUES:
                producer.produce(f"librdkafka-{name}", value)
            producer.flush()

        logs = {
            (client, name): (kafka.log_dir / f"{client}-{name}-0" / "00000000000000000000.log").read_bytes()
            for client in ("java", "librdkafka")
            for name in names
        }

    for (client, name), log in logs.items():
        batches = list(walk(log))
        assert all(isinstance(check_stored(batch), BatchHeader) for _, batch in batches), (client, name)
        assert {header.codec.name.lower() for header, _ in batches} == {name}, (client, name)
        read = [record.value for _, batch in batches for record in decode_records(batch, MAX_SIZE)]
        assert read == VALUES, (client, name)
