"""A topology beside the topics that there are: how many tasks it has, what internal topics it lacks, what is wrong.

Source: KIP-1071; Kafka's InternalTopicManager, RepartitionTopics, CopartitionedTopicsEnforcer and ChangelogTopics.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from penstock.coordinate.groups.desk import Topics
from penstock.coordinate.streams_groups.topology import InternalTopic, Subtopology, Topology
from penstock.kit.refusal import Refused
from penstock.protocol.errors import KafkaError


class StatusCode(IntEnum):
    """What a heartbeat's answer says beside the tasks."""

    STALE_TOPOLOGY = 0
    MISSING_SOURCE_TOPICS = 1
    INCORRECTLY_PARTITIONED_TOPICS = 2
    MISSING_INTERNAL_TOPICS = 3
    SHUTDOWN_APPLICATION = 4
    ASSIGNMENT_DELAYED = 5


class Status(NamedTuple):
    """One thing to say, with a sentence for people."""

    code: StatusCode
    detail: str


class Configured(NamedTuple):
    """task_counts: by subtopology, known unless sources are missing or do not fit; counts: of internal topics; missing:
    those to be made, with their partitions; status: why nothing can be assigned yet, None when all is there.
    """

    topology: Topology
    task_counts: Mapping[str, int] = MappingProxyType({})
    counts: Mapping[str, int] = MappingProxyType({})
    missing: tuple[InternalTopic, ...] = ()
    status: Status | None = None

    @property
    def is_ready(self) -> bool:
        return self.status is None


class _Misfit(Exception):
    """Topics that have other numbers of partitions than they must; found deep inside, told as a status."""


class _Hopeless(Exception):
    """A topology that no topics would make right."""


def configure(topology: Topology, topics: Topics) -> Configured | Refused:
    """Error: STREAMS_INVALID_TOPOLOGY, when the partitions of its internal topics do not follow from anything."""
    absent = sorted(
        {name for part in topology.subtopologies for name in part.sources if topics.partition_count(name) is None}
    )
    if absent:
        return _blocked(topology, StatusCode.MISSING_SOURCE_TOPICS, f"Source topics {', '.join(absent)} are missing.")
    sizing = _Sizing(topology, topics)
    try:
        sizing.repartitions()
        for part in topology.subtopologies:
            for names in part.copartitions:
                sizing.copartition(names)
        sizing.changelogs()
        missing = sizing.missing()
    except _Misfit as misfit:
        return _blocked(topology, StatusCode.INCORRECTLY_PARTITIONED_TOPICS, str(misfit))
    except _Hopeless as hopeless:
        return Refused(KafkaError.STREAMS_INVALID_TOPOLOGY, str(hopeless))
    task_counts = {part.subtopology_id: sizing.most(part) for part in topology.subtopologies}
    status = None
    if missing:
        lacking = ", ".join(topic.name for topic in missing)
        status = Status(StatusCode.MISSING_INTERNAL_TOPICS, f"Internal topics are missing: {lacking}")
    return Configured(topology, task_counts, sizing.decided, missing, status)


def _blocked(topology: Topology, code: StatusCode, detail: str) -> Configured:
    return Configured(topology, status=Status(code, detail))


class _Sizing:
    """How many partitions the internal topics of a topology get. decided: by name, so far."""

    def __init__(self, topology: Topology, topics: Topics) -> None:
        self.parts = topology.subtopologies
        self.topics = topics
        internal = [topic for part in self.parts for topic in part.repartitions]
        self.fixed = {topic.name: topic.partitions for topic in internal if topic.partitions}
        self.internal = {topic.name for topic in internal}
        self.decided: dict[str, int] = dict(self.fixed)

    def count(self, name: str) -> int:
        """What is there counts more than what was decided."""
        found = self.topics.partition_count(name)
        if found is None:
            found = self.decided.get(name)
        if found is None:
            raise _Hopeless(f"Number of partitions is not set for topic: {name}")
        return found

    def most(self, part: Subtopology) -> int:
        """The partitions of its largest input, which is how many tasks it has."""
        if not part.inputs:
            raise _Hopeless(f"No source topics found for subtopology {part.subtopology_id}")
        return max(self.count(name) for name in part.inputs)

    def repartitions(self) -> None:
        """A topic between two parts has as many partitions as the largest input of the part that writes it; inputs may
        be such topics themselves, so it takes as many rounds as there are parts in a row.
        """
        open_sinks = [(name, part) for part in self.parts for name in part.sinks if name not in self.decided]
        while open_sinks:
            left = []
            for name, part in open_sinks:
                known = [self.decided[topic.name] for topic in part.repartitions if topic.name in self.decided]
                known += [count for source in part.sources if (count := self.topics.partition_count(source))]
                if known:
                    self.decided.setdefault(name, max(known))
                else:
                    left.append((name, part))
            if len(left) == len(open_sinks):
                raise _Hopeless(
                    "Failed to compute number of partitions for all repartition topics. There may be loops in the "
                    "topology that cannot be resolved."
                )
            open_sinks = left
        if not self.internal <= self.decided.keys():
            raise _Hopeless(
                "Failed to compute number of partitions for all repartition topics, because a repartition source "
                "topic is never used as a sink topic."
            )

    def copartition(self, names: tuple[str, ...]) -> None:
        """Topics that are joined have the same number of partitions: that of those the broker does not make, or whose
        number the application gave; else the largest.
        """
        inner = {name: self.decided.get(name, 0) for name in names if name in self.internal}
        outer = {name: self.count(name) for name in names if name not in self.internal}
        leading = outer or {name: count for name, count in inner.items() if name in self.fixed}
        if len(set(leading.values())) > 1:
            listed = ", ".join(f"{name}={leading[name]}" for name in sorted(leading))
            raise _Misfit(f"Following topics do not have the same number of partitions: [{{{listed}}}]")
        wanted = max((leading or inner).values(), default=0)
        for name, count in inner.items():
            if name in self.fixed and count != wanted:
                raise _Misfit(
                    f"Number of partitions [{count}] of repartition topic [{name}] doesn't match number of partitions "
                    f"[{wanted}] of the source topic."
                )
            self.decided[name] = wanted

    def changelogs(self) -> None:
        """A store has as many parts as there are tasks; some keep theirs in a topic that they read anyway."""
        for part in self.parts:
            most = self.most(part)
            self.decided.update({topic.name: most for topic in part.changelogs if topic.name not in part.sources})

    def missing(self) -> tuple[InternalTopic, ...]:
        """In order of their names."""
        lacking: dict[str, InternalTopic] = {}
        for topic in [topic for part in self.parts for topic in (*part.repartitions, *part.changelogs)]:
            found = self.topics.partition_count(topic.name)
            if found is None:
                lacking[topic.name] = topic._replace(partitions=self.decided[topic.name])
                continue
            # What is also an outer source has as many as it has.
            wanted = self.decided.get(topic.name, found)
            if found != wanted:
                raise _Misfit(
                    f"Existing topic {topic.name} has different number of partitions: expected {wanted}, found {found}"
                )
        return tuple(lacking[name] for name in sorted(lacking))
