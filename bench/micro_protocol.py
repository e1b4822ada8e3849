"""Nanoseconds to decode and to encode the messages that travel most; the best of several rounds.

Run: python bench/micro_protocol.py
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from penstock.protocol import frame, messages
from penstock.protocol.apis import ApiKey
from penstock.protocol.codec import decoder, encode, encoder

TOPIC_ID = bytes(range(16))
BATCH = bytes(100)


def produce_request() -> Any:
    request = messages.ProduceRequest
    partition = request.PartitionProduceData(index=3, records=BATCH)
    topic = request.TopicProduceData(name="orders", topic_id=TOPIC_ID, partition_data=[partition])
    return request(acks=-1, timeout_ms=30_000, topic_data=[topic])


def produce_response() -> Any:
    response = messages.ProduceResponse
    partition = response.PartitionProduceResponse(index=3, base_offset=7, log_start_offset=0)
    topic = response.TopicProduceResponse(name="orders", topic_id=TOPIC_ID, partition_responses=[partition])
    return response(responses=[topic])


def fetch_request() -> Any:
    request = messages.FetchRequest
    partition = request.FetchPartition(partition=3, fetch_offset=7, partition_max_bytes=1 << 20)
    topic = request.FetchTopic(topic_id=TOPIC_ID, partitions=[partition])
    return request(max_wait_ms=500, min_bytes=1, topics=[topic])


def fetch_response() -> Any:
    response = messages.FetchResponse
    partition = response.PartitionData(partition_index=3, high_watermark=7, last_stable_offset=7, records=BATCH)
    topic = response.FetchableTopicResponse(topic_id=TOPIC_ID, partitions=[partition])
    return response(responses=[topic])


def metadata_response() -> Any:
    response = messages.MetadataResponse
    nodes = [1]
    topics = [
        response.MetadataResponseTopic(
            name=f"topic-{number}",
            topic_id=TOPIC_ID,
            partitions=[response.MetadataResponsePartition(leader_id=1, replica_nodes=nodes, isr_nodes=nodes)],
        )
        for number in range(100)
    ]
    broker = response.MetadataResponseBroker(node_id=1, host="localhost", port=9092)
    return response(brokers=[broker], cluster_id="bench", controller_id=1, topics=topics)


def nanoseconds(work: Callable[[], object]) -> float:
    """Processor time of one call, the best of 40 rounds of about 5 ms each."""
    timer = timeit.Timer(work, timer=time.process_time)
    rounds = max(1, int(0.005 / max(timer.timeit(20) / 20, 1e-7)))
    return min(timer.repeat(40, rounds)) / rounds * 1e9


def message_rows() -> Iterator[tuple[str, float]]:
    cases = [
        (produce_request(), (11, 13)),
        (produce_response(), (11, 13)),
        (fetch_request(), (12, 17)),
        (fetch_response(), (12, 17)),
        (metadata_response(), (12,)),
    ]
    for message, versions in cases:
        cls: Any = type(message)
        for version in versions:
            view = memoryview(bytearray(b"".join(encode(message, version))))
            decode, write = decoder(cls, version), encoder(cls, version)
            yield f"{cls.__name__} v{version} decode", nanoseconds(partial(decode, view, 0))
            yield f"{cls.__name__} v{version} encode", nanoseconds(partial(write, message))


def frame_rows() -> Iterator[tuple[str, float]]:
    request = memoryview(bytearray(b"".join(frame.encode_request(0, 13, 1, "bench", produce_request()))))[4:]
    response = produce_response()
    yield "request header decode", nanoseconds(partial(frame.decode_request_header, request))
    yield (
        "ProduceResponse v13 encode with its frame",
        nanoseconds(partial(frame.encode_response, int(ApiKey.PRODUCE), 13, 1, response)),
    )


def main() -> None:
    for name, cost in (*message_rows(), *frame_rows()):
        print(f"{name:44} {cost:10,.0f} ns")


if __name__ == "__main__":
    main()
