"""The same requests to Apache Kafka and to our coordinator: the same replies, and the same records in the log.

Member ids hold random numbers, so both sides' are named m1, m2, ... in the order they appear; times are left out.
"""

from __future__ import annotations

import re
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.coordinate.group_world import FixedTopics, World, over_wire, subscription

from penstock.coordinate.group_records import OffsetKey, read_committed, read_group, read_key
from penstock.coordinate.groups import GroupSettings
from penstock.coordinate.offsets import fetch
from penstock.coordinate.outcome import Pending
from penstock.protocol import messages
from penstock.protocol.apis import API, ApiKey
from penstock.protocol.errors import KafkaError
from penstock.protocol.frame import decode_response, encode_request
from penstock.records.batch import walk
from penstock.records.record import decode_records
from penstock.testing.apache_kafka import apache_kafka

pytestmark = [pytest.mark.apache, pytest.mark.slow]

CLIENT = "c"
WAITS = "waits"
MEMBER_ID = re.compile(rb"|".join([rb"(?:c|i-\d)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"]))
# How long Apache is watched when it is to wait as we do, and how long when it is to answer.
PATIENCE_S = 0.35
LONG_PATIENCE_S = 15
# Longer than a few requests that wait.
DELAY_MS = 3_000
LONG = {"session_timeout_ms": 300_000, "rebalance_timeout_ms": 300_000}


class Apache:
    """One connection per client, as a request that waits holds up its connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.lines: dict[str, socket.socket] = {}

    def ask(self, who: str, api: ApiKey, version: int, request: Any, *, is_to_wait: bool = False) -> Any:
        if who not in self.lines:
            self.lines[who] = socket.create_connection(("127.0.0.1", self.port))
        self.lines[who].sendall(b"".join(encode_request(api, version, 7, CLIENT, request)))
        return self._receive(who, api, version, PATIENCE_S if is_to_wait else LONG_PATIENCE_S)

    def hear(self, who: str, api: ApiKey, version: int) -> Any:
        return self._receive(who, api, version, LONG_PATIENCE_S)

    def _receive(self, who: str, api: ApiKey, version: int, patience_s: float) -> Any:
        line = self.lines[who]
        if not select.select([line], [], [], patience_s)[0]:
            return WAITS
        (size,) = struct.unpack(">i", self._read(line, 4))
        return decode_response(api, version, self._read(line, size))[1]

    def surely(self, api: ApiKey, version: int, request: Any) -> Any:
        reply = self.ask("admin", api, version, request)
        while reply is WAITS:
            reply = self.hear("admin", api, version)
        return reply

    def close(self) -> None:
        for line in self.lines.values():
            line.close()

    def _read(self, line: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += line.recv(size - len(data)) or pytest.fail("Apache Kafka closed the connection")
        return data

    def log(self, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
        request = messages.FetchRequest(
            max_wait_ms=100,
            min_bytes=0,
            max_bytes=1 << 20,
            topics=[
                messages.FetchRequest.FetchTopic(
                    topic="__consumer_offsets",
                    partitions=[
                        messages.FetchRequest.FetchPartition(
                            partition=partition, fetch_offset=0, partition_max_bytes=1 << 20
                        )
                    ],
                )
            ],
        )
        reply = self.surely(ApiKey.FETCH, 12, request)
        for header, batch in walk(reply.responses[0].partitions[0].records):
            assert not header.is_control
            for record in decode_records(batch, 1 << 20):
                yield record.key, record.value


class Ours:
    """Our coordinator under the same interface."""

    def __init__(self, topics: FixedTopics) -> None:
        settings = GroupSettings(group_initial_rebalance_delay_ms=DELAY_MS, offsets_topic_num_partitions=4)
        self.world = World(settings, topics)
        self.waiting: dict[str, Any] = {}

    def ask(self, who: str, api: ApiKey, version: int, request: Any) -> Any:
        reply = self._command(api, over_wire(request, version), version)
        self.world.wait(1)
        if isinstance(reply, Pending):
            self.waiting[who] = reply
            return self._received(who, version)
        return over_wire(reply, version)

    def hear(self, who: str, api: ApiKey, version: int) -> Any:
        self.world.wait(LONG_PATIENCE_S * 1_000)
        return self._received(who, version)

    def _received(self, who: str, version: int) -> Any:
        reply = self.world.answer(self.waiting[who])
        return WAITS if reply is None else over_wire(reply, version)

    def log(self, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
        for place, key, value, _ in self.world.log:
            if place == partition and key is not None:
                yield key, value

    def _command(self, api: ApiKey, request: Any, version: int) -> Any:
        groups, now_ms = self.world.groups, self.world.now_ms
        commands: dict[ApiKey, Callable[[], Any]] = {
            ApiKey.JOIN_GROUP: lambda: groups.join(request, CLIENT, "/127.0.0.1", version, now_ms),
            ApiKey.SYNC_GROUP: lambda: groups.sync(request, version, now_ms),
            ApiKey.HEARTBEAT: lambda: groups.heartbeat(request, version, now_ms),
            ApiKey.LEAVE_GROUP: lambda: groups.leave(request, version, now_ms),
            ApiKey.OFFSET_COMMIT: lambda: groups.offset_commit(request, version, now_ms),
            ApiKey.OFFSET_DELETE: lambda: groups.offset_delete(request, version, now_ms),
        }
        if api in commands:
            return self.world.settle(commands[api]())
        if api is ApiKey.OFFSET_FETCH:
            asked = fetch.request_groups(request, version)
            answers = [groups.offset_fetch(group, request.require_stable, version) for group in asked]
            return fetch.response_of(answers, version)
        if api is ApiKey.LIST_GROUPS:
            return groups.list(request, version)
        if api is ApiKey.DESCRIBE_GROUPS:
            return messages.DescribeGroupsResponse(groups=[groups.describe(name, version) for name in request.groups])
        assert api is ApiKey.DELETE_GROUPS, api
        results = [self.world.settle(groups.delete(name, now_ms)) for name in request.groups_names]
        return messages.DeleteGroupsResponse(results=results)


class Duel:
    """Asks both sides and compares; members are called by the number of their appearance."""

    def __init__(self, apache: Apache, topics: FixedTopics, group_id: str) -> None:
        self.sides = (apache, Ours(topics))
        self.topics = topics
        self.group_id = group_id
        self.names: tuple[list[str], list[str]] = ([], [])
        self.last: dict[str, tuple[ApiKey, int]] = {}

    def ask(self, who: str, api: ApiKey, version: int, **fields: Any) -> Any:
        """Members are given as "m1", "m2"; the reply is the one both gave, with members called so."""
        self.last[who] = api, version
        theirs, ours = (self._request(api, version, fields, names) for names in self.names)
        our_reply = self.sides[1].ask(who, api, version, ours)
        their_reply = self.sides[0].ask(who, api, version, theirs, is_to_wait=our_reply is WAITS)
        return self._compared(api, version, [their_reply, our_reply])

    def hear(self, who: str) -> Any:
        """The reply of a request that waited."""
        api, version = self.last[who]
        return self._compared(api, version, [side.hear(who, api, version) for side in self.sides])

    def same_records(self) -> None:
        partition = self.sides[1].world.groups.partition_of(self.group_id)
        logs = [
            [self._plain_record(key, value, names) for key, value in side.log(partition) if self._is_ours(key)]
            for side, names in zip(self.sides, self.names, strict=True)
        ]
        assert logs[1] == logs[0]
        assert logs[0]

    def _is_ours(self, key: bytes) -> bool:
        return self.group_id.encode() in key

    def _request(self, api: ApiKey, version: int, fields: dict[str, Any], names: list[str]) -> Any:
        def translate(value: Any) -> Any:
            if isinstance(value, str) and re.fullmatch(r"m\d+", value):
                return names[int(value[1:]) - 1]
            if isinstance(value, list):
                return [translate(entry) for entry in value]
            if isinstance(value, dict):
                return {name: translate(entry) for name, entry in value.items()}
            return value

        return build(API[api].request, translate(fields))

    def _compared(self, api: ApiKey, version: int, replies: list[Any]) -> Any:
        texts = []
        for reply, names in zip(replies, self.names, strict=True):
            if reply is WAITS:
                texts.append(WAITS)
                continue
            for found in MEMBER_ID.findall(repr(reply).encode()):
                if found.decode() not in names:
                    names.append(found.decode())
            texts.append(self._plain(repr(in_order(reply, names)), names))
        assert texts[1] == texts[0]
        return replies[1]

    def _plain(self, text: str, names: list[str]) -> str:
        for number, name in enumerate(names, 1):
            text = text.replace(name, f"m{number}")
        return text

    def _plain_record(self, key: bytes, value: bytes | None, names: list[str]) -> str:
        subject = read_key(key)
        if value is None:
            return self._plain(f"{subject} deleted", names)
        if isinstance(subject, OffsetKey):
            return f"{subject} v{value[1]} {read_committed(value, 0)._replace(committed_ms=0, expires_ms=0)}"
        found = read_group(value)
        assert found.current_state_timestamp > 0
        found.current_state_timestamp = 0
        found.members.sort(key=lambda member: names.index(member.member_id))
        return self._plain(f"{subject} v{value[1]} {found}", names)


def build(cls: Any, fields: dict[str, Any]) -> Any:
    """A message from plain dictionaries; inner structs are found by the name of the list's field."""
    inner = {
        "protocols": "JoinGroupRequestProtocol",
        "assignments": "SyncGroupRequestAssignment",
        "members": "MemberIdentity",
        "topics": cls.__name__ + "Topic",
        "groups": "OffsetFetchRequestGroup",
        "partitions": cls.__name__ + "Partition",
    }
    made = {}
    for name, value in fields.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            struct_name = inner[name]
            if cls is messages.OffsetFetchRequest.OffsetFetchRequestGroup:
                struct_name = "OffsetFetchRequestTopics"
            struct_class = struct_of(cls, struct_name)
            value = [build(struct_class, entry) for entry in value]
        made[name] = value
    return cls(**made)


def struct_of(cls: Any, name: str) -> Any:
    outer = getattr(messages, cls.__qualname__.split(".")[0])
    for candidate in (name, outer.__name__ + name.removeprefix(cls.__name__)):
        if hasattr(outer, candidate):
            return getattr(outer, candidate)
    raise AssertionError((cls, name))


def in_order(reply: Any, names: list[str]) -> Any:
    """Kafka keeps groups, members and topics in hash maps, so their order means nothing."""
    for name in ("groups", "results"):
        if hasattr(reply, name):
            getattr(reply, name).sort(key=lambda group: group.group_id)
    for holder in (reply, *getattr(reply, "groups", [])):
        if getattr(holder, "members", None):
            holder.members.sort(key=lambda member: names.index(member.member_id) if member.member_id in names else -1)
        for topic in getattr(holder, "topics", None) or []:
            topic.partitions.sort(key=lambda partition: partition.partition_index)
        if getattr(holder, "topics", None):
            holder.topics.sort(key=lambda topic: (topic.name, getattr(topic, "topic_id", b"")))
    return reply


# What is asked


def joins(**fields: Any) -> dict[str, Any]:
    return {"group_id": "", **LONG, "protocol_type": "consumer"} | fields


PLAIN = [{"name": "range", "metadata": subscription("t")}]


def stable(duel: Duel, group: dict[str, Any], size: int) -> None:
    """Members m1 ... of a stable group."""
    for number in range(1, size + 1):
        duel.ask(f"p{number}", ApiKey.JOIN_GROUP, 9, **group)
    for number in range(1, size + 1):
        duel.ask(f"p{number}", ApiKey.JOIN_GROUP, 9, **group, member_id=f"m{number}")
    for number in range(1, size + 1):
        duel.hear(f"p{number}")
    for number in range(size, 0, -1):
        given = [{"member_id": f"m{one}", "assignment": bytes([one])} for one in range(1, size + 1)]
        sync(duel, number, 1, assignments=given if number == 1 else [])
    for number in range(2, size + 1):
        duel.hear(f"p{number}")


def sync(duel: Duel, number: int, generation: int, **fields: Any) -> Any:
    fields = {"group_id": duel.group_id, "generation_id": generation, "member_id": f"m{number}"} | fields
    fields = {"protocol_type": "consumer", "protocol_name": "range"} | fields
    return duel.ask(f"p{number}", ApiKey.SYNC_GROUP, 5, **fields)


def heartbeat(duel: Duel, number: int, generation: int, **fields: Any) -> Any:
    fields = {"group_id": duel.group_id, "generation_id": generation, "member_id": f"m{number}"} | fields
    return duel.ask("hb", ApiKey.HEARTBEAT, 4, **fields)


def commit(duel: Duel, version: int = 9, **fields: Any) -> Any:
    topics = fields.pop("topics", None) or [
        {"name": "t", "partitions": [{"partition_index": 0, "committed_offset": 5, "committed_metadata": "x"}]}
    ]
    return duel.ask("oc", ApiKey.OFFSET_COMMIT, version, group_id=duel.group_id, topics=topics, **fields)


def reads(duel: Duel) -> None:
    """What operators see, in all versions."""
    for version in range(7):
        duel.ask("admin2", ApiKey.DESCRIBE_GROUPS, version, groups=[duel.group_id, "never was"])
    for version in range(2, 8):
        duel.ask("admin2", ApiKey.OFFSET_FETCH, version, group_id=duel.group_id, topics=None)
        names = [{"name": "t", "partition_indexes": [0, 1, 9]}, {"name": "none", "partition_indexes": [0]}]
        duel.ask("admin2", ApiKey.OFFSET_FETCH, version, group_id=duel.group_id, topics=names)
    for version in (8, 9):
        duel.ask("admin2", ApiKey.OFFSET_FETCH, version, groups=[{"group_id": duel.group_id, "topics": None}])
    ids = [
        {"topic_id": duel.topics.id_of("t"), "partition_indexes": [0, 1]},
        {"topic_id": bytes(15) + b"x", "partition_indexes": [0]},
    ]
    duel.ask("admin2", ApiKey.OFFSET_FETCH, 10, groups=[{"group_id": duel.group_id, "topics": ids}])
    duel.ask("admin2", ApiKey.OFFSET_FETCH, 10, groups=[{"group_id": duel.group_id, "topics": None}])


def life_of_a_group(duel: Duel) -> None:
    group = joins(group_id=duel.group_id, protocols=PLAIN)
    stable(duel, group, 3)
    reads(duel)
    for number in (1, 2, 3):
        heartbeat(duel, number, 1)
    as_member = {"member_id": "m2", "generation_id_or_member_epoch": 1}
    for version in range(2, 10):
        commit(duel, version, **as_member)
    reads(duel)
    assert duel.ask("p2", ApiKey.JOIN_GROUP, 9, **group, member_id="m2") is not WAITS
    assert duel.ask("p1", ApiKey.JOIN_GROUP, 9, **group, member_id="m1") is WAITS
    heartbeat(duel, 2, 1)
    sync(duel, 2, 1)
    commit(duel, **as_member)
    reads(duel)
    left = [{"member_id": "m3", "reason": "done"}, {"member_id": "m99"[:1] + "ystery"}]
    duel.ask("hb", ApiKey.LEAVE_GROUP, 5, group_id=duel.group_id, members=left)
    duel.ask("p2", ApiKey.JOIN_GROUP, 9, **group, member_id="m2")
    duel.hear("p1")
    reads(duel)
    commit(duel, **as_member)
    commit(duel, **as_member | {"generation_id_or_member_epoch": 2})
    sync(duel, 1, 2, assignments=[{"member_id": "m1", "assignment": b"all"}])
    sync(duel, 2, 2)
    reads(duel)
    duel.ask("hb", ApiKey.LEAVE_GROUP, 2, group_id=duel.group_id, member_id="m1")
    duel.ask("hb", ApiKey.LEAVE_GROUP, 2, group_id=duel.group_id, member_id="m1")
    duel.ask("hb", ApiKey.DELETE_GROUPS, 2, groups_names=[duel.group_id, "never was"])
    duel.ask("hb", ApiKey.LEAVE_GROUP, 5, group_id=duel.group_id, members=[{"member_id": "m2"}])
    reads(duel)
    commit(duel)
    delete_offsets(duel, ["t", "none"])
    reads(duel)
    commit(duel)
    duel.ask("hb", ApiKey.DELETE_GROUPS, 2, groups_names=[duel.group_id])
    reads(duel)


def delete_offsets(duel: Duel, topics: list[str]) -> None:
    asked = [{"name": name, "partitions": [{"partition_index": index} for index in (0, 1, 9)]} for name in topics]
    duel.ask("hb", ApiKey.OFFSET_DELETE, 0, group_id=duel.group_id, topics=asked)


def refusals(duel: Duel) -> None:
    group = joins(group_id=duel.group_id, protocols=PLAIN)
    for wrong in (
        {"group_id": ""},
        {"session_timeout_ms": 5_999},
        {"session_timeout_ms": 1_800_001},
        {"member_id": "nobody"},
    ):
        for version in (0, 4, 6, 7, 9):
            asked = {name: value for name, value in (group | wrong).items() if version or "rebalance" not in name}
            duel.ask("x", ApiKey.JOIN_GROUP, version, **asked)
    heartbeat(duel, 0, 0, member_id="nobody")
    sync(duel, 0, 0, member_id="nobody")
    commit(duel, 8, generation_id_or_member_epoch=3, member_id="nobody")
    commit(duel, 9, generation_id_or_member_epoch=3, member_id="nobody")
    for version in (1, 3, 5):
        member = {"member_id": "nobody"} if version < 3 else {"members": [{"member_id": "nobody"}]}
        duel.ask("x", ApiKey.LEAVE_GROUP, version, group_id=duel.group_id, **member)
        duel.ask("x", ApiKey.LEAVE_GROUP, version, group_id="", **member)
    stable(duel, group, 2)
    for wrong in (
        {"protocol_type": "connect"},
        {"protocol_type": ""},
        {"protocols": [{"name": "sticky", "metadata": b""}]},
        {"protocols": []},
        {"member_id": "nobody"},
        {"member_id": "m1", "group_instance_id": "i-9"},
        {"member_id": "nobody", "group_instance_id": "i-9"},
    ):
        for version in (5, 9):
            duel.ask("x", ApiKey.JOIN_GROUP, version, **group | wrong)
    for wrong in (
        {"generation_id": 0},
        {"generation_id": 2},
        {"member_id": "nobody"},
        {"member_id": ""},
        {"group_instance_id": "i-9"},
        {"group_id": ""},
        {"group_id": "never was"},
    ):
        heartbeat(duel, 1, 1, **wrong)
        sync(duel, 1, 1, **wrong)
    sync(duel, 1, 1, protocol_type="connect")
    sync(duel, 1, 1, protocol_name="sticky")
    sync(duel, 1, 1, protocol_name=None)
    for wrong in (
        {},
        {"member_id": "nobody"},
        {"member_id": "m1"},
        {"member_id": "m1", "generation_id_or_member_epoch": 0},
        {"generation_id_or_member_epoch": 1},
        {"member_id": "m1", "generation_id_or_member_epoch": 1, "group_instance_id": "i-9"},
    ):
        commit(duel, **wrong)
    delete_offsets(duel, ["t", "u", "none"])
    duel.ask("x", ApiKey.OFFSET_DELETE, 0, group_id="", topics=[])
    duel.ask("x", ApiKey.OFFSET_DELETE, 0, group_id="never was", topics=[])
    duel.ask("x", ApiKey.DELETE_GROUPS, 0, groups_names=[duel.group_id, "", "never was"])


def static_members(duel: Duel) -> None:
    both = [{"name": name, "metadata": subscription("t")} for name in ("range", "sticky")]
    group = joins(group_id=duel.group_id, protocols=both)
    duel.ask("p1", ApiKey.JOIN_GROUP, 9, **group, group_instance_id="i-1")
    duel.hear("p1")
    sync(duel, 1, 1, group_instance_id="i-1")
    duel.ask("p2", ApiKey.JOIN_GROUP, 9, **group, group_instance_id="i-2")
    duel.ask("p1", ApiKey.JOIN_GROUP, 9, **group, group_instance_id="i-1", member_id="m1")
    duel.hear("p2")
    given = [{"member_id": f"m{one}", "assignment": bytes([one])} for one in (1, 2)]
    sync(duel, 2, 2, group_instance_id="i-2")
    sync(duel, 1, 2, group_instance_id="i-1", assignments=given)
    duel.hear("p2")
    reads(duel)
    # m3 comes instead of m2, m4 instead of the leader m1, m5 instead of m4 with an older client
    duel.ask("p3", ApiKey.JOIN_GROUP, 9, **group, group_instance_id="i-2")
    sync(duel, 3, 2, group_instance_id="i-2")
    sync(duel, 2, 2, group_instance_id="i-2")
    heartbeat(duel, 2, 2, group_instance_id="i-2")
    heartbeat(duel, 2, 2)
    duel.ask("p4", ApiKey.JOIN_GROUP, 9, **group, group_instance_id="i-1")
    duel.ask("p5", ApiKey.JOIN_GROUP, 6, **group, group_instance_id="i-1")
    commit(duel, member_id="m1", group_instance_id="i-1", generation_id_or_member_epoch=2)
    commit(duel, member_id="m5", group_instance_id="i-1", generation_id_or_member_epoch=2)
    reads(duel)
    # A return that changes the protocol makes a rebalance; those who still use an old id are fenced.
    only = group | {"protocols": both[1:]}
    duel.ask("p6", ApiKey.JOIN_GROUP, 9, **only, group_instance_id="i-2")
    duel.ask("x", ApiKey.JOIN_GROUP, 9, **group, group_instance_id="i-1", member_id="m4")
    duel.ask("p7", ApiKey.JOIN_GROUP, 9, **group, group_instance_id="i-1")
    duel.hear("p6")
    left = [{"member_id": "", "group_instance_id": "i-1"}, {"member_id": "m2", "group_instance_id": "i-2"}]
    duel.ask("x", ApiKey.LEAVE_GROUP, 5, group_id=duel.group_id, members=left)
    reads(duel)


def old_clients(duel: Duel) -> None:
    group = joins(group_id=duel.group_id, protocols=PLAIN)
    first = {name: value for name, value in group.items() if name != "rebalance_timeout_ms"}
    duel.ask("p1", ApiKey.JOIN_GROUP, 0, **first)
    duel.hear("p1")
    duel.ask("p1", ApiKey.SYNC_GROUP, 0, group_id=duel.group_id, generation_id=1, member_id="m1")
    for version in range(4):
        duel.ask("hb", ApiKey.HEARTBEAT, version, group_id=duel.group_id, generation_id=1, member_id="m1")
    duel.ask("p2", ApiKey.JOIN_GROUP, 3, **group)
    duel.ask("p1", ApiKey.JOIN_GROUP, 0, **first, member_id="m1")
    duel.hear("p2")
    commit(duel, 2, retention_time_ms=10**9)
    commit(duel, 2, member_id="m2", generation_id_or_member_epoch=2, retention_time_ms=10**9)
    sync(duel, 2, 2)
    sync(duel, 1, 2)
    duel.hear("p2")
    commit(duel, 4, member_id="m2", generation_id_or_member_epoch=2, retention_time_ms=10**9)
    commit(duel, 4, member_id="m2", generation_id_or_member_epoch=2)
    reads(duel)
    duel.ask("hb", ApiKey.LEAVE_GROUP, 0, group_id=duel.group_id, member_id="m1")
    duel.ask("hb", ApiKey.LEAVE_GROUP, 1, group_id=duel.group_id, member_id="m1")


def simple_consumers(duel: Duel) -> None:
    places = [
        {"partition_index": 0, "committed_offset": 3, "committed_leader_epoch": 2, "committed_metadata": None},
        {"partition_index": 1, "committed_offset": 4, "committed_metadata": "x" * 4_096},
        {"partition_index": 2, "committed_offset": 5, "committed_metadata": "x" * 4_097},
        {"partition_index": 9, "committed_offset": 6, "committed_metadata": ""},
    ]
    topics = [{"name": "t", "partitions": places}, {"name": "none", "partitions": places}]
    for version in (6, 8, 9):
        commit(duel, version, topics=topics)
    by_id = [
        {"topic_id": duel.topics.id_of("u"), "partitions": places[:1]},
        {"topic_id": bytes(15) + b"x", "partitions": places[:1]},
    ]
    commit(duel, 10, topics=by_id)
    commit(duel, member_id="anybody")
    commit(duel, group_instance_id="i-9")
    commit(duel, member_id="anybody", generation_id_or_member_epoch=0)
    reads(duel)
    delete_offsets(duel, ["u"])
    reads(duel)
    duel.ask("hb", ApiKey.DELETE_GROUPS, 1, groups_names=[duel.group_id])
    reads(duel)


def pending_members(duel: Duel) -> None:
    group = joins(group_id=duel.group_id, protocols=PLAIN)
    stable(duel, group, 1)
    duel.ask("p2", ApiKey.JOIN_GROUP, 9, **group)
    assert duel.ask("p1", ApiKey.JOIN_GROUP, 9, **group, member_id="m1") is WAITS
    reads(duel)
    duel.ask("hb", ApiKey.LEAVE_GROUP, 5, group_id=duel.group_id, members=[{"member_id": "m2"}])
    assert duel.hear("p1") is not WAITS
    duel.ask("p2", ApiKey.JOIN_GROUP, 9, **group, member_id="m2")
    # While assignments are awaited: the same again, then with another subscription.
    duel.ask("p1", ApiKey.JOIN_GROUP, 9, **group, member_id="m1")
    other = [{"name": "range", "metadata": subscription("u")}]
    duel.ask("p1", ApiKey.JOIN_GROUP, 9, **group | {"protocols": other}, member_id="m1")
    reads(duel)


SCENARIOS = [life_of_a_group, refusals, static_members, old_clients, simple_consumers, pending_members]


@pytest.fixture(scope="module")
def apache() -> Iterator[tuple[Apache, FixedTopics]]:
    with apache_kafka(config={"group.initial.rebalance.delay.ms": DELAY_MS}) as node:
        side = Apache(node.port)
        topic_class = messages.CreateTopicsRequest.CreatableTopic
        topics = [topic_class(name=name, num_partitions=3, replication_factor=1) for name in ("t", "u")]
        created = side.surely(ApiKey.CREATE_TOPICS, 7, messages.CreateTopicsRequest(topics=topics, timeout_ms=30_000))
        known = FixedTopics(**{topic.name: (topic.topic_id, 3) for topic in created.topics})
        wait_for_coordinator(side)
        yield side, known
        side.close()


def wait_for_coordinator(side: Apache) -> None:
    """The first look makes __consumer_offsets; its partitions take a moment to load."""
    busy = {KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}
    for name in map(str, range(20)):
        for _ in range(100):
            request = messages.FindCoordinatorRequest(key_type=0, coordinator_keys=[name])
            found = side.surely(ApiKey.FIND_COORDINATOR, 4, request).coordinators[0]
            described = side.surely(ApiKey.DESCRIBE_GROUPS, 5, messages.DescribeGroupsRequest(groups=[name]))
            if not busy & {found.error_code, described.groups[0].error_code}:
                break
            time.sleep(0.1)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_apache_kafka_answers_the_same(apache, scenario):
    side, topics = apache
    duel = Duel(side, topics, scenario.__name__)

    scenario(duel)

    duel.same_records()


def test_apache_kafka_lists_the_same(apache):
    side, topics = apache
    duel = Duel(side, topics, "listed")
    commit(duel)
    request = messages.ListGroupsRequest(states_filter=["empty"], types_filter=["Classic"])

    theirs = side.surely(ApiKey.LIST_GROUPS, 5, request).groups
    ours = duel.sides[1].ask("admin", ApiKey.LIST_GROUPS, 5, request).groups

    assert [group for group in theirs if group.group_id == "listed"] == ours
