"""ShareGroupHeartbeat: a member comes, stays, changes what it reads, goes.  Source: KIP-932, v1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from penstock.coordinate.groups.desk import Desk, Stored, Topics, nothing
from penstock.coordinate.groups.subscription import topics_hash
from penstock.coordinate.outcome import Outcome, Record
from penstock.coordinate.share_groups import records
from penstock.coordinate.share_groups.assignor import Assignment, assign
from penstock.coordinate.share_groups.group import Identity, ShareGroup, ShareMember, TopicState
from penstock.coordinate.share_groups.settings import ShareConfig, ShareConfigs, ShareSettings
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

Response = messages.ShareGroupHeartbeatResponse
LEAVE_EPOCH = -1
JOIN_EPOCH = 0


class _NoTopics:
    """For a coordinator that is told of no topics."""

    version = 0

    def partition_count(self, name: str) -> int | None:
        return None

    def name_of(self, topic_id: bytes) -> str | None:
        return None

    def id_of(self, name: str) -> bytes | None:
        return None

    def names(self) -> Iterable[str]:
        return ()


NO_TOPICS = _NoTopics()


class ShareDesk(NamedTuple):
    """What the modules of share groups share: the desk of all groups, and what is set about share groups."""

    desk: Desk
    settings: ShareSettings
    configs: ShareConfigs
    topics: Topics


class Client(NamedTuple):
    """host: as Kafka prints it, "/127.0.0.1"."""

    client_id: str
    host: str


def heartbeat(share: ShareDesk, request: Any, client: Client, added: Mapping[bytes, TopicState]) -> Outcome:
    """added: partitions that got their state for this request, see `uninitialized`."""
    desk = share.desk
    fault = request_fault(share, request) or (desk.absence_of(request.group_id), None)
    if fault[0] is KafkaError.NONE:
        fault = _member_fault(share, request)
    if fault[0] is not KafkaError.NONE:
        return Outcome(Response(error_code=fault[0], error_message=fault[1]))
    if request.member_epoch == LEAVE_EPOCH:
        return _leave(share, request)
    return _stay(share, request, client, added)


def request_fault(share: ShareDesk, request: Any) -> tuple[KafkaError, str | None] | None:
    """What is wrong with a request whatever group it is about."""
    invalid, epoch = KafkaError.INVALID_REQUEST, request.member_epoch
    if not request.member_id.strip() or len(request.member_id) > share.settings.member_id_length_max:
        return invalid, None
    if not request.group_id.strip():
        return invalid, "GroupId can't be empty."
    if len(request.group_id) > share.desk.settings.group_id_length_max:
        return KafkaError.INVALID_GROUP_ID, None
    if epoch < LEAVE_EPOCH:
        return invalid, "MemberEpoch is invalid."
    if request.rack_id is not None and not request.rack_id.strip():
        return invalid, "RackId can't be empty."
    topics = request.subscribed_topic_names
    if epoch == JOIN_EPOCH and not topics:
        return invalid, "SubscribedTopicNames must be set in first request."
    if topics is not None and len(topics) > share.settings.topics_max:
        return invalid, f"{len(topics)} topics: at most {share.settings.topics_max} can be subscribed."
    return None


def _member_fault(share: ShareDesk, request: Any) -> tuple[KafkaError, str | None]:
    desk, group_id, member_id, epoch = share.desk, request.group_id, request.member_id, request.member_epoch
    group = desk.groups.get(group_id)
    if group is None:
        if epoch == JOIN_EPOCH:
            full = len(desk.groups) >= desk.settings.groups_max
            return (KafkaError.POLICY_VIOLATION, "There are too many groups.") if full else (KafkaError.NONE, None)
        what = "Group" if epoch == LEAVE_EPOCH else "Share group"
        return KafkaError.GROUP_ID_NOT_FOUND, f"{what} {group_id} not found."
    if not isinstance(group, ShareGroup):
        return KafkaError.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a share group."
    member = group.members.get(member_id)
    if member is None:
        if epoch != JOIN_EPOCH:
            return KafkaError.UNKNOWN_MEMBER_ID, f"Member {member_id} is not a member of group {group_id}."
        size = share.settings.group_share_max_size
        if len(group.members) >= size:
            text = f"The share group has reached its maximum capacity of {size} members."
            return KafkaError.GROUP_MAX_SIZE_REACHED, text
        return KafkaError.NONE, None
    return _epoch_fault(member, epoch)


def _epoch_fault(member: ShareMember, epoch: int) -> tuple[KafkaError, str | None]:
    """A member whose last answer was lost may still be one epoch behind."""
    advice = "The member must abandon all its partitions and rejoin."
    if epoch > member.epoch:
        text = (
            f"The share group member has a greater member epoch ({epoch}) than the one known by the group coordinator"
        )
        return KafkaError.FENCED_MEMBER_EPOCH, f"{text} ({member.epoch}). {advice}"
    if epoch in (member.epoch, member.previous_epoch, JOIN_EPOCH, LEAVE_EPOCH):
        return KafkaError.NONE, None
    text = f"The share group member has a smaller member epoch ({epoch}) than the one known by the group coordinator"
    before = f"and it does not match the previous member epoch ({member.previous_epoch})"
    return KafkaError.FENCED_MEMBER_EPOCH, f"{text} ({member.epoch}), {before}. {advice}"


def uninitialized(share: ShareDesk, request: Any) -> dict[bytes, TopicState]:
    """Partitions that the group will read and that have no share state yet; they need one before the heartbeat."""
    group = share.desk.groups.get(request.group_id)
    names = set(request.subscribed_topic_names or ())
    known: Mapping[bytes, TopicState] = {}
    if isinstance(group, ShareGroup):
        if not names and group.topics_version == share.topics.version:
            return {}
        names |= group.subscribed()
        known = group.initialized
    missing: dict[bytes, TopicState] = {}
    for name in sorted(names):
        topic_id, count = share.topics.id_of(name), share.topics.partition_count(name)
        if topic_id is not None and count is not None:
            before = known[topic_id].indexes if topic_id in known else frozenset()
            indexes = frozenset(range(count)) - before
            if indexes:
                missing[topic_id] = TopicState(name, indexes)
    return missing


def _stay(share: ShareDesk, request: Any, client: Client, added: Mapping[bytes, TopicState]) -> Outcome:
    """The member is in, with the epoch and the assignment that follow from all that is known now."""
    desk, group_id, member_id = share.desk, request.group_id, request.member_id
    found = desk.groups.get(group_id)
    group = found if isinstance(found, ShareGroup) else ShareGroup(group_id, desk.partition_of(group_id))
    config = share.configs(group_id)
    step = _Step(share, group, config, member_id)
    step.identify(_identity(request, client, group.members.get(member_id)))
    step.initialize(added)
    step.bump()
    step.aim()
    reply = step.reconcile(request)

    def applied(_: int) -> None:
        desk.put(group)
        for key, value in step.records:
            records.apply(group, key, value)
        _alive()

    def _alive() -> None:
        group.topics_version = share.topics.version
        desk.timers.set(group.members[member_id].session, desk.now_ms + config.session_timeout_ms)

    if not step.records:
        _alive()
        return Outcome(reply, desk.done)
    stored = Stored(step.records, applied, nothing)
    return desk.conclude(
        group.partition, stored, reply, on_refused=lambda error: Response(error_code=error, member_id=member_id)
    )


def _identity(request: Any, client: Client, member: ShareMember | None) -> Identity:
    """What the member says now, and of what it does not repeat, what it said before."""
    topics = request.subscribed_topic_names
    if topics is None:
        assert member is not None, "a member that joins names its topics"
        topics = member.identity.topics
    rack_id = request.rack_id
    if rack_id is None and member is not None:
        rack_id = member.identity.rack_id
    return Identity(rack_id, client.client_id, client.host, tuple(sorted(set(topics))))


class _Step:
    """One heartbeat's way to its records, each from what the ones before say."""

    def __init__(self, share: ShareDesk, group: ShareGroup, config: ShareConfig, member_id: str) -> None:
        self.share = share
        self.group = group
        self.config = config
        self.member_id = member_id
        self.member = group.members.get(member_id)
        self.records: list[Record] = []
        self.epoch, self.target_epoch = group.epoch, group.target_epoch
        self.metadata_hash = group.metadata_hash
        self.initialized: Mapping[bytes, TopicState] = group.initialized
        self.topics: tuple[str, ...] = ()
        self.changed = False
        self.assigned: Assignment | None = group.target.get(member_id)

    def identify(self, identity: Identity) -> None:
        if self.member is None or self.member.identity != identity:
            self.records.append(records.member_record(self.group.group_id, self.member_id, identity))
        self.topics = identity.topics
        self.changed = self.member is None or self.member.identity.topics != identity.topics

    def initialize(self, added: Mapping[bytes, TopicState]) -> None:
        if added:
            self.initialized = self.group.with_initialized(added)
            self.records.append(records.states_record(self.group.group_id, self.initialized))
            self.changed = True

    def bump(self) -> None:
        """A new epoch when members read something else, or what they read changed."""
        if self.changed or self.group.topics_version != self.share.topics.version:
            names = self.group.subscribed_with(self.member_id, self.topics)
            self.metadata_hash = topics_hash(self.share.topics, names)
        if self.changed or self.metadata_hash != self.group.metadata_hash:
            self.epoch += 1
            self.records.append(records.group_record(self.group.group_id, self.epoch, self.metadata_hash))

    def aim(self) -> None:
        """A new target for all, unless the last one is too young."""
        group, now_ms = self.group, self.share.desk.now_ms
        # A clock that was set back makes the age negative.
        is_young = group.target_epoch > 0 and 0 <= now_ms - group.target_ms < self.config.assignment_interval_ms
        if self.epoch == self.target_epoch or is_young:
            return
        target = self._target()
        for member_id, assignment in target.items():
            if group.target.get(member_id) != assignment:
                self.records.append(records.target_record(group.group_id, member_id, assignment))
        self.target_epoch = self.epoch
        self.records.append(records.target_epoch_record(group.group_id, self.epoch, now_ms))
        self.assigned = target[self.member_id]

    def _target(self) -> dict[str, dict[bytes, tuple[int, ...]]]:
        topics = self.share.topics
        reading = {member.member_id: member.identity.topics for member in self.group.members.values()}
        reading[self.member_id] = self.topics
        # Members that read the same share one set.
        ids = {
            names: frozenset(topic_id for name in names if (topic_id := topics.id_of(name)) is not None)
            for names in set(reading.values())
        }
        subscribed = {member_id: ids[names] for member_id, names in reading.items()}
        partitions = {}
        for topic_id, state in self.initialized.items():
            name = topics.name_of(topic_id)
            count = 0 if name is None else topics.partition_count(name) or 0
            partitions[topic_id] = [index for index in state.indexes if index < count]
        return assign(subscribed, partitions, self.group.target)

    def reconcile(self, request: Any) -> Any:
        """The member takes its target over at once; the reply tells it when it is new, or when it asks."""
        before = self.member
        epoch = self.target_epoch
        assigned = self.assigned if self.assigned is not None else {}
        news = before is None or before.assigned != assigned
        if before is None or before.epoch != epoch or news:
            previous = 0 if before is None else before.epoch
            self.records.append(records.current_record(self.group.group_id, self.member_id, epoch, previous, assigned))
        tell = news or request.member_epoch == JOIN_EPOCH or request.subscribed_topic_names is not None
        # A member whose last answer was lost does not know what it said.
        tell = tell or (before is not None and request.member_epoch != before.epoch)
        parts = [Response.TopicPartitions(topic, list(indexes)) for topic, indexes in assigned.items()]
        return Response(
            member_id=self.member_id,
            member_epoch=epoch,
            heartbeat_interval_ms=self.config.heartbeat_interval_ms,
            assignment=Response.Assignment(parts) if tell else None,
        )


def _leave(share: ShareDesk, request: Any) -> Outcome:
    desk = share.desk
    group = desk.groups[request.group_id]
    assert isinstance(group, ShareGroup)
    reply = Response(member_id=request.member_id, member_epoch=LEAVE_EPOCH)
    return desk.conclude(
        group.partition,
        gone(share, group, request.member_id),
        reply,
        on_refused=lambda error: Response(error_code=error),
    )


def gone(share: ShareDesk, group: ShareGroup, member_id: str) -> Stored:
    """What is to be written when a member left, or fell silent. The others get its partitions with their next
    heartbeat.
    """
    left = group.subscribed_with(member_id, ())
    written = records.member_tombstones(group.group_id, member_id)
    written.append(records.group_record(group.group_id, group.epoch + 1, topics_hash(share.topics, left)))

    def applied(_: int) -> None:
        for key, value in written:
            records.apply(group, key, value)

    def undone(_: KafkaError) -> None:
        # Silence goes on: it is tried again.
        timeout_ms = share.configs(group.group_id).session_timeout_ms
        share.desk.timers.set(group.members[member_id].session, share.desk.now_ms + timeout_ms)

    return Stored(written, applied, undone)
