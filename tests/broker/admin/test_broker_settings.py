"""Rules of the broker's settings: Kafka's server.properties is taken as it is, as far as one node can keep it."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.configs.catalog import BROKER
from penstock.broker.configs.definition import Stance
from penstock.kit.settings import SettingError, to_text

# The settings that Apache Kafka ships for one node, comments left out.
SHIPPED = r"""
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,\
  SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/tmp/kraft-combined-logs
num.partitions=1
num.recovery.threads.per.data.dir=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
"""


def test_the_file_that_kafka_ships_is_taken():
    settings = BrokerSettings.from_properties(SHIPPED)

    assert settings.node_id == 1
    assert settings.log_dir == "/tmp/kraft-combined-logs"
    assert settings.listeners == "PLAINTEXT://:9092"
    assert settings.advertised_listeners == "PLAINTEXT://localhost:9092"
    assert settings.socket_send_buffer_bytes == 102_400
    assert settings.values["log.retention.hours"] == 168


def test_nothing_said_is_a_broker_too():
    settings = BrokerSettings.from_mapping({})

    assert (settings.node_id, settings.listeners, settings.num_partitions) == (1, "PLAINTEXT://:9092", 1)
    assert not settings.durable
    assert settings.auto_create_topics_enable
    assert settings.max_connections_per_ip_overrides == {}
    assert settings.broker_rack is None


def test_every_default_is_a_value_that_is_taken():
    for config in BROKER.values():
        if config.default is not None:
            assert to_text(config.parse(config.default)) == config.default, config.name


def test_all_settings_may_be_set_to_their_defaults_at_once():
    # The default of broker.id stands for "see node.id" and is not a number that a node can have.
    defaults = {name: config.default for name, config in BROKER.items() if config.default is not None}
    del defaults["broker.id"]

    assert BrokerSettings.from_mapping(defaults).values == BrokerSettings.from_mapping({"node.id": "1"}).values


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("no.such.setting", "1", "no setting 'no.such.setting'"),
        ("num.partition", "1", "did you mean 'num.partitions'"),
        ("num.partitions", "0", "expected at least 1"),
        ("log.retention.ms", "0", "expected at least 1, or -1"),
        ("log.retention.ms", "7d", "in milliseconds that is 604800000"),
        ("process.roles", "broker", "broker and controller in one"),
        ("log.dirs", "/a,/b", "names 2 directories; expected one"),
        ("log.dirs", "", "names 0 directories; expected one"),
        ("listeners", "CONTROLLER://:9093", "names none for clients"),
        ("controller.quorum.voters", "1@a:1,2@b:1", "a cluster of one node"),
        ("controller.quorum.voters", "2@a:1", "expected this node alone"),
        ("controller.quorum.bootstrap.servers", "a:1,b:1", "a cluster of one node"),
        ("group.min.session.timeout.ms", "1800001", "is above group.max.session.timeout.ms"),
        ("queued.max.request.bytes", "1000", "expected at least socket.request.max.bytes"),
        ("max.connections.per.ip.overrides", "10.0.0.1", "expected host:limit"),
        ("offsets.topic.replication.factor", "3", "one node holds one copy"),
        ("default.replication.factor", "2", "one node holds one copy"),
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "access control"),
        ("allow.everyone.if.no.acl.found", "false", "access control"),
        ("sasl.enabled.mechanisms", "PLAIN", "SASL is not served yet"),
        ("ssl.keystore.location", "/etc/keys", "TLS is not served yet"),
        ("security.inter.broker.protocol", "SSL", "TLS is not served yet"),
        ("remote.log.storage.system.enable", "true", "remote storage is not served"),
        ("client.quota.callback.class", "a.b.C", "quotas are not served yet"),
        ("max.connection.creation.rate", "10", "quotas are not served yet"),
        ("metric.reporters", "a.b.C", "Java classes cannot be loaded"),
        ("listener.name.plaintext.ssl.client.auth", "none", "single listener"),
        ("penstock.durability", "perhaps", "expected one of page-cache, fsync"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_name_and_why(name, value, text):
    with pytest.raises(SettingError, match=text) as caught:
        BrokerSettings.from_mapping({name: value})

    assert caught.value.name == name


def test_what_only_tunes_something_absent_is_taken_and_shown():
    given = {"num.io.threads": "99", "replica.lag.time.max.ms": "5", "unclean.leader.election.enable": "true"}

    settings = BrokerSettings.from_mapping(given)

    assert {name: to_text(settings.values[name]) for name in given} == given


def test_a_broken_file_is_refused_with_its_line():
    with pytest.raises(SettingError, match=r"line 2: "):
        BrokerSettings.from_properties("node.id=1\nlog.dir=\\u00zz")


def test_both_names_of_the_node_mean_the_same():
    assert BrokerSettings.from_mapping({"broker.id": "5"}).node_id == 5
    assert BrokerSettings.from_mapping({"node.id": "5"}).values["broker.id"] == 5
    assert BrokerSettings.from_mapping({"broker.id": "5", "node.id": "5"}).node_id == 5
    with pytest.raises(SettingError, match=r"node\.id is 4 and broker\.id is 5"):
        BrokerSettings.from_mapping({"broker.id": "5", "node.id": "4"})


def test_roles_and_lists_may_stand_in_any_order():
    assert BrokerSettings.from_mapping({"process.roles": "controller, broker"}).node_id == 1


def test_limits_of_single_addresses_are_read():
    settings = BrokerSettings.from_mapping({"max.connections.per.ip.overrides": "10.0.0.1:5, host-a:7"})

    assert settings.max_connections_per_ip_overrides == {"10.0.0.1": 5, "host-a": 7}


def test_fsync_makes_the_broker_durable():
    assert BrokerSettings.from_mapping({"penstock.durability": "fsync"}).durable


def test_dynamic_configs_come_before_the_file_and_the_brokers_own_before_those_of_all():
    settings = BrokerSettings.from_mapping({"max.connections": "1", "message.max.bytes": "1"})

    dynamic = settings.with_dynamic({"max.connections": "2", "message.max.bytes": "2"}, {"max.connections": "3"})

    assert (dynamic.max_connections, dynamic.number("message.max.bytes")) == (3, 2)
    assert settings.max_connections == 1
    assert dynamic.with_dynamic({}, {}) == settings


def test_what_is_refused_names_a_reason():
    refused = [config for config in BROKER.values() if config.stance is Stance.REFUSED]

    assert refused
    assert all(config.why for config in refused)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(BROKER)), st.text(max_size=20), max_size=3))
def test_any_values_are_taken_or_refused(values):
    with suppress(SettingError):
        assert BrokerSettings.from_mapping(values).layers.file.items() >= values.items()
