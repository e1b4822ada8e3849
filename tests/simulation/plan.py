"""What a seed stands for: how the broker is set up, who takes part, what goes wrong."""

from __future__ import annotations

import random
from typing import NamedTuple

STEPS = 500
TOPICS = {"in": 2, "out": 2}
# Everything that can go wrong, and everybody who may take part: what `--without` names.
FAULTS = ("kill", "power", "restart", "stall", "cut", "freeze", "client", "disk", "full", "slow", "network")
PRODUCERS = ("idem-1", "idem-2", "tx-1", "tx-2")
CAST = (*PRODUCERS, "eos-1", "eos-2", "read-c", "read-u", "group-1", "group-2", "share-1", "share-2")
# How likely each of them is in a run.
LIKELY = 0.75


class Plan(NamedTuple):
    """One run. steps: how often somebody acts before the faults end; without: faults and actors left out."""

    seed: int
    steps: int = STEPS
    without: frozenset[str] = frozenset()

    @property
    def command(self) -> str:
        """What repeats the run."""
        left_out = f" --without {','.join(sorted(self.without))}" if self.without else ""
        return f"python -m tests.simulation --seeds {self.seed} --steps {self.steps}{left_out}"

    def dice(self, name: str) -> random.Random:
        """Each part of a run throws its own dice, so that leaving one part out changes little in the others."""
        return random.Random(f"{self.seed}/{name}")


class Shape(NamedTuple):
    """durable: fsync before an answer, and power cuts; otherwise the page cache, and killed processes only."""

    durable: bool
    group_protocol: str
    eos_protocol: str
    share_committed: bool
    segment_bytes: int
    cast: tuple[str, ...]
    faults: tuple[str, ...]


def shape_of(plan: Plan) -> Shape:
    """Who takes part in a run, and how."""
    dice = plan.dice("shape")
    durable = dice.random() < 0.5
    group, eos = (dice.choice(("classic", "consumer")) for _ in range(2))
    committed = dice.random() < 0.5
    segment_bytes = dice.choice((2_000, 20_000, 1 << 20))
    chosen = {name for name in CAST if dice.random() < LIKELY}
    if not chosen & set(PRODUCERS):
        chosen.add(dice.choice(("idem-1", "tx-1")))
    faults = [name for name in FAULTS if dice.random() < LIKELY and (durable or name != "power")]
    return Shape(
        durable,
        group,
        eos,
        committed,
        segment_bytes,
        tuple(name for name in CAST if name in chosen and name not in plan.without),
        tuple(name for name in faults if name not in plan.without),
    )
