"""Messages of any kind and version with values made up by hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from penstock.protocol import catalog, messages
from penstock.protocol.classes import is_optional_struct, struct_class
from penstock.protocol.errors import KafkaError
from penstock.protocol.notation import Definition, Field, Struct

BOUNDS = {
    "int8": (-128, 127),
    "int16": (-(1 << 15), (1 << 15) - 1),
    "uint16": (0, (1 << 16) - 1),
    "int32": (-(1 << 31), (1 << 31) - 1),
    "uint32": (0, (1 << 32) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
}
# Lengths around the edges of one, two and three bytes of varint, and of what is passed through uncopied.
TEXTS = st.text(max_size=6) | st.sampled_from(("a" * 126, "b" * 127, "é" * 100))
BUFFERS = st.binary(max_size=6) | st.sampled_from((b"x" * 127, b"y" * 1022, b"y" * 1024, b"z" * 20_000))


def all_versions(names: list[str] | None = None) -> list[tuple[str, int]]:
    """Every (message, version) that Kafka 4.3.1 has."""
    ranges = {name: catalog.head(name).versions for name in names or catalog.names()}
    return [(name, version) for name, (low, high) in ranges.items() for version in range(low, high + 1)]


def messages_of(name: str, version: int, tame: bool = False) -> st.SearchStrategy[Any]:
    """Messages whose fields of this version hold anything, and whose other fields are unset.

    tame: times and error codes stay within what calendars and Kafka know, for oracles that convert them.
    """
    definition = getattr(messages, name).DEFINITION
    return _structs(definition, definition.root, version, tame)


def versioned_messages_of(name: str) -> st.SearchStrategy[tuple[int, Any]]:
    """(version, message) over all versions of a message."""
    versions = [version for _, version in all_versions([name])]
    return st.sampled_from(versions).flatmap(lambda version: st.tuples(st.just(version), messages_of(name, version)))


def _structs(definition: Definition, struct: Struct, version: int, tame: bool) -> st.SearchStrategy[Any]:
    present = [entry for entry in struct.fields if entry.versions.has(version)]
    values = {entry.attribute: _values(definition, entry, version, tame) for entry in present}
    return st.builds(struct_class(definition, struct), **values)


def _values(definition: Definition, entry: Field, version: int, tame: bool) -> st.SearchStrategy[Any]:
    values = _elements(definition, entry, version, tame)
    if entry.is_array:
        many = st.lists(values, max_size=2)
        values = many if entry.struct else many | st.lists(values, min_size=1, max_size=1).map(lambda one: one * 130)
    if is_optional_struct(entry):
        # A struct full of defaults is not sent, and comes back as None.
        unset = struct_class(definition, entry.struct)() if entry.struct else None
        return st.none() | values.filter(lambda made: made != unset)
    return st.none() | values if entry.nullable.has(version) else values


def _elements(definition: Definition, entry: Field, version: int, tame: bool) -> st.SearchStrategy[Any]:
    if entry.struct is not None:
        return _structs(definition, entry.struct, version, tame)
    if tame and entry.attribute.endswith("error_code"):
        return st.sampled_from([int(error) for error in KafkaError])
    if tame and entry.attribute.endswith(("_ms", "timestamp")):
        return st.integers(0, (1 << 31) - 1)
    if entry.base in BOUNDS:
        return st.integers(*BOUNDS[entry.base])
    plain: dict[str, st.SearchStrategy[Any]] = {
        "bool": st.booleans(),
        "float64": st.floats(allow_nan=False),
        "uuid": st.binary(min_size=16, max_size=16),
        "string": TEXTS,
        "bytes": BUFFERS,
        "records": BUFFERS,
    }
    return plain[entry.base]
