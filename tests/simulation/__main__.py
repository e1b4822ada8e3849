"""`python -m tests.simulation --seeds A:B`: many runs, until one breaks a promise."""

import argparse
import sys
import time
from collections import Counter
from multiprocessing import Pool

from tests.simulation.plan import STEPS, Plan
from tests.simulation.run import Verdict, run, shrink, tell


def main() -> int:
    options = _options()
    plans = [Plan(seed, options.steps, options.without) for seed in options.seeds]
    began = time.monotonic()
    failed: list[Verdict] = []
    requests = done = 0
    with Pool(options.processes) as pool:
        for verdict in pool.imap_unordered(_run, plans, chunksize=1 if len(plans) < 64 else 8):
            done += 1
            requests += verdict.requests
            if done % 200 == 0:
                print(f"... {done} seeds, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            if verdict.found:
                failed.append(verdict)
                print(f"seed {verdict.plan.seed}: {verdict.found[0].rule}: {verdict.found[0].text[:300]}", flush=True)
                if len(failed) >= options.failures:
                    pool.terminate()
                    break
    took = time.monotonic() - began
    print(f"{done} seeds, {requests} requests answered, {len(failed)} failed, {took:.0f} s, {done / took:.1f} seeds/s")
    for rule, count in Counter(verdict.found[0].rule for verdict in failed).most_common():
        print(f"  {count} x {rule}")
    if failed and not options.brief:
        first = min(failed, key=lambda verdict: verdict.plan.seed)
        print(tell(shrink(first.plan) if options.shrink else first))
    return 1 if failed else 0


def _run(plan: Plan) -> Verdict:
    return run(plan)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=range(100), help="one, or A:B without B")
    parser.add_argument("--steps", type=int, default=STEPS, help="how often somebody acts before the faults end")
    parser.add_argument("--without", type=_names, default=frozenset(), help="faults and actors left out, with commas")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--failures", type=int, default=1, help="how many failing seeds end it")
    parser.add_argument("--shrink", action="store_true", help="look for a smaller run that fails like the first one")
    parser.add_argument("--brief", action="store_true", help="no histories")
    return parser.parse_args()


def _seeds(text: str) -> range:
    first, _, end = text.partition(":")
    return range(int(first), int(end) if end else int(first) + 1)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split(","))


if __name__ == "__main__":
    sys.exit(main())
