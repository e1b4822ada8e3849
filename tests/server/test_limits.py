"""Limits of connections and of time; the end of a server."""

import socket
import threading

import pytest
from server_harness import FakeBroker, Running, Wire, api_versions, produce, records_of, request, still_hub

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.broker.outcome import Reply, Wait
from penstock.broker.waiting import FOREVER_MS
from penstock.protocol import messages
from penstock.protocol.apis import ApiKey
from penstock.testing.clock import ManualClock

PRODUCE, VERSIONS = ApiKey.PRODUCE, ApiKey.API_VERSIONS


def test_connections_beyond_the_limit_are_closed_at_once():
    with Running(FakeBroker(), connections_max=2) as server, server.connect() as one, server.connect() as two:
        for client in (one, two):
            client.send(api_versions(1))
            client.read_frame()
        with server.connect() as three:
            assert three.read_to_end() == b""
        one.socket.close()
        server.until(lambda: len(server.hub.connections) == 1)

        with server.connect() as three:
            three.send(api_versions(7))
            assert three.read_reply(VERSIONS, 2)[0] == 7
    assert server.hub.metrics.refused.value == 1


def test_connections_of_one_address_have_a_limit_of_their_own():
    with (
        Running(FakeBroker(), connections_per_ip_max=0, connections_per_ip_exceptions={"127.0.0.1": 1}) as server,
        server.connect() as one,
    ):
        one.send(api_versions(1))
        one.read_frame()

        with server.connect() as two:
            assert two.read_to_end() == b""


def test_limits_of_connections_follow_the_dynamic_configs():
    broker = FakeBroker()
    hub = still_hub(broker)
    wire = Wire(hub)
    broker.configs.settings = BrokerSettings.from_mapping({"max.connections": "1"})

    hub.tick()
    refused = Wire(hub)

    assert (wire.is_closed, refused.is_closed) == (False, True)
    wire.lose()
    refused.lose()


def test_a_silent_connection_is_closed_and_a_busy_or_waiting_one_is_not():
    def wait(request, session, now_ms):
        return Wait(frozenset("x"), FOREVER_MS, lambda: None, lambda: None)

    hub = still_hub(FakeBroker({PRODUCE: wait}), connections_idle_ms_max=10_000)
    silent, busy, waiting = (Wire(hub) for _ in range(3))
    waiting.feed(produce(1))
    hub.clock.advance(6_000)
    busy.feed(api_versions(1))
    hub.tick()
    hub.clock.advance(6_000)

    hub.tick()

    assert (silent.is_closed, busy.is_closed, waiting.is_closed) == (True, False, False)
    for wire in (silent, busy, waiting):
        wire.lose()


def test_a_reader_that_takes_nothing_for_too_long_is_closed():
    hub = still_hub(FakeBroker({PRODUCE: answer_much}), connections_idle_ms_max=10_000)
    wire = Wire(hub, room_bytes=4_000)
    wire.feed(produce(1) * 30)
    assert not wire.connection.is_done
    hub.clock.advance(10_001)

    hub.tick()

    assert wire.is_closed
    wire.lose()


def test_who_is_being_closed_cannot_put_it_off_by_sending_on():
    def wait_or_answer(request, session, now_ms):
        if records_of(request):
            return Wait(frozenset("x"), FOREVER_MS, lambda: None, lambda: None)
        return answer_much(request, session, now_ms)

    hub = still_hub(FakeBroker({PRODUCE: wait_or_answer}), connections_idle_ms_max=10_000)
    wire = Wire(hub, room_bytes=4_000)
    wire.feed(produce(1) * 5 + produce(2, b"wait") + b"\xff" * 64)
    closed_by_fault = wire.is_closed
    for _ in range(3):
        hub.clock.advance(4_000)
        wire.feed(b"more of it")

    hub.tick()

    assert (closed_by_fault, wire.is_closed) == (False, True)
    wire.lose()


def answer_much(request, session, now_ms):
    part = messages.ProduceResponse.PartitionProduceResponse(error_message="x" * 30_000)
    topic = messages.ProduceResponse.TopicProduceResponse(name="t", partition_responses=[part])
    return Reply(messages.ProduceResponse(responses=[topic]))


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_shutdown_answers_what_was_read(loop):
    asked = threading.Event()

    def wait_or_answer(request, session, now_ms):
        if not records_of(request):
            return answer_much(request, session, now_ms)
        asked.set()
        return Wait(frozenset("x"), now_ms + 3_600_000, lambda: None, lambda: Reply(messages.ProduceResponse()))

    with Running(FakeBroker({PRODUCE: wait_or_answer}), loop=loop) as server, server.connect() as client:
        client.send(produce(1) + produce(2) + produce(3, b"wait") + produce(4))
        assert asked.wait(10)
        stopping = threading.Thread(target=server.stop)
        stopping.start()

        assert [client.read_reply(PRODUCE, 9)[0] for _ in range(4)] == [1, 2, 3, 4]
        assert client.read_to_end() == b""
        client.socket.close()
        stopping.join()
        with pytest.raises(ConnectionRefusedError):
            server.connect()


def test_a_shutdown_does_not_wait_for_a_join_that_has_no_end():
    def wait(request, session, now_ms):
        return Wait(frozenset("x"), FOREVER_MS, lambda: None, lambda: None)

    with Running(FakeBroker({PRODUCE: wait}), shutdown_ms_max=60_000) as server, server.connect() as client:
        client.send(produce(1))
        server.until(lambda: server.broker.waiting.count == 1)
        stopping = threading.Thread(target=server.stop)
        stopping.start()

        assert client.read_to_end() == b""
        client.socket.close()
        stopping.join(20)
        assert not stopping.is_alive()


def test_a_shutdown_does_not_wait_for_ever_for_a_client_that_does_not_read():
    with Running(FakeBroker({PRODUCE: answer_much}), shutdown_ms_max=50) as server, server.connect() as client:
        client.socket.setblocking(False)
        client.socket.send(produce(1) * 2_000)
        server.until(lambda: any(not c.is_done for c in server.hub.connections))

        server.stop()

        assert not server.hub.connections


def test_a_shutdown_waits_for_what_is_on_its_way_to_the_disk():
    held = threading.Event()

    class Partition:
        topic, index = "t", 0

        def sync(self):
            held.wait(20)
            return 5

    partition = Partition()
    broker = FakeBroker()

    def durable(request, session, now_ms):
        broker.to_sync.add(partition)
        return Wait(
            frozenset((partition,)),
            now_ms + 60_000,
            lambda: Reply(messages.ProduceResponse()) if broker.synced_offsets else None,
            lambda: Reply(messages.ProduceResponse(throttle_time_ms=7)),
        )

    broker.handlers[PRODUCE] = durable
    with Running(broker) as server, server.connect() as client:
        client.send(produce(1))
        server.until(lambda: broker.waiting.count == 1)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        held.set()

        assert client.read_reply(PRODUCE, 9)[1].throttle_time_ms == 0
        client.socket.close()
        stopping.join()


def test_several_listeners_serve_under_their_names():
    seen = []

    def note(request, session, now_ms):
        seen.append((session.listener, session.client_host))
        return Reply(messages.ApiVersionsResponse())

    listeners = "ONE://127.0.0.1:0,TWO://[::]:0"
    protocols = "ONE:PLAINTEXT,TWO:PLAINTEXT"
    broker = FakeBroker({VERSIONS: note})
    with Running(broker, listeners=listeners, listener_protocols=protocols) as server:
        one, two = (listener.port for listener in server.server.listeners)
        hosts = [("127.0.0.1", one), ("127.0.0.1", two)]
        hosts += [("::1", two)] if socket.has_dualstack_ipv6() else []
        for address in hosts:
            with socket.create_connection(address, timeout=20) as client:
                client.sendall(api_versions(1))
                assert client.recv(4)

    assert seen[:2] == [("ONE", "127.0.0.1"), ("TWO", "127.0.0.1")]
    assert seen[2:] in ([], [("TWO", "::1")])


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_small_replies_are_not_held_back_by_the_kernel(loop):
    with Running(FakeBroker(), loop=loop) as server, server.connect() as client:
        client.send(api_versions(1))
        client.read_frame()
        (connection,) = server.hub.connections
        accepted = connection._transport.get_extra_info("socket")

        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_request_counts_and_times_are_kept_by_api_and_version():
    hub = still_hub(FakeBroker({PRODUCE: answer_much}))
    wire = Wire(hub)

    wire.feed(produce(1) * 3 + api_versions(4) + request(VERSIONS, 0, 5, messages.ApiVersionsRequest()))

    counts = {labels: counter.value for labels, counter in hub.metrics.requests}
    assert counts == {("Produce", "9"): 3, ("ApiVersions", "2"): 1, ("ApiVersions", "0"): 1}
    assert hub.metrics.latency["Produce"].count == 3
    assert hub.metrics.latency["ApiVersions"].count == 2
    wire.lose()


def test_the_clock_may_be_set_back_without_a_timer_sleeping_for_hours():
    clock = ManualClock()
    with Running(FakeBroker(), clock) as server:
        server.call(server.hub.timer.cancel)
        clock.set_wall(clock.now_ms() - 3_600_000)

        server.call(server.hub.timer.set, clock.now_ms() + 3_600_000)

        assert server.call(lambda: server.hub.timer._handle.when() - server.loop.time()) < 11
