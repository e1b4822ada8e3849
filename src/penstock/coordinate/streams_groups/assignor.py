"""The sticky assignor of streams groups: every task runs once, spares run on other processes, and little moves.

First comes who had a task, then who had a spare of it, then who has least to do; nobody keeps more than an even share.
Spares are for tasks with a store. Source: KIP-1071, Kafka's StickyTaskAssignor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from penstock.coordinate.streams_groups.tasks import Task, Tasks, task_map, tasks_in

NAME = "sticky"


class MemberSpec(NamedTuple):
    """One member, a thread of a process. held: what it was to run until now."""

    process_id: str
    held: Tasks


class SubtopologySpec(NamedTuple):
    """task_count: of its inputs' partitions; is_stateful: whether it has stores that spares could keep."""

    task_count: int
    is_stateful: bool


def assign(
    members: Mapping[str, MemberSpec], subtopologies: Mapping[str, SubtopologySpec], standby_replicas: int
) -> dict[str, Tasks]:
    """What each member shall have, by member id."""
    sharing = _Sharing(members, subtopologies, standby_replicas)
    if members:
        sharing.share_active()
        sharing.share_standby()
    return {
        member_id: Tasks(task_map(sharing.active[member_id]), task_map(sharing.standby[member_id]))
        for member_id in members
    }


class _Quota:
    """An even share of what is left among those who have not had theirs; rounded up."""

    def __init__(self, tasks: int, members: int) -> None:
        self.tasks = tasks
        self.members = members

    @property
    def each(self) -> int:
        return -(-self.tasks // self.members) if self.members > 0 else 0

    def took(self, count: int) -> None:
        """A member has that many now; with its share it is out, and the others share the rest."""
        if count == self.each:
            self.members -= 1
            self.tasks -= count


class _Sharing:
    """One assignment being made. active, standby: by member; running: who runs a task in whatever role, by process."""

    def __init__(
        self, members: Mapping[str, MemberSpec], subtopologies: Mapping[str, SubtopologySpec], standby_replicas: int
    ) -> None:
        self.process_of = {member_id: members[member_id].process_id for member_id in sorted(members)}
        self.threads: dict[str, list[str]] = {}
        for member_id, process_id in self.process_of.items():
            self.threads.setdefault(process_id, []).append(member_id)
        self.replicas = standby_replicas
        self.tasks = [(name, index) for name, spec in subtopologies.items() for index in range(spec.task_count)]
        self.stateful = [task for task in self.tasks if subtopologies[task[0]].is_stateful]
        self.active: dict[str, list[Task]] = {member_id: [] for member_id in self.process_of}
        self.standby: dict[str, list[Task]] = {member_id: [] for member_id in self.process_of}
        self.counts = dict.fromkeys(self.process_of, 0)
        self.loads = dict.fromkeys(self.threads, 0.0)
        self.running: dict[str, set[Task]] = {process_id: set() for process_id in self.threads}
        self.active_quota = _Quota(len(self.tasks), len(members))
        self.quota = _Quota(len(self.tasks) + len(self.stateful) * standby_replicas, len(members))
        self.had_active: dict[Task, str] = {}
        self.had_spare: dict[Task, list[str]] = {}
        for member_id in self.process_of:
            held = members[member_id].held
            self.had_active.update(dict.fromkeys(tasks_in(held.active), member_id))
            for task in (*tasks_in(held.standby), *tasks_in(held.warmup)):
                self.had_spare.setdefault(task, []).append(member_id)

    def share_active(self) -> None:
        tasks = sorted(self.tasks, key=_by_partition)
        left = [task for task in tasks if not self._keep_active(task, self.had_active.get(task))]
        left = [t for t in left if not self._keep_active(t, self._least_busy(self.had_spare.get(t, ())))]
        for task in sorted(left):
            self._give_active(task, self._freest(self._idlest(self.threads)))

    def share_standby(self) -> None:
        """As many spares as there are other processes, at most."""
        replicas = min(self.replicas, len(self.threads) - 1)
        left: list[Task] = []
        for task in sorted(self.stateful, key=_by_partition, reverse=True):
            wanted = replicas
            for member_id in (self.had_active.get(task), *self.had_spare.get(task, ())):
                if wanted and member_id is not None and self._may_keep_spare(task, member_id):
                    self._give(self.standby, task, member_id)
                    wanted -= 1
            left += [task] * wanted
        for task in left:
            free = [process_id for process_id in self.threads if task not in self.running[process_id]]
            self._give(self.standby, task, self._freest(self._idlest(free)))

    def _keep_active(self, task: Task, member_id: str | None) -> bool:
        if member_id is None or self.counts[member_id] >= self.active_quota.each:
            return False
        self._give_active(task, member_id)
        return True

    def _may_keep_spare(self, task: Task, member_id: str) -> bool:
        return task not in self.running[self.process_of[member_id]] and self.counts[member_id] < self.quota.each

    def _give_active(self, task: Task, member_id: str) -> None:
        self._give(self.active, task, member_id)
        self.active_quota.took(self.counts[member_id])

    def _give(self, role: dict[str, list[Task]], task: Task, member_id: str) -> None:
        role[member_id].append(task)
        self.counts[member_id] += 1
        self.quota.took(self.counts[member_id])
        process_id = self.process_of[member_id]
        self.running[process_id].add(task)
        self.loads[process_id] += 1 / len(self.threads[process_id])

    def _idlest(self, processes: Iterable[str]) -> str:
        """The process with least to do for each of its threads."""
        return min(processes, key=lambda process_id: (self.loads[process_id], process_id))

    def _freest(self, process_id: str) -> str:
        return min(self.threads[process_id], key=lambda member_id: (self.counts[member_id], member_id))

    def _least_busy(self, member_ids: Iterable[str]) -> str | None:
        """Of those whose process does least, the one that does least."""
        return min(
            member_ids,
            key=lambda member_id: (self.loads[self.process_of[member_id]], self.counts[member_id]),
            default=None,
        )


def _by_partition(task: Task) -> tuple[int, str]:
    """The same partitions of different subtopologies come together, as one member would best have them."""
    subtopology, partition = task
    return partition, subtopology
