"""Random and mutated frames against a running broker: it serves on, in bounded memory."""

import os
import random
import socket
import struct
import subprocess
import sys

import psutil
import pytest

from penstock.protocol import frame, messages
from penstock.protocol.apis import API

FRAMES = int(os.environ.get("PENSTOCK_FUZZ_FRAMES", "1000000"))
SEED = int(os.environ.get("PENSTOCK_SEED", "20262"))
# A bad frame ends its connection and what follows it there goes unread, so few share one.
BURST = 4
GROWTH_BYTES_MAX = 150 << 20


@pytest.fixture
def broker(tmp_path):
    command = [sys.executable, "-m", "penstock.cli.main", "broker", "--data-dir", str(tmp_path), "--port", "0"]
    # Made-up topic names must not fill the disk; that limit is the operator's choice and has tests of its own.
    command += ["--config", "auto.create.topics.enable=false", "--config", "delete.topic.enable=false"]
    with (
        open(tmp_path / "log", "w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        line = process.stdout.readline()
        assert line.startswith("Kafka ready at "), line
        yield int(line.rsplit(":", 1)[1]), process
        process.terminate()


def seeds() -> list[bytes]:
    """One valid frame, without its size, of every API and version."""
    found = []
    for key, api in API.items():
        for version in range(api.min_version, api.max_version + 1):
            body = api.request()
            try:
                parts = frame.encode_request(key, version, 1, "fuzz", body)
            except ValueError:
                continue  # a version in which an empty message cannot be written
            found.append(b"".join(bytes(part) for part in parts)[4:])
    return found


def mutate(dice: random.Random, seed: bytes) -> bytes:
    choice = dice.random()
    if choice < 0.1:
        return dice.randbytes(dice.randrange(200))
    data = bytearray(seed)
    for _ in range(dice.randrange(1, 6)):
        place = dice.randrange(len(data)) if data else 0
        action = dice.randrange(4)
        if action == 0 and data:
            data[place] = dice.randrange(256)
        elif action == 1:
            data[place:place] = dice.randbytes(dice.randrange(8))
        elif action == 2:
            del data[place : place + dice.randrange(8)]
        else:
            data[place:place] = struct.pack(">i", dice.choice([-1, 0, 1 << 30, 2**31 - 1, -(2**31), 1000]))
    return bytes(data)


def exchange(port: int, burst: bytes) -> None:
    """Sends a burst and the end of the stream, then reads until the broker ends its side too."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        try:
            link.sendall(burst)
            link.shutdown(socket.SHUT_WR)
            while link.recv(1 << 16):
                pass
        except (ConnectionError, TimeoutError):
            return


def serves(port: int) -> bool:
    """A whole round trip: ApiVersions."""
    request = messages.ApiVersionsRequest(client_software_name="probe", client_software_version="1")
    parts = frame.encode_request(18, 3, 77, "probe", request)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
        link.sendall(b"".join(bytes(part) for part in parts))
        size = struct.unpack(">i", link.recv(4, socket.MSG_WAITALL))[0]
        correlation, answer = frame.decode_response(18, 3, link.recv(size, socket.MSG_WAITALL))
    return correlation == 77 and answer.error_code == 0 and len(answer.api_keys) > 10


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_million_bad_frames_leave_the_broker_serving(broker):
    port, process = broker
    dice = random.Random(SEED)
    valid = seeds()
    memory = psutil.Process(process.pid).memory_info
    before = memory().rss

    for _ in range(FRAMES // BURST):
        frames = [mutate(dice, dice.choice(valid)) for _ in range(BURST)]
        exchange(port, b"".join(struct.pack(">i", len(f)) + f for f in frames))

    assert serves(port), f"seed {SEED}"
    assert process.poll() is None
    assert memory().rss - before < GROWTH_BYTES_MAX
