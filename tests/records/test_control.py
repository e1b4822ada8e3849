"""Markers that end transactions, byte for byte as Kafka's coordinator writes them."""

import pytest

from penstock.records.batch import BatchHeader, check, read_header
from penstock.records.control import ControlType, Marker, build_marker, read_marker
from penstock.records.fault import BatchError
from penstock.records.record import Record, decode_records


@pytest.mark.parametrize("kind", ControlType)
def test_a_marker_is_one_transactional_control_record(kind: ControlType) -> None:
    batch = build_marker(Marker(kind, 5), 7, 2, timestamp_ms=1000, base_offset=12, leader_epoch=1)

    header = check(batch, 1000)
    assert isinstance(header, BatchHeader)
    assert header.is_control
    assert header.is_transactional
    assert (header.base_offset, header.leader_epoch, header.record_count) == (12, 1, 1)
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (7, 2, -1)
    (record,) = decode_records(batch, 1000)
    assert record == Record(bytes([0, 0, 0, kind]), b"\0\0\0\0\0\5", (), 1000, 12)
    assert read_marker(record) == Marker(kind, 5)


def test_a_marker_has_the_size_kafka_reserves_for_it() -> None:
    assert read_header(build_marker(Marker(ControlType.COMMIT, 0), 1, 0, timestamp_ms=0)).size == 78


def test_later_versions_may_be_longer() -> None:
    record = Record(b"\0\1\0\1more", b"\0\1\0\0\0\5more")

    assert read_marker(record) == Marker(ControlType.COMMIT, 5)


def test_other_control_records_are_passed_over() -> None:
    assert read_marker(Record(b"\0\0\0\2", None)) is None


@pytest.mark.parametrize("record", [Record(None, None), Record(b"\0\0\0", b""), Record(b"\0\0\0\1", b"\0\0\0")])
def test_a_control_record_that_is_cut_off_is_refused(record: Record) -> None:
    with pytest.raises(BatchError, match="control record at offset 0") as fault:
        read_marker(record)
    assert fault.value.error == 87
