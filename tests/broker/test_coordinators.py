"""FindCoordinator and InitProducerId: where groups are, and who producers are."""

import pytest

from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import InMemoryBroker

FindCoordinator = messages.FindCoordinatorRequest
InitProducerId = messages.InitProducerIdRequest
GROUP, TRANSACTION, SHARE = range(3)


@pytest.fixture
def broker() -> InMemoryBroker:
    return InMemoryBroker()


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_this_broker_coordinates_every_group(broker, version):
    response = broker.request(FindCoordinator(key="group"), version)

    assert (response.error_code, response.node_id, response.host, response.port) == (0, 1, "localhost", 9092)


@pytest.mark.parametrize("version", [4, 5, 6])
def test_from_version_4_on_many_are_asked_for_at_once(broker, version):
    response = broker.request(FindCoordinator(coordinator_keys=["a", "", "a"]), version)

    assert [(found.key, found.error_code, found.node_id) for found in response.coordinators] == [
        ("a", 0, 1),
        ("", 0, 1),
        ("a", 0, 1),
    ]


def test_the_first_group_creates_the_topic_that_remembers_groups():
    broker = InMemoryBroker({"offsets.topic.num.partitions": "3", "offsets.topic.segment.bytes": "1048576"})

    broker.request(FindCoordinator(coordinator_keys=["a"]))

    topic = broker.broker.topics.by_name["__consumer_offsets"]
    assert len(topic.partitions) == 3
    assert topic.settings.cleanup_policy == {"compact"}
    assert topic.settings.segment_bytes == 1_048_576


def test_it_is_created_also_where_clients_may_not_create_topics():
    broker = InMemoryBroker({"auto.create.topics.enable": "false"})

    assert broker.request(FindCoordinator(key="a"), 3).error_code == 0


def test_a_group_whose_partition_failed_has_no_coordinator(broker):
    broker.request(FindCoordinator(key="a"), 3)
    for partition in broker.broker.topics.by_name["__consumer_offsets"].partitions:
        partition.sync_failed(OSError(5, "Input/output error"))

    response = broker.request(FindCoordinator(key="a"), 3)

    assert (response.error_code, response.node_id) == (KafkaError.COORDINATOR_NOT_AVAILABLE, -1)


@pytest.mark.parametrize("version", range(1, 7))
def test_this_broker_coordinates_every_transactional_id(broker, version):
    named = {"coordinator_keys": ["tx"]} if version >= 4 else {"key": "tx"}

    response = broker.request(FindCoordinator(key_type=TRANSACTION, **named), version)

    found = response.coordinators[0] if version >= 4 else response
    assert (found.error_code, found.node_id, found.host, found.port) == (0, 1, "localhost", 9092)


def test_the_first_transactional_id_creates_the_topic_that_remembers_them():
    settings = {
        "transaction.state.log.num.partitions": "3",
        "transaction.state.log.segment.bytes": "1048576",
        "auto.create.topics.enable": "false",
    }
    broker = InMemoryBroker(settings)

    broker.request(FindCoordinator(coordinator_keys=["tx"], key_type=TRANSACTION))

    topic = broker.broker.topics.by_name["__transaction_state"]
    assert len(topic.partitions) == 3
    assert topic.settings.cleanup_policy == {"compact"}
    assert topic.settings.segment_bytes == 1_048_576


def test_a_transactional_id_whose_partition_failed_has_no_coordinator(broker):
    broker.request(FindCoordinator(coordinator_keys=["tx"], key_type=TRANSACTION))
    for partition in broker.broker.topics.by_name["__transaction_state"].partitions:
        partition.sync_failed(OSError(5, "Input/output error"))

    (found,) = broker.request(FindCoordinator(coordinator_keys=["tx"], key_type=TRANSACTION)).coordinators

    assert (found.error_code, found.node_id) == (KafkaError.COORDINATOR_NOT_AVAILABLE, -1)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (SHARE, KafkaError.INVALID_REQUEST),
        (9, KafkaError.INVALID_REQUEST),
    ],
)
def test_what_is_not_served_has_no_coordinator(broker, kind, error):
    one = broker.request(FindCoordinator(key="a", key_type=kind), 3)
    (of_many,) = broker.request(FindCoordinator(coordinator_keys=["a"], key_type=kind), 6).coordinators

    assert (one.error_code, one.node_id, one.port) == (error, -1, -1)
    assert (of_many.error_code, of_many.node_id, of_many.port) == (error, -1, -1)


class TestProducerIds:
    def take(self, broker: InMemoryBroker, version: int = 5, **fields):
        return broker.request(InitProducerId(**{"transactional_id": None} | fields), version)

    @pytest.mark.parametrize("version", range(6))
    def test_every_producer_gets_an_id_of_its_own(self, broker, version):
        first, second = self.take(broker, version), self.take(broker, version)

        assert (first.error_code, first.producer_epoch) == (0, 0)
        assert second.producer_id == first.producer_id + 1

    def test_a_producer_that_names_its_old_id_gets_a_new_one(self, broker):
        first = self.take(broker)

        again = self.take(broker, producer_id=first.producer_id, producer_epoch=0)

        assert (again.error_code, again.producer_epoch) == (0, 0)
        assert again.producer_id != first.producer_id

    @pytest.mark.parametrize("how", ["restart", "crash"])
    def test_no_id_is_given_twice_whatever_happens_to_the_broker(self, broker, how):
        before = {self.take(broker).producer_id for _ in range(3)}

        getattr(broker, how)()

        assert self.take(broker).producer_id not in before
        assert self.take(broker).producer_id > max(before)

    def test_an_id_in_use_is_not_given_again_after_a_power_cut_before_the_next_sync(self, broker):
        """A record that keeps the id may be on disk by then, so nobody's answer tells whether it is in use."""
        taken = broker.broker.producer_ids.take(broker.broker.clock.now_ms())

        broker.crash(power_cut=True)

        assert self.take(broker).producer_id > taken

    def test_a_block_that_is_used_up_is_followed_by_the_next(self, broker):
        ids = [self.take(broker).producer_id for _ in range(1_002)]

        assert ids == list(range(1_002))

    @pytest.mark.parametrize("fields", [{"producer_id": 5}, {"producer_epoch": 5}, {"transactional_id": ""}])
    def test_half_an_identity_is_an_invalid_request(self, broker, fields):
        answer = self.take(broker, **fields)

        assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (KafkaError.INVALID_REQUEST, -1, -1)
