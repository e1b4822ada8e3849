"""Every API in every version that is served: asked for something that is there, and for something that is not."""

from collections.abc import Callable
from typing import Any

import pytest

from penstock.broker.apis.table import SERVED
from penstock.protocol import messages as m
from penstock.protocol.apis import ApiKey
from penstock.testing.broker_in_memory import InMemoryBroker
from tests.broker.calls import batch, create, fetch_request, produce, produce_request

Ask = Callable[[str, bytes, int], Any]


def produced(topic: str, topic_id: bytes, version: int) -> Any:
    request = produce_request((topic, 0, batch()))
    request.topic_data[0].topic_id = topic_id
    return request


def fetched(topic: str, topic_id: bytes, version: int) -> Any:
    request = fetch_request((topic, 0, 0))
    request.topics[0].topic_id = topic_id
    return request


def offsets_committed(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.OffsetCommitRequest
    part = request.OffsetCommitRequestPartition(0, 1, -1, "note")
    return request(group_id="group", topics=[request.OffsetCommitRequestTopic(topic, topic_id, [part])])


def offsets_fetched(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.OffsetFetchRequest
    if version < 8:
        return request(group_id="group", topics=[request.OffsetFetchRequestTopic(topic, [0])])
    wanted = request.OffsetFetchRequestTopics(topic, topic_id, [0])
    return request(groups=[request.OffsetFetchRequestGroup(group_id="group", topics=[wanted])])


def consumer_joined(topic: str, topic_id: bytes, version: int) -> Any:
    return m.ConsumerGroupHeartbeatRequest(
        group_id="consumers",
        member_id="member" if version else "",
        rebalance_timeout_ms=1_000,
        subscribed_topic_names=[topic],
        topic_partitions=[],
    )


def coordinator(topic: str, topic_id: bytes, version: int) -> Any:
    if version < 4:
        return m.FindCoordinatorRequest(key=topic)
    return m.FindCoordinatorRequest(coordinator_keys=[topic])


def left(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.LeaveGroupRequest
    if version < 3:
        return request(group_id=topic, member_id="member")
    return request(group_id=topic, members=[request.MemberIdentity("member")])


def topics_deleted(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.DeleteTopicsRequest
    if version < 6:
        return request(topic_names=[topic], timeout_ms=1)
    return request(topics=[request.DeleteTopicState(name=None, topic_id=topic_id)], timeout_ms=1)


def topics_created(topic: str, topic_id: bytes, version: int) -> Any:
    wanted = m.CreateTopicsRequest.CreatableTopic(name=f"{topic}-more", num_partitions=2, replication_factor=1)
    return m.CreateTopicsRequest(topics=[wanted], timeout_ms=1)


def log_dirs(topic: str, topic_id: bytes, version: int) -> Any:
    return m.DescribeLogDirsRequest(topics=[m.DescribeLogDirsRequest.DescribableLogDirTopic(topic, [0, 9])])


def joined(topic: str, topic_id: bytes, version: int) -> Any:
    protocol = m.JoinGroupRequest.JoinGroupRequestProtocol("range", b"")
    timeouts = {"session_timeout_ms": 10_000, "rebalance_timeout_ms": 10_000}
    return m.JoinGroupRequest(group_id=topic, protocol_type="consumer", protocols=[protocol], **timeouts)


def list_offsets(topic: str, topic_id: bytes, version: int) -> Any:
    parts = [m.ListOffsetsRequest.ListOffsetsPartition(index, -1, -1) for index in (0, 9)]
    return m.ListOffsetsRequest(replica_id=-1, topics=[m.ListOffsetsRequest.ListOffsetsTopic(topic, parts)])


def epochs(topic: str, topic_id: bytes, version: int) -> Any:
    parts = [m.OffsetForLeaderEpochRequest.OffsetForLeaderPartition(index, -1, 0) for index in (0, 9)]
    return m.OffsetForLeaderEpochRequest(
        replica_id=-1, topics=[m.OffsetForLeaderEpochRequest.OffsetForLeaderTopic(topic, parts)]
    )


def records_deleted(topic: str, topic_id: bytes, version: int) -> Any:
    parts = [m.DeleteRecordsRequest.DeleteRecordsPartition(index, 1) for index in (0, 9)]
    return m.DeleteRecordsRequest(topics=[m.DeleteRecordsRequest.DeleteRecordsTopic(topic, parts)], timeout_ms=1)


def offsets_deleted(topic: str, topic_id: bytes, version: int) -> Any:
    part = m.OffsetDeleteRequest.OffsetDeleteRequestPartition(0)
    return m.OffsetDeleteRequest(
        group_id="group", topics=[m.OffsetDeleteRequest.OffsetDeleteRequestTopic(topic, [part])]
    )


def configs_described(topic: str, topic_id: bytes, version: int) -> Any:
    return m.DescribeConfigsRequest(resources=[m.DescribeConfigsRequest.DescribeConfigsResource(2, topic, None)])


def configs_altered(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.AlterConfigsRequest
    config = request.AlterableConfig("retention.ms", "5")
    return request(resources=[request.AlterConfigsResource(2, topic, [config])])


def configs_altered_incrementally(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.IncrementalAlterConfigsRequest
    config = request.AlterableConfig("retention.ms", 0, "5")
    return request(resources=[request.AlterConfigsResource(2, topic, [config])])


def partitions_created(topic: str, topic_id: bytes, version: int) -> Any:
    wanted = m.CreatePartitionsRequest.CreatePartitionsTopic(topic, 3, None)
    return m.CreatePartitionsRequest(topics=[wanted], timeout_ms=1)


def markers_written(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.WriteTxnMarkersRequest
    topics = [request.WritableTxnMarkerTopic(topic, [0, 9])]
    return request(markers=[request.WritableTxnMarker(5, 0, True, topics, 0, min(version, 2) - 1)])


def partitions_added(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.AddPartitionsToTxnRequest
    topics = [request.AddPartitionsToTxnTopic(topic, [0])]
    if version < 4:
        return request(v3_and_below_transactional_id="tx", v3_and_below_producer_id=0, v3_and_below_topics=topics)
    return request(transactions=[request.AddPartitionsToTxnTransaction("tx", 0, 0, False, topics)])


def offsets_committed_in_transaction(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.TxnOffsetCommitRequest
    part = request.TxnOffsetCommitRequestPartition(0, 1, -1, "note")
    return request("tx", topic, 0, 0, topics=[request.TxnOffsetCommitRequestTopic(topic, [part])])


def share_heartbeat(topic: str, topic_id: bytes, version: int) -> Any:
    return m.ShareGroupHeartbeatRequest(
        group_id=f"share-{topic}", member_id="member", member_epoch=0, subscribed_topic_names=[topic]
    )


def streams_heartbeat(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.StreamsGroupHeartbeatRequest
    topology = request.Topology(0, [request.Subtopology("0", [topic], [], [], [], [], [])])
    tasks: dict[str, Any] = {"active_tasks": [], "standby_tasks": [], "warmup_tasks": []}
    said = {"group_id": f"streams-{topic}", "member_id": "member", "process_id": "process", "topology": topology}
    return request(rebalance_timeout_ms=1_000, **said, **tasks)


def share_fetched(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.ShareFetchRequest
    parts = [request.FetchPartition(0, [])]
    limits = {"max_wait_ms": 0, "min_bytes": 1, "max_records": 10, "batch_size": 10}
    return request("share", "member", 0, topics=[request.FetchTopic(topic_id, parts)], **limits)


def share_acknowledged(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.ShareAcknowledgeRequest
    part = request.AcknowledgePartition(0, [request.AcknowledgementBatch(0, 0, [1])])
    return request("share", "member", 1, topics=[request.AcknowledgeTopic(topic_id, [part])])


def share_offsets_described(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.DescribeShareGroupOffsetsRequest
    wanted = [request.DescribeShareGroupOffsetsRequestTopic(topic, [0, 9])]
    return request(groups=[request.DescribeShareGroupOffsetsRequestGroup("share", wanted)])


def share_offsets_altered(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.AlterShareGroupOffsetsRequest
    parts = [request.AlterShareGroupOffsetsRequestPartition(index, 1) for index in (0, 9)]
    return request("share", [request.AlterShareGroupOffsetsRequestTopic(topic, parts)])


def share_offsets_deleted(topic: str, topic_id: bytes, version: int) -> Any:
    request = m.DeleteShareGroupOffsetsRequest
    return request("share", [request.DeleteShareGroupOffsetsRequestTopic(topic)])


def share_state(name: str, topic_class: str, **fields: Any) -> Ask:
    """A request about the state of a share partition."""

    def ask(topic: str, topic_id: bytes, version: int) -> Any:
        request = getattr(m, name)
        part = request.PartitionData(partition=0, **fields)
        return request(group_id="share", topics=[getattr(request, topic_class)(topic_id, [part])])

    return ask


ASKED: dict[ApiKey, Ask] = {
    ApiKey.PRODUCE: produced,
    ApiKey.FETCH: fetched,
    ApiKey.LIST_OFFSETS: list_offsets,
    ApiKey.METADATA: lambda topic, _, version: m.MetadataRequest(
        topics=[m.MetadataRequest.MetadataRequestTopic(name=topic)], allow_auto_topic_creation=version < 4
    ),
    ApiKey.OFFSET_COMMIT: offsets_committed,
    ApiKey.OFFSET_FETCH: offsets_fetched,
    ApiKey.FIND_COORDINATOR: coordinator,
    ApiKey.JOIN_GROUP: joined,
    ApiKey.HEARTBEAT: lambda topic, *_: m.HeartbeatRequest(group_id=topic, member_id="member"),
    ApiKey.LEAVE_GROUP: left,
    ApiKey.SYNC_GROUP: lambda topic, *_: m.SyncGroupRequest(group_id=topic, member_id="member"),
    ApiKey.DESCRIBE_GROUPS: lambda topic, *_: m.DescribeGroupsRequest(groups=["group", topic]),
    ApiKey.LIST_GROUPS: lambda *_: m.ListGroupsRequest(),
    ApiKey.API_VERSIONS: lambda *_: m.ApiVersionsRequest(client_software_name="a", client_software_version="1"),
    ApiKey.CREATE_TOPICS: topics_created,
    ApiKey.DELETE_TOPICS: topics_deleted,
    ApiKey.DELETE_RECORDS: records_deleted,
    ApiKey.INIT_PRODUCER_ID: lambda *_: m.InitProducerIdRequest(transactional_id=None),
    ApiKey.ADD_PARTITIONS_TO_TXN: partitions_added,
    ApiKey.ADD_OFFSETS_TO_TXN: lambda topic, *_: m.AddOffsetsToTxnRequest("tx", 0, 0, topic),
    ApiKey.END_TXN: lambda *_: m.EndTxnRequest("tx", 0, 0, True),
    ApiKey.TXN_OFFSET_COMMIT: offsets_committed_in_transaction,
    ApiKey.DESCRIBE_TRANSACTIONS: lambda topic, *_: m.DescribeTransactionsRequest(["tx", topic]),
    ApiKey.LIST_TRANSACTIONS: lambda *_: m.ListTransactionsRequest(),
    ApiKey.OFFSET_FOR_LEADER_EPOCH: epochs,
    ApiKey.WRITE_TXN_MARKERS: markers_written,
    ApiKey.DESCRIBE_CONFIGS: configs_described,
    ApiKey.ALTER_CONFIGS: configs_altered,
    ApiKey.DESCRIBE_LOG_DIRS: log_dirs,
    ApiKey.CREATE_PARTITIONS: partitions_created,
    ApiKey.DELETE_GROUPS: lambda topic, *_: m.DeleteGroupsRequest(groups_names=["group", topic]),
    ApiKey.INCREMENTAL_ALTER_CONFIGS: configs_altered_incrementally,
    ApiKey.OFFSET_DELETE: offsets_deleted,
    ApiKey.DESCRIBE_CLUSTER: lambda *_: m.DescribeClusterRequest(),
    ApiKey.DESCRIBE_PRODUCERS: lambda topic, *_: m.DescribeProducersRequest(
        topics=[m.DescribeProducersRequest.TopicRequest(topic, [0, 9])]
    ),
    ApiKey.LIST_CONFIG_RESOURCES: lambda *_: m.ListConfigResourcesRequest(),
    ApiKey.CONSUMER_GROUP_HEARTBEAT: consumer_joined,
    ApiKey.CONSUMER_GROUP_DESCRIBE: lambda topic, *_: m.ConsumerGroupDescribeRequest(group_ids=["group", topic]),
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: lambda topic, *_: m.DescribeTopicPartitionsRequest(
        topics=[m.DescribeTopicPartitionsRequest.TopicRequest(topic)]
    ),
    ApiKey.SHARE_GROUP_HEARTBEAT: share_heartbeat,
    ApiKey.SHARE_GROUP_DESCRIBE: lambda topic, *_: m.ShareGroupDescribeRequest(group_ids=["share", topic]),
    ApiKey.SHARE_FETCH: share_fetched,
    ApiKey.SHARE_ACKNOWLEDGE: share_acknowledged,
    ApiKey.INITIALIZE_SHARE_GROUP_STATE: share_state(
        "InitializeShareGroupStateRequest", "InitializeStateData", state_epoch=9, start_offset=1
    ),
    ApiKey.READ_SHARE_GROUP_STATE: share_state("ReadShareGroupStateRequest", "ReadStateData", leader_epoch=0),
    ApiKey.WRITE_SHARE_GROUP_STATE: share_state(
        "WriteShareGroupStateRequest", "WriteStateData", state_epoch=9, leader_epoch=0, start_offset=1
    ),
    ApiKey.DELETE_SHARE_GROUP_STATE: share_state("DeleteShareGroupStateRequest", "DeleteStateData"),
    ApiKey.READ_SHARE_GROUP_STATE_SUMMARY: share_state(
        "ReadShareGroupStateSummaryRequest", "ReadStateSummaryData", leader_epoch=0
    ),
    ApiKey.STREAMS_GROUP_HEARTBEAT: streams_heartbeat,
    ApiKey.STREAMS_GROUP_DESCRIBE: lambda topic, *_: m.StreamsGroupDescribeRequest(group_ids=["group", topic]),
    ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS: share_offsets_described,
    ApiKey.ALTER_SHARE_GROUP_OFFSETS: share_offsets_altered,
    ApiKey.DELETE_SHARE_GROUP_OFFSETS: share_offsets_deleted,
}

# Asked by a member that is made up, or that has to come again with its name, or about a group of another kind: an
# error in any case.
ABOUT_MEMBERS = {
    ApiKey.CONSUMER_GROUP_DESCRIBE,
    ApiKey.STREAMS_GROUP_DESCRIBE,
    ApiKey.HEARTBEAT,
    ApiKey.SYNC_GROUP,
    ApiKey.LEAVE_GROUP,
    ApiKey.JOIN_GROUP,
    ApiKey.SHARE_ACKNOWLEDGE,
}

VERSIONS = [(key, version) for key, served in SERVED.items() for version in range(served.min, served.max + 1)]


@pytest.fixture
def broker() -> InMemoryBroker:
    """With a topic that has a record, a group that committed an offset, and a transaction with both of their topics."""
    broker = InMemoryBroker({"offsets.topic.num.partitions": "2", "transaction.state.log.num.partitions": "2"})
    create(broker, "orders")
    produce(broker, batch())
    broker.request(offsets_committed("orders", bytes(16), 9), 9)
    broker.request(m.FindCoordinatorRequest(coordinator_keys=["tx"], key_type=1))
    broker.request(m.InitProducerIdRequest("tx", 60_000))
    broker.request(partitions_added("orders", bytes(16), 3), 3)
    broker.request(m.AddOffsetsToTxnRequest("tx", 0, 0, "orders"))
    alter = m.AlterShareGroupOffsetsRequest
    part = alter.AlterShareGroupOffsetsRequestPartition(0, 0)
    broker.request(alter("share", [alter.AlterShareGroupOffsetsRequestTopic("orders", [part])]))
    return broker


def codes_in(message: Any) -> list[int]:
    """Every error code in a response, wherever it is."""
    found = []
    for name in message.__slots__:
        value = getattr(message, name)
        if name == "error_code":
            found.append(value)
        elif isinstance(value, list):
            for item in value:
                if hasattr(item, "__slots__") and hasattr(item, "STRUCT"):
                    found += codes_in(item)
    return found


def test_no_api_is_left_out():
    assert set(ASKED) == set(SERVED)


@pytest.mark.parametrize(("key", "version"), VERSIONS, ids=lambda value: getattr(value, "name", str(value)))
def test_a_request_for_what_is_there_is_answered(broker, key, version):
    request = ASKED[key]("orders", broker.broker.topics.id_of("orders"), version)

    response = broker.request(request, version)

    codes = codes_in(response)
    assert 0 in codes or not codes or key in ABOUT_MEMBERS


@pytest.mark.parametrize(("key", "version"), VERSIONS, ids=lambda value: getattr(value, "name", str(value)))
def test_a_request_for_what_is_not_there_is_answered_too(broker, key, version):
    request = ASKED[key]("nowhere", b"\7" * 16, version)

    response = broker.request(request, version)

    assert response is not None
    assert -1 not in codes_in(response)
