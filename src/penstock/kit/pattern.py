"""Regular expressions of strangers: RE2's language, matched in time linear in the text, whatever the expression.

Python's own `re` can be made to run for hours by a short expression. This one follows all alternatives at once: the
set of places in the expression that the text may have led to is the state, and steps between states are remembered.
Of RE2's language Unicode scripts are not understood, and refused.  Source: RE2's syntax page; Kafka uses RE2/J.
"""

from collections.abc import Callable, Iterable
from typing import Final

from penstock.kit.pattern_classes import Between, Test
from penstock.kit.pattern_parser import REPEAT_MAX, Parser, PatternError

__all__ = ["REPEAT_MAX", "STEPS_MAX", "Pattern", "PatternError"]

# Places that an expression may take up once its counted repetitions are written out.
STEPS_MAX: Final = 20_000
_STEPS_KEPT: Final = 2_000

State = frozenset[int]


class Pattern:
    """An expression, ready to be asked. Error: PatternError."""

    __slots__ = ("_end", "_known", "_machine", "_start")

    def __init__(self, text: str) -> None:
        body = Parser(text).parse()
        self._machine = Machine()
        self._end = self._machine.pause(None)
        self._start = body(self._machine, self._end)
        self._known: dict[tuple[State, str, str], State] = {}

    def matches(self, text: str) -> bool:
        """Whether all of `text` fits."""
        state = self._reach((self._start,), "", text[:1])
        for place, char in enumerate(text):
            if not state:
                return False
            state = self._advance(state, char, text[place + 1 : place + 2])
        return self._end in state

    def _advance(self, state: State, char: str, following: str) -> State:
        key = (state, char, following)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _STEPS_KEPT:
                self._known.clear()
            tests, forks = self._machine.tests, self._machine.forks
            reached = [forks[place][0] for place in state if (test := tests[place]) is not None and test(char)]
            found = self._known[key] = self._reach(reached, char, following)
        return found

    def _reach(self, places: Iterable[int], before: str, after: str) -> State:
        """All places that are reached without a further character."""
        machine = self._machine
        seen: set[int] = set()
        left = list(places)
        while left:
            place = left.pop()
            if place in seen:
                continue
            seen.add(place)
            between = machine.betweens[place]
            if machine.tests[place] is None and (between is None or between(before, after)):
                left += machine.forks[place]
        return frozenset(seen)


class Machine:
    """The places of an expression. tests: what the next character must be, None to go on without one; betweens: what
    must lie on both sides of that point, None for anything; forks: where it goes on.
    """

    __slots__ = ("betweens", "forks", "tests")

    def __init__(self) -> None:
        self.tests: list[Test | None] = []
        self.betweens: list[Between | None] = []
        self.forks: list[list[int]] = []

    def take(self, test: Test, then: int) -> int:
        """A place that takes a character. Error, as below: PatternError when there are too many places."""
        return self._add(test, None, [then])

    def pause(self, between: Between | None, *then: int) -> int:
        """A place that takes no character; without `then` its forks are filled in later, or it is the end."""
        return self._add(None, between, list(then))

    def _add(self, test: Test | None, between: Between | None, then: list[int]) -> int:
        if len(self.tests) >= STEPS_MAX:
            raise PatternError(f"the expression takes more than {STEPS_MAX} places")
        self.tests.append(test)
        self.betweens.append(between)
        self.forks.append(then)
        return len(self.tests) - 1


Grow = Callable[[Machine, int], int]
