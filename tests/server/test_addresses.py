"""Listeners as text, as sockets and as clients are told."""

import socket

import pytest

from penstock.broker.configs.broker_settings import BrokerSettings
from penstock.server.addresses import (
    AddressError,
    Listener,
    advertise,
    check_protocols,
    open_sockets,
    parse_listeners,
    parse_protocols,
)
from penstock.server.listener import Bound
from penstock.server.settings import ServerSettings, of_broker


@pytest.mark.parametrize(
    ("text", "listeners"),
    [
        ("PLAINTEXT://:9092", [Listener("PLAINTEXT", "", 9092)]),
        ("plaintext://localhost:0", [Listener("PLAINTEXT", "localhost", 0)]),
        ("A://[::1]:1, B://0.0.0.0:2,", [Listener("A", "::1", 1), Listener("B", "0.0.0.0", 2)]),
        ("", []),
    ],
)
def test_listeners_are_read_as_kafka_reads_them(text, listeners):
    assert parse_listeners("listeners", text) == listeners


@pytest.mark.parametrize("text", ["localhost:9092", "A://localhost", "A://h:x", "A://h:70000", "://h:1", "A://::1:9"])
def test_what_is_no_listener_is_named(text):
    with pytest.raises(AddressError, match=r"is not NAME://HOST:PORT") as caught:
        parse_listeners("advertised.listeners", text)

    assert repr(text) in str(caught.value)
    assert "advertised.listeners" in str(caught.value)


def test_one_name_stands_for_one_address():
    with pytest.raises(AddressError, match="the name A stands for two addresses"):
        parse_listeners("listeners", "A://h:1,A://h:2")


def test_protocols_we_do_not_speak_are_refused_by_name():
    protocols = parse_protocols("IN:PLAINTEXT, OUT:ssl")

    check_protocols([Listener("IN", "h", 1)], protocols)
    with pytest.raises(AddressError, match=r"OUT://h:1 wants SSL, this broker speaks PLAINTEXT"):
        check_protocols([Listener("OUT", "h", 1)], protocols)
    with pytest.raises(AddressError, match=r"add X:PLAINTEXT to listener\.security\.protocol\.map"):
        check_protocols([Listener("X", "h", 1)], protocols)
    with pytest.raises(AddressError, match="'A:B' is not NAME:PROTOCOL"):
        parse_protocols("A:B")


def test_clients_are_sent_to_what_is_advertised_else_to_what_is_bound():
    bound = [Listener("A", "0.0.0.0", 1001), Listener("B", "127.0.0.1", 1002), Listener("C", "", 1003)]
    told = [Listener("A", "public.example", 0), Listener("C", "other.example", 77)]

    assert advertise(bound, told, "machine") == {
        "A": ("public.example", 1001),
        "B": ("127.0.0.1", 1002),
        "C": ("other.example", 77),
    }
    assert advertise(bound[:1], [], "machine") == {"A": ("machine", 1001)}


def test_an_advertised_listener_that_is_none_is_refused():
    with pytest.raises(AddressError, match=r"X://h:1 is not among the listeners A://h:1"):
        advertise([Listener("A", "h", 1)], [Listener("X", "h", 1)], "machine")


def test_a_host_name_is_served_at_all_its_addresses_on_one_port():
    sockets = open_sockets(Listener("A", "localhost", 0), -1, -1)

    ports = {each.getsockname()[1] for each in sockets}
    for each in sockets:
        each.close()

    assert len(ports) == 1
    assert sockets


def test_a_port_that_is_taken_says_so():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressError, match=rf"A://127.0.0.1:{port} cannot be had: .*choose another port"):
            open_sockets(Listener("A", "127.0.0.1", port), -1, -1)


def test_a_listener_that_fails_gives_back_those_before_it():
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        first, second = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        listeners = f"A://127.0.0.1:{second},B://127.0.0.1:{first}"
        with pytest.raises(AddressError, match="cannot be had"):
            Bound(ServerSettings(listeners=listeners, listener_protocols="A:PLAINTEXT,B:PLAINTEXT"))

        socket.create_server(("127.0.0.1", second)).close()


def test_socket_buffers_are_set_before_a_connection_comes():
    (bound,) = open_sockets(Listener("A", "127.0.0.1", 0), 50_000, 60_000)

    with bound:
        # Linux doubles what it is told.
        assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) in (50_000, 100_000)
        assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) in (60_000, 120_000)


def test_a_broker_needs_an_address():
    with pytest.raises(AddressError, match="listeners is empty"):
        Bound(ServerSettings(listeners=" "))


def test_the_settings_of_the_broker_become_those_of_the_server():
    given = {
        "log.dirs": "/d",
        "listeners": "A://h:1,B://[::]:2,CONTROLLER://:3",
        "advertised.listeners": "A://public:1",
        "listener.security.protocol.map": "A:PLAINTEXT,B:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "max.connections.per.ip": "7",
        "max.connections.per.ip.overrides": "127.0.0.1:9",
        "connections.max.idle.ms": "-1",
        "socket.send.buffer.bytes": "1000",
    }

    settings = of_broker(BrokerSettings.from_mapping(given))

    assert settings.listeners == "A://h:1,B://[::]:2"
    assert settings.advertised_listeners == "A://public:1"
    assert (settings.connections_per_ip_max, dict(settings.connections_per_ip_exceptions)) == (7, {"127.0.0.1": 9})
    assert settings.connections_idle_ms_max == -1
    assert (settings.send_buffer_bytes, settings.receive_buffer_bytes) == (1_000, 102_400)
    assert settings.request_bytes_queued_max == 268_435_456
