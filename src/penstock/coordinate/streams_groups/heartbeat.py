"""StreamsGroupHeartbeat: a member joins, says what it runs, and learns what it is to run.

Five steps: the member is made or changed; the topology is taken, or compared with the one there is; it is held against
the topics there are; the targets follow the group's epoch, which all of that may have moved; the member goes one step
towards its target.  Source: KIP-1071.
"""

from __future__ import annotations

from typing import Any

from penstock.coordinate.consumer.checks import unknown_member
from penstock.coordinate.consumer.member import JOINING_EPOCH
from penstock.coordinate.group_records import group_tombstone
from penstock.coordinate.groups.desk import Desk, Topics
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.groups.subscription import topics_hash
from penstock.coordinate.outcome import Outcome
from penstock.coordinate.streams_groups import checks
from penstock.coordinate.streams_groups.change import Change
from penstock.coordinate.streams_groups.configured import Configured, Status, StatusCode, configure
from penstock.coordinate.streams_groups.endpoints import partitions_by_endpoint
from penstock.coordinate.streams_groups.group import NO_ENDPOINTS, NOT_VALIDATED, StreamsGroup
from penstock.coordinate.streams_groups.leaving import leave
from penstock.coordinate.streams_groups.member import StreamsMember
from penstock.coordinate.streams_groups.reconcile import Target, reconcile
from penstock.coordinate.streams_groups.records import current_entry, group_entry, member_entry, topology_entry
from penstock.coordinate.streams_groups.targets import Aim, aim, assignment_configs
from penstock.coordinate.streams_groups.tasks import Tasks, listed_tasks, said_map
from penstock.coordinate.streams_groups.timing import await_revocation, prolong
from penstock.coordinate.streams_groups.topology import Topology, topology_of
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

Response = messages.StreamsGroupHeartbeatResponse
HEARTBEAT_INTERVAL = "streams.heartbeat.interval.ms"
FIRST_DELAY = "streams.initial.rebalance.delay.ms"
_NO_TIMEOUT = -1
_UNSUPPORTED = "The streams group protocol is not enabled: group.coordinator.rebalance.protocols leaves it out."


def heartbeat(desk: Desk, topics: Topics, request: Any, client_id: str, client_host: str) -> Outcome:
    """The outcome of a StreamsGroupHeartbeat; it never waits."""
    if checks.PROTOCOL not in desk.settings.group_coordinator_rebalance_protocols:
        return refuse(Refused(KafkaError.UNSUPPORTED_VERSION, _UNSUPPORTED))
    fault = checks.request_fault(desk, request)
    if fault is not None:
        return refuse(fault)
    absence = desk.absence_of(request.group_id)
    if absence is not KafkaError.NONE:
        return refuse(Refused(absence, ""))
    if request.member_epoch < JOINING_EPOCH:
        return leave(desk, request)
    change = _open(desk, request.group_id, joins=request.member_epoch == JOINING_EPOCH)
    if isinstance(change, Refused):
        return refuse(change)
    beat = _Beat(change, topics, request)
    fault = beat.identify(client_id, client_host) or beat.take_topology() or beat.compare()
    if fault is not None:
        return refuse(fault)
    beat.bump()
    beat.aim()
    fault = beat.move()
    return refuse(fault) if fault is not None else beat.conclude()


def refuse(fault: Refused) -> Outcome:
    return Outcome(Response(error_code=fault.error, error_message=fault.message or None))


def _open(desk: Desk, group_id: str, *, joins: bool) -> Change | Refused:
    """The group, made if the member joins. An empty classic group gives way."""
    group = desk.groups.get(group_id)
    if isinstance(group, StreamsGroup):
        return Change(desk, group)
    if group is None and not joins:
        return Refused(KafkaError.GROUP_ID_NOT_FOUND, f"Streams group {group_id} not found.")
    if group is None and len(desk.groups) >= desk.settings.groups_max:
        return Refused(KafkaError.POLICY_VIOLATION, f"There are {len(desk.groups)} groups, which is the most.")
    change = Change(desk, StreamsGroup(group_id, desk.partition_of(group_id)))
    if group is None:
        return change
    if joins and isinstance(group, ClassicGroup) and group.is_empty:
        change.first.append(group_tombstone(group_id))
        return change
    return Refused(KafkaError.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a streams group.")


class _Beat:
    """One heartbeat's way to its entries, each step from what the ones before it found.

    old, member: before and after what the client says; owned: what it says it runs, None if it does not say.
    """

    def __init__(self, change: Change, topics: Topics, request: Any) -> None:
        self.change = change
        self.desk, self.group = change.desk, change.group
        self.topics = topics
        self.request = request
        self.owned: Tasks | None = None
        if request.active_tasks is not None:
            self.owned = Tasks(*map(said_map, (request.active_tasks, request.standby_tasks, request.warmup_tasks)))
        self.old = self.member = StreamsMember(request.member_id)
        self.topology: Topology | None = self.group.topology
        self.configured: Configured
        self.epoch = self.group.epoch
        self.metadata_hash = self.group.metadata_hash
        self.configs = assignment_configs(self.desk, self.group.group_id)
        self.changed = False
        self.target: Aim

    # The member

    def identify(self, client_id: str, client_host: str) -> Refused | None:
        """Who it is, and what it says of itself."""
        found = self._find()
        if isinstance(found, Refused):
            return found
        self.old = found
        self.member = _updated(found, self.request, client_id, client_host)
        is_new = self.request.member_id not in self.group.members
        if is_new or self.member != found:
            fault = checks.size_fault(self.desk, self.group, self.member.bytes_held())
            if fault is not None:
                return fault
            self.change.entries.append(member_entry(self.group.group_id, self.member))
            self.changed = True
        return None

    def _find(self) -> StreamsMember | Refused:
        group, request = self.group, self.request
        joins = request.member_epoch == JOINING_EPOCH
        fault = checks.full_fault(self.desk, group, request.member_id) if joins else None
        if fault is not None:
            return fault
        member = group.members.get(request.member_id)
        if member is None:
            return StreamsMember(request.member_id) if joins else unknown_member(group, request.member_id)
        return checks.epoch_fault(member, request.member_epoch, self.owned) or member

    # The topology

    def take_topology(self) -> Refused | None:
        """The first member's is the group's; later ones must have the same, or an older one."""
        if self.request.topology is None:
            return None
        said = topology_of(self.request.topology)
        if isinstance(said, Refused):
            return said
        if self.topology is None:
            fault = checks.size_fault(self.desk, self.group, said.bytes_held())
            if fault is not None:
                return fault
            self.topology = said
            self.change.entries.append(topology_entry(self.group.group_id, said))
        elif said.epoch >= self.topology.epoch and said != self.topology:
            return Refused(KafkaError.INVALID_REQUEST, "Topology updates are not supported yet.")
        return None

    def compare(self) -> Refused | None:
        """The topology beside the topics, if either changed since the group last looked."""
        group, topology = self.group, self.topology
        if topology is None:
            return Refused(KafkaError.UNKNOWN_SERVER_ERROR, "The group has no topology.")
        seen_version = self.topics.version
        found = group.configured
        if found is None or found.topology != topology or group.seen_version != seen_version:
            self.metadata_hash = topics_hash(self.topics, topology.required())
            if found is None or found.topology != topology or self.metadata_hash != group.metadata_hash:
                made = configure(topology, self.topics)
                if isinstance(made, Refused):
                    return made
                found = made
            self.changed = self.changed or self.metadata_hash != group.metadata_hash
        self.configured = found

        def seen(now: StreamsGroup) -> None:
            now.configured, now.seen_version = self.configured, seen_version

        self.change.after.append(seen)
        return checks.tasks_fault(found, self.owned)

    # The targets

    def bump(self) -> None:
        """A new epoch when members, topics, or what the assignor is told changed."""
        group = self.group
        assert self.topology is not None, "compare refuses a group without one"
        validated = self.topology.epoch if self.configured.is_ready else NOT_VALIDATED
        if self.changed or validated != group.validated_epoch or self.configs != group.assignment_configs:
            self.epoch += 1
            self.change.entries.append(
                group_entry(group.group_id, self.epoch, self.metadata_hash, validated, self.configs)
            )

    def aim(self) -> None:
        """New targets for a new epoch; the first ones after a while, so that those who start together count."""
        group, desk = self.group, self.desk
        delay_ms = desk.group_number(group.group_id, FIRST_DELAY) if group.is_empty else 0
        if delay_ms and not group.first_target.is_running:
            due_ms = desk.now_ms + delay_ms
            self.change.after.append(lambda now: desk.timers.set(now.first_target, due_ms))
        is_first = group.first_target.is_running or delay_ms > 0
        self.target = aim(self.change, self.configured, self.configs, self.epoch, self.member, is_first=is_first)

    def move(self) -> Refused | None:
        """The member one step nearer to its target."""
        change, target = self.change, self.target
        if self.member.is_reconciled_to(target.epoch):
            return None
        moved = reconcile(self.member, Target(target.epoch, target.tasks, self.group.holders), self.owned)
        if moved is None:
            text = "The streams group member is in a unknown state. The member must abandon all its tasks and rejoin."
            return Refused(KafkaError.FENCED_MEMBER_EPOCH, text)
        if moved != self.member:
            self.member = moved
            change.entries.append(current_entry(self.group.group_id, moved))
            change.after.append(lambda now: await_revocation(change.desk, now, moved))
        return None

    # The reply

    def conclude(self) -> Outcome:
        """The records and the reply."""
        member_id, desk = self.member.member_id, self.desk
        asks_shutdown = self.request.shutdown_application
        tell = self.request.member_epoch == JOINING_EPOCH or self.old.assigned.tasks != self.member.assigned.tasks
        # A group that is made by this very request does not remember the epoch that it gives here; Kafka's does not
        # either, and the next heartbeat tells everything again.
        is_new = self.change.is_new
        endpoints_epoch = self.group.endpoints_epoch + (tell and self.member.endpoint is not None)

        def told(now: StreamsGroup) -> None:
            prolong(desk, now, member_id)
            if asks_shutdown and now.shutdown_by is None:
                now.shutdown_by = member_id
            if not is_new:
                now.endpoints_epoch = endpoints_epoch

        self.change.after.append(told)
        reply = Response(
            member_id=member_id,
            member_epoch=self.member.epoch,
            heartbeat_interval_ms=desk.group_number(self.group.group_id, HEARTBEAT_INTERVAL),
            status=[Response.Status(int(status.code), status.detail) for status in self._statuses()],
            endpoint_information_epoch=NO_ENDPOINTS if is_new else endpoints_epoch,
        )
        if tell:
            tasks = self.member.assigned.tasks
            reply.active_tasks, reply.standby_tasks, reply.warmup_tasks = (
                listed_tasks(Response.TaskIds, role) for role in tasks
            )
        if endpoints_epoch != self.request.endpoint_information_epoch:
            reply.partitions_by_user_endpoint = partitions_by_endpoint(
                self.group, self.member, self.configured, self.topics
            )
        return self.change.conclude(reply, lambda error: Response(error_code=int(error)))

    def _statuses(self) -> list[Status]:
        statuses = []
        assert self.topology is not None, "compare refuses a group without one"
        if self.member.topology_epoch < self.topology.epoch:
            text = f"The member's topology epoch {self.member.topology_epoch} is behind the group's topology epoch"
            statuses.append(Status(StatusCode.STALE_TOPOLOGY, f"{text} {self.topology.epoch}."))
        if self.target.delay:
            statuses.append(Status(StatusCode.ASSIGNMENT_DELAYED, self.target.delay))
        if self.configured.status is not None:
            statuses.append(self.configured.status)
        who = self.group.shutdown_by or (self.member.member_id if self.request.shutdown_application else None)
        if who is not None:
            text = f"Streams group member {who} encountered a fatal error and requested a shutdown for the entire"
            statuses.append(Status(StatusCode.SHUTDOWN_APPLICATION, f"{text} application."))
        return statuses


def _updated(member: StreamsMember, request: Any, client_id: str, client_host: str) -> StreamsMember:
    """What it says counts; what it leaves out stays as it was."""
    changes: dict[str, Any] = {"client_id": client_id, "client_host": client_host}
    for name in ("rack_id", "process_id"):
        if getattr(request, name) is not None:
            changes[name] = getattr(request, name)
    if request.rebalance_timeout_ms != _NO_TIMEOUT:
        changes["rebalance_timeout_ms"] = request.rebalance_timeout_ms
    if request.topology is not None:
        changes["topology_epoch"] = request.topology.epoch
    if request.client_tags is not None:
        changes["tags"] = tuple(sorted({pair.key: pair.value for pair in request.client_tags}.items()))
    if request.user_endpoint is not None:
        changes["endpoint"] = (request.user_endpoint.host, request.user_endpoint.port)
    return member._replace(**changes)
