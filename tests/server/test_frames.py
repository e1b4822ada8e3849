"""Frames in, replies out: however the bytes are cut, whatever the loop."""

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_harness import FakeBroker, Running, Wire, api_versions, produce, records_of, request, still_hub

from penstock.broker.outcome import NoReply, Reply
from penstock.protocol import messages
from penstock.protocol.apis import ApiKey
from penstock.server.buffers import Buffers

PRODUCE, VERSIONS = ApiKey.PRODUCE, ApiKey.API_VERSIONS


class Keeper:
    """Handles Produce: remembers the records, answers their size in a field that every version has."""

    def __init__(self):
        self.seen = []
        self.sessions = []

    def __call__(self, request, session, now_ms):
        records = records_of(request)
        self.seen.append(bytes(records))
        self.sessions.append((session.client_id, session.version, session.listener, session.client_host))
        if request.acks == 0:
            return NoReply()
        return Reply(messages.ProduceResponse(throttle_time_ms=len(records)))


STREAM = produce(1, b"first") + produce(2, b"") + produce(3, b"x" * 40) + produce(4, b"?", client_id="other")
REPLIES = [(1, 5), (2, 0), (3, 40), (4, 1)]


def answered(wire):
    """(correlation id, size of the records) of the replies that came."""
    return [(number, reply.throttle_time_ms) for number, reply in wire.replies()]


@pytest.mark.parametrize("first", range(1, len(STREAM)))
def test_a_stream_cut_in_two_is_understood(first):
    wire = Wire(still_hub(FakeBroker({PRODUCE: Keeper()})))

    wire.feed(STREAM[:first])
    wire.feed(STREAM[first:])

    assert answered(wire) == REPLIES
    assert wire.connection._hub.buffers.budget.used == 0
    wire.lose()


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=12), st.integers(40, 400))
def test_frames_do_not_care_where_the_stream_was_cut(cuts, inbox_bytes):
    """An inbox of any size cuts too, wherever it is full."""
    hub = still_hub(FakeBroker({PRODUCE: Keeper()}))
    hub.buffers = Buffers(1_000_000, inbox_bytes)
    wire = Wire(hub)

    rest = b""
    for low, high in itertools.pairwise([0, *sorted(cuts), len(STREAM)]):
        rest = wire.feed(rest + STREAM[low:high])
        hub.loop.turn()
    while rest:
        rest = wire.feed(rest)
        hub.loop.turn()

    assert answered(wire) == REPLIES
    assert hub.buffers.budget.used == 0
    wire.lose()


def test_a_stream_sent_byte_by_byte_is_understood():
    keeper = Keeper()
    with Running(FakeBroker({PRODUCE: keeper})) as server, server.connect() as client:
        for byte in produce(7, b"slow") + produce(8, b"slower"):
            client.send(bytes([byte]))

        assert client.read_reply(PRODUCE, 9)[0] == 7
        assert client.read_reply(PRODUCE, 9)[0] == 8
    assert keeper.seen == [b"slow", b"slower"]


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("size", [0, 1_000, 65_536, 131_072, 400_000, 3_000_000])
def test_frames_of_any_size_come_whole(loop, size):
    keeper = Keeper()
    payloads = [bytes([number]) * (size + number) for number in range(3)]
    with Running(FakeBroker({PRODUCE: keeper}), loop=loop) as server, server.connect() as client:
        for number, payload in enumerate(payloads):
            client.send(produce(number, payload) + api_versions(100 + number))
            assert client.read_reply(PRODUCE, 9)[0] == number
            assert client.read_reply(VERSIONS, 2)[0] == 100 + number

        assert server.call(lambda: server.hub.buffers.budget.used) == 0
    assert keeper.seen == payloads


def test_ten_thousand_requests_in_flight_are_answered_in_order():
    with Running(FakeBroker({PRODUCE: Keeper()})) as server, server.connect() as client:
        client.send(b"".join(produce(number, b"r" * (number % 50)) for number in range(10_000)))

        replies = [client.read_reply(PRODUCE, 9) for _ in range(10_000)]

    assert [number for number, _ in replies] == list(range(10_000))
    assert [reply.throttle_time_ms for _, reply in replies] == [number % 50 for number in range(10_000)]


def test_acks_0_is_not_answered():
    keeper = Keeper()
    with Running(FakeBroker({PRODUCE: keeper})) as server, server.connect() as client:
        client.send(produce(1, b"silent", acks=0) + produce(2, b"loud"))

        assert client.read_reply(PRODUCE, 9)[0] == 2
    assert keeper.seen == [b"silent", b"loud"]


def test_the_session_names_client_version_listener_and_host():
    keeper = Keeper()
    with (
        Running(
            FakeBroker({PRODUCE: keeper}), listeners="INNER://127.0.0.1:0", listener_protocols="INNER:PLAINTEXT"
        ) as server,
        server.connect() as client,
    ):
        for client_id in ("one", "one", "two", "", None, "é"):
            client.send(produce(1, b"", client_id=client_id))
            client.read_frame()

    assert [names[0] for names in keeper.sessions] == ["one", "one", "two", "", None, "é"]
    assert {names[1:] for names in keeper.sessions} == {(9, "INNER", "127.0.0.1")}


def test_api_versions_in_a_version_of_the_future_is_answered_in_version_0():
    with Running(FakeBroker({PRODUCE: Keeper()})) as server, server.connect() as client:
        client.send(struct.pack(">ihhih", 15, VERSIONS, 99, 5, -1) + b"\x00???\x00")

        number, reply = client.read_reply(VERSIONS, 0)

    assert number == 5
    assert reply.error_code == 35
    assert [key.api_key for key in reply.api_keys] == [PRODUCE, VERSIONS]


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (struct.pack(">i", -1), "a frame of -1 bytes"),
        (struct.pack(">i", 7) + b"1234567", "a frame of 7 bytes"),
        (struct.pack(">i", 2_000_000), "a frame of 2000000 bytes"),
        (b"GET / HTTP/1.1\r\n\r\n", "bytes; expected 8 to 1000000"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "a frame of 369295618 bytes"),
        (struct.pack(">ihhih", 10, 77, 0, 1, -1), "API key 77 is not served"),
        (struct.pack(">ihhih", 10, -1, -1, 1, -1), "is not served"),
        (struct.pack(">ihhih", 10, PRODUCE, 99, 1, -1), "Produce version 99 is not served, 3 to 13 are"),
        (struct.pack(">ihhih", 10, VERSIONS, 0, 1, 500), "client id"),
        (produce(1, b"whole")[:4] + produce(1, b"whole")[4:-9] + b"\xff" * 9, "cannot be read"),
    ],
)
def test_what_is_no_request_ends_the_connection_with_one_line(stream, words, caplog):
    with Running(FakeBroker({PRODUCE: Keeper()}), request_bytes_max=1_000_000) as server:
        with server.connect() as client, server.connect() as other:
            client.send(stream)

            assert client.read_to_end() == b""
            other.send(api_versions(3))
            assert other.read_reply(VERSIONS, 2)[0] == 3
        server.until(lambda: not server.hub.connections)

        assert server.call(lambda: server.hub.buffers.budget.used) == 0
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(lines) == 1
    assert words in lines[0]


def test_requests_before_a_bad_one_are_answered():
    with Running(FakeBroker({PRODUCE: Keeper()})) as server, server.connect() as client:
        client.send(produce(1, b"good") + struct.pack(">i", -5))

        assert client.read_reply(PRODUCE, 9)[0] == 1
        assert client.read_to_end() == b""


def test_a_handler_that_breaks_costs_its_connection_only(caplog):
    def broken(request, session, now_ms):
        raise ZeroDivisionError("a mistake of ours")

    with Running(FakeBroker({PRODUCE: broken})) as server, server.connect() as client, server.connect() as other:
        client.send(produce(1))
        assert client.read_to_end() == b""

        other.send(api_versions(2))
        assert other.read_reply(VERSIONS, 2)[0] == 2
    assert "ZeroDivisionError" in caplog.text
    assert "Produce v9 failed inside" in caplog.text


def test_frames_with_tagged_fields_in_the_header_are_understood():
    plain = request(VERSIONS, 3, 9, messages.ApiVersionsRequest(client_software_name="a", client_software_version="1"))
    head = 4 + 10 + len("test")
    tagged = bytearray(plain[:head] + b"\x01\x05\x03abc" + plain[head + 1 :])
    tagged[:4] = struct.pack(">i", len(tagged) - 4)
    with Running(FakeBroker()) as server, server.connect() as client:
        client.send(bytes(tagged) + plain + bytes(tagged))

        assert [client.read_reply(VERSIONS, 3)[0] for _ in range(3)] == [9, 9, 9]
