"""Produce, through whole requests: where batches go, and every way in which they do not."""

import pytest

from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.records.codec import Codec
from penstock.records.header import read_header
from penstock.testing.broker_in_memory import HungUp, InMemoryBroker
from tests.broker.calls import batch, create, fetch, offset_of, partitions_of, produce, produce_request, values_of

NOW_MS = 1_700_000_000_000
Produce = messages.ProduceRequest


@pytest.fixture
def broker() -> InMemoryBroker:
    broker = InMemoryBroker()
    create(broker, "orders", 2)
    return broker


def stored(broker: InMemoryBroker, topic: str = "orders", index: int = 0):
    """What a consumer reads from the beginning."""
    return partitions_of(fetch(broker, (topic, index, 0)))[topic, index]


@pytest.mark.parametrize("version", range(3, 13))
def test_batches_get_offsets_one_after_another(broker, version):
    first = produce(broker, batch(b"a", b"b"), version=version)
    second = produce(broker, batch(b"c"), version=version)

    assert (first.error_code, first.base_offset) == (0, 0)
    assert (second.error_code, second.base_offset) == (0, 2)
    assert second.log_append_time_ms == -1
    assert second.log_start_offset == (0 if version >= 5 else -1)
    assert values_of(stored(broker)) == [b"a", b"b", b"c"]


def test_from_version_13_on_topics_are_named_by_id(broker):
    topic_id = create(broker, "by-id")
    request = produce_request(("", 0, batch()))
    request.topic_data[0].topic_id = topic_id

    answer = broker.request(request, 13).responses[0]

    assert answer.topic_id == topic_id
    assert answer.partition_responses[0].base_offset == 0


def test_an_unknown_topic_id_is_told_apart_from_an_unknown_partition(broker):
    topic_id = create(broker, "by-id")
    request = produce_request(("", 0, batch()), ("", 7, batch()))
    request.topic_data[0].topic_id = b"\7" * 16
    request.topic_data[1].topic_id = topic_id

    answers = broker.request(request, 13).responses

    assert answers[0].partition_responses[0].error_code == KafkaError.UNKNOWN_TOPIC_ID
    assert answers[1].partition_responses[0].error_code == KafkaError.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.parametrize(("topic", "index"), [("nowhere", 0), ("orders", 2), ("orders", -1)])
def test_a_partition_that_is_not_there_is_unknown(broker, topic, index):
    answer = produce(broker, batch(), topic, index)

    assert answer.error_code == KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    assert answer.base_offset == -1


@pytest.mark.parametrize("acks", [-2, 2, 1_000])
def test_acks_is_minus_one_zero_or_one(broker, acks):
    request = produce_request(("orders", 0, batch()), ("nowhere", 0, batch()), acks=acks)

    codes = [topic.partition_responses[0].error_code for topic in broker.request(request, 12).responses]

    assert codes == [KafkaError.INVALID_REQUIRED_ACKS, KafkaError.UNKNOWN_TOPIC_OR_PARTITION]
    assert stored(broker).high_watermark == 0


def test_acks_zero_answers_nothing(broker):
    assert broker.request(produce_request(("orders", 0, batch()), acks=0), 12) is None
    assert stored(broker).high_watermark == 1


def test_acks_zero_hangs_up_when_something_failed(broker):
    with pytest.raises(HungUp, match="nowhere-0 failed: UNKNOWN_TOPIC_OR_PARTITION"):
        broker.request(produce_request(("orders", 0, batch()), ("nowhere", 0, batch()), acks=0), 12)


def test_no_topics_get_an_empty_answer(broker):
    assert broker.request(Produce(transactional_id=None, acks=1), 12).responses == []


def test_one_bad_partition_does_not_keep_the_others_from_being_written(broker):
    request = produce_request(("orders", 0, batch()), ("orders", 1, b"rubbish" * 20), ("orders", 9, batch()))

    (topic,) = broker.request(request, 12).responses

    codes = {part.index: part.error_code for part in topic.partition_responses}
    assert codes == {0: 0, 1: KafkaError.CORRUPT_MESSAGE, 9: KafkaError.UNKNOWN_TOPIC_OR_PARTITION}


def test_of_a_partition_named_twice_the_last_batch_is_written(broker):
    request = produce_request(("orders", 0, batch(b"first")), ("orders", 0, batch(b"last")))

    (topic,) = broker.request(request, 12).responses

    assert len(topic.partition_responses) == 1
    assert values_of(stored(broker)) == [b"last"]


def damaged() -> bytes:
    data = bytearray(batch())
    data[-1] ^= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (None, KafkaError.INVALID_RECORD),
        (b"", KafkaError.INVALID_RECORD),
        (b"rubbish" * 20, KafkaError.CORRUPT_MESSAGE),
        (damaged(), KafkaError.CORRUPT_MESSAGE),
        (batch() + batch(), KafkaError.INVALID_RECORD),
        (batch(base_offset=5), KafkaError.INVALID_RECORD),
        (batch(control=True, producer_id=1, producer_epoch=0), KafkaError.INVALID_RECORD),
        (batch(producer_id=1, producer_epoch=0), KafkaError.INVALID_RECORD),
        (batch(bytes(2 << 20)), KafkaError.MESSAGE_TOO_LARGE),
    ],
    ids=["null", "empty", "rubbish", "damaged", "two", "with an offset", "control", "without sequence", "too large"],
)
def test_a_batch_that_breaks_a_rule_is_refused_with_a_reason(broker, data, error):
    answer = produce(broker, data)

    assert answer.error_code == error
    assert answer.error_message
    assert stored(broker).high_watermark == 0


def test_transactional_batches_of_a_transactional_id_that_nobody_knows_are_refused(broker):
    data = batch(transactional=True, producer_id=1, producer_epoch=0, base_sequence=0)

    without_topic = produce(broker, data, transactional_id="t").error_code
    broker.request(messages.FindCoordinatorRequest(coordinator_keys=["t"], key_type=1))

    assert without_topic == KafkaError.NOT_ENOUGH_REPLICAS
    assert produce(broker, data, transactional_id="t").error_code == KafkaError.INVALID_PRODUCER_ID_MAPPING


@pytest.mark.parametrize(("version", "error"), [(6, KafkaError.UNSUPPORTED_COMPRESSION_TYPE), (7, KafkaError.NONE)])
def test_zstd_needs_a_client_that_knows_it(broker, version, error):
    assert produce(broker, batch(codec=Codec.ZSTD), version=version).error_code == error


def test_clients_do_not_write_to_internal_topics(broker):
    broker.request(messages.FindCoordinatorRequest(coordinator_keys=["group"]))

    assert produce(broker, batch(), "__consumer_offsets").error_code == KafkaError.INVALID_TOPIC_EXCEPTION


def test_a_compacted_topic_names_the_records_without_a_key(broker):
    create(broker, "state", cleanup_policy="compact")

    answer = produce(broker, batch(b"a", b"b", key=None), "state")
    accepted = produce(broker, batch(b"a"), "state")

    assert answer.error_code == KafkaError.INVALID_RECORD
    assert [fault.batch_index for fault in answer.record_errors] == [0, 1]
    assert "without key" in answer.record_errors[0].batch_index_error_message
    assert accepted.error_code == 0


def test_records_from_the_far_future_are_named(broker):
    answer = produce(broker, batch(timestamp_ms=broker.clock.now_ms() + 3_600_001))

    assert answer.error_code == KafkaError.INVALID_TIMESTAMP
    assert [fault.batch_index for fault in answer.record_errors] == [0]
    assert answer.log_start_offset == 0


def test_log_append_time_is_stamped_and_answered(broker):
    create(broker, "stamped", message_timestamp_type="LogAppendTime")

    answer = produce(broker, batch(timestamp_ms=5), "stamped")

    assert answer.log_append_time_ms == broker.clock.now_ms()
    assert read_header(bytes(stored(broker, "stamped").records)).max_timestamp == broker.clock.now_ms()


@pytest.mark.parametrize("codec", ["zstd", "lz4", "snappy", "gzip", "uncompressed"])
def test_a_topic_with_a_codec_of_its_own_converts_batches(broker, codec):
    create(broker, "packed", compression_type=codec)

    produce(broker, batch(b"x" * 5_000, codec=Codec.GZIP if codec != "gzip" else Codec.NONE), "packed")

    read = stored(broker, "packed")
    assert read_header(bytes(read.records)).codec.name.lower() == {"uncompressed": "none"}.get(codec, codec)
    assert values_of(read) == [b"x" * 5_000]


def test_a_batch_that_is_too_large_once_converted_is_refused(broker):
    create(broker, "plain", compression_type="uncompressed", max_message_bytes="1000")

    answer = produce(broker, batch(bytes(3_000), codec=Codec.GZIP), "plain")

    assert answer.error_code == KafkaError.MESSAGE_TOO_LARGE


def test_a_repeated_batch_of_an_idempotent_producer_is_written_once(broker):
    data = batch(producer_id=7, producer_epoch=0, base_sequence=0)

    first, again = (produce(broker, data, acks=-1) for _ in range(2))

    assert (again.error_code, again.base_offset) == (0, first.base_offset)
    assert stored(broker).high_watermark == 1


def test_an_idempotent_producer_may_not_skip_a_sequence(broker):
    produce(broker, batch(producer_id=7, producer_epoch=0, base_sequence=0))

    answer = produce(broker, batch(producer_id=7, producer_epoch=0, base_sequence=5))

    assert answer.error_code == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert answer.log_start_offset == 0


def test_a_producer_of_an_older_epoch_is_fenced(broker):
    produce(broker, batch(producer_id=7, producer_epoch=3, base_sequence=0))

    answer = produce(broker, batch(producer_id=7, producer_epoch=2, base_sequence=0))

    assert answer.error_code == KafkaError.INVALID_PRODUCER_EPOCH


def test_one_in_sync_replica_is_enough_whatever_the_topic_asks():
    """Kafka asks for no more copies than there are: min(min.insync.replicas, replication factor)."""
    broker = InMemoryBroker()
    create(broker, "orders", min_insync_replicas="2")

    assert produce(broker, batch(), acks=-1).error_code == 0


def test_topics_count_what_comes_in(broker):
    data = batch(b"a", b"b", b"c")
    produce(broker, data)
    produce(broker, damaged())

    counters = broker.broker.topics.by_name["orders"].counters
    assert counters.bytes_in.value == len(data)
    assert counters.messages_in.value == 3
    assert counters.failed_produces.value == 1


class TestWhenDurable:
    @pytest.fixture
    def broker(self) -> InMemoryBroker:
        broker = InMemoryBroker(durable=True)
        create(broker, "orders", 2)
        return broker

    def test_acks_all_waits_for_the_disk(self, broker):
        broker.is_syncing = False
        exchange = broker.send(produce_request(("orders", 0, batch()), ("orders", 1, batch()), acks=-1), 12)
        before = (exchange.over, stored(broker).high_watermark)

        broker.sync()
        broker.settle()

        assert before == (False, 0)
        assert [part.error_code for part in exchange.answer.responses[0].partition_responses] == [0, 0]
        assert stored(broker).high_watermark == 1

    def test_acks_one_does_not_wait(self, broker):
        broker.is_syncing = False

        exchange = broker.send(produce_request(("orders", 0, batch()), acks=1), 12)

        assert exchange.answer.responses[0].partition_responses[0].base_offset == 0

    def test_a_disk_that_is_too_slow_is_a_timeout_and_the_offset_is_still_told(self, broker):
        broker.is_syncing = False
        exchange = broker.send(produce_request(("orders", 0, batch()), acks=-1, timeout_ms=100), 12)

        broker.advance(100)

        answer = exchange.answer.responses[0].partition_responses[0]
        assert (answer.error_code, answer.base_offset) == (KafkaError.REQUEST_TIMED_OUT, 0)

    def test_a_disk_that_fails_is_told_to_who_waits_for_it(self, broker):
        broker.is_syncing = False
        exchange = broker.send(produce_request(("orders", 0, batch()), acks=-1), 12)
        partition = broker.broker.topics.find("orders", 0)

        broker.broker.sync_failed(partition, OSError(5, "Input/output error"))
        broker.settle()

        assert exchange.answer.responses[0].partition_responses[0].error_code == KafkaError.KAFKA_STORAGE_ERROR

    def test_what_acks_all_answered_survives_a_power_cut(self, broker):
        produce(broker, batch(b"kept"), acks=-1)

        broker.crash(power_cut=True)

        assert values_of(stored(broker)) == [b"kept"]
        assert offset_of(broker, -1).offset == 1
