"""Rules of what DescribeConfigs tells: the value, who gave it, and who else had a say."""

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.configs.catalog import BROKER, GROUP, TOPIC
from penstock.broker.configs.configs import Configs
from penstock.broker.configs.describe import Described, Describer, Source


def describer(file: dict[str, str] | None = None, all_brokers=(), own=()) -> Describer:
    configs = Configs(BrokerSettings.from_mapping(file or {}))
    configs.renew(dict(all_brokers), dict(own))
    return Describer(configs)


def said(described: Described) -> list[tuple[str, str | None, Source]]:
    return [tuple(given) for given in described.synonyms]


def test_a_topics_own_value_comes_first_and_the_brokers_behind_it():
    admin = describer(
        {"log.segment.bytes": "2000000"}, {"log.segment.bytes": "3000000"}, {"log.segment.bytes": "4000000"}
    )

    (described,) = admin.topic({"segment.bytes": " 5000000 "}, ["segment.bytes"])

    assert (described.value, described.source, described.read_only) == ("5000000", Source.TOPIC, False)
    assert said(described) == [
        ("segment.bytes", "5000000", Source.TOPIC),
        ("log.segment.bytes", "4000000", Source.BROKER),
        ("log.segment.bytes", "3000000", Source.ALL_BROKERS),
        ("log.segment.bytes", "2000000", Source.FILE),
        ("log.segment.bytes", "1073741824", Source.DEFAULT),
    ]


def test_without_own_value_the_broker_gives_it():
    (described,) = describer({"log.segment.bytes": "2000000"}).topic({}, ["segment.bytes"])

    assert (described.value, described.source) == ("2000000", Source.FILE)


def test_a_value_in_another_unit_is_told_behind_the_one_that_counts_and_alone_not_at_all():
    hours = {"log.retention.hours": "2"}

    (alone,) = describer(hours).topic({}, ["retention.ms"])
    (both,) = describer(hours, {"log.retention.ms": "5"}).topic({}, ["retention.ms"])

    assert (alone.value, alone.source, said(alone)) == ("7200000", Source.DEFAULT, [])
    assert (both.value, both.source) == ("5", Source.ALL_BROKERS)
    assert said(both) == [
        ("log.retention.ms", "5", Source.ALL_BROKERS),
        ("log.retention.hours", "2", Source.FILE),
        ("log.retention.hours", "168", Source.DEFAULT),
    ]


def test_a_change_of_the_broker_shows_in_its_topics():
    admin = describer()
    (before,) = admin.topic({}, ["max.message.bytes"])

    admin._configs.renew({"message.max.bytes": "5"}, {})

    (after,) = admin.topic({}, ["max.message.bytes"])
    assert (before.value, after.value) == ("1048588", "5")


def test_all_is_told_when_nothing_is_named_but_what_is_internal():
    admin = describer()

    for told, catalog in ((admin.topic({}), TOPIC), (admin.group({}), GROUP), (admin.broker(), BROKER)):
        assert [described.config.name for described in told] == sorted(
            name for name, config in catalog.items() if not config.internal
        )


def test_what_cannot_change_is_read_only():
    admin = describer()

    told = {
        described.config.name: described.read_only for described in admin.broker(["num.partitions", "max.connections"])
    }

    assert told == {"num.partitions": True, "max.connections": False}


def test_secrets_are_never_told():
    (described,) = describer().broker(["ssl.key.password"])

    assert described.is_sensitive
    assert (described.value, said(described)) == (None, [])


def test_the_defaults_of_all_brokers_are_only_those_that_were_set():
    admin = describer(
        {"max.connections": "4"}, {"max.connections": "5", "message.max.bytes": "6"}, {"max.connections": "7"}
    )

    told = admin.all_brokers()

    assert [(described.config.name, described.value) for described in told] == [
        ("max.connections", "5"),
        ("message.max.bytes", "6"),
    ]
    assert said(told[0]) == [("max.connections", "5", Source.ALL_BROKERS)]
    assert [described.config.name for described in admin.all_brokers(["message.max.bytes"])] == ["message.max.bytes"]


def test_a_group_has_its_own_values_over_the_brokers():
    admin = describer()

    own = {"consumer.session.timeout.ms": "50000", "share.isolation.level": "read_committed"}
    session, isolation, beat = admin.group(
        own, ["consumer.session.timeout.ms", "share.isolation.level", "streams.heartbeat.interval.ms"]
    )

    assert (session.value, session.source, session.read_only) == ("50000", Source.GROUP, False)
    assert said(session) == [
        ("consumer.session.timeout.ms", "50000", Source.GROUP),
        ("group.consumer.session.timeout.ms", "45000", Source.DEFAULT),
    ]
    assert said(isolation) == [
        ("share.isolation.level", "read_committed", Source.GROUP),
        ("share.isolation.level", "read_uncommitted", Source.DEFAULT),
    ]
    assert (beat.value, beat.source) == ("5000", Source.DEFAULT)


def test_a_port_that_the_system_chose_is_told_as_it_was_given():
    """Apache Kafka 4.3.1 does the same with listeners and advertised.listeners; Metadata has the port."""
    admin = describer({"listeners": "PLAINTEXT://localhost:0"})

    found = {described.config.name: described for described in admin.broker(["listeners", "advertised.listeners"])}

    assert (found["listeners"].value, found["listeners"].source) == ("PLAINTEXT://localhost:0", Source.FILE)
    assert (found["advertised.listeners"].value, found["advertised.listeners"].source) == (None, Source.DEFAULT)
