"""kafka-python's own integration tests, fetched from PyPI and run against a broker that is already there."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from penstock.testing.apache_kafka import VERSION as KAFKA_VERSION
from penstock.testing.java import cache_directory, locked

from ..servers import Server
from ..toolchain import run

SUITE_SECONDS_MAX = 280
FILES = ("test_admin_integration.py", "test_consumer_integration.py", "test_producer_integration.py")

# The source distribution leaves this module out; with a broker from outside nothing of it is ever started.
SERVICE = '''"""Stand-in for a module that the source distribution leaves out."""


class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self):
        pass

    start = stop = close = dump_logs = join = open


class SpawnedService:
    def __init__(self, *arguments):
        raise RuntimeError("these tests run against a broker that is already there")
'''


# pytest's line for each time that a test was run again.
_AGAIN = re.compile(r"^RERUN \S+?::(.+)$", re.MULTILINE)


class Result(NamedTuple):
    """outcome: pass, fail or skip. said: the failure, or the reason of the skip."""

    outcome: str
    said: str


class Ran(NamedTuple):
    """results: by the name of a test, its parameters included; again: a name for each time a test was run again."""

    results: dict[str, Result]
    again: list[str]


def unpacked() -> Path:
    """The folder that holds `test`, of the version that is installed."""
    name = f"kafka-python-{version('kafka-python')}"
    folder = cache_directory() / "compat" / name
    with locked("kafka-python"):
        if not (folder / "test" / "service.py").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            fetch = ["download", "--quiet", "--no-deps", "--no-binary", "kafka-python"]
            run([sys.executable, "-m", "pip", *fetch, "-d", ".", name.replace("python-", "python==")], folder)
            (archive,) = folder.glob("*.tar.gz")
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
            (root,) = (path for path in folder.iterdir() if path.is_dir())
            shutil.move(root / "test", folder / "test")
            shutil.rmtree(root)
            (folder / "test" / "__init__.py").touch()
            (folder / "test" / "service.py").write_text(SERVICE)
    return folder


def suite(server: Server, report: Path) -> Ran:
    """Runs all but those tests that start a broker of their own."""
    folder = unpacked()
    environment = {
        **os.environ,
        "KAFKA_VERSION": KAFKA_VERSION,
        "KAFKA_URI": f"kafka://{server.bootstrap_servers}",
        "KAFKA_ROOT": str(folder),
        "PYTHONPATH": str(folder),
    }
    options = ["-q", "-p", "no:penstock", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout=60"]
    # Some of these tests wait two seconds by the wall clock for what takes longer on a busy machine.
    options += ["--reruns", "2", "-rR"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *options,
        "-c",
        os.devnull,
        f"--rootdir={folder}",
        f"--junitxml={report}",
    ]
    command += [str(folder / "test" / "integration" / name) for name in FILES]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SUITE_SECONDS_MAX, check=False
    )
    assert report.exists(), f"kafka-python's tests did not run: {' '.join(command)}"
    cases = ElementTree.parse(report).iter("testcase")
    return Ran(dict(map(_read, cases)), _AGAIN.findall(ended.stdout))


def _read(case: ElementTree.Element) -> tuple[str, Result]:
    for tag, outcome in (("failure", "fail"), ("error", "fail"), ("skipped", "skip")):
        found = case.find(tag)
        if found is not None:
            return case.attrib["name"], Result(outcome, f"{found.get('message')}\n{found.text}"[-3000:])
    return case.attrib["name"], Result("pass", "")
