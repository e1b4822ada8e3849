"""A coordinator of streams groups with its log beside it, topics that change, and clients that follow the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.coordinate.consumer_world import ChangingTopics
from tests.coordinate.group_world import HOST, World, over_wire

from penstock.coordinate.groups import GroupSettings
from penstock.coordinate.streams_groups.group import StreamsGroup
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

Request = messages.StreamsGroupHeartbeatRequest
# Partitions by subtopology.
Running = Mapping[str, list[int]]
NOTHING: dict[str, list[int]] = {}


def internal(name: str, partitions: int = 0, **configs: str) -> Any:
    return Request.TopicInfo(name, partitions, 0, [Request.KeyValue(*pair) for pair in configs.items()])


def part(name: str, **fields: Any) -> Any:
    """A subtopology: what it lacks is empty."""
    empty = {"source_topics": [], "source_topic_regex": [], "state_changelog_topics": [], "repartition_sink_topics": []}
    more = {"repartition_source_topics": [], "copartition_groups": []}
    return Request.Subtopology(subtopology_id=name, **{**empty, **more, **fields})


def topology(*parts: Any, epoch: int = 0) -> Any:
    return Request.Topology(epoch, list(parts))


def word_count(epoch: int = 0) -> Any:
    """Lines of topic `t` are split and sorted by word into `r`, then counted in a store."""
    return topology(
        part("0", source_topics=["t"], repartition_sink_topics=["r"]),
        part("1", repartition_source_topics=[internal("r")], state_changelog_topics=[internal("c", a="b")]),
        epoch=epoch,
    )


class StreamsWorld(World):
    """A world of one streams group "g"; configs: of groups, by name; assignments follow one another at once."""

    def __init__(self, settings: GroupSettings | None = None, **counts: int) -> None:
        self.configs = {
            "streams.session.timeout.ms": 45_000,
            "streams.heartbeat.interval.ms": 5_000,
            "streams.assignment.interval.ms": 0,
            "streams.initial.rebalance.delay.ms": 0,
            "streams.num.standby.replicas": 0,
        }
        self.changing = ChangingTopics(**(counts or {"t": 2, "r": 2, "c": 2}))
        super().__init__(settings, self.changing)

    def group_number(self, group_id: str, name: str) -> int:
        return self.configs[name]

    @property
    def group(self) -> StreamsGroup:
        """The group as it is inside."""
        found = self.groups._desk.groups["g"]
        assert isinstance(found, StreamsGroup), found
        return found

    def beat(self, member_id: str, epoch: int, *, client_id: str = "c", **fields: Any) -> Any:
        """owned: active tasks, and with standby: also spares."""
        owned: Running | None = fields.pop("owned", None)
        spares: Running = fields.pop("standby", NOTHING)
        if owned is not None:
            fields["active_tasks"], fields["standby_tasks"], fields["warmup_tasks"] = listed(owned), listed(spares), []
        request = Request(**{"group_id": "g"} | fields, member_id=member_id, member_epoch=epoch)
        outcome = self.groups.streams.heartbeat(over_wire(request, 0), client_id, HOST, self.now_ms)
        return over_wire(self.settle(outcome), 0)

    def enter(self, member_id: str, **fields: Any) -> Any:
        """A member joins."""
        said = {"rebalance_timeout_ms": 10_000, "owned": {}, "topology": word_count(), "process_id": f"p-{member_id}"}
        return self.beat(member_id, 0, **said | fields)

    def about(self, group_id: str = "g") -> Any:
        described = self.groups.streams.describe(group_id)
        return over_wire(messages.StreamsGroupDescribeResponse(groups=[described]), 0).groups[0]


def listed(tasks: Running) -> list[Any]:
    return [Request.TaskIds(name, list(partitions)) for name, partitions in tasks.items()]


def running(tasks: list[Any] | None) -> dict[str, list[int]] | None:
    """Tasks of a reply by subtopology; None if it tells none."""
    return None if tasks is None else {entry.subtopology_id: list(entry.partitions) for entry in tasks}


def error(reply: Any) -> KafkaError:
    return KafkaError(reply.error_code)


def statuses(reply: Any) -> list[tuple[int, str]]:
    return [(status.status_code, status.status_detail) for status in reply.status]


class Thread:
    """A client that does what a thread of Kafka Streams does: stops what it must, and says so."""

    def __init__(self, world: StreamsWorld, member_id: str, **fields: Any) -> None:
        self.world = world
        self.member_id = member_id
        self.fields = fields
        self.epoch = 0
        self.active: dict[str, list[int]] = {}
        self.standby: dict[str, list[int]] = {}

    def join(self) -> Any:
        self.active, self.standby, self.epoch = {}, {}, 0
        return self._take(self.world.enter(self.member_id, **self.fields))

    def beat(self, **fields: Any) -> Any:
        """Tells what it runs, as after a change."""
        rest = {name: value for name, value in self.fields.items() if name == "instance_id"}
        said = {"owned": self.active, "standby": self.standby} | rest | fields
        return self._take(self.world.beat(self.member_id, self.epoch, **said))

    def leave(self) -> Any:
        return self.world.beat(self.member_id, -1)

    def _take(self, reply: Any) -> Any:
        if reply.error_code == 0:
            self.epoch = reply.member_epoch
            if reply.active_tasks is not None:
                self.active, self.standby = running(reply.active_tasks) or {}, running(reply.standby_tasks) or {}
        return reply


def settle(*threads: Thread, rounds: int = 10) -> None:
    """Heartbeats until nobody's tasks change any more."""
    for _ in range(rounds):
        before = [(thread.epoch, thread.active, thread.standby) for thread in threads]
        for thread in threads:
            assert error(thread.beat()) is KafkaError.NONE
        if before == [(thread.epoch, thread.active, thread.standby) for thread in threads]:
            return
    raise AssertionError("no end to the rebalance")


def state_of(group: StreamsGroup) -> dict[str, Any]:
    """All that records make of a group; not its timers, nor what it has looked at or was told in passing."""
    left_out = {"clocks", "first_target", "configured", "seen_version", "shutdown_by", "endpoints_epoch"}
    return {name: getattr(group, name) for name in StreamsGroup.__slots__ if name not in left_out}
