"""Fetch without sessions: what is given, how much of it, and when."""

import pytest

from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import (
    batch,
    create,
    fetch,
    fetch_request,
    partitions_of,
    poll,
    produce,
    records_of,
    values_of,
)

Fetch = messages.FetchRequest


@pytest.fixture
def broker() -> InMemoryBroker:
    broker = InMemoryBroker()
    create(broker, "orders", 3)
    for number in range(3):
        produce(broker, batch(b"%d" % number * 1_000))
    produce(broker, batch(b"a", b"b"), index=1)
    return broker


SIZE = len(batch(b"0" * 1_000))


def one(broker: InMemoryBroker, index: int = 0, offset: int = 0, **rest):
    """One partition's answer."""
    return partitions_of(fetch(broker, ("orders", index, offset), **rest))["orders", index]


@pytest.mark.parametrize("version", range(4, 13))
def test_a_fetch_gives_the_batches_from_an_offset_on(broker, version):
    answer = one(broker, offset=1, version=version)

    assert answer.error_code == 0
    assert answer.high_watermark == answer.last_stable_offset == 3
    assert answer.log_start_offset == (0 if version >= 5 else -1)
    assert [record.offset for record in records_of(answer)] == [1, 2]


@pytest.mark.parametrize("version", range(13, 19))
def test_from_version_13_on_topics_are_named_by_id(broker, version):
    topic_id = create(broker, "by-id")
    produce(broker, batch(b"here"), "by-id")
    request = fetch_request(("", 0, 0))
    request.topics[0].topic_id = topic_id

    (topic,) = broker.request(request, version).responses

    assert topic.topic_id == topic_id
    assert values_of(topic.partitions[0]) == [b"here"]


def test_a_batch_is_given_whole_when_its_middle_is_asked_for(broker):
    assert values_of(one(broker, index=1, offset=1)) == [b"a", b"b"]


@pytest.mark.parametrize("offset", [-1, 4, 1 << 40])
def test_an_offset_outside_the_log_is_out_of_range(broker, offset):
    answer = one(broker, offset=offset, wait_ms=500)

    assert answer.error_code == KafkaError.OFFSET_OUT_OF_RANGE
    assert answer.high_watermark == -1
    assert bytes(answer.records) == b""


@pytest.mark.parametrize(("topic", "index"), [("nowhere", 0), ("orders", 3), ("orders", -1)])
def test_a_partition_that_is_not_there_is_unknown(broker, topic, index):
    answer = partitions_of(fetch(broker, (topic, index, 0), wait_ms=500))[topic, index]

    assert answer.error_code == KafkaError.UNKNOWN_TOPIC_OR_PARTITION


def test_an_unknown_topic_id_is_told_apart_from_an_unknown_partition(broker):
    topic_id = create(broker, "by-id")
    request = fetch_request(("", 0, 0), ("", 9, 0))
    request.topics[0].topic_id = b"\7" * 16
    request.topics[1].topic_id = topic_id

    codes = [topic.partitions[0].error_code for topic in broker.request(request, 13).responses]

    assert codes == [KafkaError.UNKNOWN_TOPIC_ID, KafkaError.UNKNOWN_TOPIC_OR_PARTITION]


@pytest.mark.parametrize(
    ("epoch", "error"),
    [(-1, KafkaError.NONE), (0, KafkaError.NONE), (1, KafkaError.UNKNOWN_LEADER_EPOCH)],
)
def test_a_client_with_a_leader_epoch_of_the_future_is_refused(broker, epoch, error):
    assert one(broker, part={"current_leader_epoch": epoch}).error_code == error


def test_a_client_with_a_leader_epoch_of_the_past_is_fenced(broker):
    broker.broker.topics.find("orders", 0).become_leader(2)

    answer = one(broker, part={"current_leader_epoch": 1}, wait_ms=500)

    assert answer.error_code == KafkaError.FENCED_LEADER_EPOCH


def test_a_reader_whose_log_went_another_way_learns_where(broker):
    answer = one(broker, offset=9, part={"last_fetched_epoch": 0}, wait_ms=500)

    assert (answer.diverging_epoch.epoch, answer.diverging_epoch.end_offset) == (0, 3)
    assert bytes(answer.records) == b""


def test_a_reader_with_an_epoch_never_seen_is_out_of_range(broker):
    assert one(broker, part={"last_fetched_epoch": 4}).error_code == KafkaError.OFFSET_OUT_OF_RANGE


class TestLimits:
    @pytest.mark.parametrize("limit", [0, 10, SIZE])
    def test_the_first_batch_is_given_whole_however_small_the_limit(self, broker, limit):
        answer = one(broker, part={"partition_max_bytes": limit})

        assert len(answer.records) == SIZE

    def test_only_one_partition_may_exceed_its_limit(self, broker):
        answers = partitions_of(fetch(broker, ("orders", 0, 0), ("orders", 1, 0), part={"partition_max_bytes": 10}))

        assert len(answers["orders", 0].records) == SIZE
        assert len(answers["orders", 1].records) == 0
        assert answers["orders", 1].high_watermark == 2

    @pytest.mark.parametrize(("limit", "sizes"), [(0, (SIZE, 0)), (SIZE + 5, (SIZE + 5, 0)), (1 << 20, (3 * SIZE, 79))])
    def test_the_limit_of_the_request_is_used_up_in_its_order(self, broker, limit, sizes):
        answers = partitions_of(fetch(broker, ("orders", 0, 0), ("orders", 1, 0), max_bytes=limit))

        given = tuple(len(answers["orders", index].records) for index in (0, 1))
        assert given[1] == sizes[1] or limit == 1 << 20
        assert given[0] <= max(sizes[0], SIZE)
        assert given[0] >= SIZE

    def test_the_broker_sets_a_limit_of_its_own(self):
        broker = InMemoryBroker({"fetch.max.bytes": "2000"})
        create(broker, "orders", 1)
        for _ in range(5):
            produce(broker, batch(bytes(900)))

        assert len(one(broker).records) <= 2_000


class TestLongPoll:
    def test_it_ends_when_a_record_arrives(self, broker):
        exchange = poll(broker, ("orders", 0, 3), ("orders", 2, 0))
        before = exchange.over

        produce(broker, batch(b"new"), index=2)

        assert not before
        assert values_of(partitions_of(exchange.answer)["orders", 2]) == [b"new"]
        assert partitions_of(exchange.answer)["orders", 0].high_watermark == 3

    def test_it_ends_empty_when_the_time_is_up(self, broker):
        exchange = poll(broker, ("orders", 0, 3), wait_ms=500)

        broker.advance(499)
        before = exchange.over
        broker.advance(1)

        assert not before
        assert values_of(partitions_of(exchange.answer)["orders", 0]) == []

    def test_it_waits_for_min_bytes_over_all_partitions(self, broker):
        exchange = poll(broker, ("orders", 0, 3), ("orders", 2, 0), min_bytes=150)

        produce(broker, batch(b"x"), index=2)
        after_one = exchange.over
        produce(broker, batch(b"y"))
        after_two = exchange.over
        produce(broker, batch(b"z"))

        assert (after_one, after_two) == (False, False)
        assert exchange.over
        assert values_of(partitions_of(exchange.answer)["orders", 2]) == [b"x"]

    def test_what_is_there_already_counts_for_min_bytes(self, broker):
        exchange = poll(broker, ("orders", 1, 0), ("orders", 2, 0), min_bytes=100)
        before = exchange.over

        produce(broker, batch(b"x"), index=2)

        assert not before
        assert len(values_of(partitions_of(exchange.answer)["orders", 1])) == 2

    def test_more_than_max_bytes_is_not_waited_for(self, broker):
        exchange = poll(broker, ("orders", 0, 0), min_bytes=1 << 20, max_bytes=SIZE)

        assert exchange.over

    def test_nothing_is_waited_for_when_min_bytes_is_zero(self, broker):
        assert poll(broker, ("orders", 0, 3), min_bytes=0).over

    def test_a_partition_that_cannot_be_read_ends_it_at_once(self, broker):
        exchange = poll(broker, ("orders", 0, 3), ("orders", 1, 99))

        answers = partitions_of(exchange.answer)
        assert answers["orders", 1].error_code == KafkaError.OFFSET_OUT_OF_RANGE
        assert answers["orders", 0].error_code == 0

    def test_an_unknown_topic_beside_a_known_one_does_not_end_it(self, broker):
        exchange = poll(broker, ("nowhere", 0, 0), ("orders", 0, 3))
        before = exchange.over
        broker.advance(500)

        assert not before
        assert partitions_of(exchange.answer)["nowhere", 0].error_code == KafkaError.UNKNOWN_TOPIC_OR_PARTITION

    def test_an_empty_fetch_is_answered_at_once(self, broker):
        assert poll(broker).answer.responses == []

    def test_it_ends_when_its_topic_is_deleted(self, broker):
        exchange = poll(broker, ("orders", 0, 3))

        broker.request(messages.DeleteTopicsRequest(topic_names=["orders"], timeout_ms=1_000), 5)

        answer = partitions_of(exchange.answer)["orders", 0]
        assert answer.error_code == KafkaError.UNKNOWN_TOPIC_OR_PARTITION

    def test_a_connection_that_is_gone_is_not_answered(self, broker):
        exchange = poll(broker, ("orders", 0, 3))

        broker.broker.waiting.cancel(broker.session)
        produce(broker, batch())
        broker.advance(500)

        assert not exchange.over


def test_a_partition_asked_for_twice_is_read_once_from_the_offset_named_last(broker):
    (topic,) = fetch(broker, ("orders", 0, 0), ("orders", 0, 2)).responses

    assert [record.offset for record in records_of(topic.partitions[0])] == [2]
    assert len(topic.partitions) == 1


def test_partitions_are_answered_in_the_order_of_the_request(broker):
    create(broker, "other")

    response = fetch(broker, ("orders", 2, 0), ("other", 0, 0), ("orders", 0, 0))

    order = [(topic.topic, part.partition_index) for topic in response.responses for part in topic.partitions]
    assert order == [("orders", 2), ("other", 0), ("orders", 0)]


def test_a_reader_of_committed_records_is_told_that_nothing_was_aborted(broker):
    committed = one(broker, isolation_level=1)
    everything = one(broker, isolation_level=0)

    assert committed.aborted_transactions == []
    assert everything.aborted_transactions is None
    assert bytes(committed.records) == bytes(everything.records)


def test_an_isolation_level_that_does_not_exist_is_an_invalid_request(broker):
    assert fetch(broker, ("orders", 0, 0), isolation_level=7).error_code == KafkaError.INVALID_REQUEST


def test_a_follower_finds_no_leader_for_itself_here(broker):
    assert one(broker, replica_id=5).error_code == KafkaError.NOT_LEADER_OR_FOLLOWER


def test_no_other_replica_is_preferred(broker):
    assert one(broker).preferred_read_replica == -1


def test_topics_count_what_goes_out_and_what_fails(broker):
    one(broker)
    one(broker, offset=99)

    counters = broker.broker.topics.by_name["orders"].counters
    assert counters.bytes_out.value == 3 * SIZE
    assert counters.failed_fetches.value == 1


def test_in_durable_mode_nothing_is_read_before_it_is_on_disk():
    broker = InMemoryBroker(durable=True)
    create(broker, "orders")
    exchange = poll(broker, ("orders", 0, 0))
    broker.is_syncing = False
    produce(broker, batch(b"soon"))
    before = exchange.over

    broker.sync()
    broker.settle()

    assert not before
    assert values_of(partitions_of(exchange.answer)["orders", 0]) == [b"soon"]
