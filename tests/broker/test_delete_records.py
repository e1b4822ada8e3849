"""DeleteRecords: the log start moves, or it is said why not."""

import pytest

from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import batch, create, fetch, offset_of, partitions_of, produce

DeleteRecords = messages.DeleteRecordsRequest


@pytest.fixture
def broker() -> InMemoryBroker:
    broker = InMemoryBroker()
    create(broker, "orders")
    for _ in range(5):
        produce(broker, batch())
    return broker


def delete(broker: InMemoryBroker, *offsets: int, topic: str = "orders", index: int = 0, version: int = 2):
    parts = [DeleteRecords.DeleteRecordsPartition(index, offset) for offset in offsets]
    request = DeleteRecords(topics=[DeleteRecords.DeleteRecordsTopic(topic, parts)], timeout_ms=1_000)
    (answer,) = broker.request(request, version).topics[0].partitions
    return answer


@pytest.mark.parametrize("version", [0, 1, 2])
def test_records_before_the_offset_are_gone(broker, version):
    answer = delete(broker, 3, version=version)

    assert (answer.error_code, answer.low_watermark) == (0, 3)
    assert offset_of(broker, -2).offset == 3
    assert partitions_of(fetch(broker, ("orders", 0, 2)))["orders", 0].error_code == KafkaError.OFFSET_OUT_OF_RANGE


def test_minus_one_deletes_all_visible_records(broker):
    assert delete(broker, -1).low_watermark == 5


def test_the_log_start_never_moves_back(broker):
    delete(broker, 3)

    assert delete(broker, 1).low_watermark == 3


def test_of_a_partition_named_twice_the_last_offset_counts(broker):
    assert delete(broker, 4, 2).low_watermark == 2


@pytest.mark.parametrize("offset", [6, -2])
def test_an_offset_outside_the_log_is_out_of_range(broker, offset):
    answer = delete(broker, offset)

    assert (answer.error_code, answer.low_watermark) == (KafkaError.OFFSET_OUT_OF_RANGE, -1)


@pytest.mark.parametrize(("topic", "index"), [("nowhere", 0), ("orders", 1)])
def test_a_partition_that_is_not_there_is_unknown(broker, topic, index):
    assert delete(broker, 0, topic=topic, index=index).error_code == KafkaError.UNKNOWN_TOPIC_OR_PARTITION


def test_records_of_internal_topics_may_not_be_deleted(broker):
    broker.request(messages.FindCoordinatorRequest(coordinator_keys=["group"]))

    assert delete(broker, 0, topic="__consumer_offsets").error_code == KafkaError.INVALID_TOPIC_EXCEPTION


def test_a_topic_that_is_only_compacted_keeps_its_records(broker):
    create(broker, "state", cleanup_policy="compact")

    assert delete(broker, 0, topic="state").error_code == KafkaError.POLICY_VIOLATION


def test_a_new_log_start_survives_a_restart(broker):
    delete(broker, 3)

    broker.restart()

    assert offset_of(broker, -2).offset == 3
