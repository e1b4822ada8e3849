"""Metadata, DescribeTopicPartitions, DescribeCluster: what there is, and what comes to be on the way."""

import pytest

from penstock.broker.authorized import CLUSTER_OPERATIONS, NOT_ASKED, TOPIC_OPERATIONS
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import create, metadata

Metadata = messages.MetadataRequest
Named = Metadata.MetadataRequestTopic
Describe = messages.DescribeTopicPartitionsRequest


@pytest.fixture
def broker() -> InMemoryBroker:
    broker = InMemoryBroker()
    create(broker, "orders", 2)
    create(broker, "payments")
    return broker


def codes(response) -> dict:
    return {topic.name or topic.topic_id: topic.error_code for topic in response.topics}


@pytest.mark.parametrize("version", range(14))
def test_a_topic_is_described_with_its_leader(broker, version):
    response = metadata(broker, "orders", version=version)

    (topic,) = response.topics
    assert (topic.error_code, topic.name, len(topic.partitions)) == (0, "orders", 2)
    assert [part.partition_index for part in topic.partitions] == [0, 1]
    assert {(part.leader_id, *part.replica_nodes, *part.isr_nodes) for part in topic.partitions} == {(1, 1, 1)}
    assert [(node.node_id, node.host, node.port) for node in response.brokers] == [(1, "localhost", 9092)]
    assert response.controller_id == (1 if version >= 1 else -1)
    assert response.cluster_id == (broker.broker.cluster_id if version >= 2 else None)
    assert {part.leader_epoch for part in topic.partitions} == ({0} if version >= 7 else {-1})
    assert topic.topic_id == (broker.broker.topics.id_of("orders") if version >= 10 else bytes(16))


@pytest.mark.parametrize(("version", "topics"), [(0, []), (1, None), (13, None)])
def test_all_topics_are_asked_for_by_none_or_in_version_0_by_an_empty_list(broker, version, topics):
    assert set(codes(broker.request(Metadata(topics=topics), version))) == {"orders", "payments"}


def test_an_empty_list_asks_for_no_topics(broker):
    response = broker.request(Metadata(topics=[]), 1)

    assert response.topics == []
    assert len(response.brokers) == 1


def test_a_topic_named_twice_is_answered_once(broker):
    assert len(metadata(broker, "orders", "orders").topics) == 1


@pytest.mark.parametrize("version", [4, 13])
def test_an_unknown_topic_is_created_when_client_and_broker_agree(broker, version):
    response = metadata(broker, "new", version=version, allow_auto_topic_creation=True)

    assert codes(response) == {"new": 0}
    assert len(response.topics[0].partitions) == 1


def test_old_clients_cannot_say_that_they_do_not_want_creation(broker):
    assert codes(metadata(broker, "new", version=3)) == {"new": 0}


def test_an_unknown_topic_stays_unknown_when_the_client_does_not_want_it(broker):
    response = metadata(broker, "new", allow_auto_topic_creation=False)

    assert codes(response) == {"new": KafkaError.UNKNOWN_TOPIC_OR_PARTITION}
    assert "new" not in broker.broker.topics.by_name


def test_an_unknown_topic_stays_unknown_when_the_broker_creates_none():
    broker = InMemoryBroker({"auto.create.topics.enable": "false"})

    response = metadata(broker, "new", allow_auto_topic_creation=True)

    assert codes(response) == {"new": KafkaError.UNKNOWN_TOPIC_OR_PARTITION}


def test_created_topics_have_the_brokers_number_of_partitions():
    broker = InMemoryBroker({"num.partitions": "7"})

    assert len(metadata(broker, "new", allow_auto_topic_creation=True).topics[0].partitions) == 7


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("name", ["a b", "", ".", "..", "x" * 250, "käse"])
def test_a_name_that_no_topic_can_have_is_invalid(broker, name, allowed):
    response = metadata(broker, name, allow_auto_topic_creation=allowed)

    assert codes(response) == {name or bytes(16): KafkaError.INVALID_TOPIC_EXCEPTION}


@pytest.mark.parametrize(
    ("name", "policy"),
    [("__consumer_offsets", "compact"), ("__transaction_state", "compact"), ("__share_group_state", "delete")],
)
def test_internal_topics_are_created_with_their_own_settings(broker, name, policy):
    (topic,) = metadata(broker, name, allow_auto_topic_creation=True).topics

    assert topic.is_internal
    assert len(topic.partitions) == 50
    assert broker.broker.topics.by_name[name].settings.cleanup_policy == {policy}


def test_topics_are_found_by_id(broker):
    topic_id = broker.broker.topics.id_of("payments")
    wanted = [Named(topic_id=topic_id, name=None), Named(topic_id=b"\1" * 16, name=None)]

    response = broker.request(Metadata(topics=wanted), 12)

    known, unknown = response.topics
    assert (known.name, known.error_code) == ("payments", 0)
    assert (unknown.name, unknown.topic_id, unknown.error_code) == (None, b"\1" * 16, KafkaError.UNKNOWN_TOPIC_ID)


@pytest.mark.parametrize("wanted", [Named(topic_id=b"\1" * 16, name="orders"), Named(name=None)])
@pytest.mark.parametrize("version", [10, 11])
def test_versions_10_and_11_have_the_field_of_the_id_but_may_not_use_it(broker, wanted, version):
    response = broker.request(Metadata(topics=[wanted]), version)

    assert [topic.error_code for topic in response.topics] == [KafkaError.INVALID_REQUEST]


def test_operations_are_told_only_to_those_who_ask(broker):
    silent = metadata(broker, "orders", version=8)
    asked = metadata(
        broker,
        "orders",
        version=8,
        include_topic_authorized_operations=True,
        include_cluster_authorized_operations=True,
    )

    assert silent.topics[0].topic_authorized_operations == silent.cluster_authorized_operations == NOT_ASKED
    assert asked.topics[0].topic_authorized_operations == TOPIC_OPERATIONS == 3576
    assert asked.cluster_authorized_operations == CLUSTER_OPERATIONS == 8096


def test_a_partition_whose_disk_failed_has_no_leader(broker):
    broker.broker.sync_failed(broker.broker.topics.find("orders", 1), OSError(5, "Input/output error"))

    sound, failed = metadata(broker, "orders").topics[0].partitions

    assert (sound.error_code, sound.leader_id) == (0, 1)
    assert (failed.error_code, failed.leader_id) == (KafkaError.LEADER_NOT_AVAILABLE, -1)
    assert failed.offline_replicas == [1]


def test_clients_are_sent_to_the_address_of_the_listener_they_came_by(broker):
    broker.broker.endpoints["OTHER"] = ("other.example", 1234)
    broker.session.listener = "OTHER"

    (node,) = metadata(broker).brokers

    assert (node.host, node.port) == ("other.example", 1234)


class TestDescribeTopicPartitions:
    def page(self, broker: InMemoryBroker, *names: str, limit: int = 2_000, cursor: tuple[str, int] | None = None):
        request = Describe(
            topics=[Describe.TopicRequest(name) for name in names],
            response_partition_limit=limit,
            cursor=None if cursor is None else Describe.Cursor(*cursor),
        )
        response = broker.request(request)
        following = response.next_cursor
        partitions = {topic.name: [part.partition_index for part in topic.partitions] for topic in response.topics}
        return partitions, following and (following.topic_name, following.partition_index)

    def test_topics_come_in_the_order_of_their_names(self, broker):
        assert self.page(broker, "payments", "orders") == ({"orders": [0, 1], "payments": [0]}, None)
        assert self.page(broker) == ({"orders": [0, 1], "payments": [0]}, None)

    def test_a_page_ends_at_the_limit_and_the_next_begins_there(self, broker):
        assert self.page(broker, limit=1) == ({"orders": [0]}, ("orders", 1))
        assert self.page(broker, limit=1, cursor=("orders", 1)) == ({"orders": [1]}, ("payments", 0))
        assert self.page(broker, limit=1, cursor=("payments", 0)) == ({"payments": [0]}, None)

    def test_a_limit_below_one_is_one(self, broker):
        assert self.page(broker, limit=0) == ({"orders": [0]}, ("orders", 1))

    def test_the_brokers_limit_is_the_upper_one(self):
        broker = InMemoryBroker({"max.request.partition.size.limit": "3"})
        create(broker, "wide", 5)

        assert self.page(broker) == ({"wide": [0, 1, 2]}, ("wide", 3))

    def test_a_cursor_on_a_topic_that_is_gone_goes_on_with_the_next_one(self, broker):
        assert self.page(broker, cursor=("other", 5)) == ({"payments": [0]}, None)

    def test_unknown_and_impossible_topics_are_told(self, broker):
        request = Describe(topics=[Describe.TopicRequest("a b"), Describe.TopicRequest("nowhere")])

        response = broker.request(request)

        assert codes(response) == {
            "a b": KafkaError.INVALID_TOPIC_EXCEPTION,
            "nowhere": KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
        }

    def test_a_negative_partition_in_the_cursor_is_an_invalid_request(self, broker):
        request = Describe(topics=[Describe.TopicRequest("orders")], cursor=Describe.Cursor("orders", -1))

        assert codes(broker.request(request)) == {"orders": KafkaError.INVALID_REQUEST}

    def test_no_replica_is_waiting_to_become_eligible(self, broker):
        (topic,) = broker.request(Describe(topics=[Describe.TopicRequest("payments")])).topics

        assert topic.partitions[0].eligible_leader_replicas == topic.partitions[0].last_known_elr == []
        assert topic.topic_authorized_operations == TOPIC_OPERATIONS


class TestDescribeCluster:
    @pytest.mark.parametrize("version", [0, 1, 2])
    def test_the_cluster_is_this_broker(self, broker, version):
        request = messages.DescribeClusterRequest(include_cluster_authorized_operations=True)

        response = broker.request(request, version)

        assert response.cluster_id == broker.broker.cluster_id
        assert [(node.broker_id, node.host, node.port) for node in response.brokers] == [(1, "localhost", 9092)]
        assert response.controller_id == 1
        assert response.cluster_authorized_operations == CLUSTER_OPERATIONS

    @pytest.mark.parametrize(
        ("kind", "error"),
        [(2, KafkaError.MISMATCHED_ENDPOINT_TYPE), (3, KafkaError.UNSUPPORTED_ENDPOINT_TYPE)],
    )
    def test_controllers_are_not_found_at_a_broker(self, broker, kind, error):
        response = broker.request(messages.DescribeClusterRequest(endpoint_type=kind), 1)

        assert response.error_code == error
        assert response.brokers == []
