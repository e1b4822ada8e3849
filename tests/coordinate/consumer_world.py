"""A coordinator of consumer groups with its log beside it, topics that change, and clients that follow the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.coordinate.group_world import HOST, World, over_wire

from penstock.coordinate.consumer.group import ConsumerGroup
from penstock.coordinate.groups import GroupSettings
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

Request = messages.ConsumerGroupHeartbeatRequest


def topic_id(name: str) -> bytes:
    return name.encode().ljust(16, b".")


class ChangingTopics:
    """Topics by name, with how many partitions they have."""

    def __init__(self, **counts: int) -> None:
        self.counts = counts
        self.version = 1

    def set(self, name: str, count: int) -> None:
        """Makes a topic, gives it other partitions, or takes it away (0)."""
        self.counts.pop(name, None)
        if count:
            self.counts[name] = count
        self.version += 1

    def partition_count(self, name: str) -> int | None:
        return self.counts.get(name)

    def name_of(self, wanted: bytes) -> str | None:
        return next((name for name in self.counts if topic_id(name) == wanted), None)

    def id_of(self, name: str) -> bytes | None:
        return topic_id(name) if name in self.counts else None

    def names(self) -> list[str]:
        return list(self.counts)


class ConsumerWorld(World):
    """A world of one consumer group "g"; configs: of groups, by name; assignments follow one another at once."""

    def __init__(self, settings: GroupSettings | None = None, **counts: int) -> None:
        self.configs = {
            "consumer.session.timeout.ms": 45_000,
            "consumer.heartbeat.interval.ms": 5_000,
            "consumer.assignment.interval.ms": 0,
        }
        self.changing = ChangingTopics(**(counts or {"t": 4}))
        super().__init__(settings, self.changing)

    def group_number(self, group_id: str, name: str) -> int:
        return self.configs[name]

    @property
    def group(self) -> ConsumerGroup:
        """The group as it is inside."""
        found = self.groups._desk.groups["g"]
        assert isinstance(found, ConsumerGroup), found
        return found

    def beat(self, member_id: str, epoch: int, *, version: int = 1, client_id: str = "c", **fields: Any) -> Any:
        """topics: names; owned: partitions by topic name."""
        owned: Mapping[str, list[int]] | None = fields.pop("owned", None)
        if "topics" in fields:
            fields["subscribed_topic_names"] = fields.pop("topics")
        listed = None
        if owned is not None:
            listed = [Request.TopicPartitions(topic_id(name), list(partitions)) for name, partitions in owned.items()]
        request = Request(
            **{"group_id": "g"} | fields, member_id=member_id, member_epoch=epoch, topic_partitions=listed
        )
        outcome = self.groups.consumer_heartbeat(over_wire(request, version), client_id, HOST, version, self.now_ms)
        return self._received(outcome, version)

    def enter(self, member_id: str, topics: list[str] | None = None, **fields: Any) -> Any:
        """A member joins."""
        said = {"rebalance_timeout_ms": 10_000, "owned": {}} | fields
        if "subscribed_topic_regex" not in fields:
            said["topics"] = ["t"] if topics is None else topics
        return self.beat(member_id, 0, **said)

    def about(self, group_id: str = "g", version: int = 1) -> Any:
        described = self.groups.consumer_describe(group_id)
        return over_wire(messages.ConsumerGroupDescribeResponse(groups=[described]), version).groups[0]


def given(reply: Any) -> dict[str, list[int]] | None:
    """The assignment in a reply, by topic name; None if there is none."""
    if reply.assignment is None:
        return None
    return {entry.topic_id.rstrip(b".").decode(): list(entry.partitions) for entry in reply.assignment.topic_partitions}


def error(reply: Any) -> KafkaError:
    return KafkaError(reply.error_code)


class Consumer:
    """A client that does what a consumer does: gives back what it must, and says so."""

    def __init__(self, world: ConsumerWorld, member_id: str, topics: list[str] | None = None, **fields: Any) -> None:
        self.world = world
        self.member_id = member_id
        self.topics = ["t"] if topics is None else topics
        self.fields = fields
        self.epoch = 0
        self.owned: dict[str, list[int]] = {}

    def join(self) -> Any:
        self.owned, self.epoch = {}, 0
        return self._take(self.world.enter(self.member_id, self.topics, **self.fields))

    def beat(self, **fields: Any) -> Any:
        """Tells what it owns, as after a change."""
        rest = {name: value for name, value in self.fields.items() if name == "instance_id"}
        return self._take(self.world.beat(self.member_id, self.epoch, owned=self.owned, **rest | fields))

    def read(self, topics: list[str]) -> Any:
        self.topics = topics
        return self.beat(topics=topics)

    def leave(self) -> Any:
        return self.world.beat(self.member_id, -1)

    def _take(self, reply: Any) -> Any:
        if reply.error_code == 0:
            self.epoch = reply.member_epoch
            assigned = given(reply)
            if assigned is not None:
                self.owned = assigned
        return reply


def settle(*consumers: Consumer, rounds: int = 10) -> None:
    """Heartbeats until nobody's assignment changes any more."""
    for _ in range(rounds):
        before = [(consumer.epoch, consumer.owned) for consumer in consumers]
        for consumer in consumers:
            assert error(consumer.beat()) is KafkaError.NONE
        if before == [(consumer.epoch, consumer.owned) for consumer in consumers]:
            return
    raise AssertionError("no end to the rebalance")


def state_of(group: ConsumerGroup) -> dict[str, Any]:
    """All that records make of a group; not its timers, nor what it has looked at."""
    left_out = {"clocks", "seen_version", "patterns_seen_version", "patterns_seen_ms"}
    return {name: getattr(group, name) for name in ConsumerGroup.__slots__ if name not in left_out}
