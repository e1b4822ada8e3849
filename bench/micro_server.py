"""What one request costs: pipelined Produce and Fetch through a real socket, in requests a second and CPU time.

    python bench/micro_server.py [--seconds 3] [--repeat 3] [--only NAME]

The load generator sends frames made beforehand and counts bytes, so that it needs a fraction of the CPU that the
broker needs. Each line is the best of --repeat runs: other load on the machine only ever makes a run worse.
"""

import argparse
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import psutil

from penstock.protocol import frame, messages
from penstock.protocol.apis import ApiKey
from penstock.records.batch import build
from penstock.records.record import Record

TOPIC = "bench"
PRODUCE_VERSION, FETCH_VERSION = 9, 11


class Case(NamedTuple):
    """value_bytes: of the one record in a batch; window: requests in flight."""

    name: str
    value_bytes: int
    window: int
    fetch_bytes: int = 0


CASES = [
    Case("produce 100 B, 1 in flight", 100, 1),
    Case("produce 100 B, 10 in flight", 100, 10),
    Case("produce 100 B, 500 in flight", 100, 500),
    Case("produce 1 KiB, 500 in flight", 1_024, 500),
    Case("produce 16 KiB, 50 in flight", 16_384, 50),
    Case("produce 64 KiB, 16 in flight", 65_536, 16),
    Case("produce 900 KiB, 4 in flight", 900_000, 4),
    Case("fetch 1 KiB", 1_024, 1, 1),
    Case("fetch 64 KiB", 16_384, 1, 65_536),
    Case("fetch 1 MiB", 65_536, 1, 1 << 20),
]


class Result(NamedTuple):
    rate: float
    bytes_rate: float
    server_us: float
    client_us: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default="", help="part of a case's name")
    parser.add_argument("--data-dir", default=None, help="where to put the data; a temporary directory by default")
    given = parser.parse_args()
    print(f"{'case':32}{'req/s':>10}{'MB/s':>9}{'broker us/req':>15}{'client us/req':>15}")
    for case in CASES:
        if given.only in case.name:
            results = [run(case, given.seconds, given.data_dir) for _ in range(given.repeat)]
            best = max(results)
            print(
                f"{case.name:32}{best.rate:>10,.0f}{best.bytes_rate / 1e6:>9.1f}"
                f"{min(result.server_us for result in results):>15.1f}{best.client_us:>15.1f}",
                flush=True,
            )


def run(case: Case, seconds: float, data_dir: str | None) -> Result:
    with tempfile.TemporaryDirectory(dir=data_dir) as directory:
        command = [sys.executable, "-m", "penstock.cli.main", "broker", "--data-dir", directory, "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            line = process.stdout.readline()
            try:
                port = int(line.rsplit(":", 1)[1])
                with socket.create_connection(("127.0.0.1", port)) as connection:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return measure(case, seconds, connection, psutil.Process(process.pid))
            finally:
                process.send_signal(signal.SIGTERM)


def measure(case: Case, seconds: float, connection: socket.socket, broker: psutil.Process) -> Result:
    create_topic(connection)
    produce = produce_request(case.value_bytes)
    if case.fetch_bytes:
        for _ in range(max(64, (32 << 20) // case.value_bytes)):
            exchange(connection, produce)
        drive, request = drive_fetches, fetch_request(case.fetch_bytes)
    else:
        drive, request = drive_produces, produce
    drive(connection, request, case.window, 0.3)
    cpu_before, own_before, started = cpu_s(broker), time.process_time(), time.perf_counter()
    requests, size = drive(connection, request, case.window, seconds)
    taken = time.perf_counter() - started
    server_us = (cpu_s(broker) - cpu_before) / requests * 1e6
    return Result(requests / taken, size / taken, server_us, (time.process_time() - own_before) / requests * 1e6)


def drive_produces(connection: socket.socket, request: bytes, window: int, seconds: float) -> tuple[int, int]:
    """(requests answered, bytes sent). All replies have one size, so counting bytes counts replies."""
    reply_size = len(exchange(connection, request)) + 4
    half = max(1, window // 2)
    block = request * half
    inbox = bytearray(1 << 20)
    sent = answered = received = 0
    deadline = time.perf_counter() + seconds
    while True:
        running = time.perf_counter() < deadline
        while running and sent - answered <= window - half:
            connection.sendall(block)
            sent += half
        if sent == answered:
            return answered, answered * len(request)
        received += connection.recv_into(inbox)
        answered = received // reply_size


def drive_fetches(connection: socket.socket, request: bytes, window: int, seconds: float) -> tuple[int, int]:
    """(requests answered, bytes received), one request after the other, as clients fetch."""
    inbox = memoryview(bytearray(8 << 20))
    answered = total = 0
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        connection.sendall(request)
        filled, wanted = 0, 4
        while filled < wanted:
            filled += connection.recv_into(inbox[filled:])
            if wanted == 4 and filled >= 4:
                wanted = 4 + struct.unpack_from(">i", inbox)[0]
        answered += 1
        total += filled
    return answered, total


def exchange(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    with connection.makefile("rb", buffering=0) as stream:
        size = struct.unpack(">i", read_exactly(stream, 4))[0]
        return read_exactly(stream, size)


def read_exactly(stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += stream.read(size - len(data)) or exit("the broker closed the connection")
    return data


def create_topic(connection: socket.socket) -> None:
    request = messages.CreateTopicsRequest
    configs = [request.CreatableTopicConfig(name="retention.bytes", value=str(2 << 30))]
    topic = request.CreatableTopic(name=TOPIC, num_partitions=1, replication_factor=1, configs=configs)
    reply = exchange(connection, frame_of(ApiKey.CREATE_TOPICS, 5, request(topics=[topic], timeout_ms=10_000)))
    error = frame.decode_response(ApiKey.CREATE_TOPICS, 5, reply)[1].topics[0].error_code
    assert error == 0, error


def produce_request(value_bytes: int) -> bytes:
    batch = build([Record(None, os.urandom(value_bytes), timestamp_ms=time.time_ns() // 1_000_000)])
    request = messages.ProduceRequest
    part = request.PartitionProduceData(index=0, records=bytes(batch))
    topic = request.TopicProduceData(name=TOPIC, partition_data=[part])
    return frame_of(ApiKey.PRODUCE, PRODUCE_VERSION, request(acks=1, timeout_ms=30_000, topic_data=[topic]))


def fetch_request(size: int) -> bytes:
    request = messages.FetchRequest
    part = request.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=size)
    topic = request.FetchTopic(topic=TOPIC, partitions=[part])
    message = request(max_wait_ms=500, min_bytes=1, max_bytes=size, topics=[topic])
    return frame_of(ApiKey.FETCH, FETCH_VERSION, message)


def frame_of(key: int, version: int, message) -> bytes:
    return b"".join(bytes(part) for part in frame.encode_request(key, version, 1, "bench", message))


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
