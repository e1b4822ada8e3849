"""Which families there are, and how often each is drawn."""

from __future__ import annotations

from collections.abc import Callable

from tests.oracle.dice import TOPICS, Dice
from tests.oracle.families import admin, groups, logs, share, transactions
from tests.oracle.script import Script, Step

FAMILIES: dict[str, Callable[[Dice], list[Step]]] = {
    "admin": admin.steps,
    "classic": groups.classic,
    "consumer": groups.consumer,
    "logs": logs.steps,
    "share": share.steps,
    "transactions": transactions.steps,
}
_MIXED = 0.15


def script_of(seed: int, number: int, only: str = "") -> Script:
    """The script of this number under this seed; only: of one family."""
    origin = f"seed {seed}, script {number}" + (f", {only}" if only else "")
    dice = Dice(origin)
    family = only or dice.pick(*FAMILIES)
    steps = FAMILIES[family](dice)
    if dice.maybe(_MIXED):
        # Of another family, put between: topics, groups and transactional ids have the same names in all.
        for step in FAMILIES[dice.pick(*FAMILIES)](dice)[:6]:
            steps.insert(dice.random.randint(1, len(steps)), step)
    return Script(tuple(steps), TOPICS, origin)
