"""What the server counts by itself; what it serves is counted by the broker."""

from penstock.kit.telemetry import Counter, Registry


class ServerMetrics:
    """Requests by API and version, times by API, connections by what became of them."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.requests = registry.counters(
            "kafka_network_requestmetrics_requests", "Requests received.", ("request", "version")
        )
        self.latency = registry.histograms(
            "kafka_network_requestmetrics_totaltime_us",
            "From a request's arrival to its reply, waiting included.",
            ("request",),
        )
        accepted = registry.counters("kafka_server_socketserver_connections_accepted", "Connections accepted.")
        closed = registry.counters("kafka_server_socketserver_connections_closed", "Connections ended.")
        refused = registry.counters(
            "kafka_server_socketserver_connections_refused", "Connections closed at once: a limit was met."
        )
        failed = registry.counters(
            "kafka_server_socketserver_connections_failed", "Connections we ended for what the client sent."
        )
        self.accepted: Counter = accepted[()]
        self.closed: Counter = closed[()]
        self.refused: Counter = refused[()]
        self.failed: Counter = failed[()]
