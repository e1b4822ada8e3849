"""`ShareGroups`: the share groups among all groups of a coordinator, behind `Groups.share`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from penstock.coordinate.groups.desk import Desk, Stored, Topics, nothing
from penstock.coordinate.groups.timers import Timer
from penstock.coordinate.outcome import Outcome
from penstock.coordinate.share_groups import heartbeat, reading, records
from penstock.coordinate.share_groups.group import ShareGroup, TopicState
from penstock.coordinate.share_groups.heartbeat import Client, ShareDesk
from penstock.coordinate.share_groups.settings import ShareConfigs, ShareSettings
from penstock.protocol.errors import KafkaError


class ShareGroups:
    """Requests in, outcomes out, as `Groups`; all times are epoch milliseconds."""

    __slots__ = ("_share",)

    def __init__(self, desk: Desk, settings: ShareSettings, configs: ShareConfigs, topics: Topics) -> None:
        self._share = ShareDesk(desk, settings, configs, topics)

    # Members

    def uninitialized(self, request: Any) -> dict[bytes, TopicState]:
        """Partitions that need a share state before this heartbeat; none when it will be refused."""
        if heartbeat.request_fault(self._share, request) is not None or request.member_epoch == heartbeat.LEAVE_EPOCH:
            return {}
        return heartbeat.uninitialized(self._share, request)

    def heartbeat(
        self, request: Any, client_id: str, client_host: str, added: Mapping[bytes, TopicState], now_ms: int
    ) -> Outcome:
        """ShareGroupHeartbeat. client_host: as Kafka prints it; added: what got its state for this request."""
        self._share.desk.begin(now_ms)
        return heartbeat.heartbeat(self._share, request, Client(client_id, client_host), added)

    # Operators

    def describe(self, group_id: str) -> Any:
        """ShareGroupDescribe of one group."""
        return reading.describe(self._share, group_id)

    def describe_fault(self, group_id: str) -> tuple[KafkaError, str | None]:
        """Why the offsets of a group cannot be told; one that does not exist has none."""
        if not group_id or len(group_id) > self._share.desk.settings.group_id_length_max:
            return KafkaError.INVALID_GROUP_ID, None
        error = self._share.desk.absence_of(group_id)
        if not error and group_id in self._share.desk.groups and self.get(group_id) is None:
            return KafkaError.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a share group."
        return error, None

    def offsets_fault(self, group_id: str, *, may_be_missing: bool) -> tuple[KafkaError, str | None]:
        """Why the offsets of a group may not be changed."""
        fault = self.describe_fault(group_id)
        group = self.get(group_id)
        if fault[0]:
            return fault
        if group is None and may_be_missing:
            full = len(self._share.desk.groups) >= self._share.desk.settings.groups_max
            return (KafkaError.POLICY_VIOLATION, "There are too many groups.") if full else fault
        if group is None:
            return KafkaError.GROUP_ID_NOT_FOUND, f"Group {group_id} not found."
        if group.members:
            return KafkaError.NON_EMPTY_GROUP, "The group is not empty."
        return KafkaError.NONE, None

    def get(self, group_id: str) -> ShareGroup | None:
        """The group if it is there and a share group."""
        group = self._share.desk.groups.get(group_id)
        return group if isinstance(group, ShareGroup) else None

    def delete(self, group_id: str, now_ms: int) -> Outcome | None:
        """DeleteGroups of one group; None when it is no share group."""
        group = self.get(group_id)
        if group is None:
            return None
        self._share.desk.begin(now_ms)
        return reading.delete(self._share, group)

    def set_initialized(
        self,
        group_id: str,
        states: Mapping[bytes, TopicState],
        reply: Any,
        now_ms: int,
        on_refused: Callable[[KafkaError], Any] | None = None,
    ) -> Outcome:
        """Which partitions have a share state from now on, as operators moved or deleted offsets; a group that does
        not exist comes to be, without members.
        """
        desk = self._share.desk
        desk.begin(now_ms)
        group = self.get(group_id) or ShareGroup(group_id, desk.partition_of(group_id))
        written = [records.states_record(group_id, states)]
        if group_id not in desk.groups:
            written.insert(0, records.group_record(group_id, group.epoch, 0))

        def applied(_: int) -> None:
            desk.put(group)
            for key, value in written:
                records.apply(group, key, value)

        return desk.conclude(group.partition, Stored(written, applied, nothing), reply, on_refused=on_refused)

    def topics_deleted(self, topic_ids: set[bytes], now_ms: int) -> list[Outcome]:
        """Topics are gone, and so is what groups knew of them."""
        outcomes = []
        for group in list(self._share.desk.groups.values()):
            if isinstance(group, ShareGroup) and topic_ids & group.initialized.keys():
                left = {topic: state for topic, state in group.initialized.items() if topic not in topic_ids}
                outcomes.append(self.set_initialized(group.group_id, left, None, now_ms))
        return outcomes

    # The log, and time

    def replay(self, key: bytes, value: bytes | None) -> bool:
        """Applies a record; False if it is not of a share group.  Error: Malformed."""
        group_id = records.group_of(key)
        if group_id is None:
            return False
        desk = self._share.desk
        group = self.get(group_id)
        if records.is_end(key, value):
            if group is not None:
                desk.drop(group_id)
        elif group is not None or value is not None:
            group = group or ShareGroup(group_id, desk.partition_of(group_id))
            desk.put(group)
            records.apply(group, key, value)
        return True

    def loaded(self, partition: int) -> None:
        """Sessions start, as if everybody had just sent a heartbeat."""
        desk = self._share.desk
        for group in desk.in_partition(partition):
            if isinstance(group, ShareGroup):
                timeout_ms = self._share.configs(group.group_id).session_timeout_ms
                for member in group.members.values():
                    desk.timers.set(member.session, desk.now_ms + timeout_ms)

    def fire(self, timer: Timer) -> Outcome:
        """A member was silent for too long."""
        group: ShareGroup = timer.group
        return self._share.desk.conclude(group.partition, heartbeat.gone(self._share, group, timer.member_id))
