"""Our bytes against those of kio, a codec by other people generated from the same schemas."""

from __future__ import annotations

import dataclasses
import datetime
import io
import uuid
from pkgutil import resolve_name
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from kio.schema.index import schema_name_map
from kio.serial import entity_reader, entity_writer

from penstock.protocol import messages
from penstock.protocol.classes import Message, is_optional_struct, struct_class
from penstock.protocol.codec import decode_exact, encode
from penstock.protocol.notation import Field
from penstock.protocol.primitives import ZERO_UUID

from .samples import all_versions, messages_of

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MILLISECOND = datetime.timedelta(milliseconds=1)

# Where kio keeps the class of each message and version.
KIO = {
    (path.partition(":")[2], version): path
    for by_version in schema_name_map.values()
    for version, by_kind in by_version.items()
    for path in by_kind.values()
}
NAMES = sorted({name for name, _ in KIO})


def read_with_kio(kio_class: Any, data: bytes) -> Any:
    entity, size = entity_reader(kio_class)(data, 0)
    assert size == len(data)
    return entity


def write_with_kio(entity: Any) -> bytes:
    out = io.BytesIO()
    entity_writer(type(entity))(out, entity)
    return out.getvalue()


def plain(value: Any) -> Any:
    """A value of kio's as we would hold it."""
    if isinstance(value, datetime.timedelta):
        return value // MILLISECOND
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // MILLISECOND
    if isinstance(value, uuid.UUID):
        return value.bytes
    if isinstance(value, tuple):
        return [plain(element) for element in value]
    return value


def assert_same(ours: Any, theirs: Any) -> None:
    """Field by field; kio gives durations no _ms, Python's own words a _, and says None for the zero uuid."""
    if isinstance(ours, list) and theirs is not None:
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(ours, Message):
        sent = {field.name.rstrip("_"): getattr(theirs, field.name) for field in dataclasses.fields(theirs)}
        for entry in ours.STRUCT.fields:
            name = entry.attribute if entry.attribute in sent else entry.attribute.removesuffix("_ms")
            if name in sent:
                assert_same(value_of(ours, entry), sent.pop(name))
        assert sent == {}
    else:
        assert ours == plain(theirs) or (ours == ZERO_UUID and theirs is None)


def value_of(message: Any, entry: Field) -> Any:
    """A field's value; where we made no tagged struct because none was sent, the default that kio makes."""
    value = getattr(message, entry.attribute)
    if value is None and entry.struct is not None and is_optional_struct(entry):
        return struct_class(message.DEFINITION, entry.struct)()
    return value


def compare(name: str, version: int, examples: int) -> None:
    """Lets both codecs read and write the same random messages."""
    cls, kio_class = getattr(messages, name), resolve_name(KIO[name, version])

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(message=messages_of(name, version, tame=True))
    def both_agree(message: Any) -> None:
        data = b"".join(encode(message, version))

        theirs = read_with_kio(kio_class, data)

        assert_same(message, theirs)
        assert write_with_kio(theirs) == data
        assert decode_exact(cls, version, data) == message

    both_agree()


def test_kio_knows_all_messages_of_clients():
    ours = {key for key in all_versions() if not key[0].endswith(("Key", "Value", "Record", "Snapshot"))}

    assert ours <= set(KIO)


@pytest.mark.parametrize("name", NAMES)
def test_our_bytes_are_those_of_kio(name):
    for _, version in all_versions([name]):
        compare(name, version, examples=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_our_bytes_are_those_of_kio_at_length(name):
    for _, version in all_versions([name]):
        compare(name, version, examples=15)
