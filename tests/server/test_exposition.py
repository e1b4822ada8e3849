"""Metrics under the names that dashboards for Apache Kafka look for."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from server_harness import StillLoop

from penstock.kit.telemetry import Family, Histogram, Sample
from penstock.protocol import messages
from penstock.records.batch import build
from penstock.records.record import Record
from penstock.server.exposition import snapshot
from penstock.server.hub import Hub
from penstock.server.metrics import to_metric
from penstock.server.settings import ServerSettings
from penstock.testing.broker_in_memory import InMemoryBroker


def create(broker, name, partitions):
    request = messages.CreateTopicsRequest
    topic = request.CreatableTopic(name=name, num_partitions=partitions, replication_factor=1)
    assert broker.request(request(topics=[topic])).topics[0].error_code == 0


def produce(broker, topic, values):
    request = messages.ProduceRequest
    now_ms = broker.clock.now_ms()
    batch = build([Record(None, value, timestamp_ms=now_ms) for value in values])
    part = request.PartitionProduceData(index=0, records=batch)
    message = request(acks=1, topic_data=[request.TopicProduceData(name=topic, partition_data=[part])])
    reply = broker.request(message, 9)
    assert reply.responses[0].partition_responses[0].error_code == 0
    return len(batch)


def commit(broker, group, topic, offset):
    request = messages.OffsetCommitRequest
    part = request.OffsetCommitRequestPartition(partition_index=0, committed_offset=offset)
    wanted = request.OffsetCommitRequestTopic(name=topic, partitions=[part])
    reply = broker.request(request(group_id=group, topics=[wanted]), 8)
    assert reply.topics[0].partitions[0].error_code == 0


def scrape(broker):
    """{(name, label values): value} of one snapshot."""
    hub = Hub(broker.broker, broker.clock, ServerSettings(), StillLoop())
    families = asyncio.run(snapshot(hub))
    return {(family.name, sample.labels): sample.value for family in families for sample in family.samples}


def test_topics_and_partitions_are_told():
    broker = InMemoryBroker()
    create(broker, "orders", 2)
    size = produce(broker, "orders", [b"a", b"b", b"c"])

    found = scrape(broker)

    assert found["kafka_server_brokertopicmetrics_messagesin", ("orders",)] == 3
    assert found["kafka_server_brokertopicmetrics_bytesin", ("orders",)] == size
    assert found["kafka_log_log_logendoffset", ("orders", "0")] == 3
    assert found["kafka_log_log_logendoffset", ("orders", "1")] == 0
    assert found["kafka_log_log_size", ("orders", "0")] == size
    assert found["kafka_server_replicamanager_underreplicatedpartitions", ()] == 0
    assert found["kafka_controller_kafkacontroller_activecontrollercount", ()] == 1


def test_the_lag_of_a_group_is_what_it_has_not_committed():
    broker = InMemoryBroker()
    create(broker, "orders", 1)
    produce(broker, "orders", [b"a", b"b", b"c"])
    commit(broker, "readers", "orders", 1)

    found = scrape(broker)

    assert found["kafka_consumergroup_lag", ("readers", "orders", "0")] == 2
    assert found["kafka_consumergroup_current_offset", ("readers", "orders", "0")] == 1
    assert found["kafka_coordinator_group_groupmetadatamanager_numgroups", ()] == 1
    assert found["kafka_coordinator_group_groupmetadatamanager_numgroupsempty", ()] == 1


class Once:
    """A collector of given families."""

    def __init__(self, *families):
        self.families = families

    def collect(self):
        return map(to_metric, self.families)


def exposed(*families):
    registry = CollectorRegistry()
    registry.register(Once(*families))
    return generate_latest(registry).decode()


def test_histograms_of_microseconds_are_exposed_in_seconds():
    histogram = Histogram((100, 1_000_000))
    histogram.observe(40, times=3)
    histogram.observe(2_000_000)

    text = exposed(Family("histogram", "kafka_time_us", "Times.", ("request",), [Sample(("Fetch",), histogram)]))

    assert 'kafka_time_seconds_bucket{le="0.0001",request="Fetch"} 3.0' in text
    assert 'kafka_time_seconds_bucket{le="+Inf",request="Fetch"} 4.0' in text
    assert 'kafka_time_seconds_count{request="Fetch"} 4.0' in text
    assert 'kafka_time_seconds_sum{request="Fetch"} 2.00012' in text


@pytest.mark.parametrize(
    ("kind", "line"), [("counter", 'n_total{topic="a\\"b"} 7.0'), ("gauge", 'n{topic="a\\"b"} 7.0')]
)
def test_counters_and_gauges_are_exposed_with_their_labels(kind, line):
    assert line in exposed(Family(kind, "n", "Numbers.", ("topic",), [Sample(('a"b',), 7)]))
