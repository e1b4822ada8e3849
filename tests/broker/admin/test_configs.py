"""Rules of topic, group and broker configs: whose value counts, and what is refused."""

import pytest

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.configs.configs import Configs
from penstock.coordinate.metadata.settings import ConfigKind
from penstock.log.settings import LogSettings
from penstock.protocol.errors import KafkaError

TOPIC, BROKER, GROUP = ConfigKind.TOPIC, ConfigKind.BROKER, ConfigKind.GROUP


def configs_under(**settings: str) -> Configs:
    """Keywords: broker settings, `_` for `.`."""
    return Configs(BrokerSettings.from_mapping({name.replace("_", "."): value for name, value in settings.items()}))


def test_without_any_settings_a_log_has_kafkas_defaults():
    assert configs_under().topics.log_settings({}) == LogSettings()


def test_a_topics_own_config_comes_before_the_brokers():
    configs = configs_under(log_segment_bytes="2000000", message_max_bytes="5000", penstock_durability="fsync")

    log = configs.topics.log_settings({"segment.bytes": "3000000", "cleanup.policy": "compact, delete"})

    assert (log.segment_bytes, log.max_message_bytes) == (3_000_000, 5_000)
    assert log.cleanup_policy == {"compact", "delete"}
    assert log.durable


@pytest.mark.parametrize(
    ("settings", "retention_ms"),
    [
        ({"log_retention_hours": "2"}, 7_200_000),
        ({"log_retention_hours": "-1"}, -1),
        ({"log_retention_minutes": "3", "log_retention_hours": "2"}, 180_000),
        ({"log_retention_ms": "4", "log_retention_minutes": "3", "log_retention_hours": "2"}, 4),
        ({"log_retention_ms": "-1", "log_retention_hours": "2"}, -1),
    ],
)
def test_the_finest_unit_that_is_set_decides(settings, retention_ms):
    assert configs_under(**settings).topics.log_settings({}).retention_ms == retention_ms


def test_times_given_in_hours_become_milliseconds():
    log = configs_under(log_roll_hours="1", log_roll_jitter_hours="2").topics.log_settings({})

    assert (log.segment_ms, log.segment_jitter_ms) == (3_600_000, 7_200_000)


def test_segments_below_kafkas_limit_are_for_tests():
    configs = configs_under()

    assert configs.topics.fault({"segment.bytes": "100"})
    assert not configs.topics.fault({"internal.segment.bytes": "100"})
    assert configs.topics.log_settings({"internal.segment.bytes": "100"}).segment_bytes == 100


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (
            "retention.ms",
            "7d",
            "retention.ms = '7d' is not a whole number of 64 bits; in milliseconds that is 604800000",
        ),
        ("retention.ms", "-2", "expected at least -1"),
        ("retention.m", "1", "no topic config 'retention.m'; did you mean 'retention.ms'"),
        ("cleanup.policy", "shred", "expected a list of compact, delete"),
        ("compression.type", "lzma", "expected one of uncompressed, zstd"),
        ("compression.gzip.level", "0", "expected 1 to 9, or -1"),
        ("min.cleanable.dirty.ratio", "1.5", "expected 0.0 to 1.0"),
        ("message.timestamp.type", "createtime", "expected one of CreateTime"),
        ("preallocate", "yes", "is not true or false"),
        ("remote.storage.enable", "true", "remote storage is not served"),
        ("leader.replication.throttled.replicas", "x", "partition:broker"),
        ("min.compaction.lag.ms", str(2**63 - 1), ""),
    ],
)
def test_a_topic_config_is_taken_or_refused_with_the_topic_and_the_reason(name, value, text):
    fault = configs_under().fault(TOPIC, "orders", {name: value})

    if not text:
        assert fault is None
        return
    assert fault.error == KafkaError.INVALID_CONFIG
    assert fault.message.startswith("topic 'orders': ")
    assert text in fault.message


def test_records_cannot_be_compacted_earlier_than_they_may_be():
    configs = configs_under(log_cleaner_max_compaction_lag_ms="5")

    assert "is above max.compaction.lag.ms = 5" in configs.topics.fault({"min.compaction.lag.ms": "10"})
    assert not configs.topics.fault({"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "10"})


@pytest.mark.parametrize("entries", ["*", "0:1", "0:1,1:1", ""])
def test_throttled_replicas_are_partitions_and_brokers(entries):
    assert not configs_under().topics.fault({"leader.replication.throttled.replicas": entries})


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ({"consumer.session.timeout.ms": "50000"}, ""),
        ({"consumer.session.timeout.ms": "1"}, "below the broker's group.consumer.min.session.timeout.ms = 45000"),
        ({"consumer.session.timeout.ms": "60001"}, "above the broker's group.consumer.max.session.timeout.ms = 60000"),
        ({"streams.num.standby.replicas": "3"}, "above the broker's group.streams.max.standby.replicas = 2"),
        ({"share.delivery.count.limit": "11"}, "above the broker's group.share.max.delivery.count.limit = 10"),
        ({"share.auto.offset.reset": "by_duration:PT1H30M"}, ""),
        ({"share.auto.offset.reset": "by_duration:P"}, "expected earliest, latest or by_duration"),
        ({"share.auto.offset.reset": "latest:PT1H"}, "expected earliest, latest or by_duration"),
        ({"share.isolation.level": "none"}, "expected one of read_committed"),
        ({"consumer.session.timeout"[:-3]: "1"}, "no group config"),
        ({"share.renew.acknowledge.enable": "false"}, ""),
    ],
)
def test_a_groups_config_lies_within_what_the_broker_allows(own, text):
    fault = configs_under().fault(GROUP, "readers", own)

    if not text:
        assert fault is None
        return
    assert fault.error == KafkaError.INVALID_CONFIG
    assert text in fault.message


def test_a_member_must_report_within_its_session():
    settings = {"group_consumer_min_session_timeout_ms": "1000", "group_consumer_max_heartbeat_interval_ms": "9000"}
    configs = configs_under(**settings)

    assert "expected less than" in configs.groups.fault({"consumer.session.timeout.ms": "5000"})
    assert not configs.groups.fault({"consumer.session.timeout.ms": "5001"})


@pytest.mark.parametrize(
    ("name", "key", "value", "error"),
    [
        ("1", "log.retention.ms", "5", None),
        ("", "log.retention.ms", "5", None),
        ("1", "ssl.keystore.type", "JKS", None),
        ("", "ssl.keystore.type", "JKS", KafkaError.INVALID_REQUEST),
        ("1", "log.retention.ms", "0", KafkaError.INVALID_REQUEST),
        ("1", "log.retention.hours", "5", KafkaError.INVALID_REQUEST),
        ("1", "num.partitions", "5", KafkaError.INVALID_REQUEST),
        ("", "listeners", "PLAINTEXT://:1", KafkaError.INVALID_REQUEST),
        ("1", "ssl.keystore.location", "/keys", KafkaError.INVALID_REQUEST),
        ("1", "listener.name.x.ssl.keystore.location", "/keys", KafkaError.INVALID_REQUEST),
        ("1", "unheard.of", "5", KafkaError.INVALID_CONFIG),
    ],
)
def test_a_running_broker_takes_what_kafka_lets_change(name, key, value, error):
    fault = configs_under().fault(BROKER, name, {key: value})

    assert (fault.error if fault else None) == error
    assert fault is None or key in fault.message


def test_a_change_is_checked_together_with_what_else_is_set():
    configs = configs_under(max_connections="5")
    configs.renew({"max.connections": "6"}, {})

    assert configs.settings.max_connections == 6
    assert configs.fault(BROKER, "1", {"max.connections": "7"}) is None
    assert configs.fault(BROKER, "", {"max.connections": "many"}).error == KafkaError.INVALID_REQUEST


def test_topics_follow_the_broker_at_once():
    configs = configs_under()

    configs.renew({"log.retention.ms": "6"}, {"message.max.bytes": "7"})

    log = configs.topics.log_settings({})
    assert (log.retention_ms, log.max_message_bytes) == (6, 7)


def test_what_another_version_accepted_is_left_out_and_the_rest_is_in_force(caplog):
    configs = configs_under()

    configs.renew({"message.max.bytes": "7", "gone.by.now": "1"}, {"message.max.bytes": "many", "max.connections": "8"})

    assert configs.settings.number("message.max.bytes") == 7
    assert configs.settings.max_connections == 8
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    log = configs.topics.log_settings({"segment.bytes": "many", "gone.by.now": "1", "retention.ms": "9"})
    assert (log.segment_bytes, log.retention_ms) == (1 << 30, 9)
    assert configs.groups.values({"gone.by.now": "1"}) == configs.groups.defaults


@pytest.mark.parametrize("text", ["0", "soon", "20000"])
def test_one_config_of_a_group_is_what_it_is_among_all_of_them(text):
    configs = configs_under()
    own = {"consumer.heartbeat.interval.ms": text, "share.heartbeat.interval.ms": text}

    found = {name: configs.groups.value(name, own) for name in configs.groups.defaults}

    assert found == configs.groups.values(own)


@pytest.mark.parametrize(
    ("kind", "own", "key", "elements"),
    [
        (TOPIC, {}, "cleanup.policy", ["delete"]),
        (TOPIC, {"cleanup.policy": " a ,b"}, "cleanup.policy", ["a", "b"]),
        (TOPIC, {"cleanup.policy": ""}, "cleanup.policy", []),
        (TOPIC, {}, "retention.ms", None),
        (TOPIC, {}, "unheard.of", None),
        (BROKER, {}, "log.cleanup.policy", ["delete"]),
        (BROKER, {}, "advertised.listeners", []),
        (GROUP, {}, "share.auto.offset.reset", None),
    ],
)
def test_lists_have_the_elements_of_their_own_value_or_of_the_default(kind, own, key, elements):
    assert configs_under().list_value(kind, own, key) == elements
