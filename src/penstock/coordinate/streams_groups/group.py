"""One streams group: members, topology, targets, epochs. It is what its records say; requests never change that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from types import MappingProxyType

from penstock.coordinate.groups.group import GroupType
from penstock.coordinate.groups.timers import Timer
from penstock.coordinate.streams_groups.configured import Configured
from penstock.coordinate.streams_groups.member import Clocks, StreamsMember, StreamsTimer
from penstock.coordinate.streams_groups.tasks import NOTHING, Held, Task, Tasks, tasks_in
from penstock.coordinate.streams_groups.topology import Topology

UNSEEN = -1
# Where a group and its targets begin; 0 is what members join with.
INITIAL_EPOCH = 1
# No topology has been found to be in order.
NOT_VALIDATED = -1
# Before the first member that has an endpoint.
NO_ENDPOINTS = 0


class StreamsState(Enum):
    """Where a group stands; the value is the name that ListGroups and StreamsGroupDescribe show."""

    EMPTY = "Empty"
    NOT_READY = "NotReady"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"
    DEAD = "Dead"


class StreamsGroup:
    """Processes of one application, whose tasks the broker shares out.

    epoch: grows with everything that asks for a new assignment; validated_epoch: of the topology whose topics were all
    there with that epoch; assignment_configs: what the assignor is told then; target_epoch, targets, assigned_ms:
    what members shall have, of which epoch, since when (0 if unknown); holders: by role and task, the process of each
    member that has it or has not stopped it yet.
    Not in records: configured, seen_version: the topology beside the topics of that version; shutdown_by: who asked all
    to stop; endpoints_epoch: grows when what runs at some endpoint changes; first_target: while first members are
    awaited; clocks: timers by member id.
    """

    group_type = GroupType.STREAMS
    listed_protocol = "streams"

    __slots__ = (
        "assigned_ms",
        "assignment_configs",
        "bytes_held",
        "clocks",
        "configured",
        "endpoints_epoch",
        "epoch",
        "first_target",
        "group_id",
        "holders",
        "members",
        "metadata_hash",
        "partition",
        "seen_version",
        "shutdown_by",
        "target_epoch",
        "targets",
        "topology",
        "validated_epoch",
    )

    def __init__(self, group_id: str, partition: int) -> None:
        self.group_id = group_id
        self.partition = partition
        self.epoch = INITIAL_EPOCH
        self.metadata_hash = 0
        self.validated_epoch = NOT_VALIDATED
        self.assignment_configs: Mapping[str, str] = MappingProxyType({})
        self.target_epoch = INITIAL_EPOCH
        self.assigned_ms = 0
        self.topology: Topology | None = None
        self.members: dict[str, StreamsMember] = {}
        self.targets: dict[str, Tasks] = {}
        self.holders: tuple[dict[Task, dict[str, str]], ...] = ({}, {}, {})
        self.bytes_held = 0
        self.configured: Configured | None = None
        self.seen_version = UNSEEN
        self.shutdown_by: str | None = None
        self.endpoints_epoch = NO_ENDPOINTS
        self.first_target = Timer(StreamsTimer.FIRST_TARGET, self)
        self.clocks: dict[str, Clocks] = {}

    @property
    def is_empty(self) -> bool:
        return not self.members

    @property
    def state(self) -> StreamsState:
        if not self.members:
            return StreamsState.EMPTY
        if self.topology is None or self.topology.epoch != self.validated_epoch:
            return StreamsState.NOT_READY
        if self.epoch > self.target_epoch:
            return StreamsState.ASSIGNING
        if all(member.is_reconciled_to(self.target_epoch) for member in self.members.values()):
            return StreamsState.STABLE
        return StreamsState.RECONCILING

    @property
    def state_name(self) -> str:
        """As ListGroups shows it."""
        return self.state.value

    def timers(self) -> Iterator[Timer]:
        """Every timer that may run for this group."""
        yield self.first_target
        for clocks in self.clocks.values():
            yield from clocks.all()

    def clocks_of(self, member_id: str) -> Clocks:
        clocks = self.clocks.get(member_id)
        if clocks is None:
            clocks = self.clocks[member_id] = Clocks(self, member_id)
        return clocks

    # Members

    def put(self, member: StreamsMember) -> None:
        """Takes a member as it is now."""
        self._forget(member.member_id)
        self.members[member.member_id] = member
        self.bytes_held += member.bytes_held()
        for held in (member.assigned, member.revoking):
            for role, task in _roles(held):
                self.holders[role].setdefault(task, {})[member.member_id] = member.process_id

    def remove(self, member_id: str) -> None:
        """Lets a member go, with its timers; nothing happens if there is none."""
        self._forget(member_id)
        self.members.pop(member_id, None)
        clocks = self.clocks.pop(member_id, None)
        for timer in () if clocks is None else clocks.all():
            timer.stop()
        if not self.members:
            # Whoever comes next may try again.
            self.shutdown_by = None

    def _forget(self, member_id: str) -> None:
        member = self.members.get(member_id)
        if member is None:
            return
        self.bytes_held -= member.bytes_held()
        for held in (member.assigned, member.revoking):
            for role, task in _roles(held):
                holders = self.holders[role]
                if task in holders:
                    holders[task].pop(member_id, None)
                    if not holders[task]:
                        del holders[task]

    def target_of(self, member_id: str) -> Tasks:
        """What a member shall have."""
        return self.targets.get(member_id, NOTHING)

    # Topics

    def is_subscribed_to(self, topic: str) -> bool:
        return bool(self.members) and self.topology is not None and self.topology.reader_of(topic) is not None


def _roles(held: Held) -> Iterator[tuple[int, Task]]:
    """Every task with the number of its role, as in `holders`."""
    return ((role, task) for role, tasks in enumerate(held) for task in tasks_in(tasks))
