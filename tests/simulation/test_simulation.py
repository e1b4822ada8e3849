"""Seeds of the simulation; `python -m tests.simulation` runs as many as one likes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.plan import Plan
from tests.simulation.run import run, tell

ROOT = Path(__file__).resolve().parents[2]
# The same ones each time: a suite that fails must fail again.
SEEDS = int(os.environ.get("PENSTOCK_SIMULATION_SEEDS", "600"))
BLOCK = 10


@pytest.mark.parametrize("first", range(0, 50, BLOCK))
def test_no_promise_is_broken(first):
    for seed in range(first, first + BLOCK):
        verdict = run(Plan(seed))

        assert not verdict.found, tell(verdict)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_no_promise_is_broken_in_hundreds_of_runs():
    done = _module("--seeds", f"1000:{1000 + SEEDS}", "--processes", str(os.cpu_count() or 1), "--shrink")

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]


def test_a_seed_gives_the_same_history_in_every_process():
    told = {_history(hash_seed) for hash_seed in ("1", "2", "3")}

    assert len(told) == 1


def test_another_seed_gives_another_history():
    digests = {run(Plan(seed, 100)).digest for seed in range(10)}

    assert len(digests) == 10


def _history(hash_seed: str) -> str:
    script = (
        "from tests.simulation.plan import Plan\n"
        "from tests.simulation.run import run\n"
        "print([run(Plan(seed), told=True)[2:] for seed in range(6)])\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def _module(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
