"""The same requests to streams groups of Apache Kafka and of ours: the same replies, and the same records in the log.

Which of equally good tasks an assignor picks is its own business, so tasks are compared by their numbers; hashes of
metadata and times are left out, and so are the partitions of internal topics in descriptions: the other side knows them
later, with a record that it writes for some other reason.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from tests.coordinate.consumer_world import ChangingTopics
from tests.coordinate.group_world import over_wire, subscription
from tests.coordinate.streams_world import Request, StreamsWorld, internal, listed, part, topology
from tests.coordinate.test_group_like_apache import Apache

from penstock.coordinate.group_records import read_key
from penstock.coordinate.groups import GroupSettings
from penstock.coordinate.streams_groups.records import Kind, read_entry
from penstock.protocol import messages as m
from penstock.protocol.apis import ApiKey
from penstock.testing.apache_kafka import apache_kafka

pytestmark = [pytest.mark.apache, pytest.mark.slow]

TOPICS = {"t": 2, "u": 3, "r": 2, "c": 2}
SETTINGS = {
    "group.streams.assignment.interval.ms": "0",
    "group.streams.initial.rebalance.delay.ms": "0",
}
# What Apache does in the background has been done by then.
PAUSE_S = 0.2
GROUP_RESOURCE = 32
HEARTBEAT = ApiKey.STREAMS_GROUP_HEARTBEAT
DESCRIBE = ApiKey.STREAMS_GROUP_DESCRIBE
DescribedTopic = m.StreamsGroupDescribeResponse.TopicInfo


def word_count(epoch: int = 0, source: str = "t") -> Any:
    return topology(
        part("0", source_topics=[source], repartition_sink_topics=["r"]),
        part("1", repartition_source_topics=[internal("r")], state_changelog_topics=[internal("c", b="x", a="y")]),
        epoch=epoch,
    )


class Ours:
    """Our coordinator under Apache's interface."""

    def __init__(self) -> None:
        self.world = StreamsWorld(
            GroupSettings(offsets_topic_num_partitions=4, group_initial_rebalance_delay_ms=0), **TOPICS
        )
        assert isinstance(self.world.changing, ChangingTopics)

    def ask(self, who: str, api: ApiKey, version: int, request: Any) -> Any:
        received = over_wire(request, version)
        groups, now_ms = self.world.groups, self.world.now_ms
        if api is DESCRIBE:
            described = [groups.streams.describe(group_id) for group_id in received.group_ids]
            return over_wire(m.StreamsGroupDescribeResponse(groups=described), version)
        if api is ApiKey.LIST_GROUPS:
            return over_wire(groups.list(received, version), version)
        if api is ApiKey.DESCRIBE_GROUPS:
            found = [groups.describe(group_id, version) for group_id in received.groups]
            return over_wire(m.DescribeGroupsResponse(groups=found), version)
        if api is ApiKey.DELETE_GROUPS:
            results = [self.world.settle(groups.delete(group_id, now_ms)) for group_id in received.groups_names]
            return over_wire(m.DeleteGroupsResponse(results=results), version)
        if api is ApiKey.OFFSET_FETCH:
            answers = [groups.offset_fetch(group, received.require_stable, version) for group in received.groups]
            return over_wire(m.OffsetFetchResponse(groups=answers), version)
        outcome = {
            HEARTBEAT: lambda: groups.streams.heartbeat(received, "c", "/127.0.0.1", now_ms),
            ApiKey.CONSUMER_GROUP_HEARTBEAT: lambda: groups.consumer_heartbeat(
                received, "c", "/127.0.0.1", version, now_ms
            ),
            ApiKey.JOIN_GROUP: lambda: groups.join(received, "c", "/127.0.0.1", version, now_ms),
            ApiKey.OFFSET_COMMIT: lambda: groups.offset_commit(received, version, now_ms),
            ApiKey.TXN_OFFSET_COMMIT: lambda: groups.txn_offset_commit(received, version, now_ms),
            ApiKey.OFFSET_DELETE: lambda: groups.offset_delete(received, version, now_ms),
        }[api]()
        reply = self.world.settle(outcome)
        self.world.wait(100)
        return over_wire(reply, version)

    def log(self, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
        for place, key, value, _ in self.world.log:
            if place == partition and key is not None:
                yield key, value


class Sides:
    """Both, asked alike."""

    def __init__(self, ours: Ours, theirs: Apache, group: str) -> None:
        self.ours, self.theirs, self.group = ours, theirs, group

    def ask(self, api: ApiKey, version: int, request: Any) -> Any:
        mine = self.ours.ask("a", api, version, request)
        its = self.theirs.ask("a", api, version, request)
        assert plain(mine) == plain(its), f"{api.name}\nours   {plain(mine)}\ntheirs {plain(its)}"
        time.sleep(PAUSE_S)
        return its

    def beat(self, member_id: str, epoch: int, **fields: Any) -> Any:
        owned, spares = fields.pop("owned", None), fields.pop("standby", {})
        if owned is not None:
            fields |= {"active_tasks": listed(owned), "standby_tasks": listed(spares), "warmup_tasks": []}
        request = Request(**{"group_id": self.group} | fields, member_id=member_id, member_epoch=epoch)
        return self.ask(HEARTBEAT, 0, request)

    def enter(self, member_id: str, **fields: Any) -> Any:
        said = {"rebalance_timeout_ms": 300_000, "owned": {}, "topology": word_count(), "process_id": f"p-{member_id}"}
        return self.beat(member_id, 0, **said | fields)

    def set(self, name: str, value: int) -> None:
        """Gives the group a config of its own."""
        self.ours.world.configs[name] = value
        request = m.IncrementalAlterConfigsRequest
        config = request.AlterableConfig(name=name, config_operation=0, value=str(value))
        resource = request.AlterConfigsResource(GROUP_RESOURCE, self.group, [config])
        altered = self.theirs.surely(ApiKey.INCREMENTAL_ALTER_CONFIGS, 1, request(resources=[resource]))
        assert altered.responses[0].error_code == 0, altered
        time.sleep(PAUSE_S)

    def about(self) -> Any:
        return self.ask(DESCRIBE, 0, m.StreamsGroupDescribeRequest(group_ids=[self.group, "no such group"]))

    def commit(self, member_id: str, epoch: int, partition: int = 0, version: int = 9, topic: str = "t") -> Any:
        request = m.OffsetCommitRequest
        parts = [request.OffsetCommitRequestPartition(partition, 1, -1, "")]
        topics = [request.OffsetCommitRequestTopic(topic, bytes(16), parts)]
        said = request(group_id=self.group, member_id=member_id, generation_id_or_member_epoch=epoch, topics=topics)
        return self.ask(ApiKey.OFFSET_COMMIT, version, said)

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
                    yield entry.kind.name, entry.name, plain_value(entry.kind, entry.value)


def plain(message: Any) -> Any:
    """A message as plain data, with numbers of tasks instead of which, and nothing that is a side's own."""
    if isinstance(message, list):
        if message and isinstance(message[0], (m.StreamsGroupHeartbeatResponse.TopicPartition)):
            return sum(len(entry.partitions) for entry in message)
        return sorted((plain(entry) for entry in message), key=repr)
    if not hasattr(message, "__slots__"):
        return message
    found = {}
    for name in message.__slots__:
        value = getattr(message, name)
        if name == "throttle_time_ms" or (name == "partitions" and isinstance(message, DescribedTopic)):
            continue
        found[name] = len(value) if name == "partitions" and isinstance(value, list) else plain(value)
    return found


def plain_value(kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    left_out = {"metadata_hash", "assignment_timestamp"}
    found = {name: plain(getattr(value, name)) for name in value.__slots__ if name not in left_out}
    if kind is Kind.TOPOLOGY:
        return repr([(p.subtopology_id, p.source_topics, plain(p.state_changelog_topics)) for p in value.subtopologies])
    return found


@pytest.fixture(scope="module")
def theirs():
    with apache_kafka(config=SETTINGS) as node:
        line = Apache(node.port)
        topics = m.CreateTopicsRequest
        wanted = [topics.CreatableTopic(name=n, num_partitions=c, replication_factor=1) for n, c in TOPICS.items()]
        line.surely(ApiKey.CREATE_TOPICS, 7, topics(topics=wanted, timeout_ms=10_000))
        request = m.FindCoordinatorRequest(key_type=0, coordinator_keys=["g"])
        for _ in range(100):
            if line.surely(ApiKey.FIND_COORDINATOR, 4, request).coordinators[0].error_code == 0:
                break
            time.sleep(0.2)
        probe = m.StreamsGroupDescribeRequest(group_ids=[f"probe-{n}" for n in range(40)])
        while {g.error_code for g in line.surely(DESCRIBE, 0, probe).groups} - {69}:
            time.sleep(0.2)
        yield line
        line.close()


GROUPS: dict[str, int] = defaultdict(int)


@pytest.fixture
def sides(theirs) -> Sides:
    GROUPS["made"] += 1
    return Sides(Ours(), theirs, f"group-{GROUPS['made']}")


def test_members_come_share_and_go(sides):
    sides.enter("a")
    sides.beat("a", 2)
    sides.about()
    sides.enter("b")
    sides.about()
    kept = sides.beat("a", 2)
    sides.beat("b", 3)
    owned = {entry.subtopology_id: entry.partitions for entry in kept.active_tasks}
    sides.beat("a", 2, owned=owned)
    sides.beat("b", 3, owned={})
    sides.about()
    sides.beat("a", 10)
    sides.beat("a", 2)
    sides.beat("a", 2, owned={})
    sides.beat("c", 2)
    sides.beat("b", -1)
    sides.beat("b", -1)
    sides.about()
    sides.beat("a", 3)
    sides.about()
    sides.beat("a", -1)
    sides.about()
    sides.same_records()


def test_a_member_comes_again(sides):
    sides.enter("a")
    sides.enter("a")
    sides.enter("a", process_id="other")
    sides.enter("a", rebalance_timeout_ms=200_000)
    sides.about()
    sides.same_records()


def test_requests_that_make_no_sense(sides):
    sides.beat("a", 2)
    sides.beat("a", -1)
    sides.beat("", 0)
    sides.enter("")
    sides.beat("a", 0, rebalance_timeout_ms=1)
    sides.enter("a", owned={"0": [0]})
    sides.enter("a", topology=None)
    sides.beat("a", -2)
    sides.beat("a", -3)
    sides.enter("a", instance_id="")
    sides.enter("a", rack_id=" ")
    sides.beat("a", 1, active_tasks=[])
    sides.beat("a", 1, topology=word_count())
    sides.enter("a", topology=topology(part("0", source_topic_regex=["t.*"])))
    sides.enter("a", topology=topology(part("0", source_topics=["__consumer_offsets"])))
    sides.enter("a", topology=topology(part("0", source_topics=["a b"])))
    sides.enter("a", topology=topology(part("0", source_topics=["t"], state_changelog_topics=[internal("c", 2)])))
    sides.enter("a", group_id="")
    sides.same_records()


def test_topologies_that_do_not_fit(sides):
    sides.enter("a", topology=topology(part("0", source_topics=["t"]), epoch=1))
    sides.enter("b", topology=topology(part("0", source_topics=["t"]), epoch=0))
    sides.enter("c", topology=topology(part("0", source_topics=["u"]), epoch=1))
    sides.enter("d", topology=topology(part("0", source_topics=["u"]), epoch=2))
    sides.beat("a", 3, owned={"9": [0]})
    sides.beat("a", 3, owned={"0": [7]})
    sides.about()
    sides.beat("a", -1)
    sides.beat("b", -1)
    sides.enter("d", topology=topology(part("0", source_topics=["u"]), epoch=2))
    sides.enter("d", topology=topology(part("0", source_topics=["u"]), epoch=1))
    sides.same_records()


def test_topics_that_are_missing_or_do_not_fit(sides):
    sides.enter("a", topology=word_count(source="no-such-topic"))
    sides.beat("a", 2)
    sides.about()
    sides.same_records()


def test_topics_with_other_partitions(sides):
    sides.enter("a", topology=word_count(source="u"))
    sides.beat("a", 2)
    sides.about()
    sides.same_records()


def test_topologies_that_nothing_makes_right(sides):
    sides.enter("a", topology=topology(part("0", repartition_source_topics=[internal("x")])))
    sides.enter("a", topology=topology(part("0", source_topics=["t"], repartition_source_topics=[internal("x")])))
    sides.enter("a", topology=topology(part("0", source_topics=["t"]), part("1")))
    sides.same_records()


def test_what_members_say_of_themselves(sides):
    said = {
        "rack_id": "z",
        "user_endpoint": Request.Endpoint("host", 80),
        "client_tags": [Request.KeyValue("k", "v"), Request.KeyValue("a", "b")],
        "endpoint_information_epoch": -1,
    }
    sides.enter("a", **said)
    sides.beat("a", 2, endpoint_information_epoch=0)
    sides.beat("a", 2, endpoint_information_epoch=0, user_endpoint=Request.Endpoint("host", 81))
    sides.beat("a", 3, endpoint_information_epoch=1)
    sides.enter("b", user_endpoint=Request.Endpoint("other", 80), endpoint_information_epoch=-1)
    sides.about()
    sides.same_records()


def test_a_member_without_an_endpoint(sides):
    sides.enter("a", endpoint_information_epoch=-1)
    sides.beat("a", 2, endpoint_information_epoch=0)
    sides.beat("a", 2, endpoint_information_epoch=-1)


def test_a_request_to_stop(sides):
    sides.enter("a")
    sides.enter("b")
    sides.beat("a", 2, shutdown_application=True)
    sides.beat("b", 3)
    sides.beat("a", -1)
    sides.beat("b", -1)
    sides.enter("c")
    sides.same_records()


def test_what_is_not_supported_yet(sides):
    sides.enter("a")
    sides.enter("b", instance_id="i")
    sides.beat("a", 2, instance_id="")
    sides.beat("a", 2, task_offsets=[])
    sides.beat("a", 2, task_offsets=[Request.TaskOffset("1", 0, 7)])
    sides.beat("a", 2, task_end_offsets=[Request.TaskOffset("1", 0, 7)])
    sides.beat("a", 2, active_tasks=[], standby_tasks=[], warmup_tasks=[Request.TaskIds("1", [0])])
    sides.beat("a", 2, standby_tasks=[])
    sides.beat("", -2)


def test_spares(sides):
    sides.set("streams.num.standby.replicas", 1)
    sides.enter("a")
    sides.enter("b")
    kept = sides.beat("a", 2)
    owned = {entry.subtopology_id: entry.partitions for entry in kept.active_tasks}
    sides.beat("a", 2, owned=owned)
    sides.about()
    sides.set("streams.num.standby.replicas", 0)
    sides.beat("a", 3, owned=owned)
    sides.about()
    sides.same_records()


def test_assignments_that_are_delayed(sides):
    sides.set("streams.assignment.interval.ms", 15_000)
    sides.enter("a")
    sides.enter("b")
    sides.beat("a", 2)
    sides.about()
    sides.same_records()


def test_first_members_that_are_awaited(sides):
    sides.set("streams.initial.rebalance.delay.ms", 60_000)
    sides.enter("a")
    sides.enter("b")
    sides.beat("a", 1)
    sides.beat("a", 2)
    sides.about()
    sides.beat("b", -1)
    sides.about()
    sides.same_records()


def test_internal_topics_that_are_missing(sides):
    name = f"{sides.group}-store"
    configs = {"cleanup.policy": "compact"}
    changelog = internal(name, **configs)
    sides.enter("a", topology=topology(part("0", source_topics=["u"], state_changelog_topics=[changelog])))
    # The other side has made it by now.
    sides.ours.world.changing.set(name, 3)
    time.sleep(1)
    sides.beat("a", 2)
    sides.about()
    sides.same_records()


def test_offsets_of_members(sides):
    sides.enter("a")
    sides.commit("a", 2)
    sides.commit("a", 3)
    sides.commit("a", 0)
    sides.commit("b", 2)
    sides.commit("", -1)
    sides.commit("a", 2, version=8)
    sides.fetch("a", 2)
    sides.fetch("a", 3)
    sides.fetch("b", 2)
    sides.fetch(None, -1)
    sides.enter("a", process_id="other")
    sides.commit("a", 2)
    sides.commit("a", 2, topic="u")
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
    sides.same_records()


def test_groups_of_other_types(sides):
    protocol = m.JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=subscription("t"))
    joining = m.JoinGroupRequest(
        group_id=sides.group,
        session_timeout_ms=45_000,
        rebalance_timeout_ms=300_000,
        protocol_type="consumer",
        member_id="",
        protocols=[protocol],
    )
    consuming = m.ConsumerGroupHeartbeatRequest(
        group_id=sides.group,
        member_id="k",
        member_epoch=0,
        rebalance_timeout_ms=1,
        subscribed_topic_names=["t"],
        topic_partitions=[],
    )
    sides.enter("a")
    sides.ask(ApiKey.JOIN_GROUP, 9, joining)
    sides.ask(ApiKey.CONSUMER_GROUP_HEARTBEAT, 1, consuming)
    sides.beat("a", -1)
    sides.ask(ApiKey.CONSUMER_GROUP_HEARTBEAT, 1, consuming)
    for names in (["Empty"], ["NotReady"], ["not_ready"], []):
        mine, its = (
            side.ask("a", ApiKey.LIST_GROUPS, 5, m.ListGroupsRequest(states_filter=names, types_filter=["streams"]))
            for side in (sides.ours, sides.theirs)
        )
        assert [plain(g) for g in mine.groups] == [plain(g) for g in its.groups if g.group_id == sides.group]
