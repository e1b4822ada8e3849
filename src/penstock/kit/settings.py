"""Settings as data: a definition names a setting, its kind, default and limits; text in, typed values out.

The value syntax is Kafka's: white space around a value is dropped, booleans are true or false in any case, numbers are
decimal, lists are separated by commas. Secrets never appear in an error.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum
from typing import Any

Value = bool | int | float | str | list[str] | None


class Kind(IntEnum):
    """What a value is. The numbers are those of Kafka's DescribeConfigs."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class SettingError(ValueError):
    """A setting that cannot be taken. name: the setting; the text says what was found and what was expected."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


@dataclass(frozen=True, slots=True)
class Check:
    """A limit. expected: completes "expected ..."; holds: whether a parsed value is within it."""

    expected: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Definition:
    """One setting. default: as text, None where nothing stands for "not set"; check: None allows all of the kind."""

    name: str
    kind: Kind
    default: str | None
    documentation: str
    check: Check | None = None

    def parse(self, text: str) -> Value:
        """The typed value of `text`. Error: SettingError."""
        trimmed = text.strip()
        value = _PARSERS[self.kind](trimmed)
        if value is None:
            raise SettingError(self.name, self._wrong_kind(trimmed))
        if self.check is not None and not self.check.holds(value):
            shown = "(hidden)" if self.kind is Kind.PASSWORD else repr(trimmed)
            raise SettingError(self.name, f"{self.name} = {shown}: expected {self.check.expected}")
        return value

    @property
    def default_value(self) -> Value:
        return None if self.default is None else self.parse(self.default)

    def _wrong_kind(self, text: str) -> str:
        hint = _hint(self.name, text) if self.kind in _NUMBERS else ""
        return f"{self.name} = {text!r} is not {_KIND_TEXT[self.kind]}{hint}"


def parse(definitions: Mapping[str, Definition], given: Mapping[str, str]) -> dict[str, Value]:
    """A value for every definition: the given one, else the default. Error: SettingError, also for unknown names."""
    for name in given:
        if name not in definitions:
            raise SettingError(name, unknown(name, definitions))
    return {
        name: definition.parse(given[name]) if name in given else definition.default_value
        for name, definition in definitions.items()
    }


def unknown(name: str, known: Iterable[str], what: str = "setting") -> str:
    """The text for a name that is not defined; suggests the one that was probably meant."""
    meant = get_close_matches(name, list(known), n=1, cutoff=0.8)
    return f"there is no {what} {name!r}" + (f"; did you mean {meant[0]!r}?" if meant else "")


def to_text(value: Value) -> str | None:
    """The value as Kafka prints it: the text that parses to the same value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _double_text(value)
    if isinstance(value, list):
        return ",".join(value)
    return None if value is None else str(value)


def split_list(text: str) -> list[str]:
    """The elements of a list value; the empty text is the empty list."""
    return re.split(r"\s*,\s*", text.strip()) if text.strip() else []


# --- limits -----------------------------------------------------------------------------------------------------------


def at_least(low: float) -> Check:
    return Check(f"at least {low:g}" if isinstance(low, float) else f"at least {low}", lambda value: value >= low)


def between(low: float, high: float, or_else: int | None = None) -> Check:
    """low and high included; or_else: one value outside of them that is allowed too."""
    also = "" if or_else is None else f", or {or_else}"
    return Check(f"{low} to {high}{also}", lambda value: low <= value <= high or value == or_else)


def one_of(*allowed: str, any_case: bool = False) -> Check:
    if any_case:
        lowered = {name.lower() for name in allowed}
        return Check(f"one of {', '.join(allowed)}, in any case", lambda value: value.lower() in lowered)
    return Check(f"one of {', '.join(allowed)}", lambda value: value in allowed)


def all_of(*allowed: str) -> Check:
    """Every element of the list is one of `allowed`; the empty list passes."""
    return Check(f"a list of {', '.join(allowed)}", lambda value: all(element in allowed for element in value))


def only(value: Value, why: str) -> Check:
    """One value, because the others are not served."""
    return Check(f"{to_text(value) or 'nothing'}: {why}", lambda given: given == value)


# --- syntax -----------------------------------------------------------------------------------------------------------

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_DECIMAL = re.compile(r"[+-]?(([0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})([eE][+-]?[0-9]{1,4})?|Infinity)")


def _whole(bits: int) -> Callable[[str], int | None]:
    limit = 1 << (bits - 1)

    def parse_whole(text: str) -> int | None:
        if not _WHOLE.fullmatch(text):
            return None
        value = int(text)
        return value if -limit <= value < limit else None

    return parse_whole


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def _double(text: str) -> float | None:
    return float(text) if _DECIMAL.fullmatch(text) else None


_PARSERS: Mapping[Kind, Callable[[str], Value]] = {
    Kind.BOOLEAN: _boolean,
    Kind.STRING: str,
    Kind.INT: _whole(32),
    Kind.SHORT: _whole(16),
    Kind.LONG: _whole(64),
    Kind.DOUBLE: _double,
    Kind.LIST: split_list,
    Kind.CLASS: str,
    Kind.PASSWORD: str,
}
_NUMBERS = frozenset((Kind.INT, Kind.SHORT, Kind.LONG))
_KIND_TEXT = {
    Kind.BOOLEAN: "true or false",
    Kind.INT: "a whole number of 32 bits",
    Kind.SHORT: "a whole number of 16 bits",
    Kind.LONG: "a whole number of 64 bits",
    Kind.DOUBLE: "a number",
}

# People write durations and sizes with units; Kafka takes bare numbers in the unit that the name ends with.
_WITH_UNIT = re.compile(r"([0-9]{1,12})\s*([a-zA-Z]{1,3})")
_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_BYTES = {"b": 1, "k": 1024, "kb": 1024, "kib": 1024, "m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20}
_BYTES |= {"g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30}


def _hint(name: str, text: str) -> str:
    """What the person probably meant: "7d" for a name in milliseconds is 604800000."""
    match = _WITH_UNIT.fullmatch(text)
    for ending, word, units in ((".ms", "milliseconds", _MS), (".bytes", "bytes", _BYTES)):
        if match and name.endswith(ending) and match[2].lower() in units:
            return f"; in {word} that is {int(match[1]) * units[match[2].lower()]}"
    return ""


def _double_text(value: float) -> str:
    """As Java prints a double: 0.5, 1.0E7, 1.7976931348623157E308, Infinity."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    digits, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        digits, _, exponent = _scientific(value)
    whole, _, fraction = digits.partition(".")
    return f"{whole}.{fraction or '0'}E{int(exponent)}"


def _scientific(value: float) -> tuple[str, str, str]:
    """The shortest digits with an exponent, for numbers that Python would print without one."""
    text = next(text for text in (f"{value:.{digits}e}" for digits in range(18)) if float(text) == value)
    return text.partition("e")
