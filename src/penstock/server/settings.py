"""Where the server listens and what it grants connections."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.broker.configs.broker_settings import BrokerSettings

# Kafka's -1 means no limit; how much it would be is then for strangers to decide.
QUEUED_BYTES_DEFAULT = 268_435_456


@dataclass(slots=True, frozen=True)
class ServerSettings:
    """Kafka's settings of sockets, and three limits that Kafka does not have.

    listeners, advertised_listeners, listener_protocols: as in server.properties, without those of controllers.
    request_bytes_max: socket.request.max.bytes. request_bytes_queued_max: queued.max.request.bytes.
    reply_bytes_max, replies_pending_max: per connection, what is held for a client that does not read, or that asks
    on while earlier answers wait; beyond either its requests are left in the socket.
    send_buffer_bytes, receive_buffer_bytes: -1 leaves the sizes to the system, which adapts them.
    shutdown_ms_max: how long a client that neither reads nor leaves is waited for.
    """

    listeners: str = "PLAINTEXT://:9092"
    advertised_listeners: str = ""
    listener_protocols: str = "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL"
    request_bytes_max: int = 104_857_600
    request_bytes_queued_max: int = QUEUED_BYTES_DEFAULT
    reply_bytes_max: int = 262_144
    replies_pending_max: int = 4_096
    connections_max: int = 2_147_483_647
    connections_per_ip_max: int = 2_147_483_647
    connections_per_ip_exceptions: Mapping[str, int] = field(default_factory=dict)
    connections_idle_ms_max: int = 600_000
    send_buffer_bytes: int = -1
    receive_buffer_bytes: int = -1
    listen_backlog: int = 50
    shutdown_ms_max: int = 5_000


def of_broker(settings: BrokerSettings) -> ServerSettings:
    """What the server goes by when the broker goes by `settings`."""
    queued = settings.queued_max_request_bytes
    return ServerSettings(
        listeners=settings.listeners,
        advertised_listeners=settings.advertised_listeners,
        listener_protocols=settings.listener_security_protocol_map,
        request_bytes_max=settings.socket_request_max_bytes,
        request_bytes_queued_max=QUEUED_BYTES_DEFAULT if queued <= 0 else queued,
        connections_max=settings.max_connections,
        connections_per_ip_max=settings.max_connections_per_ip,
        connections_per_ip_exceptions=settings.max_connections_per_ip_overrides,
        connections_idle_ms_max=settings.connections_max_idle_ms,
        send_buffer_bytes=settings.socket_send_buffer_bytes,
        receive_buffer_bytes=settings.socket_receive_buffer_bytes,
        listen_backlog=settings.socket_listen_backlog_size,
    )
