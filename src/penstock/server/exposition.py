"""What a broker tells about itself: a snapshot taken on the loop, under the names that Kafka's JMX exporter uses.

Dashboards made for Apache Kafka then find what they look for. Names that Kafka has no metric for begin with penstock_.
"""

import asyncio
from collections.abc import Iterable

from penstock.kit.telemetry import Family, Histogram, Kind, Labels, Sample
from penstock.server.hub import Hub

# A scrape of ten thousand partitions gives way to requests this often.
PARTITIONS_AT_ONCE = 250
QUANTILES = (0.5, 0.75, 0.95, 0.99, 0.999)

_OF_PARTITION = ("topic", "partition")


async def snapshot(hub: Hub) -> list[Family]:
    """Every metric as it is now; values are copies, so another thread may read them."""
    families = [_frozen(family) for family in _registered(hub)]
    families += _of_server(hub)
    families += _of_cluster(hub)
    families += await _of_partitions(hub)
    families += await _of_groups(hub)
    return [family for family in families if family.samples]


def _registered(hub: Hub) -> Iterable[Family]:
    yield from hub.broker.metrics.registry.snapshot()
    yield from hub.metrics.registry.snapshot()
    yield _quantiles(hub)


def _quantiles(hub: Hub) -> Family:
    samples = [
        Sample((request, str(share)), histogram.quantile(share) / 1000)
        for (request,), histogram in hub.metrics.latency
        for share in QUANTILES
    ]
    return Family(
        "gauge",
        "kafka_network_requestmetrics_totaltimems",
        "Milliseconds from a request's arrival to its reply, waiting included; upper bound of its bucket.",
        ("request", "quantile"),
        samples,
    )


def _frozen(family: Family) -> Family:
    samples = [Sample(labels, _copy(value)) for labels, value in family.samples]
    return family._replace(samples=samples)


def _copy(value: float | Histogram) -> float | Histogram:
    if not isinstance(value, Histogram):
        return value
    copy = Histogram(value.bounds)
    copy.counts = list(value.counts)
    copy.total = value.total
    return copy


def _of_server(hub: Hub) -> list[Family]:
    by_listener: dict[str, int] = {}
    for connection in hub.connections:
        by_listener[connection.listener] = by_listener.get(connection.listener, 0) + 1
    budget = hub.buffers.budget
    return [
        Family(
            "gauge",
            "kafka_server_socketservermetrics_connection_count",
            "Connections that are open.",
            ("listener",),
            [Sample((listener,), count) for listener, count in by_listener.items()] or [Sample(("none",), 0)],
        ),
        _single("kafka_network_socketserver_memorypoolused", "Bytes held for requests arriving.", budget.used),
        _single(
            "kafka_network_socketserver_memorypoolavailable",
            "Bytes left for requests arriving.",
            max(0, budget.limit - budget.used),
        ),
        _single("penstock_waiting_requests", "Requests whose answer is not ready yet.", hub.broker.waiting.count),
    ]


def _of_cluster(hub: Hub) -> list[Family]:
    topics = hub.broker.topics.by_name.values()
    partitions = sum(len(topic.partitions) for topic in topics)
    offline = sum(1 for topic in topics for partition in topic.partitions if partition.offline is not None)
    manager, controller = "kafka_server_replicamanager_", "kafka_controller_kafkacontroller_"
    return [
        _single(f"{manager}partitioncount", "Partitions of this broker.", partitions),
        _single(f"{manager}leadercount", "Partitions this broker leads: all, on one node.", partitions - offline),
        _single(f"{manager}underreplicatedpartitions", "Partitions short of copies: none, on one node.", 0),
        _single(f"{manager}offlinereplicacount", "Partitions whose files cannot be used.", offline),
        _single(f"{controller}activecontrollercount", "1: the one node is the controller.", 1),
        _single(f"{controller}globaltopiccount", "Topics.", len(topics)),
        _single(f"{controller}globalpartitioncount", "Partitions.", partitions),
        _single(f"{controller}offlinepartitionscount", "Partitions that cannot be used.", offline),
    ]


async def _of_partitions(hub: Hub) -> list[Family]:
    sizes: list[Sample] = []
    starts: list[Sample] = []
    ends: list[Sample] = []
    seen = 0
    for topic in list(hub.broker.topics.by_name.values()):
        for partition in list(topic.partitions):
            labels = (partition.topic, str(partition.index))
            sizes.append(Sample(labels, partition.size_bytes))
            starts.append(Sample(labels, partition.log_start))
            ends.append(Sample(labels, partition.next_offset))
            seen += 1
            if seen % PARTITIONS_AT_ONCE == 0:
                await asyncio.sleep(0)
    return [
        Family("gauge", "kafka_log_log_size", "Bytes of a partition's log.", _OF_PARTITION, sizes),
        Family("gauge", "kafka_log_log_logstartoffset", "First offset of a partition.", _OF_PARTITION, starts),
        Family("gauge", "kafka_log_log_logendoffset", "Offset the next record gets.", _OF_PARTITION, ends),
    ]


async def _of_groups(hub: Hub) -> list[Family]:
    groups = hub.broker.coordinator.groups
    find = hub.broker.topics.find
    states: dict[str, int] = {}
    members: list[Sample] = []
    offsets: list[Sample] = []
    lags: list[Sample] = []
    for seen, group in enumerate(list(groups.overview())):
        states[group.state] = states.get(group.state, 0) + 1
        members.append(Sample((group.group_id,), group.member_count))
        for committed in list(groups.committed(group.group_id)):
            labels = (group.group_id, committed.topic, str(committed.partition))
            offsets.append(Sample(labels, committed.offset))
            partition = find(committed.topic, committed.partition)
            if partition is not None:
                lags.append(Sample(labels, max(0, partition.high_watermark - committed.offset)))
        if seen % PARTITIONS_AT_ONCE == 0:
            await asyncio.sleep(0)
    manager = "kafka_coordinator_group_groupmetadatamanager_"
    of_group: Labels = ("consumergroup", "topic", "partition")
    found = [
        _single(f"{manager}numgroups", "Consumer groups.", len(members)),
        _single(f"{manager}numoffsets", "Committed offsets.", len(offsets)),
    ]
    found += [
        _single(f"{manager}numgroups{state.lower()}", f"Consumer groups in state {state}.", count)
        for state, count in states.items()
    ]
    return [
        *found,
        Family("gauge", "kafka_consumergroup_members", "Members of a group.", ("consumergroup",), members),
        Family("gauge", "kafka_consumergroup_current_offset", "The offset a group committed.", of_group, offsets),
        Family("gauge", "kafka_consumergroup_lag", "Records a group has not committed yet.", of_group, lags),
    ]


def _single(name: str, help: str, value: float) -> Family:
    kind: Kind = "gauge"
    return Family(kind, name, help, (), [Sample((), value)])
