"""Many scripts on one pair of servers."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.oracle.differences import KNOWN, Known
from tests.oracle.duel import Report, play
from tests.oracle.pair import Pair, topics_for
from tests.oracle.script import Script
from tests.oracle.shrinking import shrink

# One creation of topics serves this many scripts; they run side by side because most of their time is waiting.
TOGETHER, THREADS = 48, 6


@dataclass
class Run:
    """What many scripts gave. failures: by signature, the scripts that failed so."""

    scripts: int = 0
    answers: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    spoke: Counter[str] = field(default_factory=Counter)
    failures: dict[str, list[Script]] = field(default_factory=dict)

    def unused(self, known: Iterable[Known]) -> list[str]:
        """The documented differences that were never met."""
        return [one.name for one in known if one.name not in self.explained and not one.is_rare]


def run_one(pair: Pair, script: Script, known: tuple[Known, ...] = KNOWN) -> Report:
    with topics_for(pair, [script]) as (prefix,):
        return play(pair, script, prefix, known)


def run_scripts(pair: Pair, scripts: Iterable[Script], known: tuple[Known, ...] = KNOWN) -> Run:
    """All of them; each has its own names and connections."""
    run = Run()
    waiting = iter(scripts)
    with ThreadPoolExecutor(THREADS) as threads:
        while chunk := list(itertools.islice(waiting, TOGETHER)):
            began = time.monotonic()
            with topics_for(pair, chunk) as prefixes:
                jobs = [
                    threads.submit(play, pair, script, prefix, known)
                    for script, prefix in zip(chunk, prefixes, strict=True)
                ]
                _add(run, chunk, [job.result() for job in jobs])
            took = time.monotonic() - began
            print(f"{run.scripts} scripts, the last {len(chunk)} in {took:.1f} s", file=sys.stderr)
    return run


def smallest(pair: Pair, script: Script, signature: str) -> Script:
    """A small script that fails with the same signature."""

    def fails(smaller: Script) -> bool:
        found = run_one(pair, smaller).found
        return found is not None and found.signature == signature

    return shrink(script, fails)


def _add(run: Run, scripts: Sequence[Script], reports: Sequence[Report]) -> None:
    for script, report in zip(scripts, reports, strict=True):
        run.scripts += 1
        run.answers += report.answers
        run.explained.update(report.explained)
        run.spoke.update(report.spoke)
        if report.found is not None:
            run.failures.setdefault(report.found.signature, []).append(
                script.with_steps(list(script.steps[: report.found.number + 1]))
            )
