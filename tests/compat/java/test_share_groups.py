"""Kafka's own Java share consumer: what becomes of records that are accepted, released, rejected, renewed or held."""

import pytest

from ..journeys import Client, java

CLIENT = Client("kafka-clients", java)
# How a share group that gives up after five deliveries sees one.
DELIVERIES_MAX = 5


@pytest.fixture
def travel(broker, topic):
    return lambda journey: CLIENT.travel(journey, broker.bootstrap_servers, topic)


def test_each_answer_has_its_outcome(travel):
    seen = travel("share-outcomes")

    by_answer = [["accept 1"], ["release 1", "accept 2"], ["reject 1"], ["renew 1", "accept 1"]]
    assert seen["told"] == {str(number): by_answer[number % 4] for number in range(40)}
    assert seen["refused"] == []
    assert seen["left"] == 0


def test_a_record_that_is_always_released_is_given_up(travel):
    seen = travel("share-limit")

    deliveries = list(range(1, DELIVERIES_MAX + 1))
    assert seen["counts"] == {str(number): deliveries for number in range(5)}
    assert seen["left"] == 0


def test_who_holds_records_for_too_long_has_lost_them(travel):
    seen = travel("share-late")

    assert seen["taken"] == 5
    assert seen["counts"] == [2] * 5
    assert seen["quick"] == ""
    assert seen["slow"] == "InvalidRecordStateException"


def test_every_record_goes_to_one_member_as_members_go(travel):
    seen = travel("share-members")

    assert (seen["two"], seen["one"]) == ([2, 2], [4])
    assert sorted(seen["first"] + seen["second"]) == sorted(f"v{number}" for number in range(300))
    assert seen["first"]
    assert seen["second"]
