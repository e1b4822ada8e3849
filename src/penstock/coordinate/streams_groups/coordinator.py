"""`StreamsGroups`: the streams groups among all groups of a coordinator, behind `Groups.streams`."""

from __future__ import annotations

from typing import Any

from penstock.coordinate.groups.desk import Desk, Topics
from penstock.coordinate.groups.timers import Timer
from penstock.coordinate.outcome import Outcome
from penstock.coordinate.streams_groups import applying, heartbeat, leaving, reading, timing
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.coordinate.streams_groups.topology import InternalTopic


class StreamsGroups:
    """Requests in, outcomes out, as `Groups`; all times are epoch milliseconds."""

    __slots__ = ("_desk", "_topics")

    def __init__(self, desk: Desk, topics: Topics) -> None:
        self._desk = desk
        self._topics = topics

    def heartbeat(self, request: Any, client_id: str, client_host: str, now_ms: int) -> Outcome:
        """StreamsGroupHeartbeat. client_host: as Kafka prints it. Topics that its answer misses are to be made then."""
        self._desk.begin(now_ms)
        return heartbeat.heartbeat(self._desk, self._topics, request, client_id, client_host)

    def missing_topics(self, group_id: str) -> tuple[InternalTopic, ...]:
        """Internal topics that the group lacks, as it last looked."""
        group = self._desk.groups.get(group_id)
        if not isinstance(group, StreamsGroup) or group.configured is None:
            return ()
        return group.configured.missing

    def describe(self, group_id: str) -> Any:
        """StreamsGroupDescribe of one group, as DescribedGroup."""
        return reading.describe(self._desk, group_id)

    # The log, and time

    def replay(self, key: bytes, value: bytes | None) -> bool:
        """Applies a record; False if it is not of a streams group.  Error: Malformed."""
        return applying.replay(self._desk, key, value)

    def loaded(self, partition: int) -> None:
        """Sessions start, as if everybody had just sent a heartbeat."""
        for group in self._desk.in_partition(partition):
            if isinstance(group, StreamsGroup):
                timing.start_all(self._desk, group)

    def fire(self, timer: Timer) -> Outcome:
        """A deadline has come."""
        return leaving.fire(self._desk, timer)
