"""Our configs beside those of Apache Kafka: names, kinds, defaults, what may change, whose value counts."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.broker.admin.wire import Wire

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.configs.configs import Configs
from penstock.broker.configs.describe import Described, Describer
from penstock.broker.configs.markdown import DEVIATIONS
from penstock.protocol import messages
from penstock.testing.apache_kafka import apache_kafka

pytestmark = pytest.mark.apache

TOPIC, BROKER, GROUP = 2, 4, 32
DescribeConfigs = messages.DescribeConfigsRequest

# Kafka sets it for all brokers by itself when it formats a cluster with eligible leader replicas.
ON_ALL_BROKERS = {"min.insync.replicas": "1"}
# Sockets stay as they are while the broker runs.
READ_ONLY_HERE = {"listeners", "listener.security.protocol.map"}


@pytest.fixture(scope="module")
def apache() -> Iterator[Any]:
    """A node with settings of its own in the file."""
    config = {"log.retention.hours": 100, "log.segment.bytes": 2_000_000}
    with apache_kafka(config=config) as node, Wire("127.0.0.1", node.port) as wire:
        yield node, wire


def described(wire: Wire, kind: int, name: str) -> dict[str, Any]:
    resource = DescribeConfigs.DescribeConfigsResource(kind, name, None)
    reply = wire.request(DescribeConfigs(resources=[resource], include_synonyms=True), 4)
    (result,) = reply.results
    assert result.error_code == 0, result
    return {config.name: config for config in result.configs}


def ours(node: Any) -> Describer:
    """Our view of the very file that the node was started with."""
    text = (node.data_dir / "server.properties").read_text()
    configs = Configs(BrokerSettings.from_properties(text))
    configs.renew(ON_ALL_BROKERS, {})
    return Describer(configs)


def by_name(told: list[Described]) -> dict[str, Described]:
    return {entry.config.name: entry for entry in told if not entry.config.name.startswith("penstock.")}


def facts(entry: Any) -> tuple[Any, ...]:
    """What a client is told of one config, by either side."""
    if isinstance(entry, Described):
        kind, synonyms = int(entry.config.kind), entry.synonyms
        source = int(entry.source)
    else:
        kind, synonyms, source = entry.config_type, entry.synonyms, entry.config_source
    return entry.value, kind, entry.is_sensitive, source, [(s.name, s.value, int(s.source)) for s in synonyms]


def differences(theirs: dict[str, Any], ours: dict[str, Described], but: set[str]) -> dict[str, Any]:
    assert ours.keys() == theirs.keys()
    return {
        name: (facts(theirs[name]), facts(ours[name]))
        for name in theirs
        if name not in but and facts(theirs[name]) != facts(ours[name])
    }


def test_broker_configs_are_those_of_kafka(apache):
    node, wire = apache

    theirs, mine = described(wire, BROKER, "0"), by_name(ours(node).broker())

    # Where our default is another, at least nothing else is.
    assert differences(theirs, mine, set(DEVIATIONS)) == {}
    assert {name: theirs[name].config_type for name in DEVIATIONS} == {
        name: mine[name].config.kind for name in DEVIATIONS
    }
    assert {name for name in theirs if theirs[name].read_only != mine[name].read_only} == READ_ONLY_HERE


def test_topic_configs_are_those_of_kafka(apache):
    node, wire = apache
    request = messages.CreateTopicsRequest
    own = {"cleanup.policy": "compact, delete", "retention.ms": "5"}
    configs = [request.CreatableTopicConfig(*config) for config in own.items()]
    created = wire.request(request(topics=[request.CreatableTopic("orders", 1, 1, [], configs)]), 7).topics[0]
    assert created.error_code == 0, created

    mine = by_name(ours(node).topic(own))

    assert differences(described(wire, TOPIC, "orders"), mine, set()) == {}
    assert [(config.name, config.value, config.config_source) for config in created.configs] == [
        (name, own.get(name, entry.value), int(entry.source)) for name, entry in mine.items()
    ]


def test_group_configs_are_those_of_kafka(apache):
    node, wire = apache

    assert differences(described(wire, GROUP, "readers"), by_name(ours(node).group({})), set()) == {}
