"""Consumer groups through the broker: topics that change, configs of groups, restarts, disks that are waited for."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import create

GROUP_RESOURCE = 32
Heartbeat = messages.ConsumerGroupHeartbeatRequest
Configs = messages.IncrementalAlterConfigsRequest


@pytest.fixture
def broker() -> InMemoryBroker:
    return started()


def started(**rest: Any) -> InMemoryBroker:
    broker = InMemoryBroker({"offsets.topic.num.partitions": "2"}, **rest)
    create(broker, "orders", 2)
    return broker


def beat(broker: InMemoryBroker, member_id: str, epoch: int, **fields: Any) -> Any:
    return broker.request(Heartbeat(**{"group_id": "group"} | fields, member_id=member_id, member_epoch=epoch))


def join(broker: InMemoryBroker, member_id: str = "a", **fields: Any) -> Any:
    said = {"rebalance_timeout_ms": 10_000, "topic_partitions": []} | fields
    if "subscribed_topic_regex" not in said:
        said.setdefault("subscribed_topic_names", ["orders"])
    return beat(broker, member_id, 0, **said)


def partitions(broker: InMemoryBroker, reply: Any) -> dict[str, list[int]]:
    topics = broker.broker.topics
    return {topics.name_of(entry.topic_id): entry.partitions for entry in reply.assignment.topic_partitions}


def owned(reply: Any) -> list[Any]:
    topics = reply.assignment.topic_partitions
    return [Heartbeat.TopicPartitions(entry.topic_id, entry.partitions) for entry in topics]


def alter(broker: InMemoryBroker, name: str, value: str) -> KafkaError:
    config = Configs.AlterableConfig(name=name, config_operation=0, value=value)
    resource = Configs.AlterConfigsResource(resource_type=GROUP_RESOURCE, resource_name="group", configs=[config])
    return KafkaError(broker.request(Configs(resources=[resource])).responses[0].error_code)


def about(broker: InMemoryBroker, **fields: Any) -> Any:
    return broker.request(messages.ConsumerGroupDescribeRequest(group_ids=["group"], **fields)).groups[0]


def test_a_member_reads_what_it_named_from_its_first_heartbeat_on(broker):
    assert partitions(broker, join(broker)) == {"orders": [0, 1]}


def test_partitions_that_are_added_are_handed_out(broker):
    first = join(broker)
    request = messages.CreatePartitionsRequest
    more = request.CreatePartitionsTopic(name="orders", count=3, assignments=None)
    broker.request(request(topics=[more], timeout_ms=1_000))
    broker.advance(1_000)

    grown = beat(broker, "a", first.member_epoch, topic_partitions=owned(first))

    assert partitions(broker, grown) == {"orders": [0, 1, 2]}


def test_topics_that_a_pattern_matches_come_and_go(broker):
    first = join(broker, subscribed_topic_regex="order.*")
    create(broker, "ordered")
    create(broker, "other")
    broker.advance(1_000)

    more = beat(broker, "a", first.member_epoch, topic_partitions=owned(first))
    assert partitions(broker, more) == {"orders": [0, 1], "ordered": [0]}

    broker.request(messages.DeleteTopicsRequest(topic_names=["orders"], timeout_ms=1_000), 5)
    broker.advance(1_000)
    less = beat(broker, "a", more.member_epoch, topic_partitions=owned(more))
    assert partitions(broker, less) == {"ordered": [0]}


def test_a_groups_own_configs_count_at_once(broker):
    assert join(broker).heartbeat_interval_ms == 5_000

    assert alter(broker, "consumer.heartbeat.interval.ms", "7000") is KafkaError.NONE

    assert beat(broker, "a", 2).heartbeat_interval_ms == 7_000
    assert alter(broker, "consumer.heartbeat.interval.ms", "100") is KafkaError.INVALID_CONFIG
    assert alter(broker, "consumer.session.timeout.ms", "60001") is KafkaError.INVALID_CONFIG
    assert alter(broker, "consumer.patience.ms", "1") is KafkaError.INVALID_CONFIG


def test_a_session_lasts_as_long_as_the_groups_config_says(broker):
    alter(broker, "consumer.session.timeout.ms", "60000")
    join(broker)

    broker.advance(59_999)
    assert about(broker).group_state == "Stable"
    broker.advance(2)

    assert about(broker).group_state == "Empty"


@pytest.mark.parametrize("ends", ["restart", "crash"])
def test_a_restart_finds_members_and_assignments(broker, ends):
    first = join(broker)

    getattr(broker, ends)()

    assert beat(broker, "a", first.member_epoch).error_code == 0
    (member,) = about(broker).members
    assert [(entry.topic_name, entry.partitions) for entry in member.assignment.topic_partitions] == [
        ("orders", [0, 1])
    ]


def test_in_durable_mode_nothing_is_told_before_it_is_on_disk():
    broker = started(durable=True)
    broker.is_syncing = False

    exchange = broker.send(
        Heartbeat(
            group_id="group",
            member_id="a",
            member_epoch=0,
            rebalance_timeout_ms=1_000,
            subscribed_topic_names=["orders"],
            topic_partitions=[],
        )
    )
    assert not exchange.over
    broker.is_syncing = True
    broker.settle()

    assert exchange.answer.member_epoch == 2


def test_who_asks_is_told_what_may_be_done_with_the_group(broker):
    join(broker)

    assert about(broker).authorized_operations == -(1 << 31)
    assert about(broker, include_authorized_operations=True).authorized_operations > 0
    group = about(broker)
    assert (group.group_epoch, group.assignment_epoch, group.assignor_name) == (2, 2, "uniform")


def test_an_assignor_that_is_not_there_cannot_be_configured():
    with pytest.raises(ValueError, match=r"group\.consumer\.assignors"):
        InMemoryBroker({"group.consumer.assignors": "uniform,org.example.Nearest"})


def test_an_operator_chooses_the_default_assignor_by_kafkas_class_name():
    name = "org.apache.kafka.coordinator.group.assignor.RangeAssignor"
    broker = InMemoryBroker({"group.consumer.assignors": name, "offsets.topic.num.partitions": "2"})
    create(broker, "orders", 2)
    join(broker)

    assert about(broker).assignor_name == "range"
