"""From the text of a regular expression to what builds its machine; the language is RE2's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from penstock.kit import pattern_classes as classes
from penstock.kit.pattern_classes import Test

if TYPE_CHECKING:
    from penstock.kit.pattern import Grow, Machine

# As in RE2: what a counted repetition, or nested ones together, may multiply out to.
REPEAT_MAX: Final = 1_000
_DEPTH_MAX: Final = 100

_QUOTED = re.compile(r"\\Q(?P<quoted>.*?)(?:\\E|$)|\\.", re.DOTALL)
_COUNTED = re.compile(r"\{(\d{1,9})(,(\d{1,9})?)?\}")
_GROUP = re.compile(r"\?(?:P?<(?P<name>\w+)>|(?P<flags>[imsU]*(?:-[imsU]+)?)(?P<end>[:)]))", re.ASCII)
_POSIX = re.compile(r"\[:(?P<negated>\^?)(?P<name>\w+):\]")
_CATEGORY = re.compile(r"(?P<letter>[pP])(?:(?P<short>[A-Z])|\{(?P<negated>\^?)(?P<name>\w+)\})")
_HEX = re.compile(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,8})\})")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_ESCAPES = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_POINTS = {
    "A": classes.text_start,
    "z": classes.text_end,
    "b": classes.word_edge,
    "B": classes.no_word_edge,
}


class PatternError(ValueError):
    """Not a regular expression, or one that is not understood; the text says where."""


class Parser:
    """One expression being read. Flags hold until the end of the group that they stand in."""

    __slots__ = ("_depth", "_flags", "_place", "_repeated", "_text")

    def __init__(self, text: str) -> None:
        self._text = _QUOTED.sub(_unquoted, text)
        self._place = 0
        self._depth = 0
        self._flags: frozenset[str] = frozenset()
        # What the counted repetitions in the part just read multiply out to.
        self._repeated = 1

    def parse(self) -> Grow:
        """Error: PatternError."""
        grow = self._either()
        if self._place < len(self._text):
            raise self._error("a ) closes no group")
        return grow

    def _either(self) -> Grow:
        options = [self._chain()]
        repeated = self._repeated
        while self._takes("|"):
            options.append(self._chain())
            repeated = max(repeated, self._repeated)
        self._repeated = repeated
        if len(options) == 1:
            return options[0]
        return lambda machine, then: machine.pause(None, *[option(machine, then) for option in options])

    def _chain(self) -> Grow:
        parts: list[Grow] = []
        repeated = 1
        while self._place < len(self._text) and self._text[self._place] not in "|)":
            self._repeated = 1
            parts.append(self._repeat())
            repeated = max(repeated, self._repeated)
        self._repeated = repeated

        def grow(machine: Machine, then: int) -> int:
            for part in reversed(parts):
                then = part(machine, then)
            return then

        return grow

    def _repeat(self) -> Grow:
        part = self._atom()
        bounds = self._bounds()
        if bounds is None:
            return part
        self._takes("?")
        if self._bounds() is not None:
            raise self._error("a repetition is repeated; expected a group around it")
        low, high = bounds
        return _repetition(part, low, high)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._takes(sign):
                return bounds
        counted = _COUNTED.match(self._text, self._place)
        if counted is None:
            # RE2 takes a brace that begins no count for itself.
            return None
        self._place = counted.end()
        low = int(counted[1])
        high = low if counted[2] is None else None if counted[3] is None else int(counted[3])
        self._repeated *= max(1, low, high or 0)
        if self._repeated > REPEAT_MAX or (high is not None and high < low):
            raise self._error(f"the count {counted[0]} is upside down, or repeats more than {REPEAT_MAX} times")
        return low, high

    def _atom(self) -> Grow:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return self._one(self._class())
        if char == "\\":
            return self._escape()
        if char == ".":
            return _one(classes.anything if "s" in self._flags else classes.anything_but_newline)
        if char == "^":
            return _point(classes.line_start if "m" in self._flags else classes.text_start)
        if char == "$":
            return _point(classes.line_end if "m" in self._flags else classes.text_end)
        if char in "*+?":
            raise self._error(f"{char} repeats nothing")
        return self._one(char.__eq__)

    def _group(self) -> Grow:
        outer = self._flags
        if self._text.startswith("?", self._place):
            head = _GROUP.match(self._text, self._place)
            if head is None:
                raise self._error("a group begins with (? and something that is not understood")
            self._place = head.end()
            if head["name"] is None:
                on, _, off = head["flags"].partition("-")
                self._flags = (outer | set(on)) - set(off)
                if head["end"] == ")":
                    return _nothing
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise self._error(f"groups are nested deeper than {_DEPTH_MAX}")
        grow = self._either()
        self._depth -= 1
        self._flags = outer
        if not self._takes(")"):
            raise self._error("a group is not closed")
        return grow

    def _class(self) -> Test:
        negated = self._takes("^")
        tests: list[Test] = []
        while not (self._text.startswith("]", self._place) and tests):
            tests.append(self._class_part())
        self._place += 1
        test = classes.any_of(tests)
        if "i" in self._flags:
            test = classes.in_any_case(test)
        return classes.none_of(test) if negated else test

    def _class_part(self) -> Test:
        named = _POSIX.match(self._text, self._place)
        if named is not None and named["name"] in classes.POSIX:
            self._place = named.end()
            test = classes.one_of(classes.POSIX[named["name"]])
            return classes.none_of(test) if named["negated"] else test
        low = self._class_char()
        if not isinstance(low, str):
            return low
        follows = self._text[self._place : self._place + 2]
        if len(follows) < 2 or follows[0] != "-" or follows[1] == "]":
            return low.__eq__
        self._place += 1
        high = self._class_char()
        if not isinstance(high, str) or high < low:
            raise self._error("a range in a class is upside down")
        return classes.between(low, high)

    def _class_char(self) -> str | Test:
        char = self._next()
        return self._class_escape() or self._char_escape() if char == "\\" else char

    def _escape(self) -> Grow:
        for letter, test in _POINTS.items():
            if self._takes(letter):
                return _point(test)
        named = self._class_escape()
        if named is not None:
            return self._one(named)
        return self._one(self._char_escape().__eq__)

    def _class_escape(self) -> Test | None:
        """The class that follows a backslash; None when something else does."""
        letter = self._text[self._place : self._place + 1]
        if letter and letter.lower() in classes.PERL:
            self._place += 1
            test = classes.one_of(classes.PERL[letter.lower()])
            return test if letter.islower() else classes.none_of(test)
        named = _CATEGORY.match(self._text, self._place)
        if named is None:
            return None
        self._place = named.end()
        name = named["short"] or named["name"]
        if name == "Any":
            test = classes.anything
        elif name in classes.CATEGORIES:
            test = classes.category(name)
        else:
            raise self._error(f"{name} is no category of characters that is understood")
        return classes.none_of(test) if (named["letter"] == "P") != bool(named["negated"]) else test

    def _char_escape(self) -> str:
        """The character that is meant by what follows a backslash."""
        hexadecimal = _HEX.match(self._text, self._place)
        octal = _OCTAL.match(self._text, self._place)
        if hexadecimal is not None:
            self._place = hexadecimal.end()
            code = int(hexadecimal[1] or hexadecimal[2], 16)
        elif octal is not None:
            self._place = octal.end()
            code = int(octal[0], 8)
        else:
            char = self._next()
            if char in _ESCAPES:
                return _ESCAPES[char]
            if char.isascii() and char.isalnum():
                raise self._error(f"\\{char} means nothing")
            return char
        if code > 0x10FFFF:
            raise self._error("there is no such character")
        return chr(code)

    def _one(self, test: Test) -> Grow:
        return _one(classes.in_any_case(test) if "i" in self._flags else test)

    def _next(self) -> str:
        if self._place >= len(self._text):
            raise self._error("the expression ends too early")
        self._place += 1
        return self._text[self._place - 1]

    def _takes(self, text: str) -> bool:
        found = self._text.startswith(text, self._place)
        if found:
            self._place += len(text)
        return found

    def _error(self, what: str) -> PatternError:
        return PatternError(f"at character {self._place} of {self._text[:80]!r}: {what}")


def _unquoted(found: re.Match[str]) -> str:
    """What stands between \\Q and \\E, each sign of it behind a backslash; any other escape as it is."""
    quoted = found["quoted"]
    if quoted is None:
        return found[0]
    return "".join(char if char.isalnum() or not char.isascii() else f"\\{char}" for char in quoted)


def _nothing(machine: Machine, then: int) -> int:
    return then


def _one(test: Test) -> Grow:
    return lambda machine, then: machine.take(test, then)


def _point(test: Callable[[str, str], bool]) -> Grow:
    return lambda machine, then: machine.pause(test, then)


def _repetition(part: Grow, low: int, high: int | None) -> Grow:
    def grow(machine: Machine, then: int) -> int:
        if high is None:
            loop = machine.pause(None)
            machine.forks[loop] += [part(machine, loop), then]
            then = loop
        else:
            end = then
            for _ in range(high - low):
                then = machine.pause(None, part(machine, then), end)
        for _ in range(low):
            then = part(machine, then)
        return then

    return grow
