"""Fetch inside a session: only what changed is sent, in a fair order (KIP-227)."""

import pytest

from penstock.log.partition import Partition
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import batch, create, fetch, fetch_request, partitions_of, poll, produce, values_of


@pytest.fixture
def broker() -> InMemoryBroker:
    broker = InMemoryBroker()
    create(broker, "orders", 3)
    produce(broker, batch(b"first"))
    return broker


@pytest.fixture
def session_id(broker) -> int:
    """A session on all three partitions, up to date."""
    response = fetch(broker, *[("orders", index, 0) for index in range(3)], session=(0, 0))
    fetch(broker, ("orders", 0, 1), session=(response.session_id, 1))
    return response.session_id


def test_a_first_fetch_answers_all_partitions_and_gives_a_session(broker):
    response = fetch(broker, *[("orders", index, 0) for index in range(3)], session=(0, 0))

    assert response.session_id != 0
    assert set(partitions_of(response)) == {("orders", index) for index in range(3)}


def test_a_fetch_outside_of_sessions_gives_none(broker):
    assert fetch(broker, ("orders", 0, 0), session=(0, -1)).session_id == 0


def test_partitions_in_which_nothing_happened_are_left_out(broker, session_id):
    response = fetch(broker, session=(session_id, 2))

    assert response.session_id == session_id
    assert response.responses == []


def test_records_that_were_not_taken_are_sent_again(broker):
    session_id = fetch(broker, ("orders", 0, 0), session=(0, 0)).session_id

    again = fetch(broker, session=(session_id, 1))

    assert values_of(partitions_of(again)["orders", 0]) == [b"first"]


def test_only_the_partition_with_news_is_answered(broker, session_id):
    produce(broker, batch(b"new"), index=2)

    response = fetch(broker, session=(session_id, 2))

    assert {key: values_of(part) for key, part in partitions_of(response).items()} == {("orders", 2): [b"new"]}


def test_a_new_log_start_is_news(broker, session_id):
    delete = messages.DeleteRecordsRequest
    part = delete.DeleteRecordsPartition(0, 1)
    broker.request(delete(topics=[delete.DeleteRecordsTopic("orders", [part])], timeout_ms=1_000))

    answer = partitions_of(fetch(broker, session=(session_id, 2)))["orders", 0]

    assert answer.log_start_offset == 1


def test_a_long_poll_in_a_session_ends_with_the_partition_that_grew(broker, session_id):
    exchange = poll(broker, session=(session_id, 2))
    before = exchange.over

    produce(broker, batch(b"new"), index=1)

    assert not before
    assert set(partitions_of(exchange.answer)) == {("orders", 1)}


def test_a_long_poll_in_a_session_ends_empty(broker, session_id):
    exchange = poll(broker, session=(session_id, 2))

    broker.advance(500)

    assert exchange.answer.session_id == session_id
    assert exchange.answer.responses == []


def test_partitions_that_gave_records_are_read_last_the_next_time(broker):
    for index in range(3):
        produce(broker, batch(b"x" * 500), index=index)
    parts = [("orders", index, 0) for index in range(3)]
    session_id = fetch(broker, *parts, session=(0, 0), max_bytes=100).session_id

    orders = []
    for epoch in range(1, 4):
        response = fetch(broker, session=(session_id, epoch), max_bytes=100)
        orders.append([index for (_, index), part in partitions_of(response).items() if part.records])

    assert sorted(orders) == [[0], [1], [2]]


def test_forgotten_partitions_are_not_read_any_more(broker, session_id):
    produce(broker, batch(b"new"), index=2)

    response = fetch(broker, session=(session_id, 2), forgotten=[("orders", 2)])

    assert response.responses == []


def test_a_partition_added_to_a_session_is_answered_even_when_empty(broker, session_id):
    create(broker, "other")

    response = fetch(broker, ("other", 0, 0), session=(session_id, 2))

    assert set(partitions_of(response)) == {("other", 0)}


def test_an_error_is_told_each_time_until_it_is_gone(broker, session_id):
    first = fetch(broker, ("orders", 1, 99), session=(session_id, 2))
    second = fetch(broker, session=(session_id, 3))
    mended = fetch(broker, ("orders", 1, 0), session=(session_id, 4))

    out_of_range = {("orders", 1): KafkaError.OFFSET_OUT_OF_RANGE}
    assert {key: part.error_code for key, part in partitions_of(first).items()} == out_of_range
    assert {key: part.error_code for key, part in partitions_of(second).items()} == out_of_range
    assert {key: part.error_code for key, part in partitions_of(mended).items()} == {("orders", 1): 0}


def test_a_topic_created_later_is_found_by_the_session(broker):
    session_id = fetch(broker, ("later", 0, 0), session=(0, 0)).session_id
    create(broker, "later")
    produce(broker, batch(b"here"), "later")

    answer = partitions_of(fetch(broker, session=(session_id, 1)))["later", 0]

    assert values_of(answer) == [b"here"]


def test_a_topic_deleted_and_created_again_is_another_one_by_id(broker):
    request = fetch_request(("", 0, 0), session=(0, 0))
    request.topics[0].topic_id = create(broker, "twice")
    session_id = broker.request(request, 13).session_id
    broker.request(messages.DeleteTopicsRequest(topic_names=["twice"], timeout_ms=1_000), 5)
    create(broker, "twice")

    (topic,) = broker.request(fetch_request(session=(session_id, 1)), 13).responses

    assert topic.partitions[0].error_code == KafkaError.UNKNOWN_TOPIC_ID


@pytest.mark.parametrize(
    ("shift", "epoch", "error"),
    [
        (1, 2, KafkaError.FETCH_SESSION_ID_NOT_FOUND),
        (0, 1, KafkaError.INVALID_FETCH_SESSION_EPOCH),
        (0, 3, KafkaError.INVALID_FETCH_SESSION_EPOCH),
    ],
)
def test_a_session_or_epoch_that_does_not_fit_is_an_error_of_the_whole_fetch(broker, session_id, shift, epoch, error):
    response = fetch(broker, session=(session_id + shift, epoch))

    assert response.error_code == error
    assert response.session_id == 0
    assert response.responses == []


def test_an_answer_overtaken_by_a_later_request_is_refused(broker, session_id):
    waiting = poll(broker, session=(session_id, 2))
    fetch(broker, session=(session_id, 3))

    broker.advance(500)

    assert waiting.answer.error_code == KafkaError.INVALID_FETCH_SESSION_EPOCH


def test_a_wake_looks_only_at_the_partition_that_was_woken(broker, monkeypatch):
    create(broker, "wide", 500)
    parts = [("wide", index, 0) for index in range(500)]
    session_id = fetch(broker, *parts, session=(0, 0)).session_id
    exchange = poll(broker, session=(session_id, 1))
    planned = []
    read_plan = Partition.read_plan
    monkeypatch.setattr(
        Partition, "read_plan", lambda self, *given: planned.append(self.index) or read_plan(self, *given)
    )

    produce(broker, batch(b"new"), "wide", 123)

    assert set(partitions_of(exchange.answer)) == {("wide", 123)}
    assert planned == [123]
