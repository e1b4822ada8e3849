"""What falls alike for one seed: choices, versions, and the steps made of them."""

from __future__ import annotations

import random
from typing import Any

from penstock.broker.apis.table import SERVED
from tests.oracle.script import APIS, Step, ref

TOPICS = {"t0": {"partitions": 2}, "t1": {"partitions": 1}}


class Dice:
    """Choices of one script. counts: numbers that a script goes on with, such as sequences."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.counts: dict[Any, int] = {}

    def pick(self, *values: Any) -> Any:
        return self.random.choice(values)

    def maybe(self, share: float) -> bool:
        return self.random.random() < share

    def often(self, value: Any, *others: Any, share: float = 0.85) -> Any:
        """Mostly the first, which is the valid one."""
        return value if self.maybe(share) else self.pick(*others)

    def step(self, api: str, body: dict[str, Any], on: int = 0, learns: str = "", low: int = 0) -> Step:
        """low: the oldest version that makes sense."""
        served = SERVED[APIS[api].key]
        version = self.random.randint(max(low, served.min), min(served.max, APIS[api].stable_version))
        return Step(api, version, body, on, learns)

    def topic(self) -> str:
        return self.often("t0", "t1", "t1", "nope")

    def partition(self) -> int:
        return self.often(self.pick(0, 0, 1), 2, 9, -1, share=0.92)

    def named(self, name: str, field: str = "name") -> dict[str, Any]:
        """A topic by its name and by its id, each in the versions that have it."""
        return {field: f"~{name}", "topic_id": ref(f"topic {name}")}
