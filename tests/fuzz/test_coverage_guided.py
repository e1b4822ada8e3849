"""The coverage-guided fuzzer in CI: so many runs from a fixed seed; by hand it runs for as long as one likes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNS = int(os.environ.get("PENSTOCK_FUZZ_RUNS", "100000"))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["frame", "request", "batch"])
def test_decoders_refuse_what_they_do_not_understand(target, tmp_path):
    command = [sys.executable, "-m", "tests.fuzz.targets", target, f"-runs={RUNS}", "-seed=7", "-max_len=4096"]
    command += ["-rss_limit_mb=1024", "-max_total_time=120", f"-artifact_prefix={tmp_path}/"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)

    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {RUNS}" in done.stderr or "Done " in done.stderr, done.stderr[-1000:]
