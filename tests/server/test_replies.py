"""Replies leave in the order of the requests, and few of them are held for a client that does not read."""

import hashlib

import pytest
from server_harness import FakeBroker, Running, Wire, api_versions, produce, records_of, request, still_hub

from penstock.broker.outcome import Hangup, NoReply, Reply, Wait
from penstock.broker.waiting import FOREVER_MS
from penstock.kit.files import FileSlice, RealFiles
from penstock.protocol import messages
from penstock.protocol.apis import ApiKey
from penstock.testing.clock import ManualClock
from penstock.testing.files import MemoryFiles

PRODUCE, FETCH, VERSIONS = ApiKey.PRODUCE, ApiKey.FETCH, ApiKey.API_VERSIONS


class Gate:
    """Handles Produce: records b"wait NAME" wait until `open(NAME)`, all others are answered at once."""

    def __init__(self):
        self.broker = FakeBroker({PRODUCE: self.handle})
        self.opened = set()
        self.asked = 0

    def handle(self, request, session, now_ms):
        self.asked += 1
        word, _, name = bytes(records_of(request)).decode().partition(" ")
        if word == "hangup":
            return Hangup("the test says so")
        if request.acks == 0:
            return NoReply()
        if word != "wait":
            return Reply(messages.ProduceResponse(throttle_time_ms=0))
        return Wait(
            frozenset((name,)),
            now_ms + 1_000 if name != "forever" else FOREVER_MS,
            lambda: Reply(messages.ProduceResponse(throttle_time_ms=1)) if name in self.opened else None,
            lambda: Reply(messages.ProduceResponse(throttle_time_ms=2)),
        )

    def open(self, server, name):
        def wake():
            self.opened.add(name)
            self.broker.waiting.wake(name)
            server.hub.settle()

        server.call(wake)


def read_replies(client, count):
    return [(number, reply.throttle_time_ms) for number, reply in (client.read_reply(PRODUCE, 9) for _ in range(count))]


def test_later_replies_wait_for_earlier_ones():
    gate = Gate()
    with Running(gate.broker) as server, server.connect() as client:
        words = [b"now", b"wait a", b"now", b"wait b", b""]
        client.send(b"".join(produce(number, word) for number, word in enumerate(words, 1)))
        assert read_replies(client, 1) == [(1, 0)]
        server.until(lambda: gate.asked == 5)

        gate.open(server, "b")
        gate.open(server, "a")

        assert read_replies(client, 4) == [(2, 1), (3, 0), (4, 1), (5, 0)]


def test_a_request_may_open_what_another_connection_waits_for():
    gate = Gate()

    def opening(request, session, now_ms):
        gate.opened.add("a")
        gate.broker.waiting.wake("a")
        return Reply(messages.ApiVersionsResponse())

    gate.broker.handlers[VERSIONS] = opening
    with Running(gate.broker) as server, server.connect() as waiting, server.connect() as client:
        waiting.send(produce(1, b"wait a"))
        server.until(lambda: gate.asked == 1)

        client.send(api_versions(8))

        assert client.read_reply(VERSIONS, 2)[0] == 8
        assert read_replies(waiting, 1) == [(1, 1)]


def test_a_wait_ends_when_its_time_is_up():
    gate = Gate()
    clock = ManualClock()
    with Running(gate.broker, clock) as server, server.connect() as client:
        client.send(produce(1, b"wait a"))
        server.until(lambda: gate.asked == 1)
        clock.advance(999)
        server.call(server.hub.tick)
        assert server.call(lambda: gate.broker.waiting.count) == 1

        clock.advance(1)
        server.call(server.hub.tick)

        assert read_replies(client, 1) == [(1, 2)]


def test_the_timer_is_set_for_the_earliest_wait():
    gate = Gate()
    clock = ManualClock()
    with Running(gate.broker, clock) as server, server.connect() as client:
        client.send(produce(1, b"wait a"))
        server.until(lambda: gate.asked == 1)

        assert server.call(lambda: server.hub.timer.due_ms) == clock.now_ms() + 1_000


def test_waits_expire_though_the_brokers_own_chores_fail(caplog):
    def broken(now_ms):
        raise RuntimeError("the test says so")

    gate = Gate()
    gate.broker.tick = broken
    clock = ManualClock()
    with Running(gate.broker, clock) as server, server.connect() as client:
        client.send(produce(1, b"wait a"))
        server.until(lambda: gate.asked == 1)
        clock.advance(1_000)
        server.call(server.hub.tick)

        assert read_replies(client, 1) == [(1, 2)]
    assert "the broker's timer failed inside" in caplog.text


def test_a_deadline_that_a_request_set_is_kept():
    def join(request, session, now_ms):
        broker.group_deadline_ms = now_ms + 300
        return Reply(messages.ApiVersionsResponse())

    broker = FakeBroker({VERSIONS: join})
    hub = still_hub(broker)
    hub.tick()
    wire = Wire(hub)

    wire.feed(api_versions(1))

    assert hub.timer.due_ms == hub.clock.now_ms() + 300
    wire.lose()


def test_waits_of_a_closed_connection_are_forgotten():
    gate = Gate()
    with Running(gate.broker) as server:
        with server.connect() as client:
            client.send(produce(1, b"wait a") + produce(2, b"wait forever"))
            server.until(lambda: gate.asked == 2)
        server.until(lambda: not server.hub.connections)

        assert server.call(lambda: gate.broker.waiting.count) == 0


def test_a_hangup_ends_the_connection_after_the_replies_before_it():
    gate = Gate()
    with Running(gate.broker) as server, server.connect() as client:
        client.send(produce(1) + produce(2, b"hangup") + produce(3))

        assert read_replies(client, 1) == [(1, 0)]
        assert client.read_to_end() == b""
    assert gate.asked == 2


def test_requests_beyond_the_pending_limit_stay_in_the_socket():
    gate = Gate()
    with Running(gate.broker, replies_pending_max=10) as server, server.connect() as client:
        client.send(b"".join(produce(number, b"wait a") for number in range(25)))
        server.until(lambda: gate.asked == 10)
        client.send(b"".join(produce(number, b"now") for number in range(25, 30)))

        gate.open(server, "a")

        # Woken waits are answered at once; those that come later find the gate open only when woken again.
        for count in (10, 10, 5):
            assert [status for _, status in read_replies(client, count)] == [1] * count
            gate.open(server, "a")
        assert read_replies(client, 5) == [(number, 0) for number in range(25, 30)]


def file_of(path, size):
    data = hashlib.shake_128(b"records").digest(size)
    path.write_bytes(data)
    return data


class Slices:
    """Handles Fetch: answers slices of one file, (position, size) taken from fetch offset and max bytes."""

    def __init__(self, file):
        self.file = file
        self.asked = 0
        self.broker = FakeBroker({FETCH: self.handle})

    def handle(self, request, session, now_ms):
        self.asked += 1
        parts = [
            messages.FetchResponse.PartitionData(
                partition_index=0,
                records=FileSlice(self.file, part.fetch_offset, part.partition_max_bytes),
            )
            for part in request.topics[0].partitions
        ]
        topic = messages.FetchResponse.FetchableTopicResponse(topic="t", partitions=parts)
        return Reply(messages.FetchResponse(responses=[topic]))


def fetch(correlation_id, *slices):
    Partition = messages.FetchRequest.FetchPartition
    parts = [Partition(partition=0, fetch_offset=position, partition_max_bytes=size) for position, size in slices]
    topic = messages.FetchRequest.FetchTopic(topic="t", partitions=parts)
    return request(FETCH, 11, correlation_id, messages.FetchRequest(topics=[topic]))


def read_fetched(client):
    number, reply = client.read_reply(FETCH, 11)
    return number, [bytes(part.records) for part in reply.responses[0].partitions]


SLICES = [
    [(0, 10)],
    [(5, 65_536)],
    [(1, 65_537)],
    [(7, 3_000_000)],
    [(9, 0)],
    [(1, 100), (2, 900_000), (3, 70_000), (4, 5)],
]


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("kind", ["real", "memory"])
def test_slices_of_any_size_arrive_whole_and_in_order(tmp_path, loop, kind):
    data = file_of(tmp_path / "log", 4_000_000)
    if kind == "real":
        file = RealFiles().open(str(tmp_path / "log"))
    else:
        files = MemoryFiles()
        files.make_dirs("/d")
        file = files.open("/d/log", create=True)
        file.append(data)
    with Running(Slices(file).broker, loop=loop) as server, server.connect() as client:
        for _ in range(3):
            client.send(b"".join(fetch(number, *slices) for number, slices in enumerate(SLICES)))
            for number, slices in enumerate(SLICES):
                expected = [data[position : position + size] for position, size in slices]

                assert read_fetched(client) == (number, expected)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_reader_that_stops_is_held_in_bounds_and_gets_everything_later(tmp_path, loop):
    size = 5_000_000
    data = file_of(tmp_path / "log", size)
    slices = Slices(RealFiles().open(str(tmp_path / "log")))
    with Running(slices.broker, loop=loop, reply_bytes_max=20_000) as server, server.connect() as client:
        wanted = 400
        client.socket.setblocking(False)
        stream = b"".join(fetch(number, (number, 1_000_000)) for number in range(wanted))
        client.socket.send(stream)
        client.socket.settimeout(20)
        # It stops asking the broker long before the last request.
        server.until(lambda: server.hub.connections and any(c._paused for c in server.hub.connections))
        (connection,) = server.hub.connections

        assert server.call(lambda: connection._writer.backlog_bytes) < 40_000
        assert slices.asked < wanted / 2
        for number in range(wanted):
            assert read_fetched(client) == (number, [data[number : number + 1_000_000]])


def test_a_file_that_became_shorter_ends_the_connection(tmp_path, caplog):
    file_of(tmp_path / "log", 1_000)
    slices = Slices(RealFiles().open(str(tmp_path / "log")))
    with Running(slices.broker) as server, server.connect() as client:
        client.send(fetch(1, (0, 900_000)))

        assert len(client.read_to_end()) < 2_000
    assert "could not be read" in caplog.text


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_what_was_asked_before_a_frame_that_is_none_is_answered_whole(tmp_path, loop):
    """The socket is full long before the connection ends: what waits for room leaves first."""
    file_of(tmp_path / "log", 9_000_000)
    slices = Slices(RealFiles().open(str(tmp_path / "log")))
    with Running(slices.broker, loop=loop) as server, server.connect() as client:
        client.send(fetch(1, (0, 9_000_000)) + b"\xff" * 40)

        assert len(client.read_to_end()) > 9_000_000


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_client_that_leaves_while_we_write_is_forgotten(tmp_path, loop):
    file_of(tmp_path / "log", 9_000_000)
    slices = Slices(RealFiles().open(str(tmp_path / "log")))
    with Running(slices.broker, loop=loop) as server:
        for _ in range(5):
            with server.connect() as client:
                client.send(fetch(1, (0, 9_000_000)) * 3)
                client.read(100)
        server.until(lambda: not server.hub.connections)

        with server.connect() as client:
            client.send(api_versions(4))
            assert client.read_reply(VERSIONS, 2)[0] == 4
