"""Makes the message classes: plain slots, every field defaulted, equality and repr by field."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, Final

from penstock.protocol import catalog
from penstock.protocol.notation import NOTHING, Definition, Field, Struct
from penstock.protocol.sources import run_source

# Where the classes say they live, so that pickle finds them again.
_MODULE: Final = "penstock.protocol.messages"


class Unset:
    """Means "not given" where None is a value: arrays and structs are made anew for every message."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<fresh>"


UNSET: Final = Unset()


class Message:
    """What all message classes share; the fields live in __slots__ of the class itself."""

    DEFINITION: ClassVar[Definition]
    STRUCT: ClassVar[Struct]
    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__qualname__}({values})"


@cache
def message_class(name: str) -> Any:
    """The class of a whole message; the classes inside it are its attributes.  KeyError: no such message."""
    definition = catalog.schema(name)
    names: dict[str, Any] = {"UNSET": UNSET}
    text = "\n\n".join(_init_text(struct) for struct in (definition.root, *definition.structs.values()))
    run_source(f"<penstock {name} __init__>", text, names)
    outer = _make_class(definition, definition.root, name, names)
    for struct in definition.structs.values():
        inner = _make_class(definition, struct, f"{name}.{struct.name}", names)
        names[struct.name] = inner
        setattr(outer, struct.name, inner)
    return outer


def struct_class(definition: Definition, struct: Struct) -> Any:
    """The class of a definition's root or of one of its inner structs."""
    outer = message_class(definition.name)
    return outer if struct is definition.root else getattr(outer, struct.name)


def is_fresh(field: Field) -> bool:
    """Whether a field nobody set holds a new object: a list or a struct.

    A tagged struct that cannot be null is None instead: on the wire its absence and its default are the
    same, and most replies would otherwise make objects only to leave them out.
    """
    return field.default == () or (field.default is ... and not is_optional_struct(field))


def is_optional_struct(field: Field) -> bool:
    """Whether None in a struct field means "not sent": it is tagged, and Kafka has no null for it."""
    return field.default is ... and field.tag is not None and field.nullable == NOTHING


def default_text(field: Field) -> str:
    """Python source of the value a decoder gives a field the version lacks."""
    if field.default == ():
        return "[]"
    if field.default is ...:
        return "None" if is_optional_struct(field) else f"{field.base}()"
    return repr(field.default)


def _make_class(definition: Definition, struct: Struct, qualname: str, names: dict[str, Any]) -> Any:
    slots = tuple(field.attribute for field in struct.fields)
    body = {
        "__slots__": slots,
        "__module__": _MODULE,
        "__qualname__": qualname,
        "__init__": names[f"init_{struct.name}"],
        "DEFINITION": definition,
        "STRUCT": struct,
    }
    return type(struct.name, (Message,), body)


def _init_text(struct: Struct) -> str:
    """Source of an __init__ that takes every field, by position in Kafka's order or by name."""
    parameters = ["self"]
    lines = []
    for field in struct.fields:
        name = field.attribute
        if is_fresh(field):
            parameters.append(f"{name}=UNSET")
            lines.append(f"    self.{name} = {default_text(field)} if {name} is UNSET else {name}")
        else:
            parameters.append(f"{name}={default_text(field)}")
            lines.append(f"    self.{name} = {name}")
    return f"def init_{struct.name}({', '.join(parameters)}):\n" + ("\n".join(lines) or "    pass") + "\n"
