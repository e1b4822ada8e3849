"""The load generator against a server of a few lines: what it counts, measures and refuses."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from os import getpid
from struct import Struct

import pytest
from bench.load import Load
from bench.sequences import SEQUENCE_MAX, Checksums, stamp
from hypothesis import given
from hypothesis import strategies as st

from bench import load, wire
from penstock.protocol import messages
from penstock.protocol.apis import ApiKey
from penstock.protocol.codec import decode
from penstock.protocol.frame import decode_request_header, encode_response
from penstock.records.batch import check, read_header

Reply = Callable[[int, int, int], bytes]
SIZE = Struct(">I")


def answer(api_key: int, version: int, id_: int, error: int = 0) -> bytes:
    """What a broker answers to the requests of these tests, in one partition of topic `t`."""
    if api_key == ApiKey.INIT_PRODUCER_ID:
        message = messages.InitProducerIdResponse(error_code=error, producer_id=4711, producer_epoch=0)
    elif api_key == ApiKey.PRODUCE:
        response = messages.ProduceResponse
        partition = response.PartitionProduceResponse(index=0, error_code=error)
        topic = response.TopicProduceResponse(name="t", partition_responses=[partition])
        message = response(responses=[topic])
    else:
        response = messages.FetchResponse
        partition = response.PartitionData(
            partition_index=0, error_code=error, records=bytes(400), aborted_transactions=[]
        )
        message = response(responses=[response.FetchableTopicResponse(topic="t", partitions=[partition])])
    return b"".join(map(bytes, encode_response(api_key, version, id_, message)))


def committed(version: int, id_: int, aborted: int, size: int, error: int = 0) -> bytes:
    """A read_committed reply of topic `t` with `size` bytes of records and so many aborted transactions."""
    response = messages.FetchResponse
    listed = [response.AbortedTransaction(producer_id=number, first_offset=number) for number in range(aborted)]
    partition = response.PartitionData(
        partition_index=0, error_code=error, records=bytes(size), aborted_transactions=listed
    )
    message = response(responses=[response.FetchableTopicResponse(topic="t", partitions=[partition])])
    return b"".join(map(bytes, encode_response(ApiKey.FETCH, version, id_, message)))


def lengthened(reply: bytes) -> bytes:
    """A reply of one byte more, and it says so."""
    return SIZE.pack(len(reply) - SIZE.size + 1) + reply[SIZE.size :] + b"!"


@contextmanager
def broker(reply: Reply = answer) -> Iterator[tuple[int, list[bytes]]]:
    """Its port, and the frames it got; ends when the generator hangs up."""
    got: list[bytes] = []

    def serve(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A generator that refuses a reply hangs up in the middle.
        with suppress(OSError), sock, sock.makefile("rb") as stream:
            while prefix := stream.read(SIZE.size):
                frame = stream.read(SIZE.unpack(prefix)[0])
                header, _ = decode_request_header(frame, 0)
                got.append(frame)
                sock.sendall(reply(header.api_key, header.version, header.correlation_id))

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1], got


def produce(port: int) -> Load:
    return Load("produce", port, getpid(), "t", in_flight=8, value_size=100, requests_max=500, seconds_max=20)


def test_as_many_requests_are_sent_and_counted_as_asked_for() -> None:
    with broker() as (port, got):
        result = load.run(produce(port))

    assert len(got) == 500
    # The first one, whose reply is read closely, is not measured.
    assert result["requests"] == 499
    assert result["bytes"] == 499 * 170
    assert 0 < result["latency_ms"]["p50"] <= result["latency_ms"]["p99"] <= result["latency_ms"]["max"]


def test_one_request_at_a_time_is_enough() -> None:
    with broker() as (port, got):
        result = load.run(replace(produce(port), connections=3, in_flight=1, requests_max=30))

    assert len(got) == 30
    # A tenth of them is the warm-up, which the first ones of the connections are part of.
    assert result["requests"] == 27


def test_requests_are_shared_by_all_connections() -> None:
    with broker() as (port, got):
        result = load.run(replace(produce(port), connections=4))

    assert len(got) == 500
    assert result["requests"] == 496


def test_a_paced_round_keeps_its_rate() -> None:
    with broker() as (port, _):
        result = load.run(replace(produce(port), requests_max=101, rate=200, connections=2))

    assert result["requests"] in (98, 99)
    assert result["seconds"] == pytest.approx(0.5, abs=0.25)
    assert result["generator_lag_ms"]["p50"] < 100


def test_latency_counts_from_the_intended_time() -> None:
    """A server that stalls once delays all that should have been sent meanwhile, and each of them says so."""
    stall = threading.Event()

    def slow(api_key: int, version: int, id_: int) -> bytes:
        if id_ == 5:
            stall.wait(0.3)
        return answer(api_key, version, id_)

    with broker(slow) as (port, _):
        result = load.run(replace(produce(port), requests_max=60, rate=200, in_flight=8))

    assert result["latency_ms"]["max"] > 250
    assert result["latency_ms"]["p50"] > 20


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (lambda key, version, id_: answer(key, version, id_, error=3 if id_ == 5 else 0), "error code"),
        (lambda key, version, id_: answer(key, version, 0), "correlation id"),
        (
            lambda key, version, id_: lengthened(answer(key, version, id_)) if id_ == 5 else answer(key, version, id_),
            "not of",
        ),
        (lambda key, version, id_: answer(key, version, id_, error=3), "first reply"),
    ],
)
def test_a_reply_that_is_not_right_ends_the_round(bad: Reply, why: str) -> None:
    with broker(bad) as (port, _), pytest.raises(wire.ReplyError, match=why):
        load.run(produce(port))


def test_a_round_that_ends_in_its_warm_up_is_not_a_result() -> None:
    with broker() as (port, _), pytest.raises(wire.ReplyError, match="in its warm-up"):
        load.run(replace(produce(port), requests_max=1 << 30, seconds_max=0.1, seconds_skipped=10))


def test_a_fetch_asks_for_each_batch_in_turn() -> None:
    fetch = Load("fetch", 0, getpid(), "t", in_flight=4, batch_size=400, value_size=100, batches=5, requests_max=12)

    with broker() as (port, got):
        result = load.run(replace(fetch, port=port))

    offsets = []
    for frame in got:
        header, pos = decode_request_header(frame, 0)
        request, _ = decode(messages.FetchRequest, header.version, frame, pos)
        offsets.append(request.topics[0].partitions[0].fetch_offset)
    step = wire.records_in(wire.batch_of(400, 100))
    assert offsets == [step * (number % 5) for number in range(12)]
    assert result["bytes"] == 11 * 400


def test_idempotent_producers_number_the_batches_of_each_partition() -> None:
    idempotent = Load("produce", 0, getpid(), "t", in_flight=8, value_size=100, requests_max=100, idempotent=True)

    with broker() as (port, got):
        result = load.run(replace(idempotent, port=port))

    batches = []
    for frame in got:
        header, pos = decode_request_header(frame, 0)
        if header.api_key == ApiKey.PRODUCE:
            request, _ = decode(messages.ProduceRequest, header.version, frame, pos)
            batches.append(check(request.topic_data[0].partition_data[0].records, 1 << 20))
    # The first one is not measured.
    assert result["requests"] == 99
    # `check` knows the CRC, so these are headers of undamaged batches.
    assert [(batch.producer_id, batch.base_sequence) for batch in batches] == [(4711, number) for number in range(100)]


@given(st.integers(0, SEQUENCE_MAX), st.integers(0, 1 << 40))
def test_the_checksum_of_a_sequence_is_that_of_the_whole_batch(sequence: int, producer_id: int) -> None:
    plain = wire.one_record_batch(10)
    checksums = Checksums(plain)

    zero, whole = stamp(plain, producer_id, 3), stamp(plain, producer_id, 3, sequence)

    effect = checksums.low[sequence & 0xFFFF] ^ checksums.high[sequence >> 16]
    assert read_header(zero).crc ^ effect == read_header(whole).crc


def transactional(port: int) -> Load:
    """Two transactions of one batch to a request, 12 of them."""
    return Load(
        "fetch",
        port,
        getpid(),
        "t",
        in_flight=4,
        batch_size=400,
        value_size=100,
        batches=5,
        requests_max=12,
        transactions=2,
        isolation=1,
    )


ENOUGH = 2 * (400 + load.MARKER_SIZE)


def test_replies_that_list_aborted_transactions_may_differ_in_size() -> None:
    def reply(api_key: int, version: int, id_: int) -> bytes:
        return committed(version, id_, aborted=id_ % 3, size=ENOUGH)

    with broker(reply) as (port, got):
        result = load.run(transactional(port))

    places = []
    for frame in got:
        header, pos = decode_request_header(frame, 0)
        request, _ = decode(messages.FetchRequest, header.version, frame, pos)
        places.append((request.isolation_level, request.topics[0].partitions[0].fetch_offset))
    step = 2 * (wire.records_in(wire.batch_of(400, 100)) + 1)
    assert places == [(1, step * (number % 5)) for number in range(12)]
    assert result["bytes"] == 11 * ENOUGH


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (lambda version, id_: committed(version, id_, 0, ENOUGH, error=3 if id_ == 4 else 0), "error code 3"),
        (lambda version, id_: committed(version, id_, 0, ENOUGH if id_ != 4 else 100), "or more"),
        (lambda version, id_: committed(version, 0, 0, ENOUGH), "correlation id"),
    ],
)
def test_a_reply_about_transactions_that_is_not_right_ends_the_round(
    bad: Callable[[int, int], bytes], why: str
) -> None:
    with (
        broker(lambda key, version, id_: bad(version, id_)) as (port, _),
        pytest.raises(wire.ReplyError, match=why),
    ):
        load.run(transactional(port))


@pytest.mark.parametrize("size", [16 << 10, 64 << 10, 1 << 20])
def test_a_batch_has_exactly_the_size_asked_for(size: int) -> None:
    batch = wire.batch_of(size, 1024)

    assert len(batch) == size
    assert check(batch, size) == read_header(batch)
