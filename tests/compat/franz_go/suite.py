"""franz-go's own tests of its client, fetched from the Go module proxy and run against a broker."""

import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from penstock.testing.java import cache_directory, locked

from ..toolchain import GO, find, run

MODULE, VERSION = "github.com/twmb/franz-go", "v1.22.2"
SUITE_SECONDS_MAX = 480
# Each ETL test moves so many records through three topics; the author's own CI uses 20,000 at least.
RECORDS = 20_000
# With connections that break once a second most of the time goes into joining again: fewer records tell as much.
RECORDS_IN_CHAOS = 4_000
TAIL_LINES = 40


class Result(NamedTuple):
    """outcome: pass, fail or skip. output: the last lines of what the test printed."""

    outcome: str
    seconds: float
    output: str


def built() -> Path:
    """The folder of package kgo with the test program `kgo.test` in it; made once for each version."""
    go = str(find(GO))
    copy = cache_directory() / "compat" / f"franz-go-{VERSION}"
    with locked("franz-go"):
        if not (copy / "pkg" / "kgo" / "kgo.test").exists():
            said = run([go, "mod", "download", "-json", f"{MODULE}@{VERSION}"], cache_directory())
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(json.loads(said)["Dir"], copy)
            # The module cache is read-only, and so is its copy.
            for path in [copy, *copy.rglob("*")]:
                path.chmod(path.stat().st_mode | 0o200)
            run([go, "test", "-c", "-o", "kgo.test", "."], copy / "pkg" / "kgo")
    return copy / "pkg" / "kgo"


def listed() -> list[str]:
    """The names of all tests; a fuzz test is one on its seeds."""
    return run(["./kgo.test", "-test.list", "^(Test|Fuzz|Example)"], built()).split()


def results(
    bootstrap_servers: str,
    *,
    skip: Collection[str] = (),
    only: Collection[str] = (),
    records: int = RECORDS,
    chaos: bool = False,
) -> dict[str, Result]:
    """By the name of a test, or of a part of one.

    skip, only: names of whole tests. chaos: the client's connections of some tests break after a second each.
    """
    environment = {
        **os.environ,
        "KGO_SEEDS": bootstrap_servers,
        "KGO_TEST_RF": "1",
        "KGO_TEST_STABLE_FETCH": "true",
        "KGO_LOG_LEVEL": "none",
        "KGO_TEST_RECORDS": str(records),
        "KGO_TEST_CHAOS": "1" if chaos else "0",
    }
    command = [str(find(GO)), "tool", "test2json", "-t", "./kgo.test", "-test.v=test2json"]
    command += [f"-test.{option}=^({'|'.join(names)})$" for option, names in (("skip", skip), ("run", only)) if names]
    command.append(f"-test.timeout={SUITE_SECONDS_MAX}s")
    done = subprocess.run(
        command,
        cwd=built(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS_MAX + 30,
        check=False,
    )
    return read_events(done.stdout)


def read_events(text: str) -> dict[str, Result]:
    """The stream of `go tool test2json`. A test without an end, as after a panic or a timeout, failed."""
    outputs: dict[str, list[str]] = defaultdict(list)
    found: dict[str, Result] = {}
    for line in text.splitlines():
        event = json.loads(line)
        name = event.get("Test")
        if name is None:
            continue
        if event["Action"] == "output":
            outputs[name].append(event["Output"])
        elif event["Action"] in ("pass", "fail", "skip"):
            found[name] = Result(event["Action"], event["Elapsed"], "".join(outputs[name][-TAIL_LINES:]))
    for name in outputs.keys() - found.keys():
        found[name] = Result("fail", 0.0, "".join(outputs[name][-TAIL_LINES:]) + "\n(no end)")
    return found
