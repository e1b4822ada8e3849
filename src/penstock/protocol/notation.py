"""Reads our compact notation of Kafka's messages into a schema; see README.md for the grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

# No version of any message comes near this; it stands for "and all later ones".
VERSION_MAX: Final = 32767

_HEAD: Final = re.compile(
    r"(?P<name>\w+): (?P<kind>\w+)(?: (?P<key>\d+))?, versions (?P<versions>[\d-]+)(?P<unstable> unstable)?"
    r", flexible (?P<flexible>none|[\d+-]+)(?:, listeners (?P<listeners>[a-z ]+))?"
)
_FIELD: Final = re.compile(
    r"(?P<name>\w+) (?P<array>\[\])?(?P<type>\w+)(?:(?P<null>\?)(?P<null_versions>[\d+-]+)?)?"
    r"(?: (?P<versions>[\d+-]+))?(?: tag (?P<tag>\d+)(?: (?P<tag_versions>[\d+-]+))?)?"
    r"(?: = (?P<default>\S+))?(?P<ignorable> ignorable)?(?P<inflexible> inflexible)?"
)
_STRUCT: Final = re.compile(r"struct (?P<name>\w+)(?: (?P<versions>[\d+-]+))?")
_WORD_EDGE: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

INTEGERS: Final = frozenset(("int8", "int16", "uint16", "int32", "uint32", "int64"))
SCALARS: Final = INTEGERS | {"bool", "float64", "uuid", "string", "bytes", "records"}


class NotationError(ValueError):
    """A definition that cannot be read: a mistake in this package."""


class Range(NamedTuple):
    """Versions from low to high, both included; NOTHING is the empty one."""

    low: int
    high: int

    def has(self, version: int) -> bool:
        return self.low <= version <= self.high


EVER: Final = Range(0, VERSION_MAX)
NOTHING: Final = Range(1, 0)


@dataclass(slots=True, eq=False)
class Field:
    """One field: `base` is a scalar's name or a struct's; `struct` is filled for the latter."""

    name: str
    attribute: str
    base: str
    is_array: bool
    versions: Range
    nullable: Range
    tag: int | None
    tagged: Range
    default: Any
    ignorable: bool
    inflexible: bool
    struct: Struct | None = None

    def is_tagged(self, version: int) -> bool:
        return self.tagged.has(version)


@dataclass(slots=True, eq=False)
class Struct:
    """A named list of fields; the message itself is one, and so is each type inside it."""

    name: str
    versions: Range
    fields: list[Field] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Definition:
    """A whole definition; `structs` holds every type inside it by name, as flat as in Kafka's own classes."""

    name: str
    kind: str
    key: int
    versions: Range
    unstable: bool
    flexible: Range
    listeners: tuple[str, ...]
    root: Struct
    structs: dict[str, Struct] = field(default_factory=dict)


def to_attribute(name: str) -> str:
    """The Python name of a field: TopicId -> topic_id, HostURL -> host_url."""
    return _WORD_EDGE.sub("_", name).lower()


def blocks(text: str) -> dict[str, str]:
    """The definitions in a module's text by message name, not yet read."""
    parts = (part.strip("\n") for part in text.split("\n\n"))
    return {part[: part.index(":")]: part for part in parts if part}


def read_head(block: str) -> Definition:
    """The first line of a definition: a message without its fields."""
    line = block.split("\n", 1)[0]
    match = _HEAD.fullmatch(line)
    if match is None:
        raise NotationError(f"not the head of a definition: {line!r}")
    versions = _range(match["versions"], EVER)
    return Definition(
        name=match["name"],
        kind=match["kind"],
        key=int(match["key"] or -1),
        versions=versions,
        unstable=match["unstable"] is not None,
        flexible=NOTHING if match["flexible"] == "none" else _range(match["flexible"], EVER),
        listeners=tuple((match["listeners"] or "").split()),
        root=Struct(match["name"], versions),
    )


def read_definition(block: str) -> Definition:
    """A definition as schema; every type inside it is resolved."""
    definition = read_head(block)
    # The innermost open struct comes last; a line belongs to the one at its depth.
    open_structs = [definition.root]
    for line in block.split("\n")[1:]:
        depth = (len(line) - len(line.lstrip(" "))) // 2
        del open_structs[depth:]
        opened = _read_line(definition, line.strip(), open_structs[-1])
        if opened is not None:
            open_structs.append(opened)
    _resolve(definition)
    return definition


def _read_line(definition: Definition, line: str, parent: Struct) -> Struct | None:
    """Adds one line to the message; gives the struct whose fields may follow, one level deeper."""
    match = _STRUCT.fullmatch(line)
    if match is not None:
        declared = definition.structs.setdefault(match["name"], Struct(match["name"], EVER))
        declared.versions = _range(match["versions"], EVER)
        return declared
    entry = _read_field(definition.name, line)
    parent.fields.append(entry)
    if entry.base in SCALARS:
        return None
    # A type that a later `struct` line declares stays without fields until then.
    return definition.structs.setdefault(entry.base, Struct(entry.base, EVER))


def _read_field(message_name: str, line: str) -> Field:
    match = _FIELD.fullmatch(line)
    if match is None:
        raise NotationError(f"{message_name}: not a field: {line!r}")
    versions = _range(match["versions"], EVER)
    tag = None if match["tag"] is None else int(match["tag"])
    base, is_array = match["type"], match["array"] is not None
    return Field(
        name=match["name"],
        attribute=to_attribute(match["name"]),
        base=base,
        is_array=is_array,
        versions=versions,
        nullable=NOTHING if match["null"] is None else _range(match["null_versions"], EVER),
        tag=tag,
        tagged=NOTHING if tag is None else _range(match["tag_versions"], EVER),
        default=_default(base, is_array, match["default"]),
        ignorable=match["ignorable"] is not None,
        inflexible=match["inflexible"] is not None,
    )


def _resolve(definition: Definition) -> None:
    """Ties each field to the struct it names."""
    for struct in (definition.root, *definition.structs.values()):
        if struct is not definition.root and not struct.fields:
            raise NotationError(f"{definition.name}: the type {struct.name} is nowhere declared")
        for entry in struct.fields:
            if entry.base not in SCALARS:
                entry.struct = definition.structs[entry.base]


def _range(text: str | None, otherwise: Range) -> Range:
    """Reads "3+", "0-12" or "7"."""
    if text is None:
        return otherwise
    if text.endswith("+"):
        return Range(int(text[:-1]), VERSION_MAX)
    low, _, high = text.partition("-")
    return Range(int(low), int(high or low))


def _default(base: str, is_array: bool, text: str | None) -> Any:
    """The value of a field nobody set.

    Arrays give () and structs the Ellipsis, for "a fresh one each time"; None is Kafka's null.
    """
    if text == "null" or (base == "records" and not is_array):
        return None
    if is_array:
        return ()
    if base in INTEGERS:
        return int(text or "0", 0)
    if base == "bool":
        return text == "true"
    return {"float64": 0.0, "uuid": bytes(16), "string": "", "bytes": b""}.get(base, ...)
