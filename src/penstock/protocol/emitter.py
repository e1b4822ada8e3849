"""A sheet of generated Python: lines, indentation, and which field each line is about."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from penstock.protocol.notation import Field, Struct

# The codes of `struct` for fields whose size never changes.
CODES: Final = {
    "int8": "b",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "float64": "d",
    "bool": "?",
    "uuid": "16s",
}
SIZES: Final = {base: struct.calcsize(">" + code) for base, code in CODES.items()}

# Arrays of numbers with fewer elements have their struct ready.
FEW: Final = 8


class Slot(NamedTuple):
    """One value of a run: the expression to read or to assign, its code, and the path of its field."""

    expression: str
    code: str
    path: str


@dataclass(slots=True)
class Sheet:
    """Collects lines; `places` tells for each line number what a fault on it is about (see faults)."""

    names: dict[str, Any]
    lines: list[str] = field(default_factory=list)
    places: dict[int, tuple[Slot, ...]] = field(default_factory=dict)
    path: str = ""
    depth: int = 0

    def line(self, text: str, slots: tuple[Slot, ...] = ()) -> None:
        self.lines.append("    " * self.depth + text)
        self.places[len(self.lines)] = slots or (Slot("", "", self.path),)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """What is written inside is indented under `head`."""
        self.line(head)
        self.depth += 1
        before = len(self.lines)
        yield
        if len(self.lines) == before:
            self.line("pass")
        self.depth -= 1

    @contextmanager
    def at(self, path: str) -> Iterator[None]:
        """What is written inside is about the field at `path`."""
        outer, self.path = self.path, path
        yield
        self.path = outer

    def packer(self, prefix: str, codes: str) -> str:
        """The name under which the code finds struct's function for these codes."""
        name = prefix + codes.replace("?", "t")
        layout = struct.Struct(">" + codes)
        self.names[name] = layout.unpack_from if prefix == "take_" else layout.pack
        return name

    def repeaters(self, prefix: str, code: str) -> tuple[str, str]:
        """The names of struct's functions for arrays of one code: a tuple for 0 to FEW - 1 elements, and any number.

        Most arrays of numbers name a handful of replicas; making a format for them costs more than packing.
        """
        few, many = f"few_{prefix}{code}", f"many_{prefix}{code}"
        layouts = [struct.Struct(f">{count}{code}") for count in range(FEW)]
        reads = prefix == "take_"
        self.names[few] = tuple(layout.unpack_from if reads else layout.pack for layout in layouts)
        self.names[many] = struct.unpack_from if reads else struct.pack
        return few, many


def present(owner: Struct, version: int) -> list[Field]:
    """The fields that stand in the body of a struct in this version, in order."""
    return [entry for entry in owner.fields if entry.versions.has(version) and not entry.is_tagged(version)]


def tagged(owner: Struct, version: int) -> list[Field]:
    """The fields that stand in the tag section in this version, by tag."""
    found = [entry for entry in owner.fields if entry.versions.has(version) and entry.is_tagged(version)]
    return sorted(found, key=lambda entry: entry.tag or 0)


def absent(owner: Struct, version: int) -> list[Field]:
    """The fields that this version does not have."""
    return [entry for entry in owner.fields if not entry.versions.has(version)]


def size_min(owner: Struct, version: int, flexible: bool) -> int:
    """The fewest bytes one such struct can take: what bounds an array before anything is made."""
    return sum(_field_size_min(entry, version, flexible) for entry in present(owner, version)) + flexible


def element_size_min(entry: Field, version: int, flexible: bool) -> int:
    """The fewest bytes one element of an array field can take."""
    if entry.struct is not None:
        return size_min(entry.struct, version, flexible)
    if entry.base in SIZES:
        return SIZES[entry.base]
    return 1 if flexible else 2


def _field_size_min(entry: Field, version: int, flexible: bool) -> int:
    if entry.is_array:
        return 1 if flexible else 4
    if entry.struct is not None:
        return 1 if entry.nullable.has(version) else size_min(entry.struct, version, flexible)
    if entry.base in SIZES:
        return SIZES[entry.base]
    if flexible and not entry.inflexible:
        return 1
    return 2 if entry.base == "string" else 4
