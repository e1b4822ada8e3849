"""python -m tests.oracle --seed N --scripts M: long runs; --replay FILE: one script again, step by step."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.oracle.differences import KNOWN
from tests.oracle.duel import Report
from tests.oracle.families.all import FAMILIES, script_of
from tests.oracle.pair import Pair, started
from tests.oracle.runs import run_one, run_scripts, smallest
from tests.oracle.script import Script


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scripts", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first script")
    parser.add_argument("--family", choices=sorted(FAMILIES), default="")
    parser.add_argument("--replay", type=Path, help="a script to run instead")
    parser.add_argument("--apache-port", type=int, default=0, help="of one that runs; see `pair.SETTINGS`")
    parser.add_argument("--as-is", action="store_true", help="do not shrink what fails")
    parser.add_argument("--keep", type=Path, default=Path("oracle-failures"), help="where failing scripts are written")
    options = parser.parse_args()
    with started(options.apache_port) as pair:
        if options.replay:
            return _tell(run_one(pair, Script.from_json(options.replay.read_text())))
        return _long_run(pair, options)


def _long_run(pair: Pair, options: argparse.Namespace) -> int:
    began = time.monotonic()
    numbers = range(options.first, options.first + options.scripts)
    run = run_scripts(pair, [script_of(options.seed, number, options.family) for number in numbers])
    print(f"{run.scripts} scripts, {run.answers} answers, {time.monotonic() - began:.0f} s")
    for name, count in run.explained.most_common():
        print(f"  known difference, {count} times: {name}")
    for one in run.unused(KNOWN):
        print(f"  never met: {one}")
    for place, (signature, scripts) in enumerate(sorted(run.failures.items(), key=lambda one: -len(one[1]))):
        print(f"{len(scripts)} times: {signature}; {', '.join(one.origin for one in scripts[:3])}")
        _keep(pair, options.keep / f"{place}.json", scripts[0], "" if options.as_is else signature)
    return 1 if run.failures else 0


def _keep(pair: Pair, path: Path, script: Script, signature: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    small = smallest(pair, script, signature) if signature else script
    path.write_text(small.to_json())
    print(f"   {path}: {len(small.steps)} steps")


def _tell(report: Report) -> int:
    print(f"{report.answers} answers, known differences: {dict(report.explained)}")
    if report.found is None:
        return 0
    found = report.found
    print(f"step {found.number}: {found.step.api} v{found.step.version}")
    for one in found.differences:
        print(f"  {one.path}\n    apache {one.apache!r}\n    ours   {one.ours!r}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
