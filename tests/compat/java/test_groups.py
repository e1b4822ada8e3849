"""Kafka's own Java consumer in groups of the classic and of the consumer protocol: static members, patterns, both."""

import pytest

from ..journeys import Client, java

CLIENT = Client("kafka-clients", java)


def numbers(count):
    return sorted(f"v{number}" for number in range(count))


@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky", "848-uniform", "848-range"])
def test_a_static_member_comes_back_to_what_it_had(assignor, broker, topic):
    seen = CLIENT.travel("static", broker.bootstrap_servers, topic, assignor)

    assert seen["before"] == seen["after"]
    assert seen["disturbed"] == 0
    assert sorted(seen["values"]) == numbers(40)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_pattern_reads_what_it_matches_later_too(protocol, broker, topic):
    seen = CLIENT.travel("pattern", broker.bootstrap_servers, topic, protocol)

    assert seen["first"] == [f"{topic}-a", f"{topic}-b"]
    assert seen["later"] == [f"{topic}-a", f"{topic}-b", f"{topic}-c"]
    assert sorted(seen["values"]) == sorted(3 * numbers(10))


@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky"])
def test_a_group_goes_to_the_consumer_protocol_and_back_member_by_member(assignor, broker, topic):
    seen = CLIENT.travel("migration", broker.bootstrap_servers, topic, assignor)

    assert seen["types"] == ["classic", "consumer", "consumer", "classic"]
    for shared in (seen["there"], seen["back"]):
        assert sorted(partition for share in shared for partition in share) == [0, 1, 2, 3]
    assert seen["alone"] == seen["after"] == [0, 1, 2, 3]
    assert sorted(seen["values"]) == numbers(100)
