"""The admin APIs through whole requests: what they answer, and what the broker does from then on."""

import pytest
from tests.broker.admin.asks import (
    APPEND,
    BROKER,
    DELETE,
    GROUP,
    LOGGER,
    METRICS,
    SET,
    TOPIC,
    change,
    create,
    delete,
    delete_by_id,
    delete_older,
    describe,
    grow,
    growth,
    replace,
    topic,
)
from tests.broker.calls import batch, fetch, partitions_of, produce, values_of

from penstock.broker.configs.catalog import BROKER as BROKER_CONFIGS
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.protocol.primitives import ZERO_UUID
from penstock.testing.broker_in_memory import InMemoryBroker

DescribeLogDirs = messages.DescribeLogDirsRequest
ListConfigResources = messages.ListConfigResourcesRequest


@pytest.fixture
def broker() -> InMemoryBroker:
    broker = InMemoryBroker()
    broker.request(create(topic("orders", 2, configs={"retention.ms": "5"})))
    return broker


def errors(results) -> list[KafkaError]:
    return [KafkaError(result.error_code) for result in results]


def records_in(broker: InMemoryBroker, name: str, index: int) -> list[bytes | None]:
    return values_of(partitions_of(fetch(broker, (name, index, 0)))[name, index])


def value(broker: InMemoryBroker, kind: int, name: str, key: str) -> tuple[str | None, int]:
    """What DescribeConfigs says of one config: value and source."""
    (result,) = broker.request(describe(kind, name, key)).results
    (config,) = result.configs
    return config.value, config.config_source


@pytest.mark.parametrize("version", range(2, 8))
def test_a_created_topic_is_described_from_version_5_on_and_has_an_id_from_7_on(version):
    broker = InMemoryBroker()

    (created,) = broker.request(create(topic("orders", 3, configs={"retention.ms": "5"})), version).topics

    told = {config.name: (config.value, config.config_source) for config in created.configs}
    assert created.error_code == KafkaError.NONE
    assert (created.num_partitions, created.replication_factor) == ((3, 1) if version >= 5 else (-1, -1))
    assert (told.get("retention.ms"), len(told)) == ((("5", 1), 33) if version >= 5 else (None, 0))
    assert (created.topic_id != ZERO_UUID) == (version >= 7)


def test_a_created_topic_takes_records_at_once(broker):
    assert produce(broker, batch(b"x"), "orders", 1).error_code == KafkaError.NONE
    assert records_in(broker, "orders", 1) == [b"x"]


@pytest.mark.parametrize("version", range(1, 7))
def test_a_deleted_topic_takes_no_records_and_its_successor_begins_empty(broker, version):
    produce(broker, batch(b"x"), "orders", 1)

    broker.request(delete("orders") if version == 6 else delete_older("orders"), version)

    assert produce(broker, batch(b"x"), "orders", 1).error_code == KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    broker.request(create(topic("orders", 2)))
    assert records_in(broker, "orders", 1) == []


def test_a_topic_is_deleted_by_its_id_and_not_twice(broker):
    topic_id = broker.broker.topics.by_name["orders"].topic_id

    first, second = (broker.request(delete_by_id(topic_id)).responses[0] for _ in range(2))

    assert (first.name, first.error_code) == ("orders", KafkaError.NONE)
    assert (second.name, second.error_code) == (None, KafkaError.UNKNOWN_TOPIC_ID)


def test_new_partitions_take_records_at_once(broker):
    assert errors(broker.request(grow(growth("orders", 4))).results) == [KafkaError.NONE]

    assert produce(broker, batch(b"x"), "orders", 3).error_code == KafkaError.NONE


@pytest.mark.parametrize("power_cut", [None, False, True])
def test_what_was_answered_outlives_the_broker(broker, power_cut):
    broker.request(grow(growth("orders", 4)))
    broker.request(create(topic("gone"), topic("here")))
    broker.request(delete("gone"))
    broker.request(change(TOPIC, "orders", ("cleanup.policy", APPEND, "compact"), ("retention.ms", DELETE, None)))
    broker.request(change(BROKER, "", ("log.segment.bytes", SET, "2000000")))
    broker.request(change(GROUP, "readers", ("consumer.session.timeout.ms", SET, "50000")))

    if power_cut is None:
        broker.restart()
    else:
        broker.crash(power_cut=power_cut)

    assert set(broker.broker.topics.by_name) == {"orders", "here"}
    assert len(broker.broker.topics.by_name["orders"].partitions) == 4
    assert value(broker, TOPIC, "orders", "cleanup.policy") == ("delete,compact", 1)
    assert value(broker, TOPIC, "orders", "retention.ms") == ("604800000", 5)
    assert value(broker, TOPIC, "here", "segment.bytes") == ("2000000", 3)
    assert value(broker, GROUP, "readers", "consumer.session.timeout.ms") == ("50000", 8)
    assert broker.broker.topics.find("orders", 3).settings.segment_bytes == 2_000_000


def test_a_topics_config_is_in_force_when_the_answer_comes(broker):
    large = batch(b"x" * 2_000)
    broker.request(change(TOPIC, "orders", ("max.message.bytes", SET, "1000")))

    assert produce(broker, large, "orders", 0).error_code == KafkaError.MESSAGE_TOO_LARGE

    broker.request(replace(TOPIC, "orders"))
    assert produce(broker, large, "orders", 0).error_code == KafkaError.NONE


def test_a_brokers_config_is_in_force_for_all_topics_without_one_of_their_own(broker):
    large = batch(b"x" * 2_000)
    broker.request(create(topic("roomy", configs={"max.message.bytes": "5000"})))
    broker.request(change(BROKER, "1", ("message.max.bytes", SET, "1000")))

    assert produce(broker, large, "orders", 0).error_code == KafkaError.MESSAGE_TOO_LARGE
    assert produce(broker, large, "roomy", 0).error_code == KafkaError.NONE
    assert value(broker, BROKER, "1", "message.max.bytes") == ("1000", 2)

    broker.request(change(BROKER, "1", ("message.max.bytes", DELETE, None)))
    assert produce(broker, large, "orders", 0).error_code == KafkaError.NONE


def test_a_change_that_is_refused_is_not_in_force(broker):
    results = broker.request(change(BROKER, "1", ("message.max.bytes", SET, "-1"))).responses

    assert errors(results) == [KafkaError.INVALID_REQUEST]
    assert value(broker, BROKER, "1", "message.max.bytes") == ("1048588", 5)


@pytest.mark.parametrize("version", range(1, 5))
def test_every_version_tells_the_configs_and_newer_ones_their_kind_and_purpose(broker, version):
    request = describe(TOPIC, "orders", "retention.ms", synonyms=True, documentation=version >= 3)

    (result,) = broker.request(request, version).results

    (config,) = result.configs
    assert (config.name, config.value, config.read_only, config.is_sensitive) == ("retention.ms", "5", False, False)
    assert [(synonym.name, synonym.value) for synonym in config.synonyms] == [("retention.ms", "5")]
    assert config.config_type == (5 if version >= 3 else 0)
    assert bool(config.documentation) == (version >= 3)


def test_synonyms_and_documentation_are_told_to_who_asks(broker):
    (result,) = broker.request(describe(TOPIC, "orders", "retention.ms")).results

    assert (result.configs[0].synonyms, result.configs[0].documentation) == ([], None)


def test_no_keys_or_null_ask_for_everything(broker):
    request = describe(BROKER, "1")
    request.resources[0].configuration_keys = []

    everything = broker.request(request).results[0].configs

    assert len(everything) == sum(not config.internal for config in BROKER_CONFIGS.values())
    assert broker.request(describe(BROKER, "1")).results[0].configs == everything


@pytest.mark.parametrize(
    ("kind", "name", "error"),
    [
        (TOPIC, "nothing", KafkaError.UNKNOWN_TOPIC_OR_PARTITION),
        (TOPIC, "a b", KafkaError.INVALID_TOPIC_EXCEPTION),
        (TOPIC, "", KafkaError.INVALID_TOPIC_EXCEPTION),
        (BROKER, "2", KafkaError.INVALID_REQUEST),
        (BROKER, "one", KafkaError.INVALID_REQUEST),
        (GROUP, "", KafkaError.INVALID_REQUEST),
        (LOGGER, "1", KafkaError.INVALID_REQUEST),
        (METRICS, "m", KafkaError.INVALID_REQUEST),
        (99, "x", KafkaError.INVALID_REQUEST),
    ],
)
def test_what_is_not_there_is_not_described(broker, kind, name, error):
    (result,) = broker.request(describe(kind, name)).results

    assert (result.error_code, result.resource_type, result.resource_name) == (error, kind, name)
    assert result.error_message
    assert result.configs == []


def test_groups_and_the_defaults_of_brokers_are_described_before_they_exist(broker):
    assert value(broker, GROUP, "nobody", "consumer.session.timeout.ms") == ("45000", 5)
    assert broker.request(describe(BROKER, "")).results[0].configs == []


def test_log_dirs_tell_the_size_of_every_partition(broker):
    produce(broker, batch(b"x"), "orders", 1)
    size = len(batch(b"x"))

    (result,) = broker.request(DescribeLogDirs(topics=None)).results

    assert (result.error_code, result.log_dir) == (KafkaError.NONE, "/data")
    assert [
        (entry.name, [(p.partition_index, p.partition_size) for p in entry.partitions]) for entry in result.topics
    ] == [("orders", [(0, 0), (1, size)])]
    assert 0 < result.usable_bytes <= result.total_bytes


@pytest.mark.parametrize("version", range(1, 6))
def test_log_dirs_leave_out_what_does_not_exist(broker, version):
    ask = DescribeLogDirs.DescribableLogDirTopic

    request = DescribeLogDirs(topics=[ask("orders", [1, 7, 1]), ask("nothing", [0]), ask("orders", [1])])
    (result,) = broker.request(request, version).results

    assert [(entry.name, [p.partition_index for p in entry.partitions]) for entry in result.topics] == [("orders", [1])]
    assert broker.request(DescribeLogDirs(topics=[]), version).results[0].topics == []


def test_resources_with_configs_are_listed_by_kind(broker):
    broker.request(change(GROUP, "readers", ("consumer.session.timeout.ms", SET, "50000")))

    def listed(*kinds: int) -> list[tuple[int, str]]:
        reply = broker.request(ListConfigResources(resource_types=list(kinds)), 1)
        assert reply.error_code == KafkaError.NONE
        return [(resource.resource_type, resource.resource_name) for resource in reply.config_resources]

    assert listed() == [(TOPIC, "orders"), (BROKER, "1"), (GROUP, "readers")]
    assert listed(GROUP, TOPIC) == [(TOPIC, "orders"), (GROUP, "readers")]
    assert listed(METRICS, LOGGER) == []


def test_unknown_kinds_of_resources_are_refused_and_the_oldest_version_lists_none(broker):
    reply = broker.request(ListConfigResources(resource_types=[TOPIC, 99]), 1)

    assert (reply.error_code, reply.config_resources) == (KafkaError.UNSUPPORTED_VERSION, [])
    assert broker.request(ListConfigResources(), 0).config_resources == []


def test_the_broker_goes_by_settings_that_were_changed_before_it_was_restarted():
    broker = InMemoryBroker({"message.max.bytes": "500000"})
    broker.request(change(BROKER, "1", ("message.max.bytes", SET, "1000")))

    broker.restart()

    assert value(broker, BROKER, "1", "message.max.bytes") == ("1000", 2)
    (config,) = broker.request(describe(BROKER, "1", "message.max.bytes", synonyms=True)).results[0].configs
    assert [(synonym.value, synonym.source) for synonym in config.synonyms] == [
        ("1000", 2),
        ("500000", 4),
        ("1048588", 5),
    ]


@pytest.mark.parametrize("durable", [False, True])
def test_nothing_is_answered_before_it_is_on_disk_when_the_broker_syncs(durable):
    broker = InMemoryBroker(durable=durable)
    broker.is_syncing = False

    exchange = broker.send(create(topic("orders")))

    assert exchange.over != durable
    broker.is_syncing = True
    broker.settle()
    assert exchange.over
