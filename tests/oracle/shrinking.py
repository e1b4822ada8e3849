"""A failing script made small: fewer steps, and less in each, as long as it fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.oracle.script import Script

RUNS_MAX = 80


def shrink(script: Script, fails: Callable[[Script], bool], runs_max: int = RUNS_MAX) -> Script:
    """The smallest found within that many runs."""
    runs = 0
    is_smaller = True
    while is_smaller and runs < runs_max:
        is_smaller = False
        for smaller in _smaller(script):
            runs += 1
            if fails(smaller):
                script, is_smaller = smaller, True
                break
            if runs >= runs_max:
                break
    return script


def _smaller(script: Script) -> Iterator[Script]:
    steps = list(script.steps)
    size = len(steps) // 2
    while size:
        for start in range(0, len(steps), size):
            yield script.with_steps(steps[:start] + steps[start + size :])
        size //= 2
    for place, step in enumerate(steps):
        for body in _less(step.body):
            yield script.with_steps([*steps[:place], replace(step, body=body), *steps[place + 1 :]])


def _less(value: Any) -> Iterator[Any]:
    """The same with one entry of a list or of a batch less, at any depth."""
    if isinstance(value, list):
        if len(value) > 1:
            yield from (value[:place] + value[place + 1 :] for place in range(len(value)))
        for place, one in enumerate(value):
            yield from ([*value[:place], less, *value[place + 1 :]] for less in _less(one))
    elif isinstance(value, dict):
        for name, one in value.items():
            if name == "$batch":
                yield from ({name: {k: v for k, v in one.items() if k != left}} for left in one)
            else:
                yield from (value | {name: less} for less in _less(one))
