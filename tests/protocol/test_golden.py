"""Frames and records written down byte by byte, as Apache Kafka's own classes read and write them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from penstock.protocol import messages as m
from penstock.protocol.apis import API, ApiKey
from penstock.protocol.codec import decode_exact, encode
from penstock.protocol.errors import KafkaError
from penstock.protocol.frame import decode_request_header, decode_response, encode_request, encode_response

GOLDEN = Path(__file__).parents[1] / "golden" / "protocol"
TOPIC_ID = bytes(range(1, 17))
BATCH = bytes.fromhex(
    "0000000000000000 0000003e 00000000 02 deadbeef 0000 00000000 0000018bcfe56800 0000018bcfe56800"
    "ffffffffffffffff ffff ffffffff 00000001 18 00 00 00 06 6b6579 0a 76616c7565 00"
)


def golden(name: str) -> bytes:
    return bytes.fromhex(re.sub("#.*", "", (GOLDEN / f"{name}.hex").read_text(encoding="utf-8")))


def produce_request(acks: int, timeout_ms: int) -> Any:
    request = m.ProduceRequest
    topic = request.TopicProduceData("orders", partition_data=[request.PartitionProduceData(1, BATCH)])
    return request(acks=acks, timeout_ms=timeout_ms, topic_data=[topic])


def produce_refusal() -> Any:
    response = m.ProduceResponse
    refusal = response.PartitionProduceResponse(
        index=1,
        error_code=KafkaError.NOT_LEADER_OR_FOLLOWER,
        base_offset=-1,
        current_leader=response.LeaderIdAndEpoch(2, 5),
    )
    topic = response.TopicProduceResponse("orders", partition_responses=[refusal])
    return response(responses=[topic], node_endpoints=[response.NodeEndpoint(2, "host", 9092)])


def fetch_request() -> Any:
    request = m.FetchRequest
    partition = request.FetchPartition(current_leader_epoch=0, fetch_offset=42, partition_max_bytes=1 << 20)
    topic = request.FetchTopic(topic_id=TOPIC_ID, partitions=[partition])
    return request(max_wait_ms=500, min_bytes=1, max_bytes=50 << 20, isolation_level=1, session_epoch=0, topics=[topic])


def fetch_response() -> Any:
    response = m.FetchResponse
    partition = response.PartitionData(1, 0, 43, 43, 0, aborted_transactions=None, records=BATCH)
    topic = response.FetchableTopicResponse(topic_id=TOPIC_ID, partitions=[partition])
    return response(session_id=9, responses=[topic])


VERSIONS = [m.ApiVersionsResponse.ApiVersion(ApiKey.PRODUCE, 0, 13), m.ApiVersionsResponse.ApiVersion(18, 0, 4)]

REQUESTS = {
    "api_versions_request_v0": (18, 0, 1, "rdkafka", m.ApiVersionsRequest()),
    "api_versions_request_v3": (18, 3, 1, "adminclient-1", m.ApiVersionsRequest("apache-kafka-java", "4.3.1")),
    "produce_request_v3": (0, 3, 2, "me", produce_request(1, 1500)),
    "produce_request_v9": (0, 9, 2, "me", produce_request(-1, 30_000)),
    "fetch_request_v17": (1, 17, 3, "me", fetch_request()),
    "metadata_request_v1": (3, 1, 4, None, m.MetadataRequest(topics=None)),
}
RESPONSES = {
    "api_versions_response_v3": (18, 3, 1, m.ApiVersionsResponse(api_keys=VERSIONS)),
    "api_versions_response_v0": (18, 0, 1, m.ApiVersionsResponse(error_code=35, api_keys=VERSIONS[1:])),
    "produce_response_v10": (0, 10, 2, produce_refusal()),
    "fetch_response_v17": (1, 17, 3, fetch_response()),
}
RECORDS = {
    "offset_commit_key": (m.OffsetCommitKey("g", "t", 3), 0),
    "offset_commit_value_v4": (m.OffsetCommitValue(42, 5, "", 1_700_000_000_000), 4),
    "topic_record": (m.TopicRecord("orders", TOPIC_ID), 0),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_has_these_bytes(name):
    key, version, correlation_id, client_id, message = REQUESTS[name]

    data = b"".join(encode_request(key, version, correlation_id, client_id, message))

    assert data == golden(name)
    header, body = decode_request_header(data, 4)
    assert (header.api_key, header.version, header.correlation_id, header.client_id) == REQUESTS[name][:4]
    assert decode_exact(API[key].request, version, data, body) == message


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_has_these_bytes(name):
    key, version, correlation_id, message = RESPONSES[name]

    data = b"".join(encode_response(key, version, correlation_id, message))

    assert data == golden(name)
    assert decode_response(key, version, data[4:]) == (correlation_id, message)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_these_bytes(name):
    message, version = RECORDS[name]

    data = b"".join(encode(message, version))

    assert data == golden(name)
    assert decode_exact(type(message), version, data) == message


def test_every_golden_file_is_tried():
    assert {path.stem for path in GOLDEN.iterdir()} == {*REQUESTS, *RESPONSES, *RECORDS}
