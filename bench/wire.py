"""The requests of a replay, encoded once before the clock starts, and what a good reply to each looks like."""

import os
import socket
import time
from dataclasses import dataclass
from struct import Struct
from typing import Any

from penstock.protocol import messages
from penstock.protocol.apis import ApiKey
from penstock.protocol.errors import KafkaError
from penstock.protocol.frame import decode_response, encode_request
from penstock.records.batch import build, read_header
from penstock.records.record import Record

CLIENT_ID = "bench"
# The newest versions that name topics instead of giving their ids, so that requests can be encoded unseen.
PRODUCE_VERSION = 12
FETCH_VERSION = 12
LIST_OFFSETS_VERSION = 7
INIT_PRODUCER_VERSION = 5
FIND_COORDINATOR_VERSION = 6
METADATA_VERSION = 12
API_VERSIONS_VERSION = 3
COORDINATOR_SECONDS_MAX = 60
# What a coordinator that is about to serve answers.
NOT_YET = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.CONCURRENT_TRANSACTIONS,
)
TIMESTAMP_MS = 1_760_000_000_000

SIZE = Struct(">I")
# 4 bytes of size, 4 of correlation id, an empty set of tagged fields: where the body of a flexible reply begins.
_BODY_AT = 9


class ReplyError(RuntimeError):
    """A reply is not what the request asks for; such a round is worth nothing."""


@dataclass(frozen=True)
class Stream:
    """Requests of one size, one after another, to be sent round and round; correlation ids count from 0.

    error_at: first byte of the partition's error code in every reply; payload: bytes of batch moved by one request;
    reply_size_min: a smaller reply cannot hold what was asked for.
    """

    requests: bytes
    count: int
    error_at: int
    payload: int
    reply_size_min: int
    api_key: int
    version: int

    @property
    def request_size(self) -> int:
        return len(self.requests) // self.count


def batch_of(size: int, value_size: int) -> bytes:
    """One uncompressed batch of exactly `size` bytes; its records have random values of `value_size`, one the rest."""
    for count in range(size // value_size, 0, -1):
        others = [Record(None, os.urandom(value_size), timestamp_ms=TIMESTAMP_MS) for _ in range(count - 1)]
        rest = size - len(build([*others, Record(None, b"", timestamp_ms=TIMESTAMP_MS)]))
        # A longer value has longer varints before it: up to four bytes more for each of its two lengths.
        for last in range(max(0, rest - 8), rest + 1):
            batch = build([*others, Record(None, os.urandom(last), timestamp_ms=TIMESTAMP_MS)])
            if len(batch) == size:
                return bytes(batch)
    raise ValueError(f"no batch of {size} bytes has values of about {value_size} bytes")


def one_record_batch(value_size: int) -> bytes:
    """A batch of a single record."""
    return bytes(build([Record(None, os.urandom(value_size), timestamp_ms=TIMESTAMP_MS)]))


def records_in(batch: bytes) -> int:
    """How many offsets the batch takes."""
    return read_header(batch).record_count


def produce_stream(topic: str, partitions: list[int], batch: bytes, acks: int, repeat: int = 1) -> Stream:
    """One request for each partition in turn, `repeat` times over."""
    turns = partitions * repeat
    requests = [_produce_request(topic, partition, batch, acks, id_) for id_, partition in enumerate(turns)]
    # responses [1]: name, partition_responses [1]: index int32, error code
    error_at = _BODY_AT + 1 + 1 + len(topic) + 1 + 4
    return _stream(requests, error_at, len(batch), error_at, ApiKey.PRODUCE, PRODUCE_VERSION)


def fetch_stream(
    topic: str, partitions: list[int], first: int, step: int, batches: int, batch_size: int, isolation: int = 0
) -> Stream:
    """One request for each batch of each partition, in the order of offsets; every reply holds one batch.

    first: offset of the first batch; step: records in a batch; batches: how many there are in each partition.
    isolation: 1 for read_committed, whose replies may differ in size by the aborted transactions they list.
    """
    places = [(partition, first + step * number) for number in range(batches) for partition in partitions]
    requests = [
        _fetch_request(topic, partition, offset, batch_size, isolation, id_)
        for id_, (partition, offset) in enumerate(places)
    ]
    # throttle int32, error int16, session int32, responses [1]: name, partitions [1]: index int32, error code
    error_at = _BODY_AT + 4 + 2 + 4 + 1 + 1 + len(topic) + 1 + 4
    return _stream(requests, error_at, batch_size, batch_size, ApiKey.FETCH, FETCH_VERSION)


def ask(sock: socket.socket, api_key: int, version: int, message: Any) -> Any:
    """One request and its reply, with nothing else in flight."""
    sock.sendall(b"".join(map(bytes, encode_request(api_key, version, 0, CLIENT_ID, message))))
    (size,) = SIZE.unpack(receive(sock, SIZE.size))
    return decode_response(api_key, version, receive(sock, size))[1]


def connect(port: int, seconds_max: float = 30) -> socket.socket:
    """A connection to a server of this machine that sends each request at once."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=seconds_max)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def init_producer(sock: socket.socket, transactional_id: str | None = None) -> tuple[int, int]:
    """Producer id and epoch; waits until the coordinator serves. Error: ReplyError."""
    request = messages.InitProducerIdRequest(transactional_id=transactional_id, transaction_timeout_ms=60_000)
    deadline = time.monotonic() + COORDINATOR_SECONDS_MAX
    while True:
        reply = ask(sock, ApiKey.INIT_PRODUCER_ID, INIT_PRODUCER_VERSION, request)
        if not reply.error_code:
            return reply.producer_id, reply.producer_epoch
        if reply.error_code not in NOT_YET or time.monotonic() > deadline:
            raise ReplyError(f"InitProducerId of {transactional_id}: {KafkaError(reply.error_code).name}")
        time.sleep(0.05)


def find_coordinator(sock: socket.socket, key: str, kind: int) -> None:
    """Returns when there is a coordinator (kind 0 of a group, 1 of a transactional id). Error: ReplyError."""
    request = messages.FindCoordinatorRequest(key_type=kind, coordinator_keys=[key])
    deadline = time.monotonic() + COORDINATOR_SECONDS_MAX
    while True:
        (found,) = ask(sock, ApiKey.FIND_COORDINATOR, FIND_COORDINATOR_VERSION, request).coordinators
        if not found.error_code:
            return
        if found.error_code not in NOT_YET or time.monotonic() > deadline:
            raise ReplyError(f"FindCoordinator of {key}: {KafkaError(found.error_code).name}")
        time.sleep(0.05)


def topic_id(sock: socket.socket, name: str) -> bytes:
    """The topic's uuid, 16 bytes. Error: ReplyError."""
    request = messages.MetadataRequest
    wanted = request(topics=[request.MetadataRequestTopic(name=name)], allow_auto_topic_creation=False)
    (topic,) = ask(sock, ApiKey.METADATA, METADATA_VERSION, wanted).topics
    if topic.error_code:
        raise ReplyError(f"Metadata of {name}: {KafkaError(topic.error_code).name}")
    return bytes(topic.topic_id)


def serves(sock: socket.socket, api_key: int) -> bool:
    """Whether the server says that it serves the API."""
    reply = ask(sock, ApiKey.API_VERSIONS, API_VERSIONS_VERSION, messages.ApiVersionsRequest(CLIENT_ID, "1"))
    return any(api.api_key == api_key for api in reply.api_keys)


def end_offsets(sock: socket.socket, topic: str, partitions: int, isolation: int) -> list[int]:
    """The end of each partition; for isolation 1 the last stable offset. Error: ReplyError."""
    request = messages.ListOffsetsRequest
    wanted = request.ListOffsetsTopic(
        name=topic,
        partitions=[
            request.ListOffsetsPartition(partition_index=index, current_leader_epoch=-1, timestamp=-1)
            for index in range(partitions)
        ],
    )
    message = request(replica_id=-1, isolation_level=isolation, topics=[wanted])
    (found,) = ask(sock, ApiKey.LIST_OFFSETS, LIST_OFFSETS_VERSION, message).topics
    if any(partition.error_code for partition in found.partitions):
        raise ReplyError(f"ListOffsets of {topic}: {str(found)[:500]}")
    return [partition.offset for partition in sorted(found.partitions, key=lambda partition: partition.partition_index)]


def unready(sock: socket.socket, topics: dict[str, int]) -> int:
    """How many partitions (topics: name and number of them) do not serve yet: known to metadata is not enough."""
    request = messages.ListOffsetsRequest
    wanted = [
        request.ListOffsetsTopic(
            name=name,
            partitions=[
                request.ListOffsetsPartition(partition_index=index, current_leader_epoch=-1, timestamp=-1)
                for index in range(count)
            ],
        )
        for name, count in topics.items()
    ]
    reply = ask(sock, ApiKey.LIST_OFFSETS, LIST_OFFSETS_VERSION, request(replica_id=-1, topics=wanted))
    return sum(1 for topic in reply.topics for partition in topic.partitions if partition.error_code)


def receive(sock: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes. Error: ReplyError when the server hangs up before."""
    parts = bytearray()
    while len(parts) < size:
        part = sock.recv(size - len(parts))
        if not part:
            raise ReplyError(f"the server hung up after {len(parts)} of {size} bytes")
        parts += part
    return bytes(parts)


def _produce_request(topic: str, partition: int, batch: bytes, acks: int, id_: int) -> bytes:
    request = messages.ProduceRequest
    topic_data = request.TopicProduceData(
        name=topic, partition_data=[request.PartitionProduceData(index=partition, records=batch)]
    )
    message = request(acks=acks, timeout_ms=30_000, topic_data=[topic_data])
    return b"".join(map(bytes, encode_request(ApiKey.PRODUCE, PRODUCE_VERSION, id_, CLIENT_ID, message)))


def _fetch_request(topic: str, partition: int, offset: int, size: int, isolation: int, id_: int) -> bytes:
    request = messages.FetchRequest
    wanted = request.FetchPartition(
        partition=partition,
        current_leader_epoch=-1,
        fetch_offset=offset,
        last_fetched_epoch=-1,
        log_start_offset=-1,
        partition_max_bytes=size,
    )
    message = request(
        replica_id=-1,
        max_wait_ms=500,
        min_bytes=1,
        max_bytes=size,
        isolation_level=isolation,
        session_id=0,
        session_epoch=-1,
        topics=[request.FetchTopic(topic=topic, partitions=[wanted])],
    )
    return b"".join(map(bytes, encode_request(ApiKey.FETCH, FETCH_VERSION, id_, CLIENT_ID, message)))


def _stream(
    requests: list[bytes], error_at: int, payload: int, reply_size_min: int, api_key: int, version: int
) -> Stream:
    sizes = {len(request) for request in requests}
    if len(sizes) != 1:
        raise ValueError(f"requests of {sorted(sizes)} bytes: a stream needs them all of one size")
    return Stream(b"".join(requests), len(requests), error_at, payload, reply_size_min, api_key, version)
