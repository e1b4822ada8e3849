"""Replies as plain trees that two servers can have in common: names for ids, no times, no order where there is none."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from penstock.protocol.classes import struct_class
from penstock.protocol.notation import Definition, Field, Struct
from penstock.records.batch import walk
from penstock.records.fault import BatchError
from penstock.records.header import HEADER_SIZE

# Times before are those of the scripts' own records; what is later was read from a clock.
_CLOCK_FROM_MS, _CLOCK_TO_MS = 1_750_000_000_000, 3_000_000_000_000
# About the machine, not about Kafka.
_LEFT_OUT = {"throttle_time_ms", "cluster_id", "host", "port", "log_dir", "total_bytes", "usable_bytes"}
_IDS = {
    "producer_id": "producer",
    "member_id": "member",
    "leader": "member",
    "topic_id": "topic",
    "session_id": "session",
}
# Who asks for all that there is gets what other scripts have made, too.
_LISTS_ALL = {
    "Metadata",
    "DescribeTopicPartitions",
    "ListGroups",
    "ListTransactions",
    "ListConfigResources",
    "DescribeLogDirs",
}
# Names of other scripts, see `pair.fresh_prefix`, and Kafka's own topics.
_FOREIGN = re.compile(r"o[0-9a-f]{6}-|__|$")
_NAMES = ("name", "topic", "group_id", "transactional_id", "resource_name", "topic_name")


class Symbols:
    """Names for what one server made up, in the order in which a script saw it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Any], str] = {}
        self._counts: dict[str, int] = {}

    def name(self, kind: str, value: Any) -> str:
        if (kind, value) not in self._known:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            self._known[kind, value] = f"<{kind} {number}>"
        return self._known[kind, value]

    def copy(self) -> Symbols:
        made = Symbols()
        made._known, made._counts = dict(self._known), dict(self._counts)
        return made

    def known(self, kind: str, value: Any) -> str:
        """The name that it has, or that of a stranger."""
        return self._known.get((kind, value), "")


class Difference(NamedTuple):
    """Where two plain replies are not the same. path: `topics[].error_code`."""

    path: str
    apache: Any
    ours: Any


def plain(api: str, version: int, reply: Any, symbols: Symbols, prefix: str) -> Any:
    """prefix: of the script's own names; told as `~`."""
    definition = type(reply).DEFINITION
    tree = _Plain(definition, version, prefix).struct(definition.root, reply)
    if api in _LISTS_ALL:
        tree = _own(tree, prefix)
    return _told(_sorted(tree, symbols), symbols)


def differences(apache: Any, ours: Any, path: str = "") -> list[Difference]:
    """Where the two are not the same."""
    if type(apache) is not type(ours):
        return [Difference(path, apache, ours)]
    if isinstance(apache, dict):
        names = [*apache, *(name for name in ours if name not in apache)]
        return [
            found
            for name in names
            for found in differences(apache.get(name), ours.get(name), f"{path}.{name}" if path else name)
        ]
    if isinstance(apache, list) and len(apache) == len(ours):
        return [
            found for one, other in zip(apache, ours, strict=True) for found in differences(one, other, f"{path}[]")
        ]
    return [] if apache == ours else [Difference(path, apache, ours)]


class _Id(NamedTuple):
    """What a server made up; `_told` gives it a name."""

    kind: str
    value: Any


class _Plain:
    """Messages of one version to trees of dictionaries, lists and what JSON has, with `_Id` in them."""

    def __init__(self, definition: Definition, version: int, prefix: str) -> None:
        self.definition, self.version, self.prefix = definition, version, prefix

    def struct(self, struct: Struct, value: Any) -> Any:
        return {
            entry.attribute: self.field(entry, getattr(value, entry.attribute))
            for entry in struct.fields
            if entry.versions.has(self.version) and entry.attribute not in _LEFT_OUT
        }

    def field(self, entry: Field, value: Any) -> Any:
        if value is None:
            if entry.attribute.endswith("error_message"):
                return "words"
            # A tagged struct that was not sent is one of defaults.
            unsent = entry.struct is not None and not entry.is_array and not entry.nullable.has(self.version)
            return self.struct(entry.struct, struct_class(self.definition, entry.struct)()) if unsent else None
        if entry.is_array:
            return [self.element(entry, one) for one in value]
        return self.element(entry, value)

    def element(self, entry: Field, value: Any) -> Any:
        name = entry.attribute
        if entry.struct is not None:
            return self.struct(entry.struct, value)
        if entry.base == "records":
            return _batches(bytes(value))
        if name.endswith("error_message") or name == "documentation":
            return "words"
        if name in _IDS:
            return _Id(_IDS[name], value) if value not in ("", -1, 0, bytes(16)) else _text(value, self.prefix)
        if "time" in name or name == "timestamp":
            return _time(value)
        return _text(value, self.prefix)


def _text(value: Any, prefix: str) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value).decode("latin-1")
    return value.replace(prefix, "~") if isinstance(value, str) else value


def _time(value: int) -> int | str:
    return "now" if _CLOCK_FROM_MS <= value <= _CLOCK_TO_MS else value


def _batches(data: bytes) -> Any:
    """The whole batches; the last may have been cut by a limit of bytes, then it counts for nothing."""
    found = []
    try:
        for header, batch in walk(data):
            told = header._asdict()
            # What the producer id, known by a name, and the times of markers go into.
            del told["crc"]
            told["producer_id"] = _Id("producer", header.producer_id) if header.producer_id >= 0 else -1
            told["base_timestamp"], told["max_timestamp"] = _time(header.base_timestamp), _time(header.max_timestamp)
            told["records"] = bytes(batch[HEADER_SIZE:]).hex()
            found.append(told)
    except BatchError as error:
        return f"not batches: {error}"
    return found


def _own(tree: Any, prefix: str) -> Any:
    """Without the entries of lists whose name is another's."""
    if isinstance(tree, dict):
        return {name: _own(value, prefix) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_own(one, prefix) for one in tree if not _is_foreign(one)]
    return tree


def _is_foreign(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    name = next((entry[name] for name in _NAMES if name in entry), None)
    return isinstance(name, str) and _FOREIGN.match(name) is not None


def _sorted(tree: Any, symbols: Symbols) -> Any:
    """No client may count on the order of topics, partitions or members; batches keep theirs."""
    if isinstance(tree, dict):
        return {name: value if name == "records" else _sorted(value, symbols) for name, value in tree.items()}
    if isinstance(tree, list):
        return sorted((_sorted(one, symbols) for one in tree), key=lambda one: json.dumps(_masked(one, symbols)))
    return tree


def _masked(tree: Any, symbols: Symbols) -> Any:
    """With the names of those ids that have one, and nothing in place of the others."""
    if isinstance(tree, _Id):
        return symbols.known(*tree)
    if isinstance(tree, dict):
        return {name: _masked(value, symbols) for name, value in tree.items()}
    return [_masked(one, symbols) for one in tree] if isinstance(tree, list) else tree


def _told(tree: Any, symbols: Symbols) -> Any:
    if isinstance(tree, _Id):
        return symbols.name(*tree)
    if isinstance(tree, dict):
        return {name: _told(value, symbols) for name, value in tree.items()}
    return [_told(one, symbols) for one in tree] if isinstance(tree, list) else tree
