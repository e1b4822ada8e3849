"""`python -m bench.run`: Penstock and Apache Kafka in one run, rounds taking turns; results as JSON and Markdown."""

import argparse
import contextlib
import fnmatch
import json
import os
import platform
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil

from bench import clients, coordination, footprint, report, scenarios, servers
from bench.filler import Filler
from bench.plan import FULL, QUICK, Plan
from bench.scenarios import Produce, Scenario, Shared
from bench.servers import Server
from bench.wire import ReplyError

RESULTS = Path(__file__).parent / "results" / "latest.json"
# Throughput first: the paced rounds take their rates from it. What stops the servers comes last, they get cold by it.
ALL: tuple[Scenario, ...] = (
    *scenarios.PRODUCE,
    *scenarios.IDEMPOTENT,
    *scenarios.FETCH,
    *scenarios.PACED,
    *scenarios.PARTITIONS,
    *scenarios.CONNECTIONS,
    *coordination.TRANSACTIONS,
    *coordination.FETCH_TRANSACTIONS,
    *coordination.SHARE_GROUPS,
    *coordination.REBALANCES,
    footprint.EndToEnd(),
    clients.Librdkafka(),
    clients.JavaClients(),
    footprint.Start(),
    footprint.ManyPartitions(),
)
KINDS = {"penstock": servers.Penstock, "apache": servers.Apache}
# A created partition of Apache Kafka holds files open; 10,000 of them exceed the usual limit.
FILES_MAX = 200_000


class Run:
    """The results of a run, written to disk after every round, so that an end half way loses nothing."""

    def __init__(self, plan: Plan, out: Path) -> None:
        self.plan = plan
        self._out = out
        self.results: dict[str, Any] = {
            "machine": machine(),
            "plan": asdict(plan),
            "page_cache": "as-is",
            "servers": {},
            "rounds": [],
        }
        self.shared = Shared(plan, {})

    def take_over(self, wanted: list[Scenario]) -> None:
        """Goes on with the results of an earlier run but for the scenarios `wanted`, which are measured again."""
        earlier = json.loads(self._out.read_text())
        again = {scenario.name for scenario in wanted}
        for kind in ("rounds", "failures"):
            self.results[kind] = [entry for entry in earlier.get(kind, []) if entry["scenario"] not in again]
        self.results["again"] = sorted({*earlier.get("again", []), *again})

    def add(self, scenario: str, server: str, number: int, found: dict[str, Any]) -> None:
        self.results["rounds"].append({"scenario": scenario, "server": server, "round": number, **found})
        self._out.parent.mkdir(parents=True, exist_ok=True)
        self._out.write_text(json.dumps(self.results, indent=1))
        brief = {name: value for name, value in found.items() if name in report.BRIEF}
        said = "  ".join(f"{name} {value:,.1f}" for name, value in brief.items())
        tail = found.get("latency_ms", {}).get("p99")
        print(f"{scenario:30} {number + 1} {server:9} {said}" + (f"  p99 {tail:.2f} ms" if tail else ""), flush=True)

    def scenario(self, scenario: Scenario, started: list[Server], directory: Path) -> None:
        """All rounds of one scenario; a server on which it fails is left out of it, and that is a result too."""
        healthy = [server for server in started if self._tried(scenario, server, "prepare") is not None]
        for number in range(self.plan.rounds):
            for server in list(healthy):
                self.shared.filler.fill()
                found = self._tried(scenario, server, "round")
                if found is None:
                    healthy.remove(server)
                else:
                    self.add(scenario.name, server.name, number, found)
            if isinstance(scenario, Produce) and scenario in scenarios.PRODUCE:
                self.add(scenario.name, "write(2)", number, scenarios.write_floor(scenario, self.shared, directory))
        for server in healthy:
            self._tried(scenario, server, "finish")
        self._remember_rate(scenario.name, healthy)

    def _remember_rate(self, name: str, healthy: list[Server]) -> None:
        medians = [report.median_of(self.results["rounds"], name, server.name, "requests_per_s") for server in healthy]
        known = [median for median in medians if median is not None]
        if known:
            self.shared.requests_per_s[name] = known

    def _tried(self, scenario: Scenario, server: Server, step: str) -> dict[str, Any] | None:
        try:
            return getattr(scenario, step)(server, self.shared) or {}
        except Exception as error:
            # One server that cannot do one thing must not end the run of hours.
            print(f"{scenario.name:30} {server.name}: {step} failed: {error}", file=sys.stderr, flush=True)
            self.results.setdefault("failures", []).append(
                {"scenario": scenario.name, "server": server.name, "step": step, "error": str(error)[:2000]}
            )
            return None


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


@contextlib.contextmanager
def started(names: list[str], root: Path) -> Iterator[list[Server]]:
    """The servers, all running at once: an idle one costs the other next to nothing, a cold one would lose."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(servers.running(KINDS[name](root / name))) for name in names]


def main() -> None:
    arguments = _arguments()
    plan = _plan(arguments)
    wanted = [
        scenario for scenario in ALL if any(fnmatch.fnmatch(scenario.name, pattern) for pattern in arguments.only)
    ]
    if arguments.list:
        print("\n".join(scenario.name for scenario in wanted))
        return
    _raise_file_limit()
    # An end from outside must stop the servers too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit("ended by SIGTERM"))
    root = Path(tempfile.mkdtemp(prefix="bench-", dir=arguments.data_dir))
    run = Run(plan, arguments.out)
    if arguments.keep:
        run.take_over(wanted)
    try:
        with started(arguments.servers.split(","), root) as running:
            run.results["servers"] = {server.name: server.version for server in running}
            for server in running:
                print(f"{server.name}: warming up for {plan.seconds_warm:g} s", flush=True)
                scenarios.warm(server, run.shared)
            if arguments.page_cache == "full":
                run.shared.filler = Filler(root / "filler")
                run.results["page_cache"] = "full"
                print(f"page cache: {run.shared.filler.fill() >> 20:,} MiB to fill it", flush=True)
            for scenario in wanted:
                run.scenario(scenario, running, root)
    finally:
        servers.remove(root)
    if not arguments.no_report:
        for path in report.write(arguments.out, arguments.docs):
            print(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run that shows that everything works")
    parser.add_argument("--only", action="append", help="names of scenarios, with * (default: all); may be repeated")
    parser.add_argument("--list", action="store_true", help="print the names of the scenarios and end")
    parser.add_argument("--servers", default="penstock,apache")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="length of a round")
    parser.add_argument("--warm-seconds", type=float, help="load on each server before the first round")
    parser.add_argument("--data-dir", type=Path, help="where the servers' files go (default: the temporary directory)")
    parser.add_argument(
        "--page-cache",
        choices=("full", "as-is"),
        help="full: as on a server that has run for a day (default, but for --quick); as-is: whatever is free",
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--docs", type=Path, default=scenarios.ROOT / "docs", help="where benchmarks.md is")
    parser.add_argument("--keep", action="store_true", help="keep the other scenarios' results of the run before")
    parser.add_argument("--no-report", action="store_true")
    arguments = parser.parse_args()
    arguments.only = arguments.only or ["*"]
    arguments.page_cache = arguments.page_cache or ("as-is" if arguments.quick else "full")
    return arguments


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = QUICK if arguments.quick else FULL
    given = {
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "seconds_warm": arguments.warm_seconds,
    }
    return replace(plan, **{name: value for name, value in given.items() if value is not None})


def _raise_file_limit() -> None:
    """As many open files as the system allows, for this process and the servers it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MAX, max(hard, FILES_MAX)))
    except (ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    try:
        main()
    except ReplyError as error:
        sys.exit(str(error))
