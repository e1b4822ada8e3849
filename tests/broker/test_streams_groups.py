"""Streams groups through the broker: internal topics that it makes, configs of groups, restarts."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import create
from tests.coordinate.streams_world import Request, internal, listed, part, running, statuses, topology

GROUP_RESOURCE, TOPIC_RESOURCE = 32, 2
MISSING = 3
Configs = messages.IncrementalAlterConfigsRequest
WORDS = topology(
    part("0", source_topics=["lines"], repartition_sink_topics=["words"]),
    part(
        "1",
        repartition_source_topics=[internal("words", **{"retention.ms": "-1"})],
        state_changelog_topics=[internal("counts", **{"cleanup.policy": "compact"})],
    ),
)
ALL = {"0": [0, 1, 2], "1": [0, 1, 2]}


@pytest.fixture
def broker() -> InMemoryBroker:
    return started()


def started(**settings: str) -> InMemoryBroker:
    named = {name.replace("_", "."): value for name, value in settings.items()}
    delays = {"group.streams.initial.rebalance.delay.ms": "0", "group.streams.assignment.interval.ms": "0"}
    broker = InMemoryBroker({"offsets.topic.num.partitions": "2"} | delays | named)
    create(broker, "lines", 3)
    return broker


def beat(broker: InMemoryBroker, member_id: str, epoch: int, **fields: Any) -> Any:
    return broker.request(Request(**{"group_id": "group"} | fields, member_id=member_id, member_epoch=epoch))


def join(broker: InMemoryBroker, member_id: str = "a", **fields: Any) -> Any:
    none = {"active_tasks": [], "standby_tasks": [], "warmup_tasks": []}
    said = {"rebalance_timeout_ms": 10_000, "topology": WORDS, "process_id": member_id} | none | fields
    return beat(broker, member_id, 0, **said)


def about(broker: InMemoryBroker, **fields: Any) -> Any:
    return broker.request(messages.StreamsGroupDescribeRequest(group_ids=["group"], **fields)).groups[0]


def config_of(broker: InMemoryBroker, topic: str, name: str) -> str:
    asked = messages.DescribeConfigsRequest.DescribeConfigsResource(TOPIC_RESOURCE, topic, [name])
    (result,) = broker.request(messages.DescribeConfigsRequest(resources=[asked])).results
    return str(result.configs[0].value)


def test_internal_topics_are_made_as_the_topology_wants_them(broker):
    first = join(broker)
    then = beat(broker, "a", first.member_epoch)

    assert [code for code, _ in statuses(first)] == [MISSING]
    assert running(first.active_tasks) == {}
    assert statuses(then) == []
    assert running(then.active_tasks) == ALL
    assert [len(broker.broker.topics.by_name[name].partitions) for name in ("words", "counts")] == [3, 3]
    assert config_of(broker, "counts", "cleanup.policy") == "compact"
    assert config_of(broker, "words", "retention.ms") == "-1"


def test_topics_that_cannot_be_made_are_told_until_they_are_there(broker):
    wrong = topology(part("0", source_topics=["lines"], state_changelog_topics=[internal("counts", nonsense="x")]))

    first = join(broker, topology=wrong)
    second = beat(broker, "a", first.member_epoch)

    for reply in (first, second):
        ((code, detail),) = statuses(reply)
        assert code == MISSING
        assert detail.startswith("Internal topics are missing: counts; Creation failed: counts (")
    assert "counts" not in broker.broker.topics.by_name


def test_a_group_is_described_and_known_after_a_restart(broker):
    first = join(broker)
    beat(broker, "a", first.member_epoch)
    before = about(broker, include_authorized_operations=True)

    broker.restart()
    loaded = about(broker)
    epoch = loaded.members[0].member_epoch
    again = beat(broker, "a", epoch, active_tasks=listed(ALL), standby_tasks=[], warmup_tasks=[])

    assert (before.group_state, loaded.group_state) == ("Stable", "Stable")
    assert before.authorized_operations > 0
    assert before.topology.subtopologies[1].state_changelog_topics[0].partitions == 3
    assert (again.error_code, again.member_epoch, again.active_tasks) == (0, epoch, None)


def test_configs_of_the_group_count(broker):
    name = "streams.heartbeat.interval.ms"
    config = Configs.AlterableConfig(name=name, config_operation=0, value="7000")
    resource = Configs.AlterConfigsResource(resource_type=GROUP_RESOURCE, resource_name="group", configs=[config])
    altered = broker.request(Configs(resources=[resource])).responses[0]

    assert altered.error_code == 0
    assert join(broker).heartbeat_interval_ms == 7_000


def test_first_members_are_awaited_and_silent_ones_let_go():
    broker = started(group_streams_initial_rebalance_delay_ms="3000")
    first = join(broker)

    broker.advance(3_000)
    then = beat(broker, "a", first.member_epoch)
    broker.advance(46_000)

    assert [code for code, _ in statuses(first)] == [5, MISSING]
    assert then.member_epoch > first.member_epoch
    assert about(broker).group_state == "Empty"


def test_the_size_of_a_group_is_set():
    broker = started(group_streams_max_size="1")
    join(broker, "a")

    assert KafkaError(join(broker, "b").error_code) is KafkaError.GROUP_MAX_SIZE_REACHED
