"""Kafka's own message definitions, read from the jars it was released as."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import Any

from jgo.maven import MavenContext

KAFKA_VERSION = "4.3.1"
CLIENTS = "kafka-clients"
JARS = (
    CLIENTS,
    "kafka-group-coordinator",
    "kafka-transaction-coordinator",
    "kafka-share-coordinator",
    "kafka-metadata",
    "kafka-storage",
)
# What lies in these jars and is not ours: tiered storage's own topic.
FOREIGN = re.compile(r"Remote(LogSegment|PartitionDelete)\w+")

ENTRY = re.compile(r"(common/)?(message|metadata)/\w+\.json")
COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


@cache
def definitions() -> dict[str, dict[str, Any]]:
    """The parsed JSON of every message that has a version, by name."""
    found = (definition for jar in JARS for definition in _read_jar(jar))
    return {d["name"]: d for d in found if d["validVersions"] != "none" and not FOREIGN.fullmatch(d["name"])}


def _read_jar(artifact: str) -> Iterator[dict[str, Any]]:
    component = MavenContext().project("org.apache.kafka", artifact).at_version(KAFKA_VERSION)
    with zipfile.ZipFile(component.artifact(packaging="jar").resolve()) as jar:
        for entry in jar.namelist():
            if ENTRY.fullmatch(entry):
                yield json.loads(COMMENT.sub("", jar.read(entry).decode()))


def versions(text: str | None) -> frozenset[int]:
    """ "3-5", "7", "2+" or "none" as a set; no version reaches 100."""
    if text is None or text == "none":
        return frozenset()
    if text.endswith("+"):
        return frozenset(range(int(text[:-1]), 100))
    low, _, high = text.partition("-")
    return frozenset(range(int(low), int(high or low) + 1))
