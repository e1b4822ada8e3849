"""Tasks of Kafka Streams: one partition of a subtopology each, run by members in one of three roles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

# Subtopology id and partition.
Task = tuple[str, int]
# Partitions by subtopology id; no subtopology is in it without partitions, so that equal ones compare equal.
TaskMap = Mapping[str, frozenset[int]]
# The same with the epoch in which the member got each.
EpochMap = Mapping[str, Mapping[int, int]]

NO_TASKS: TaskMap = MappingProxyType({})
NO_EPOCHS: EpochMap = MappingProxyType({})


class Tasks(NamedTuple):
    """What a member is to run, or says that it runs."""

    active: TaskMap = NO_TASKS
    standby: TaskMap = NO_TASKS
    warmup: TaskMap = NO_TASKS


class Held(NamedTuple):
    """What a member may run. Only active tasks have epochs: offsets are committed for these alone."""

    active: EpochMap = NO_EPOCHS
    standby: TaskMap = NO_TASKS
    warmup: TaskMap = NO_TASKS

    @property
    def tasks(self) -> Tasks:
        return Tasks(task_map(tasks_in(self.active)), self.standby, self.warmup)

    @property
    def is_empty(self) -> bool:
        return not (self.active or self.standby or self.warmup)


NOTHING = Tasks()
NOTHING_HELD = Held()


def tasks_in(tasks: Mapping[str, Iterable[int]]) -> Iterator[Task]:
    return ((subtopology, partition) for subtopology, partitions in tasks.items() for partition in partitions)


def task_map(tasks: Iterable[Task]) -> TaskMap:
    found: dict[str, set[int]] = {}
    for subtopology, partition in tasks:
        found.setdefault(subtopology, set()).add(partition)
    return {subtopology: frozenset(partitions) for subtopology, partitions in found.items()}


def said_map(listed: Iterable[Any]) -> TaskMap:
    """From TaskIds structs of whatever message."""
    return task_map((entry.subtopology_id, partition) for entry in listed for partition in entry.partitions)


def listed_tasks(struct: Any, tasks: Mapping[str, Collection[int]]) -> list[Any]:
    """As TaskIds structs of whatever message, in order."""
    return [struct(subtopology, sorted(tasks[subtopology])) for subtopology in sorted(tasks)]


def overlap(some: Tasks, others: Tasks) -> bool:
    """Whether a task is in both, in the same role."""
    return any(
        partitions & theirs.get(subtopology, frozenset())
        for ours, theirs in zip(some, others, strict=True)
        for subtopology, partitions in ours.items()
    )


def is_within(some: Tasks, others: Tasks) -> bool:
    """Whether all of the tasks are among the others, in the same role."""
    return all(
        partitions <= theirs.get(subtopology, frozenset())
        for ours, theirs in zip(some, others, strict=True)
        for subtopology, partitions in ours.items()
    )
