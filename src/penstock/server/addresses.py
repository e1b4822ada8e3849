"""`listeners` and what belongs to it: texts of the configuration to addresses, and addresses to sockets."""

import socket
from typing import NamedTuple

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
# What this broker speaks; the others are refused by name rather than ignored.
PROTOCOLS_SERVED = ("PLAINTEXT",)
_WILDCARDS = ("", "0.0.0.0", "::")


class AddressError(ValueError):
    """A text that is no list of listeners, or an address that cannot be had."""


class Listener(NamedTuple):
    """One entry of `listeners`. host: "" for every address of the machine; port: 0 for any free one."""

    name: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.name}://{host}:{self.port}"

    @property
    def is_wildcard(self) -> bool:
        return self.host in _WILDCARDS


def parse_listeners(setting: str, text: str) -> list[Listener]:
    """`NAME://HOST:PORT,...`; IPv6 addresses stand in brackets. setting: its name, for the error."""
    listeners = [_parse_one(setting, entry.strip()) for entry in text.split(",") if entry.strip()]
    names = [listener.name for listener in listeners]
    for name in names:
        if names.count(name) > 1:
            raise AddressError(f"{setting}: the name {name} stands for two addresses in {text!r}; each needs its own")
    return listeners


def parse_protocols(text: str) -> dict[str, str]:
    """`listener.security.protocol.map`: NAME:PROTOCOL,... with Kafka's four protocols."""
    protocols = {}
    for entry in text.split(","):
        name, colon, protocol = entry.strip().partition(":")
        if not colon or protocol.upper() not in PROTOCOLS:
            raise AddressError(
                f"listener.security.protocol.map: {entry.strip()!r} is not NAME:PROTOCOL "
                f"with one of {', '.join(PROTOCOLS)}"
            )
        protocols[name.strip().upper()] = protocol.upper()
    return protocols


def check_protocols(listeners: list[Listener], protocols: dict[str, str]) -> None:
    """Error: AddressError for a listener whose protocol is unknown or one we do not speak."""
    for listener in listeners:
        protocol = protocols.get(listener.name)
        if protocol is None:
            raise AddressError(
                f"listeners: {listener} has no security protocol; add {listener.name}:PLAINTEXT "
                "to listener.security.protocol.map"
            )
        if protocol not in PROTOCOLS_SERVED:
            raise AddressError(
                f"listeners: {listener} wants {protocol}, this broker speaks {', '.join(PROTOCOLS_SERVED)}"
            )


def advertise(bound: list[Listener], advertised: list[Listener], machine: str) -> dict[str, tuple[str, int]]:
    """Which host and port clients of each listener are sent to, by listener name.

    An advertised port of 0 stands for the port that was bound. A listener that is not advertised by name goes by its
    own host, or by `machine` when it listens everywhere.
    """
    by_name = {listener.name: listener for listener in advertised}
    addresses = {}
    for listener in bound:
        told = by_name.pop(listener.name, listener)
        host = machine if told.is_wildcard and told is listener else told.host
        addresses[listener.name] = (host, told.port or listener.port)
    for told in by_name.values():
        raise AddressError(f"advertised.listeners: {told} is not among the listeners {', '.join(map(str, bound))}")
    return addresses


def open_sockets(listener: Listener, send_bytes: int, receive_bytes: int) -> list[socket.socket]:
    """Bound sockets, one per address that the host name has, all on one port. bytes: -1 leaves it to the system.

    Error: AddressError, with what to do.
    """
    sockets: list[socket.socket] = []
    try:
        port = listener.port
        for family, address in _addresses(listener):
            bound = _bind(family, (address, port), send_bytes, receive_bytes)
            sockets.append(bound)
            port = bound.getsockname()[1]
    except OSError as error:
        for bound in sockets:
            bound.close()
        raise AddressError(
            f"listeners: {listener} cannot be had: {error.strerror or error}; "
            "choose another port, or 0 for any free one, and a host that this machine has"
        ) from None
    return sockets


def _parse_one(setting: str, entry: str) -> Listener:
    name, arrow, address = entry.partition("://")
    host, colon, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        colon = ""
    if not (arrow and colon and name.strip()) or not port.isdecimal() or int(port) > 65535:
        raise AddressError(f"{setting}: {entry!r} is not NAME://HOST:PORT, as in PLAINTEXT://localhost:9092")
    return Listener(name.strip().upper(), host, int(port))


def _addresses(listener: Listener) -> list[tuple[socket.AddressFamily, str]]:
    if listener.host in ("", "::"):
        if socket.has_dualstack_ipv6():
            return [(socket.AF_INET6, "::")]
        return [(socket.AF_INET, "0.0.0.0")]
    found = socket.getaddrinfo(listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # In the resolver's order, each once.
    return list(dict.fromkeys((entry[0], str(entry[4][0])) for entry in found))


def _bind(family: int, address: tuple[str, int], send_bytes: int, receive_bytes: int) -> socket.socket:
    # asyncio switches Nagle's delay off only where the protocol is named; accepted sockets inherit the name.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Only a port in TIME_WAIT may be taken over; SO_REUSEPORT would let a second broker take half the connections.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "::" else 1)
        # Accepted sockets inherit both, and the receive window must be known before a connection is made.
        if send_bytes > 0:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
        if receive_bytes > 0:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        bound.setblocking(False)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
