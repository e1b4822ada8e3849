"""Programs in Java with Kafka's own clients and Kafka Streams, compiled without a JDK: the compiler is a jar, too."""

import os
import zipfile
from functools import cache
from pathlib import Path

from penstock.testing import java
from penstock.testing.apache_kafka import VERSION

from .toolchain import run, staged

COMPILER = "org.eclipse.jdt:ecj:3.40.0"
COMPILER_CLASS = "org.eclipse.jdt.internal.compiler.batch.Main"
RELEASE = "21"
LIBRARIES = (f"org.apache.kafka:kafka-streams:{VERSION}", "org.slf4j:slf4j-simple:1.7.36!")
JAR = "programs.jar"
# Parsed once for all runs; RocksDB's classes are few.
ARCHIVED = r"kafka-(clients|streams)|slf4j"


def program(name: str) -> list[str]:
    """The command that runs the class `name` of tests/compat/java; arguments are to follow."""
    jars = _libraries()
    archive = java.class_archive(jars, ARCHIVED)
    # The archive asks that its own jars come first.
    return java.command(name, jars=os.pathsep.join((jars, str(_programs() / JAR))), archive=archive, log_level="error")


@cache
def _libraries() -> str:
    return java.classpath(*LIBRARIES)


@cache
def _programs() -> Path:
    return staged("java", _compile)


def _compile(folder: Path) -> None:
    classes = folder / "classes"
    sources = [str(path) for path in sorted(folder.glob("*.java"))]
    options = [f"-{RELEASE}", "-proc:none", "-nowarn", "-encoding", "UTF-8", "-cp", _libraries(), "-d", str(classes)]
    run(java.command(COMPILER_CLASS, *options, *sources, jars=java.classpath(COMPILER)), folder)
    with zipfile.ZipFile(folder / JAR, "w") as jar:
        for path in sorted(classes.rglob("*.class")):
            jar.write(path, path.relative_to(classes))
