"""ConsumerGroupHeartbeat: a member joins, says what it reads and what it uses, and learns what it may use.

Three steps: the member is made or changed, with a new group epoch if it reads other topics than before; the targets
follow the epoch; the member goes one step towards its target.  Source: KIP-848.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from penstock.coordinate.consumer import checks
from penstock.coordinate.consumer.change import Change
from penstock.coordinate.consumer.conversion import upgrade
from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.consumer.leaving import leave
from penstock.coordinate.consumer.member import JOINING_EPOCH, ConsumerMember, MemberState
from penstock.coordinate.consumer.reconcile import Owned, Target, reconcile
from penstock.coordinate.consumer.records import current_entry, member_entry
from penstock.coordinate.consumer.replacing import replace_static
from penstock.coordinate.consumer.subscriptions import View, pattern_fault, update_epoch, update_patterns
from penstock.coordinate.consumer.targets import Targeted, update_target
from penstock.coordinate.consumer.timing import await_revocation, prolong
from penstock.coordinate.groups.desk import Desk
from penstock.coordinate.groups.group import ClassicGroup
from penstock.coordinate.outcome import Outcome
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import to_base64

HEARTBEAT_INTERVAL = "consumer.heartbeat.interval.ms"
_NO_TIMEOUT = -1
_UNSUPPORTED = "The consumer group protocol is not enabled: group.coordinator.rebalance.protocols leaves it out."


class Step(NamedTuple):
    """A member before and after what it said. reads_other: its topics or its pattern changed; bump: and that asks for
    a new epoch.
    """

    old: ConsumerMember
    new: ConsumerMember
    reads_other: bool
    bump: bool


def heartbeat(desk: Desk, request: Any, client_id: str, client_host: str, version: int) -> Outcome:
    """The outcome of a ConsumerGroupHeartbeat; it never waits."""
    if checks.CONSUMER_PROTOCOL not in desk.settings.group_coordinator_rebalance_protocols:
        return refuse(Refused(KafkaError.UNSUPPORTED_VERSION, _UNSUPPORTED))
    fault = checks.request_fault(desk, request, version)
    if fault is not None:
        return refuse(fault)
    absence = desk.absence_of(request.group_id)
    if absence is not KafkaError.NONE:
        return refuse(Refused(absence, ""))
    if request.member_epoch < JOINING_EPOCH:
        return leave(desk, request)
    opened = _open(desk, request.group_id, create=request.member_epoch == JOINING_EPOCH)
    if isinstance(opened, Refused):
        return refuse(opened)
    return _beat(opened, request, client_id, client_host)


def refuse(fault: Refused) -> Outcome:
    return Outcome(_fault(fault))


def _fault(fault: Refused) -> Any:
    return messages.ConsumerGroupHeartbeatResponse(error_code=fault.error, error_message=fault.message or None)


def _open(desk: Desk, group_id: str, *, create: bool) -> Change | Refused:
    """The group, made or converted if the member joins. An empty classic group simply gives way."""
    group = desk.groups.get(group_id)
    if isinstance(group, ConsumerGroup):
        return Change(desk, group)
    if group is None:
        if not create:
            return Refused(KafkaError.GROUP_ID_NOT_FOUND, f"Consumer group {group_id} not found.")
        if len(desk.groups) >= desk.settings.groups_max:
            return Refused(KafkaError.POLICY_VIOLATION, f"There are {len(desk.groups)} groups, which is the most.")
        return Change(desk, ConsumerGroup(group_id, desk.partition_of(group_id)))
    if create and isinstance(group, ClassicGroup):
        return upgrade(desk, group)
    return Refused(KafkaError.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a consumer group.")


def _beat(change: Change, request: Any, client_id: str, client_host: str) -> Outcome:
    desk, group = change.desk, change.group
    owned: Owned | None = None
    if request.topic_partitions is not None:
        owned = {topic.topic_id: topic.partitions for topic in request.topic_partitions}
    found = _member(change, request, owned)
    if isinstance(found, Refused):
        return refuse(found)
    said = _updated(found, request, client_id, client_host)
    if said != found:
        fault = checks.size_fault(desk, group, said)
        if fault is not None:
            return refuse(fault)
    old = group.members.get(found.member_id) or group.static_member(found.instance_id)
    view = View(desk, group, old, said)
    if said.pattern != found.pattern and said.pattern:
        fault = pattern_fault(desk, group, said.pattern)
        if fault is not None:
            return refuse(fault)
    step = note_member(change, view, found, said)
    moved = move_on(change, view, step, owned)
    if moved is None:
        text = "The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin."
        return refuse(Refused(KafkaError.FENCED_MEMBER_EPOCH, text))
    change.after.append(lambda now: prolong(desk, now, moved.member_id))
    return change.conclude(_reply(desk, request, step.old, moved), lambda error: _fault(Refused(error, "")))


def _member(change: Change, request: Any, owned: Owned | None) -> ConsumerMember | Refused:
    """The member that the request comes from, made if it joins."""
    desk, group = change.desk, change.group
    is_joining = request.member_epoch == JOINING_EPOCH
    fault = checks.full_fault(desk, group, request.member_id)
    if fault is not None:
        return fault
    member_id = request.member_id or to_base64(desk.dice(16))
    if request.instance_id is not None:
        return _static_member(change, request, member_id, owned)
    member = group.members.get(member_id)
    if member is None:
        return ConsumerMember(member_id) if is_joining else checks.unknown_member(group, member_id)
    return checks.epoch_fault(member, request.member_epoch, owned) or member


def _static_member(change: Change, request: Any, member_id: str, owned: Owned | None) -> ConsumerMember | Refused:
    group = change.group
    member = group.static_member(request.instance_id)
    if request.member_epoch != JOINING_EPOCH:
        if member is None:
            return checks.unknown_instance(request.instance_id)
        return (
            checks.fenced_instance_fault(member, member_id, request.instance_id)
            or checks.epoch_fault(member, request.member_epoch, owned)
            or member
        )
    if member is None:
        return group.members.get(member_id) or ConsumerMember(member_id)
    return checks.unreleased_instance_fault(member, member_id) or replace_static(change, member, member_id)


def _updated(member: ConsumerMember, request: Any, client_id: str, client_host: str) -> ConsumerMember:
    """What it says counts; what it leaves out stays as it was."""
    changes: dict[str, Any] = {"client_id": client_id, "client_host": client_host, "classic": None}
    if request.instance_id is not None:
        changes["instance_id"] = request.instance_id
    if request.rack_id is not None:
        changes["rack_id"] = request.rack_id
    if request.rebalance_timeout_ms != _NO_TIMEOUT:
        changes["rebalance_timeout_ms"] = request.rebalance_timeout_ms
    if request.server_assignor is not None:
        changes["assignor"] = request.server_assignor
    if request.subscribed_topic_names is not None:
        changes["topics"] = frozenset(request.subscribed_topic_names)
    if request.subscribed_topic_regex is not None:
        changes["pattern"] = request.subscribed_topic_regex
    return member._replace(**changes)


def note_member(change: Change, view: View, old: ConsumerMember, new: ConsumerMember) -> Step:
    """The member's entry, and what its subscription calls for."""
    group = change.group
    is_new = new.member_id not in group.members and group.static_member(new.instance_id) is None
    if is_new or new != old:
        change.entries.append(member_entry(group.group_id, new))
    names_differ = new.topics != old.topics
    pattern_differs = new.pattern != old.pattern
    resolved_anew = update_patterns(change, view, old.pattern if pattern_differs else "")
    reads_other = names_differ or pattern_differs
    return Step(old, new, reads_other, reads_other or resolved_anew)


def move_on(change: Change, view: View, step: Step, owned: Owned | None) -> ConsumerMember | None:
    """The group's epoch, the targets, and the member's next step; None when it must be fenced."""
    epoch = update_epoch(change, view, bump=step.bump)
    targeted = update_target(change, view, epoch, step.new)
    return reconcile_member(change, view, step, targeted, owned)


def reconcile_member(
    change: Change, view: View, step: Step, targeted: Targeted, owned: Owned | None
) -> ConsumerMember | None:
    """The member one step nearer to its target, with the entry that says so."""
    group, member = change.group, step.new
    if not step.reads_other and member.is_reconciled_to(targeted.epoch):
        return member
    target = Target(
        targeted.epoch,
        targeted.partitions,
        view.topic_ids(member),
        lambda topic_id, partition: group.owner_of(topic_id, partition) is not None,
    )
    moved = reconcile(member, target, owned, changed=step.reads_other)
    if moved is not None and moved != member:
        change.entries.append(current_entry(group.group_id, moved))
        if moved.classic is None:
            is_revoking = moved.state is MemberState.UNREVOKED
            change.after.append(lambda now: await_revocation(change.desk, now, moved, is_revoking=is_revoking))
    return moved


def _reply(desk: Desk, request: Any, old: ConsumerMember, moved: ConsumerMember) -> Any:
    """The assignment is told to who joins, who sends everything, and when it changed."""
    is_full = (
        request.rebalance_timeout_ms != _NO_TIMEOUT
        and (request.subscribed_topic_names is not None or request.subscribed_topic_regex is not None)
        and request.topic_partitions is not None
    )
    response = messages.ConsumerGroupHeartbeatResponse
    assignment = None
    if request.member_epoch == JOINING_EPOCH or is_full or old.assigned != moved.assigned:
        assignment = response.Assignment(
            topic_partitions=[
                response.TopicPartitions(topic_id=topic_id, partitions=sorted(partitions))
                for topic_id, partitions in moved.assigned.items()
            ]
        )
    return response(
        member_id=moved.member_id,
        member_epoch=moved.epoch,
        heartbeat_interval_ms=desk.group_number(request.group_id, HEARTBEAT_INTERVAL),
        assignment=assignment,
    )
