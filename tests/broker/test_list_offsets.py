"""ListOffsets and OffsetForLeaderEpoch: offsets by time, by mark and by epoch."""

import pytest

from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import batch, create, offset_of, produce

ListOffsets = messages.ListOffsetsRequest
Epochs = messages.OffsetForLeaderEpochRequest

T0 = 1_700_000_000_000
LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LATEST_TIERED, EARLIEST_PENDING = range(-1, -7, -1)


@pytest.fixture
def broker() -> InMemoryBroker:
    """Offsets 0 to 3 at T0 + 10, 30, 20 and 30 ms."""
    broker = InMemoryBroker()
    create(broker, "orders", 2)
    for delay in (10, 30, 20, 30):
        produce(broker, batch(timestamp_ms=T0 + delay))
    return broker


def found(answer) -> tuple[int, int, int]:
    return answer.offset, answer.timestamp, answer.leader_epoch


@pytest.mark.parametrize("version", range(1, 12))
def test_the_latest_offset_is_that_of_the_next_record(broker, version):
    answer = offset_of(broker, LATEST, version=version)

    assert (answer.error_code, answer.offset, answer.timestamp) == (0, 4, -1)
    assert answer.leader_epoch == (0 if version >= 4 else -1)


@pytest.mark.parametrize("isolation_level", [0, 1])
def test_the_latest_offset_is_the_same_for_all_readers_without_transactions(broker, isolation_level):
    assert offset_of(broker, LATEST, isolation_level=isolation_level).offset == 4


@pytest.mark.parametrize("mark", [EARLIEST, EARLIEST_LOCAL])
def test_the_earliest_offset_is_the_log_start(broker, mark):
    delete = messages.DeleteRecordsRequest
    part = delete.DeleteRecordsPartition(0, 2)
    broker.request(delete(topics=[delete.DeleteRecordsTopic("orders", [part])], timeout_ms=1))

    assert found(offset_of(broker, mark)) == (2, -1, 0)


def test_the_largest_timestamp_is_found_at_its_first_record(broker):
    assert found(offset_of(broker, MAX_TIMESTAMP)) == (1, T0 + 30, 0)


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (0, (0, T0 + 10, 0)),
        (T0 + 10, (0, T0 + 10, 0)),
        (T0 + 11, (1, T0 + 30, 0)),
        (T0 + 30, (1, T0 + 30, 0)),
        (T0 + 31, (-1, -1, -1)),
    ],
)
def test_a_time_finds_the_first_record_not_before_it(broker, timestamp, expected):
    assert found(offset_of(broker, timestamp)) == expected


@pytest.mark.parametrize("mark", [LATEST_TIERED, EARLIEST_PENDING])
def test_nothing_lies_in_remote_storage(broker, mark):
    assert found(offset_of(broker, mark)) == (-1, -1, -1)


def test_an_empty_partition_has_a_first_and_a_next_offset_and_no_time(broker):
    assert found(offset_of(broker, EARLIEST, index=1)) == (0, -1, 0)
    assert found(offset_of(broker, LATEST, index=1)) == (0, -1, 0)
    assert found(offset_of(broker, MAX_TIMESTAMP, index=1)) == (-1, -1, -1)
    assert found(offset_of(broker, 0, index=1)) == (-1, -1, -1)


@pytest.mark.parametrize(
    ("mark", "version"), [(MAX_TIMESTAMP, 6), (EARLIEST_LOCAL, 7), (LATEST_TIERED, 8), (EARLIEST_PENDING, 10), (-7, 11)]
)
def test_a_mark_that_the_version_does_not_know_is_unsupported(broker, mark, version):
    assert offset_of(broker, mark, version=version).error_code == KafkaError.UNSUPPORTED_VERSION


@pytest.mark.parametrize(("topic", "index"), [("nowhere", 0), ("orders", 2), ("orders", -1)])
def test_a_partition_that_is_not_there_is_unknown(broker, topic, index):
    answer = offset_of(broker, LATEST, topic, index)

    assert answer.error_code == KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    assert found(answer) == (-1, -1, -1)


@pytest.mark.parametrize(
    ("epoch", "error"),
    [
        (-1, KafkaError.NONE),
        (2, KafkaError.NONE),
        (1, KafkaError.FENCED_LEADER_EPOCH),
        (3, KafkaError.UNKNOWN_LEADER_EPOCH),
    ],
)
def test_a_client_with_another_leader_epoch_is_told(broker, epoch, error):
    broker.broker.topics.find("orders", 0).become_leader(2)

    assert offset_of(broker, LATEST, epoch=epoch).error_code == error


def test_a_partition_named_twice_is_an_invalid_request_and_the_others_are_answered(broker):
    parts = [ListOffsets.ListOffsetsPartition(index, -1, mark) for index, mark in ((0, -1), (0, -2), (1, -1))]

    (topic,) = broker.request(ListOffsets(replica_id=-1, topics=[ListOffsets.ListOffsetsTopic("orders", parts)])).topics

    codes = [(part.partition_index, part.error_code) for part in topic.partitions]
    assert codes == [(0, KafkaError.INVALID_REQUEST), (1, KafkaError.NONE)]


def test_records_not_on_disk_yet_are_not_found_in_durable_mode():
    broker = InMemoryBroker(durable=True)
    create(broker, "orders")
    broker.is_syncing = False
    produce(broker, batch(timestamp_ms=T0))

    assert offset_of(broker, LATEST).offset == 0
    assert offset_of(broker, T0).offset == -1
    assert offset_of(broker, MAX_TIMESTAMP).offset == -1
    assert offset_of(broker, LATEST, replica_id=-2).offset == 1


class TestEpochs:
    def ask(self, broker: InMemoryBroker, epoch: int, current: int = -1, index: int = 0, version: int = 4):
        part = Epochs.OffsetForLeaderPartition(index, current, epoch)
        request = Epochs(replica_id=-1, topics=[Epochs.OffsetForLeaderTopic("orders", [part])])
        return broker.request(request, version).topics[0].partitions[0]

    @pytest.mark.parametrize("version", [2, 3, 4])
    def test_the_epoch_in_force_ends_with_the_log(self, broker, version):
        answer = self.ask(broker, 0, version=version)

        assert (answer.error_code, answer.leader_epoch, answer.end_offset) == (0, 0, 4)

    def test_an_earlier_epoch_ended_where_the_next_began(self, broker):
        broker.broker.topics.find("orders", 0).become_leader(3)
        produce(broker, batch())

        earlier, between, latest = (self.ask(broker, epoch) for epoch in (0, 2, 3))

        assert (earlier.leader_epoch, earlier.end_offset) == (0, 4)
        assert (between.leader_epoch, between.end_offset) == (0, 4)
        assert (latest.leader_epoch, latest.end_offset) == (3, 5)

    @pytest.mark.parametrize("epoch", [-1, 1, 9])
    def test_an_epoch_that_never_was_has_no_end(self, broker, epoch):
        answer = self.ask(broker, epoch)

        assert (answer.error_code, answer.leader_epoch, answer.end_offset) == (0, -1, -1)

    def test_a_client_with_another_leader_epoch_is_told(self, broker):
        assert self.ask(broker, 0, current=5).error_code == KafkaError.UNKNOWN_LEADER_EPOCH

    def test_a_partition_that_is_not_there_is_unknown(self, broker):
        assert self.ask(broker, 0, index=9).error_code == KafkaError.UNKNOWN_TOPIC_OR_PARTITION
