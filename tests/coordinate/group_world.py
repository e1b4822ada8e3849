"""A coordinator with its log beside it and a clock that stands still until it is moved; requests go over the wire."""

from __future__ import annotations

import struct
from typing import Any

from penstock.coordinate.groups import Groups, GroupSettings
from penstock.coordinate.groups.settings import default_number
from penstock.coordinate.offsets import fetch
from penstock.coordinate.outcome import Outcome, Pending
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.codec import decode, encode
from penstock.protocol.errors import KafkaError

START_MS = 1_700_000_000_000
HOST = "/10.0.0.7"


def over_wire(message: Any, version: int) -> Any:
    """What the other side reads."""
    again, _ = decode(type(message), version, b"".join(encode(message, version)))
    return again


def subscription(*topics: str) -> bytes:
    """What a consumer sends with JoinGroup: version 1, topics, no user data, no owned partitions."""
    names = b"".join(struct.pack(">h", len(topic.encode())) + topic.encode() for topic in topics)
    return struct.pack(">hi", 1, len(topics)) + names + struct.pack(">ii", -1, 0)


class Dice:
    """Never the same bytes twice."""

    def __init__(self) -> None:
        self.thrown = 0

    def __call__(self, count: int) -> bytes:
        self.thrown += 1
        return self.thrown.to_bytes(count, "big")


class FixedTopics:
    """Topics by name: (id, partition count)."""

    def __init__(self, **topics: tuple[bytes, int]) -> None:
        self.topics = topics

    @property
    def version(self) -> int:
        return hash(tuple(self.topics.items()))

    def names(self) -> list[str]:
        return list(self.topics)

    def partition_count(self, name: str) -> int | None:
        return self.topics[name][1] if name in self.topics else None

    def name_of(self, topic_id: bytes) -> str | None:
        return next((name for name, (known, _) in self.topics.items() if known == topic_id), None)

    def id_of(self, name: str) -> bytes | None:
        return self.topics[name][0] if name in self.topics else None


class World:
    """The coordinator as the broker would run it.

    log: (partition, key, value, producer id), or (partition, None, commit, producer id) for a transaction's end;
    replies: of those who waited, by ticket; refuse_with: the next appends fail with it.
    """

    def __init__(self, settings: GroupSettings | None = None, topics: Any = None) -> None:
        self.settings = settings or GroupSettings(group_initial_rebalance_delay_ms=0)
        self.topics = topics
        self.dice = Dice()
        self.now_ms = START_MS
        self.log: list[tuple[int, bytes | None, Any, int]] = []
        self.replies: dict[int, Any] = {}
        self.refuse_with: KafkaError | None = None
        self.groups = self.started()

    def started(self) -> Groups:
        """A coordinator that has read the log."""
        groups = Groups(self.settings, self.dice, self.topics, self.group_number)
        for partition in range(self.settings.offsets_topic_num_partitions):
            groups.load_started(partition)
        for offset, (partition, key, value, producer_id) in enumerate(self.log):
            if key is None:
                groups.replay_marker(partition, producer_id, commit=value)
            else:
                assert groups.replay(key, value, offset, producer_id)
        for partition in range(self.settings.offsets_topic_num_partitions):
            for outcome in groups.loaded(partition, self.now_ms):
                self.settle(outcome)
        return groups

    def group_number(self, group_id: str, name: str) -> int:
        """The value of a group's config."""
        return default_number(group_id, name)

    def restart(self) -> None:
        """Power off, power on: only the log survives, and who waited is disconnected."""
        self.replies.clear()
        self.groups = self.started()

    def append(self, outcome: Outcome) -> int | Refused:
        if self.refuse_with is not None:
            return Refused(self.refuse_with, "the test wants it so")
        offset = len(self.log)
        self.log += [(outcome.partition, key, value, outcome.producer_id) for key, value in outcome.records]
        return offset

    def settle(self, outcome: Outcome) -> Any:
        """The reply, or Pending."""
        settled = outcome.settle(self.append)
        assert settled.records == []
        assert not self.replies.keys() & settled.done.keys(), "a ticket is answered once"
        self.replies |= settled.done
        return settled.reply

    def answer(self, reply: Any) -> Any:
        """The reply of one who waited; None while it still waits."""
        return self.replies.get(reply.ticket) if isinstance(reply, Pending) else reply

    def wait(self, ms: int) -> None:
        """Lets time pass, deadline by deadline."""
        until_ms = self.now_ms + ms
        while (deadline_ms := self.groups.next_deadline_ms()) is not None and deadline_ms <= until_ms:
            self.now_ms = max(self.now_ms, deadline_ms)
            for outcome in self.groups.tick(self.now_ms):
                self.settle(outcome)
        self.now_ms = until_ms

    # Requests, with the defaults of a plain consumer

    def join(self, member_id: str = "", *, version: int = 9, client_id: str = "c", **fields: Any) -> Any:
        """protocols: [(name, metadata)]."""
        protocols = fields.pop("protocols", [("range", subscription("t"))])
        protocol_class = messages.JoinGroupRequest.JoinGroupRequestProtocol
        request = messages.JoinGroupRequest(
            **{"group_id": "g", "session_timeout_ms": 10_000, "protocol_type": "consumer"}
            | ({"rebalance_timeout_ms": 60_000} if version else {})
            | fields,
            member_id=member_id,
            protocols=[protocol_class(name=name, metadata=metadata) for name, metadata in protocols],
        )
        outcome = self.groups.join(over_wire(request, version), client_id, HOST, version, self.now_ms)
        return self._received(outcome, version)

    def join_named(self, **fields: Any) -> Any:
        """Asks for a member id and joins with it, as clients since 2.2 do."""
        named = self.join(**fields)
        assert named.error_code == KafkaError.MEMBER_ID_REQUIRED, named
        return self.join(named.member_id, **fields)

    def sync(self, member_id: str, generation: int, *, version: int = 5, **fields: Any) -> Any:
        """assignments: by member id."""
        entry_class = messages.SyncGroupRequest.SyncGroupRequestAssignment
        assignments = fields.pop("assignments", {})
        protocol = {"protocol_type": "consumer", "protocol_name": "range"} if version >= 5 else {}
        request = messages.SyncGroupRequest(
            **{"group_id": "g"} | protocol | fields,
            member_id=member_id,
            generation_id=generation,
            assignments=[entry_class(member_id=name, assignment=data) for name, data in assignments.items()],
        )
        return self._received(self.groups.sync(over_wire(request, version), version, self.now_ms), version)

    def heartbeat(self, member_id: str, generation: int, *, version: int = 4, **fields: Any) -> KafkaError:
        request = messages.HeartbeatRequest(**{"group_id": "g"} | fields, member_id=member_id, generation_id=generation)
        reply = self._received(self.groups.heartbeat(over_wire(request, version), version, self.now_ms), version)
        return KafkaError(reply.error_code)

    def leave(self, *members: tuple[str, str | None], version: int = 5, group_id: str = "g") -> Any:
        """members: (member id, instance id)."""
        identity = messages.LeaveGroupRequest.MemberIdentity
        if version < 3:
            request = messages.LeaveGroupRequest(group_id=group_id, member_id=members[0][0])
        else:
            request = messages.LeaveGroupRequest(
                group_id=group_id,
                members=[identity(member_id=name, group_instance_id=instance) for name, instance in members],
            )
        return self._received(self.groups.leave(over_wire(request, version), version, self.now_ms), version)

    def commit(self, offsets: dict[tuple[Any, int], int], *, version: int = 9, **fields: Any) -> dict[Any, KafkaError]:
        """offsets and result by (topic name, or id from version 10; partition). metadata: the same for all."""
        request_class = messages.OffsetCommitRequest
        metadata = fields.pop("metadata", "")
        leader_epoch = fields.pop("leader_epoch", -1)
        key = "topic_id" if version >= 10 else "name"
        request = request_class(
            **{"group_id": "g"} | fields,
            topics=[
                request_class.OffsetCommitRequestTopic(
                    **{key: topic},
                    partitions=[
                        request_class.OffsetCommitRequestPartition(
                            partition_index=partition,
                            committed_offset=offset,
                            committed_leader_epoch=leader_epoch,
                            committed_metadata=metadata,
                        )
                    ],
                )
                for (topic, partition), offset in offsets.items()
            ],
        )
        outcome = self.groups.offset_commit(over_wire(request, version), version, self.now_ms)
        reply = self._received(outcome, version)
        return {
            (getattr(topic, key), partition.partition_index): KafkaError(partition.error_code)
            for topic in reply.topics
            for partition in topic.partitions
        }

    def fetch(
        self, asked: dict[Any, list[int]] | None, *, version: int = 9, group_id: str = "g", stable: bool = False
    ) -> Any:
        """The group's answer, as every version's client sees it; asked: partitions by topic, None for all."""
        group_class = messages.OffsetFetchRequest.OffsetFetchRequestGroup
        key = "topic_id" if version >= 10 else "name"
        if version >= 8:
            topic_class = messages.OffsetFetchRequest.OffsetFetchRequestTopics
        else:
            topic_class = messages.OffsetFetchRequest.OffsetFetchRequestTopic
        topics = asked and [topic_class(**{key: name}, partition_indexes=indexes) for name, indexes in asked.items()]
        if version >= 8:
            request = messages.OffsetFetchRequest(groups=[group_class(group_id=group_id, topics=topics)])
        else:
            request = messages.OffsetFetchRequest(group_id=group_id, topics=topics)
        if version >= 7:
            request.require_stable = stable
        received = over_wire(request, version)
        groups = [
            self.groups.offset_fetch(group, received.require_stable, version)
            for group in fetch.request_groups(received, version)
        ]
        reply = over_wire(fetch.response_of(groups, version), version)
        return reply.groups[0] if version >= 8 else reply

    def fetched(self, asked: dict[Any, list[int]] | None = None, **fields: Any) -> dict[tuple[Any, int], int]:
        """Offsets by topic and partition."""
        key = "topic_id" if fields.get("version", 9) >= 10 else "name"
        return {
            (getattr(topic, key), partition.partition_index): partition.committed_offset
            for topic in self.fetch(asked, **fields).topics
            for partition in topic.partitions
        }

    def describe(self, group_id: str = "g", version: int = 6) -> Any:
        described = self.groups.describe(group_id, version)
        return over_wire(messages.DescribeGroupsResponse(groups=[described]), version).groups[0]

    def state(self, group_id: str = "g") -> str:
        return str(self.describe(group_id).group_state)

    def _received(self, outcome: Outcome, version: int) -> Any:
        reply = self.settle(outcome)
        return reply if isinstance(reply, Pending) else over_wire(reply, version)


def stable_group(world: World, size: int = 1, **fields: Any) -> tuple[int, list[str]]:
    """Brings group "g" to Stable; its generation and its member ids, the leader first."""
    members: list[str] = []
    waiting: list[Any] = []
    for _ in range(size):
        named = world.join(**fields)
        members.append(named.member_id)
    waiting = [world.join(member_id, **fields) for member_id in members]
    world.wait(0)
    joined = [world.answer(reply) for reply in waiting]
    generation = joined[0].generation_id
    assert {reply.error_code for reply in joined} == {0}
    protocol = {"protocol_type": joined[0].protocol_type, "protocol_name": joined[0].protocol_name}
    for member_id in members[1:]:
        world.sync(member_id, generation, **protocol)
    assignments = {member_id: b"of " + member_id.encode() for member_id in members}
    world.sync(members[0], generation, assignments=assignments, **protocol)
    assert world.state() == "Stable"
    return generation, members
