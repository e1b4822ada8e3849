"""Records of the newer group types: what one is about, whose, what it says. Each type has a table of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from penstock.coordinate.framing import framed, number_of
from penstock.coordinate.group_records import KEY, VALUE
from penstock.coordinate.outcome import Record
from penstock.protocol.codec import decode

_VERSION = 0


class Classes(NamedTuple):
    """Of one kind of record. field: of the key, beside the group's id; "" where the group itself is meant."""

    key: Any
    value: Any
    field: str = ""


class Read(NamedTuple):
    """A record taken apart. number: begins the key; name: what `field` holds; value: None for a tombstone."""

    number: int
    group_id: str
    name: str
    value: Any


def write_record(classes: Mapping[Any, Classes], number: int, group_id: str, name: str, value: Any) -> Record:
    """The record as it is appended; value: None removes."""
    key_class, _, field = classes[number]
    names = {"group_id": group_id} | ({field: name} if field else {})
    key = framed(number, key_class(**names), _VERSION)
    return key, None if value is None else framed(_VERSION, value, _VERSION)


def read_record(classes: Mapping[Any, Classes], key: bytes, value: bytes | None) -> Read | None:
    """None for records that the table does not have.  Error: Malformed."""
    number = number_of(key, KEY)
    found = classes.get(number)
    if found is None:
        return None
    subject, _ = decode(found.key, _VERSION, key, 2)
    said = None
    if value is not None:
        said, _ = decode(found.value, number_of(value, VALUE), value, 2)
    return Read(number, subject.group_id, getattr(subject, found.field) if found.field else "", said)
