"""Limits of the sockets, under Kafka's names where Kafka has the setting."""

from dataclasses import dataclass, field


@dataclass(slots=True, frozen=True)
class ServerSettings:
    """Defaults are Kafka's, but for three that Kafka leaves unlimited or that only cost speed on one node.

    listeners, advertised_listeners, listener_protocols: as in the configuration file.
    request_bytes_max: socket.request.max.bytes. request_bytes_queued_max: queued.max.request.bytes; Kafka's -1 (no
    limit) is read as 256 MiB, since a stranger decides how much it is.
    reply_bytes_max, replies_pending_max: per connection, what is held for a client that does not read, or that asks
    on while earlier answers wait; beyond either its requests are left in the socket.
    send_buffer_bytes, receive_buffer_bytes: -1 leaves the sizes to the system, which adapts them.
    """

    listeners: str = "PLAINTEXT://:9092"
    advertised_listeners: str = ""
    listener_protocols: str = "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL"
    request_bytes_max: int = 104_857_600
    request_bytes_queued_max: int = 268_435_456
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
