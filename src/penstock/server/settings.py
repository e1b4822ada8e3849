"""Where the server listens and what it grants connections, from Kafka's settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from penstock.kit.settings import SettingError

# Kafka's -1 means no limit; how much it would be is then for strangers to decide.
QUEUED_BYTES_DEFAULT = 268_435_456


@dataclass(slots=True, frozen=True)
class ServerSettings:
    """Defaults are Kafka's, but for three that Kafka leaves unlimited or that only cost speed on one node.

    listeners, advertised_listeners, listener_protocols: as in the configuration file. controller_listeners: names
    of listeners that are not opened, because nobody but this node would call there.
    request_bytes_max: socket.request.max.bytes. request_bytes_queued_max: queued.max.request.bytes; Kafka's -1 (no
    limit) is read as 256 MiB, since a stranger decides how much it is.
    reply_bytes_max, replies_pending_max: per connection, what is held for a client that does not read, or that asks
    on while earlier answers wait; beyond either its requests are left in the socket.
    send_buffer_bytes, receive_buffer_bytes: -1 leaves the sizes to the system, which adapts them.
    """

    listeners: str = "PLAINTEXT://:9092"
    advertised_listeners: str = ""
    listener_protocols: str = "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL"
    controller_listeners: frozenset[str] = frozenset({"CONTROLLER"})
    request_bytes_max: int = 104_857_600
    request_bytes_queued_max: int = QUEUED_BYTES_DEFAULT
    reply_bytes_max: int = 1_048_576
    replies_pending_max: int = 4_096
    connections_max: int = 2_147_483_647
    connections_per_ip_max: int = 2_147_483_647
    connections_per_ip_exceptions: dict[str, int] = field(default_factory=dict)
    connections_idle_ms_max: int = 600_000
    send_buffer_bytes: int = -1
    receive_buffer_bytes: int = -1
    listen_backlog: int = 50
    # A client that neither reads nor leaves is waited for so long at shutdown.
    shutdown_ms_max: int = 5_000


def from_config(value: Callable[[str], Any]) -> ServerSettings:
    """value: gives the typed value of a setting by Kafka's name. Error: SettingError."""
    queued = value("queued.max.request.bytes")
    return ServerSettings(
        listeners=",".join(value("listeners")),
        advertised_listeners=",".join(value("advertised.listeners") or ()),
        listener_protocols=value("listener.security.protocol.map"),
        controller_listeners=frozenset(name.upper() for name in value("controller.listener.names") or ()),
        request_bytes_max=value("socket.request.max.bytes"),
        request_bytes_queued_max=QUEUED_BYTES_DEFAULT if queued <= 0 else queued,
        connections_max=value("max.connections"),
        connections_per_ip_max=value("max.connections.per.ip"),
        connections_per_ip_exceptions=per_ip(value("max.connections.per.ip.overrides")),
        connections_idle_ms_max=value("connections.max.idle.ms"),
        send_buffer_bytes=value("socket.send.buffer.bytes"),
        receive_buffer_bytes=value("socket.receive.buffer.bytes"),
        listen_backlog=value("socket.listen.backlog.size"),
    )


def per_ip(text: str) -> dict[str, int]:
    """`max.connections.per.ip.overrides`: HOST:LIMIT,... Error: SettingError."""
    limits = {}
    for entry in text.split(","):
        host, colon, limit = entry.strip().rpartition(":")
        if not entry.strip():
            continue
        if not colon or not limit.isdecimal():
            name = "max.connections.per.ip.overrides"
            raise SettingError(name, f"{name}: {entry.strip()!r} is not HOST:LIMIT, as in 10.0.0.7:100")
        limits[host] = int(limit)
    return limits
