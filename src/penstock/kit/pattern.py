"""Regular expressions of strangers with RE2's promise: the time of a match grows with the text, never faster.

A backtracking matcher would let one stranger's pattern hold up everybody. Here the set of all places in the pattern
that a text can have reached moves forward with each of its characters, and moves seen before are remembered.
Topics are chosen by patterns (KIP-848), and transactional ids (KIP-1152).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NamedTuple

from penstock.kit.pattern_classes import Test, is_word
from penstock.kit.pattern_parser import (
    UNBOUNDED,
    At,
    Chars,
    Choice,
    Node,
    PatternError,
    Place,
    Repeat,
    Sequence,
    parse,
)

__all__ = ["PATTERN_LENGTH_MAX", "STEPS_LOOKED_AT_MAX", "Pattern", "PatternError", "Patterns", "Work", "pattern"]

PATTERN_LENGTH_MAX = 4_096
# About a tenth of a second. A pattern as people write them takes some thousand steps, however many names there are.
STEPS_LOOKED_AT_MAX = 200_000
# Steps of a program; counted repetitions inside of each other multiply.
_STEPS_MAX = 20_000
# Steps in all moves that are remembered, about 100 bytes each; a move counts as this many more.
_STEPS_REMEMBERED_MAX = 20_000
_MOVE_STEPS = 4
_PATTERNS_REMEMBERED_MAX = 256
# Steps of all programs that are remembered, some 200 bytes each.
_PROGRAMS_STEPS_MAX = 200_000
# Names are matched again whenever some topic comes or goes, and nearly all of them are the same as before.
_NAMES_REMEMBERED_MAX = 5_000
_MATCH = -1


class _Step(NamedTuple):
    """Take a character that passes `test` (None: take none), if `place` allows it, and go on at any of `then`."""

    test: Test | None
    place: Place | None
    then: tuple[int, ...]


class Work:
    """What matching may cost its caller. left: steps of programs that may still be looked at."""

    __slots__ = ("left",)

    def __init__(self, left: int = STEPS_LOOKED_AT_MAX) -> None:
        self.left = left


class Pattern:
    """A pattern, ready to be matched. Error: PatternError."""

    def __init__(self, text: str) -> None:
        if len(text) > PATTERN_LENGTH_MAX:
            raise PatternError(f"it has {len(text)} characters, expected at most {PATTERN_LENGTH_MAX}")
        self.text = text
        self._steps: list[_Step] = []
        self._first = self._add(parse(text), _MATCH)
        self._start = frozenset((self._first,))
        self._moves: dict[tuple[frozenset[int], str, str], frozenset[int]] = {}
        # Each set once: two that are equal take as long to compare as they are large.
        self._sets: dict[frozenset[int], frozenset[int]] = {}
        self._steps_remembered = 0
        self._decided: dict[str, bool] = {}

    @property
    def size(self) -> int:
        """Steps of its program."""
        return len(self._steps)

    def matching(self, names: Iterable[str], work: Work) -> frozenset[str]:
        """The names that fit as a whole. Error: PatternError when that is more work than is left."""
        return frozenset(name for name in names if self.matches(name, work))

    def matches(self, name: str, work: Work | None = None) -> bool:
        """Whether the whole name fits. Error: PatternError when that is more work than is left, if there is a bound."""
        found = self._decided.get(name)
        if found is None:
            if len(self._decided) >= _NAMES_REMEMBERED_MAX:
                self._decided.clear()
            found = self._decided[name] = self._fits(name, work or Work(sys.maxsize))
        return found

    def _fits(self, name: str, work: Work) -> bool:
        reached = self._start
        before = ""
        for char in name:
            reached = self._move(reached, before, char, work)
            if not reached:
                return False
            before = char
        return _MATCH in self._move(reached, before, "", work)

    def _move(self, reached: frozenset[int], before: str, char: str, work: Work) -> frozenset[int]:
        """Where one character leads; "" stands for the start, and for the end."""
        # Of the character before it only matters whether it is a letter of a word, or ends a line.
        kind = "a" if is_word(before) else before if before in ("", "\n") else "-"
        key = reached, kind, char
        found = self._moves.get(key)
        if found is None:
            found = self._moved(reached, before, char, work)
            self._steps_remembered += len(found) + _MOVE_STEPS
            if self._steps_remembered > _STEPS_REMEMBERED_MAX:
                self._moves.clear()
                self._sets.clear()
                self._steps_remembered = 0
            found = self._moves[key] = self._sets.setdefault(found, found)
        return found

    def _moved(self, reached: frozenset[int], before: str, char: str, work: Work) -> frozenset[int]:
        led_to: set[int] = set()
        seen: set[int] = set()
        ahead = list(reached)
        while ahead:
            number = ahead.pop()
            if number in seen:
                continue
            seen.add(number)
            if number == _MATCH:
                if not char:
                    led_to.add(_MATCH)
                continue
            step = self._steps[number]
            if step.test is not None:
                if char and step.test(char):
                    led_to.update(step.then)
            elif step.place is None or _holds(step.place, before, char):
                ahead.extend(step.then)
        work.left -= len(seen)
        if work.left < 0:
            raise PatternError("it takes too many steps to match it with all names")
        return frozenset(led_to)

    def _emit(self, test: Test | None, place: Place | None, *then: int) -> int:
        if len(self._steps) >= _STEPS_MAX:
            raise PatternError("invalid repeat count")
        self._steps.append(_Step(test, place, then))
        return len(self._steps) - 1

    def _add(self, node: Node, then: int) -> int:
        """The first step of a node after which it goes on at `then`."""
        if isinstance(node, Chars):
            return self._emit(node.test, None, then)
        if isinstance(node, At):
            return self._emit(None, node.place, then)
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                then = self._add(part, then)
            return then
        if isinstance(node, Choice):
            return self._emit(None, None, *(self._add(option, then) for option in node.options))
        return self._add_repeat(node, then)

    def _add_repeat(self, repeat: Repeat, then: int) -> int:
        if repeat.count_max == UNBOUNDED:
            again = self._emit(None, None)
            first = self._add(repeat.node, again)
            self._steps[again] = _Step(None, None, (first, then))
            then = again
        else:
            end = then
            for _ in range(repeat.count_max - repeat.count_min):
                then = self._emit(None, None, self._add(repeat.node, then), end)
        for _ in range(repeat.count_min):
            first = self._add(repeat.node, then)
            if first == then:
                # Of an empty group even a thousand times a thousand times a thousand make no step.
                break
            then = first
        return then


class Patterns:
    """Patterns by their text, so many that their programs stay within bounds."""

    __slots__ = ("_known", "_steps")

    def __init__(self) -> None:
        self._known: dict[str, Pattern] = {}
        self._steps = 0

    def get(self, text: str) -> Pattern:
        found = self._known.get(text)
        if found is None:
            found = Pattern(text)
            self._steps += found.size
            if self._steps > _PROGRAMS_STEPS_MAX or len(self._known) >= _PATTERNS_REMEMBERED_MAX:
                self._known.clear()
                self._steps = found.size
            self._known[text] = found
        return found


_patterns = Patterns()


def pattern(text: str) -> Pattern:
    """The pattern of a text, made once for all who use it. Error: PatternError."""
    return _patterns.get(text)


def _holds(place: Place, before: str, after: str) -> bool:
    if place is Place.START:
        return not before
    if place is Place.END:
        return not after
    if place is Place.LINE_START:
        return before in ("", "\n")
    if place is Place.LINE_END:
        return after in ("", "\n")
    return (is_word(before) != is_word(after)) == (place is Place.BOUNDARY)
