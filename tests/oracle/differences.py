"""Where an answer of ours may differ from Apache Kafka's, and why. `docs/differences.md` is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from tests.oracle.plain import Difference
from tests.oracle.script import Step


class Case(NamedTuple):
    """One difference, in the two answers to one request."""

    step: Step
    difference: Difference
    apache: Any
    ours: Any


class Known(NamedTuple):
    """A difference that is meant. ends: what follows cannot be compared, for the servers' states are not the same.

    is_rare: too rarely met to expect it in every long run.
    """

    name: str
    reason: str
    apis: frozenset[str]
    holds: Callable[[Case], bool]
    ends: bool = False
    is_rare: bool = False


def explain(case: Case, known: Iterable[Known]) -> Known | None:
    """The documented difference that this one is."""
    return next((one for one in known if case.step.api in one.apis and one.holds(case)), None)


def _known(name: str, reason: str, apis: str, holds: Callable[[Case], bool], **rest: bool) -> Known:
    return Known(name, reason, frozenset(apis.split()), holds, **rest)


KNOWN: tuple[Known, ...] = ()
