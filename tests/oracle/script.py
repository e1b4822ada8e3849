"""A script: what is asked, as plain JSON, with names and numbers that only a server can tell left open.

In a request's body a text that begins with `~` is a name of this run's own; an object stands for what JSON has not:

    {"$": "epoch x0", "+": 1, "else": 7}    what the server told under that name, one more; 7 if it has told nothing
    {"$hex": "00ff"}                        bytes
    {"$batch": {...}}                       a record batch, see `batches`
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from penstock.protocol.apis import API, Api
from penstock.protocol.classes import struct_class
from penstock.protocol.notation import Definition, Field, Struct
from tests.oracle.batches import make_batch

APIS: dict[str, Api] = {api.name: api for api in API.values()}
Body = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One request. on: which of the script's connections; learns: under which name its answer is remembered."""

    api: str
    version: int
    body: Body
    on: int = 0
    learns: str = ""


@dataclass(frozen=True)
class Script:
    """topics: {name: {"partitions": count, "configs": {...}}}, there before the first step. origin: who made it."""

    steps: tuple[Step, ...]
    topics: dict[str, Any] = field(default_factory=dict)
    origin: str = ""

    def with_steps(self, steps: list[Step]) -> Script:
        return replace(self, steps=tuple(steps))

    def to_json(self) -> str:
        """One step a line, so that a script can be read and edited."""
        steps = ",\n  ".join(json.dumps(asdict(step)) for step in self.steps)
        head = f'"origin": {json.dumps(self.origin)},\n "topics": {json.dumps(self.topics)}'
        return f'{{{head},\n "steps": [\n  {steps}\n ]}}\n'

    @staticmethod
    def from_json(text: str) -> Script:
        made = json.loads(text)
        return Script(tuple(Step(**step) for step in made["steps"]), made["topics"], made["origin"])


def ref(name: str, plus: int = 0, other: Any = None) -> dict[str, Any]:
    """What the server told under `name`, and something to add; other: when it told nothing."""
    made: dict[str, Any] = {"$": name}
    if plus:
        made["+"] = plus
    if other is not None:
        made["else"] = other
    return made


def hexed(data: bytes) -> dict[str, str]:
    return {"$hex": data.hex()}


def message_of(step: Step, told: dict[str, Any], prefix: str) -> Any:
    """The request for a server that told `told`. prefix: what `~` stands for.

    Fields that the version has not are left out, and so are nulls where it has none.
    """
    definition = APIS[step.api].request.DEFINITION
    return _Builder(definition, step.version, told, prefix).struct(definition.root, step.body)


@dataclass
class _Builder:
    definition: Definition
    version: int
    told: dict[str, Any]
    prefix: str

    def struct(self, struct: Struct, body: Body) -> Any:
        known = {entry.attribute for entry in struct.fields}
        assert body.keys() <= known, f"{struct.name} has no {sorted(body.keys() - known)}"
        fields = {}
        for entry in struct.fields:
            if entry.attribute in body and entry.versions.has(self.version):
                value = self.value(entry, body[entry.attribute])
                if value is not None or entry.nullable.has(self.version):
                    fields[entry.attribute] = value
        return struct_class(self.definition, struct)(**fields)

    def value(self, entry: Field, value: Any) -> Any:
        value = self._found(entry, value)
        if value is None:
            return None
        if entry.is_array:
            return [self._element(entry, one) for one in value]
        return self._element(entry, value)

    def _element(self, entry: Field, value: Any) -> Any:
        if entry.struct is not None:
            return self.struct(entry.struct, value)
        return self._found(entry, value)

    def _found(self, entry: Field, value: Any) -> Any:
        """The value with what stands for something else replaced."""
        if isinstance(value, str):
            return self.prefix + value[1:] if value.startswith("~") else value
        if not isinstance(value, dict) or (entry.struct is not None and "$" not in value):
            return value
        if "$hex" in value:
            return bytes.fromhex(value["$hex"])
        if "$batch" in value:
            return make_batch({name: self._found(entry, one) for name, one in value["$batch"].items()})
        return self._told(entry, value)

    def _told(self, entry: Field, wanted: dict[str, Any]) -> Any:
        found = self.told.get(wanted["$"], wanted.get("else"))
        if found is None:
            found = _NOTHING.get(entry.base, -1) if not entry.is_array else None
        if isinstance(found, int) and "+" in wanted:
            found += wanted["+"]
        return self._found(entry, found) if isinstance(found, str | dict) else found


# What stands where a server told nothing: no topic has this id.
_NOTHING = {"string": "", "uuid": b"no such topic id", "bytes": b""}
