"""The same requests to consumer groups of Apache Kafka and of ours: the same replies, and the same records in the log.

Which of equally good partitions an assignor picks is its own business, so assignments are compared by their sizes;
hashes of metadata, times and texts of errors in other words are left out.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from tests.coordinate.consumer_world import ChangingTopics, ConsumerWorld
from tests.coordinate.group_world import over_wire, subscription
from tests.coordinate.test_group_like_apache import Apache

from penstock.coordinate.consumer.embedded import assignment_bytes
from penstock.coordinate.consumer.records import Kind, read_entry
from penstock.coordinate.group_records import read_key
from penstock.coordinate.groups import GroupSettings
from penstock.coordinate.outcome import Pending
from penstock.protocol import messages as m
from penstock.protocol.apis import ApiKey
from penstock.testing.apache_kafka import apache_kafka

pytestmark = [pytest.mark.apache, pytest.mark.slow]

TOPICS = {"t": 4, "u": 2}
SETTINGS = {"group.consumer.assignment.interval.ms": "0"}
# What Apache does in the background has been done by then.
PAUSE_S = 0.3
HEARTBEAT = ApiKey.CONSUMER_GROUP_HEARTBEAT


class Ours:
    """Our coordinator under Apache's interface; ids of topics as the other side made them."""

    def __init__(self, ids: dict[str, bytes]) -> None:
        self.world = ConsumerWorld(
            GroupSettings(offsets_topic_num_partitions=4, group_initial_rebalance_delay_ms=0), **TOPICS
        )
        self.world.changing = self.world.topics = Named(ids)
        self.world.groups = self.world.started()

    def ask(self, who: str, api: ApiKey, version: int, request: Any) -> Any:
        received = over_wire(request, version)
        groups, now_ms = self.world.groups, self.world.now_ms
        if api is HEARTBEAT:
            outcome = groups.consumer_heartbeat(received, "c", "/127.0.0.1", version, now_ms)
        elif api is ApiKey.CONSUMER_GROUP_DESCRIBE:
            described = [groups.consumer_describe(group_id) for group_id in received.group_ids]
            return over_wire(m.ConsumerGroupDescribeResponse(groups=described), version)
        elif api is ApiKey.DESCRIBE_GROUPS:
            described = [groups.describe(group_id, version) for group_id in received.groups]
            return over_wire(m.DescribeGroupsResponse(groups=described), version)
        elif api is ApiKey.LIST_GROUPS:
            return over_wire(groups.list(received, version), version)
        elif api is ApiKey.JOIN_GROUP:
            outcome = groups.join(received, "c", "/127.0.0.1", version, now_ms)
        elif api is ApiKey.DELETE_GROUPS:
            results = [self.world.settle(groups.delete(group_id, now_ms)) for group_id in received.groups_names]
            return over_wire(m.DeleteGroupsResponse(results=results), version)
        elif api is ApiKey.OFFSET_FETCH:
            answers = [groups.offset_fetch(group, received.require_stable, version) for group in received.groups]
            return over_wire(m.OffsetFetchResponse(groups=answers), version)
        else:
            command = {
                ApiKey.SYNC_GROUP: groups.sync,
                ApiKey.HEARTBEAT: lambda request, version, now_ms: groups.heartbeat(request, version, now_ms),
                ApiKey.LEAVE_GROUP: groups.leave,
                ApiKey.OFFSET_COMMIT: groups.offset_commit,
                ApiKey.OFFSET_DELETE: groups.offset_delete,
            }[api]
            outcome = command(received, version, now_ms)
        reply = self.world.settle(outcome)
        self.world.wait(1_000)
        reply = self.world.answer(reply) if isinstance(reply, Pending) else reply
        return over_wire(reply, version)

    def log(self, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
        for place, key, value, _ in self.world.log:
            if place == partition and key is not None:
                yield key, value


class Named(ChangingTopics):
    """The topics with given ids."""

    def __init__(self, ids: dict[str, bytes]) -> None:
        super().__init__(**TOPICS)
        self.ids = ids

    def name_of(self, wanted: bytes) -> str | None:
        return next((name for name, found in self.ids.items() if found == wanted), None)

    def id_of(self, name: str) -> bytes | None:
        return self.ids.get(name)


class Sides:
    """Both, asked alike; the ids that each side makes up are known by the order in which they appear."""

    def __init__(self, ours: Ours, theirs: Apache, group: str, ids: dict[str, bytes]) -> None:
        self.ours, self.theirs, self.group, self.ids = ours, theirs, group, ids

    def ask(self, api: ApiKey, version: int, request: Any, theirs: Any = None) -> Any:
        """theirs: the same request with the names that the other side made up, where it made some."""
        mine = self.ours.ask("a", api, version, request)
        its = self.theirs.ask("a", api, version, theirs or request)
        assert plain(mine) == plain(its), f"{api.name}\nours   {plain(mine)}\ntheirs {plain(its)}"
        time.sleep(PAUSE_S)
        return mine, its

    def beat(self, member_id: str, epoch: int, *, version: int = 1, **fields: Any) -> Any:
        owned = fields.pop("owned", None)
        listed = None
        if owned is not None:
            listed = [m.ConsumerGroupHeartbeatRequest.TopicPartitions(self.ids[n], list(p)) for n, p in owned.items()]
        request = m.ConsumerGroupHeartbeatRequest(
            **{"group_id": self.group} | fields, member_id=member_id, member_epoch=epoch, topic_partitions=listed
        )
        return self.ask(HEARTBEAT, version, request)

    def enter(self, member_id: str, topics: list[str] | None = None, **fields: Any) -> Any:
        rest = {"rebalance_timeout_ms": 300_000, "owned": {}, "subscribed_topic_names": topics or ["t"]} | fields
        return self.beat(member_id, 0, **rest)

    def about(self) -> Any:
        return self.ask(
            ApiKey.CONSUMER_GROUP_DESCRIBE, 1, m.ConsumerGroupDescribeRequest(group_ids=[self.group, "no such group"])
        )

    def join(self, member_id: str = "", **fields: Any) -> Any:
        protocol = m.JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=subscription("t"))
        request = m.JoinGroupRequest(
            group_id=self.group,
            session_timeout_ms=45_000,
            rebalance_timeout_ms=300_000,
            protocol_type="consumer",
            member_id=member_id,
            protocols=[protocol],
            **fields,
        )
        return self.ask(ApiKey.JOIN_GROUP, 9, request)

    def commit(self, member_id: str, epoch: int, partition: int = 0, version: int = 9) -> Any:
        request = m.OffsetCommitRequest
        part = request.OffsetCommitRequestPartition(partition, 1, -1, "")
        topic = request.OffsetCommitRequestTopic("t", self.ids["t"] if version >= 10 else bytes(16), [part])
        return self.ask(
            ApiKey.OFFSET_COMMIT,
            version,
            request(group_id=self.group, member_id=member_id, generation_id_or_member_epoch=epoch, topics=[topic]),
        )

    def fetch(self, member_id: str | None, epoch: int) -> Any:
        group = m.OffsetFetchRequest.OffsetFetchRequestGroup(
            group_id=self.group, member_id=member_id, member_epoch=epoch, topics=None
        )
        return self.ask(ApiKey.OFFSET_FETCH, 9, m.OffsetFetchRequest(groups=[group]))

    def same_records(self) -> None:
        """In their order, but for tombstones, which come in any."""
        mine, its = (list(self.records(side)) for side in (self.ours, self.theirs))
        assert [entry for entry in mine if entry[-1] is not None] == [entry for entry in its if entry[-1] is not None]
        assert sorted(map(repr, mine)) == sorted(map(repr, its))

    def records(self, side: Any) -> Iterator[Any]:
        for partition in range(4):
            for key, value in side.log(partition):
                entry = read_entry(key, value)
                if entry is None:
                    found = read_key(key)
                    if found is not None and found.group_id == self.group:
                        yield type(found).__name__, value is None
                elif entry.group_id == self.group:
                    yield entry.kind.name, len(entry.name) and entry.name[:1], plain_value(entry.kind, entry.value)


def plain(message: Any) -> Any:
    """A message as plain data, with sizes for partitions and nothing that is a side's own."""
    if isinstance(message, list):
        return sorted((plain(entry) for entry in message), key=repr)
    if not hasattr(message, "__slots__"):
        return message
    left_out = {"throttle_time_ms", "topic_id", "state_timestamp"}
    found = {}
    for name in message.__slots__:
        value = getattr(message, name)
        if name in left_out:
            continue
        found[name] = len(value) if name == "partitions" and value and isinstance(value[0], int) else plain(value)
        if name in ("member_id", "leader") and value and len(value) > 3:
            found[name] = "made up"
    return found


def plain_value(kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    left_out = {"metadata_hash", "assignment_timestamp", "version", "timestamp", "topic_id"}
    found = {name: plain(getattr(value, name)) for name in value.__slots__ if name not in left_out}
    for name in ("assigned_partitions", "partitions_pending_revocation"):
        if name in found:
            found[name] = sorted(
                (len(topic.partitions), sorted(topic.assignment_epochs or ())) for topic in getattr(value, name)
            )
    return found


@pytest.fixture(scope="module")
def theirs():
    with apache_kafka(config=SETTINGS) as node:
        line = Apache(node.port)
        topics = m.CreateTopicsRequest
        wanted = [topics.CreatableTopic(name=n, num_partitions=c, replication_factor=1) for n, c in TOPICS.items()]
        made = line.surely(ApiKey.CREATE_TOPICS, 7, topics(topics=wanted, timeout_ms=10_000))
        ids = {topic.name: topic.topic_id for topic in made.topics}
        request = m.FindCoordinatorRequest(key_type=0, coordinator_keys=["g"])
        for _ in range(100):
            if line.surely(ApiKey.FIND_COORDINATOR, 4, request).coordinators[0].error_code == 0:
                break
            time.sleep(0.2)
        probe = m.ConsumerGroupDescribeRequest(group_ids=[f"probe-{n}" for n in range(40)])
        while {g.error_code for g in line.surely(ApiKey.CONSUMER_GROUP_DESCRIBE, 1, probe).groups} - {69}:
            time.sleep(0.2)
        yield line, ids
        line.close()


GROUPS: dict[str, int] = defaultdict(int)


@pytest.fixture
def sides(theirs, request) -> Sides:
    line, ids = theirs
    GROUPS["made"] += 1
    return Sides(Ours(ids), line, f"group-{GROUPS['made']}", ids)


def test_members_come_share_and_go(sides):
    sides.enter("a")
    sides.about()
    sides.beat("a", 2)
    sides.enter("b")
    sides.beat("a", 2)
    sides.beat("b", 3)
    sides.about()
    sides.beat("a", 2)
    sides.beat("b", 2)
    sides.beat("a", 10)
    sides.beat("c", 2)
    sides.beat("b", -1)
    sides.beat("b", -1)
    sides.about()
    sides.same_records()


def test_requests_that_make_no_sense(sides):
    sides.beat("a", 2)
    sides.beat("a", -1)
    sides.enter("a", server_assignor="nearest")
    sides.beat("", 0)
    sides.beat("a", 0, rebalance_timeout_ms=1)
    sides.beat("a", 0, owned={})
    sides.beat("a", 0, rebalance_timeout_ms=1, owned={})
    sides.beat("a", -2)
    sides.beat("a", -3)
    sides.enter("a", instance_id="")
    sides.enter("a", rack_id=" ")
    sides.enter("a", subscribed_topic_names=None, subscribed_topic_regex="t[")
    sides.same_records()


def test_static_members(sides):
    sides.enter("a", instance_id="i")
    sides.enter("b", instance_id="i")
    sides.beat("b", 2, instance_id="i")
    sides.beat("b", 2, instance_id="j")
    sides.beat("a", -2, instance_id="i")
    sides.about()
    sides.enter("b", instance_id="i")
    sides.beat("a", 2, instance_id="i")
    sides.beat("b", -1, instance_id="i")
    sides.about()
    sides.same_records()


def test_subscriptions_change(sides):
    sides.enter("a", ["t", "u"], server_assignor="range", rack_id="r")
    sides.beat("a", 2, subscribed_topic_names=["u"])
    sides.beat("a", 2, owned={"u": [0, 1]})
    sides.beat("a", 3, subscribed_topic_names=["u", "t"], owned={"u": [0, 1]})
    sides.beat("a", 4, subscribed_topic_names=[], owned={"u": [0, 1]})
    sides.about()
    sides.beat("a", 4, owned={})
    sides.about()
    sides.same_records()


def test_offsets_of_members(sides):
    sides.enter("a")
    sides.commit("a", 2)
    sides.commit("a", 2, version=10)
    sides.commit("a", 3)
    sides.commit("a", 0)
    sides.commit("b", 2)
    sides.commit("", -1)
    sides.commit("a", 2, version=8)
    sides.fetch("a", 2)
    sides.fetch("a", 3)
    sides.fetch("b", 2)
    sides.fetch(None, -1)
    sides.enter("a", ["t", "u"])
    sides.commit("a", 2)
    sides.commit("a", 2, partition=3, version=10)
    sides.commit("a", 0)
    topic = m.OffsetDeleteRequest.OffsetDeleteRequestTopic("t", [m.OffsetDeleteRequest.OffsetDeleteRequestPartition(0)])
    sides.ask(ApiKey.OFFSET_DELETE, 0, m.OffsetDeleteRequest(group_id=sides.group, topics=[topic]))
    sides.ask(ApiKey.DELETE_GROUPS, 2, m.DeleteGroupsRequest(groups_names=[sides.group]))
    sides.beat("a", -1)
    sides.commit("", -1)
    sides.ask(ApiKey.OFFSET_DELETE, 0, m.OffsetDeleteRequest(group_id=sides.group, topics=[topic]))
    for version in (5, 6):
        sides.ask(ApiKey.DESCRIBE_GROUPS, version, m.DescribeGroupsRequest(groups=[sides.group]))
    sides.ask(ApiKey.DELETE_GROUPS, 2, m.DeleteGroupsRequest(groups_names=[sides.group]))
    sides.about()


def test_an_empty_group_changes_its_kind_with_who_comes(sides):
    sides.enter("a")
    sides.beat("a", -1)
    sides.join(group_instance_id="i")
    sides.about()
    sides.enter("a", instance_id="k")
    sides.about()


def test_a_classic_member_in_a_consumer_group(sides):
    sides.enter("a")
    sides.join()
    protocol = {"protocol_type": "consumer", "protocol_name": "range"}
    request = m.SyncGroupRequest
    for member_id, epoch in (("nobody", 2), ("a", 2)):
        sides.ask(
            ApiKey.SYNC_GROUP,
            5,
            request(group_id=sides.group, member_id=member_id, generation_id=epoch, **protocol),
        )
        sides.ask(
            ApiKey.HEARTBEAT, 4, m.HeartbeatRequest(group_id=sides.group, member_id=member_id, generation_id=epoch)
        )
    sides.join("k")
    sides.about()
    sides.ask(ApiKey.SYNC_GROUP, 5, request(group_id=sides.group, member_id="k", generation_id=3, **protocol))
    sides.ask(ApiKey.SYNC_GROUP, 5, request(group_id=sides.group, member_id="k", generation_id=2, **protocol))
    sides.ask(ApiKey.HEARTBEAT, 4, m.HeartbeatRequest(group_id=sides.group, member_id="k", generation_id=3))
    sides.beat("a", 2)
    sides.beat("a", 2, owned={})
    sides.ask(ApiKey.HEARTBEAT, 4, m.HeartbeatRequest(group_id=sides.group, member_id="k", generation_id=3))
    sides.ask(ApiKey.SYNC_GROUP, 5, request(group_id=sides.group, member_id="k", generation_id=3, **protocol))
    sides.join("k")
    sides.ask(ApiKey.SYNC_GROUP, 5, request(group_id=sides.group, member_id="k", generation_id=3, **protocol))
    sides.commit("k", 3)
    sides.commit("k", 4)
    sides.commit("k", 3, version=8)
    sides.about()
    sides.same_records()
    sides.beat("a", -1)
    sides.ask(ApiKey.DESCRIBE_GROUPS, 6, m.DescribeGroupsRequest(groups=[sides.group]))
    sides.about()
    sides.same_records()


def test_a_classic_group_is_upgraded_and_comes_back(sides):
    joined = sides.join(group_instance_id="i")
    assignment = assignment_bytes(sides.ours.world.changing, {sides.ids["t"]: [0, 1, 2, 3]}, 1)
    entry = m.SyncGroupRequest.SyncGroupRequestAssignment
    protocol = {"group_id": sides.group, "protocol_type": "consumer", "protocol_name": "range"}

    def of_member(make: Any) -> list[Any]:
        return [make(reply.member_id) for reply in joined]

    def synced(generation: int, assigned: bytes = b"") -> None:
        def request(member_id: str) -> Any:
            given = [entry(member_id, assigned)] if assigned else []
            return m.SyncGroupRequest(
                **protocol,
                member_id=member_id,
                group_instance_id="i",
                generation_id=generation,
                assignments=given,
            )

        sides.ask(ApiKey.SYNC_GROUP, 5, *of_member(request))

    def beaten(generation: int) -> None:
        sides.ask(
            ApiKey.HEARTBEAT,
            4,
            *of_member(lambda name: m.HeartbeatRequest(sides.group, generation, name, group_instance_id="i")),
        )

    synced(1, assignment)
    beaten(1)
    sides.enter("n")
    sides.about()
    beaten(1)
    sides.beat("n", 2, owned={})
    joined = sides.ask(
        ApiKey.JOIN_GROUP,
        9,
        *of_member(
            lambda name: m.JoinGroupRequest(
                group_id=sides.group,
                session_timeout_ms=45_000,
                rebalance_timeout_ms=300_000,
                protocol_type="consumer",
                member_id=name,
                group_instance_id="i",
                protocols=[m.JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=subscription("t"))],
            )
        ),
    )
    synced(2)
    sides.beat("n", 2, owned={})
    beaten(2)
    sides.about()
    sides.commit("n", 2)
    sides.same_records()
    sides.beat("n", -1)
    sides.about()
    beaten(3)
    sides.same_records()


def test_an_operator_takes_members_out(sides):
    sides.enter("a", instance_id="i")
    sides.enter("b")
    member = m.LeaveGroupRequest.MemberIdentity
    leavers = [member("", "i"), member("x", "i"), member("b", None), member("c", None), member("", "j")]
    sides.ask(ApiKey.LEAVE_GROUP, 5, m.LeaveGroupRequest(group_id=sides.group, members=leavers))
    sides.about()
    sides.same_records()
