"""The syntax of RE2 patterns: from text to a tree. Only what decides a whole match is kept: no captures, no greed.

Source: RE2's syntax, with the flags and the error texts of RE2/J 1.8, which Apache Kafka uses.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

from penstock.kit import pattern_classes as classes
from penstock.kit.pattern_classes import PERL, POSIX, Test

REPEAT_MAX = 1_000
# Groups inside of groups; each level costs a few stack frames here and in the program made from it.
_DEPTH_MAX = 100
UNBOUNDED = -1


class PatternError(ValueError):
    """The pattern is none; the text says why, in the words of RE2/J."""


class Place(Enum):
    """What can be asked of a place between two characters."""

    START = auto()
    END = auto()
    LINE_START = auto()
    LINE_END = auto()
    BOUNDARY = auto()
    NO_BOUNDARY = auto()


class Chars(NamedTuple):
    """One character that passes a test."""

    test: Test


class At(NamedTuple):
    """No character, but a condition on the place."""

    place: Place


class Sequence(NamedTuple):
    parts: tuple[Node, ...]


class Choice(NamedTuple):
    options: tuple[Node, ...]


class Repeat(NamedTuple):
    """count_max: UNBOUNDED for as often as one likes."""

    node: Node
    count_min: int
    count_max: int


Node = Chars | At | Sequence | Choice | Repeat

_COUNT = re.compile(r"\{([0-9]+)(,([0-9]*))?\}")
_NAME = re.compile(r"\(\?P?<([^>]*)>")
_FLAGS = re.compile(r"\(\?([a-zA-Z-]*)([:)])")
_HEX = re.compile(r"\\x(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{2}))")
_OCTAL = re.compile(r"\\(0[0-7]{0,2}|[1-7][0-7]{1,2})")
_UNICODE = re.compile(r"\\([pP])(?:\{(\^?)([^}]*)\}|(.))", re.DOTALL)
_POSIX = re.compile(r"\[:(\^?)(.*?):\]")
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_PLACES = {"A": Place.START, "z": Place.END, "b": Place.BOUNDARY, "B": Place.NO_BOUNDARY}
_SIMPLE_REPEATS = {"*": (0, UNBOUNDED), "+": (1, UNBOUNDED), "?": (0, 1)}
_UNICODE_MAX = 0x10FFFF


def parse(text: str) -> Node:
    """The tree of a pattern. Error: PatternError."""
    parser = _Parser(text)
    node = parser.choice(0)
    if parser.rest:
        raise PatternError("unexpected )")
    return node


class _Parser:
    """Reads from the left; what was read is gone. on: flags in force, of `imsU`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.on: frozenset[str] = frozenset()
        self.names: set[str] = set()

    @property
    def rest(self) -> bool:
        return self.position < len(self.text)

    def peek(self) -> str:
        return self.text[self.position] if self.rest else ""

    def take(self, text: str) -> bool:
        if not self.text.startswith(text, self.position):
            return False
        self.position += len(text)
        return True

    def taken(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.position)
        if match is not None:
            self.position = match.end()
        return match

    def choice(self, depth: int) -> Node:
        """Options between bars, up to a closing parenthesis or the end."""
        if depth > _DEPTH_MAX:
            raise PatternError("expression nests too deeply")
        outer = self.on
        options = [self.sequence(depth)]
        while self.take("|"):
            options.append(self.sequence(depth))
        self.on = outer
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        repeated = False
        while self.rest and self.peek() not in "|)":
            bounds = self.repeat_bounds()
            if bounds is None:
                parts.extend(self.atoms(depth))
                repeated = False
                continue
            if repeated:
                raise PatternError("invalid nested repetition operator")
            if not parts:
                raise PatternError("missing argument to repetition operator")
            parts[-1] = Repeat(parts[-1], *bounds)
            repeated = True
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def repeat_bounds(self) -> tuple[int, int] | None:
        """(least, most) if a repetition comes next; its preference for few or many does not matter."""
        bounds = _SIMPLE_REPEATS.get(self.peek())
        if bounds is not None:
            self.position += 1
        else:
            match = self.taken(_COUNT)
            if match is None:
                return None
            least = _count(match[1])
            most = least if match[2] is None else _count(match[3]) if match[3] else UNBOUNDED
            if least > REPEAT_MAX or most > REPEAT_MAX or UNBOUNDED != most < least:
                raise PatternError("invalid repeat count")
            bounds = least, most
        self.take("?")
        return bounds

    def atoms(self, depth: int) -> list[Node]:
        """What the next operator would repeat comes last; mere flags and empty quotes give nothing."""
        char = self.peek()
        if char == "(":
            return self.group(depth)
        if char == "[":
            return [Chars(self.char_class())]
        if char == "\\":
            return self.escape()
        self.position += 1
        if char == ".":
            return [Chars(classes.anything if "s" in self.on else classes.anything_but_newline)]
        if char == "^":
            return [At(Place.LINE_START if "m" in self.on else Place.START)]
        if char == "$":
            return [At(Place.LINE_END if "m" in self.on else Place.END)]
        return [Chars(self.fold(char.__eq__))]

    def group(self, depth: int) -> list[Node]:
        outer = self.on
        if self.text.startswith("(?", self.position):
            named = self.taken(_NAME)
            if named is not None:
                self.note_name(named[1])
            elif self.text.startswith(("(?P", "(?<"), self.position):
                raise PatternError("invalid named capture")
            elif not self.flags():
                return []
        else:
            self.position += 1
        node = self.choice(depth + 1)
        if not self.take(")"):
            raise PatternError("missing closing )")
        self.on = outer
        return [node]

    def note_name(self, name: str) -> None:
        if not re.fullmatch("[A-Za-z0-9_]+", name):
            raise PatternError("invalid named capture")
        if name in self.names:
            raise PatternError("duplicate capture group name")
        self.names.add(name)

    def flags(self) -> bool:
        """Takes `(?flags)` or `(?flags:`; whether a group begins."""
        match = self.taken(_FLAGS)
        if match is None:
            raise PatternError("invalid or unsupported Perl syntax")
        on, minus, off = match[1].partition("-")
        wrong = set(on + off) - set("imsU") or (minus and not off) or (match[2] == ")" and not on + off)
        if wrong:
            raise PatternError("invalid or unsupported Perl syntax")
        self.on = (self.on | set(on)) - set(off)
        return match[2] == ":"

    def fold(self, test: Test) -> Test:
        return classes.in_any_case(test) if "i" in self.on else test

    def escape(self) -> list[Node]:
        if self.take("\\Q"):
            quoted, _, after = self.text[self.position :].partition("\\E")
            self.position = len(self.text) - len(after)
            return [Chars(self.fold(char.__eq__)) for char in quoted]
        following = self.text[self.position + 1 : self.position + 2]
        place = _PLACES.get(following) if following else None
        if place is not None:
            self.position += 2
            return [At(place)]
        return [Chars(self.fold(self.escaped_set()))]

    def escaped_set(self) -> Test:
        """\\d, \\pL and their like, or a single character."""
        following = self.text[self.position + 1 : self.position + 2]
        if following and following.lower() in PERL:
            self.position += 2
            test = classes.one_of(PERL[following.lower()])
            return test if following.islower() else classes.none_of(test)
        if following in ("p", "P"):
            return self.unicode_set()
        return chr(self.escaped_code()).__eq__

    def unicode_set(self) -> Test:
        match = self.taken(_UNICODE)
        name = "" if match is None else match[3] if match[4] is None else match[4]
        test = classes.unicode_class(name)
        if match is None or test is None:
            raise PatternError("invalid character class range")
        negated = (match[1] == "P") != (match[2] == "^")
        return classes.none_of(test) if negated else test

    def escaped_code(self) -> int:
        """The code point of an escaped character."""
        octal = self.taken(_OCTAL)
        if octal is not None:
            return int(octal[1], 8)
        hexadecimal = self.taken(_HEX)
        if hexadecimal is not None:
            code = int(hexadecimal[1] or hexadecimal[2], 16)
            if code > _UNICODE_MAX:
                raise PatternError("invalid escape sequence")
            return code
        following = self.text[self.position + 1 : self.position + 2]
        if not following:
            raise PatternError("trailing backslash at end of expression")
        self.position += 2
        if following in _CONTROLS:
            return _CONTROLS[following]
        if following.isascii() and not following.isalnum():
            return ord(following)
        raise PatternError("invalid escape sequence")

    def char_class(self) -> Test:
        self.position += 1
        negated = self.take("^")
        parts: list[Test] = []
        is_first = True
        while is_first or self.peek() != "]":
            if not self.rest:
                raise PatternError("missing closing ]")
            is_first = False
            parts.append(self.class_part())
        self.position += 1
        test = self.fold(classes.any_of(parts))
        return classes.none_of(test) if negated else test

    def class_part(self) -> Test:
        named = self.taken(_POSIX) if self.text.startswith("[:", self.position) else None
        if named is not None:
            if named[2] not in POSIX:
                raise PatternError("invalid character class range")
            test = classes.one_of(POSIX[named[2]])
            return classes.none_of(test) if named[1] else test
        following = self.text[self.position + 1 : self.position + 2]
        if self.peek() == "\\" and following and following in "dDsSwWpP":
            return self.escaped_set()
        low = high = self.class_code()
        if self.peek() == "-" and self.text[self.position + 1 : self.position + 2] not in ("]", ""):
            self.position += 1
            high = self.class_code()
        if high < low:
            raise PatternError("invalid character class range")
        return classes.between(chr(low), chr(high))

    def class_code(self) -> int:
        if not self.rest:
            raise PatternError("missing closing ]")
        if self.peek() == "\\":
            return self.escaped_code()
        self.position += 1
        return ord(self.text[self.position - 1])


def _count(digits: str) -> int:
    # Longer numbers are too large whatever they say.
    return int(digits[:6])
