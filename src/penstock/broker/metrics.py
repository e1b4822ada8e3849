"""What the broker counts by topic: plain ints in a registry that the server adds its own to and its exporter reads."""

from penstock.broker.fetch_sessions import FetchSessions
from penstock.kit.telemetry import Counters, Registry


class TopicCounters:
    """The counters of one topic, looked up once and kept by it."""

    __slots__ = ("bytes_in", "bytes_out", "failed_fetches", "failed_produces", "messages_in")

    def __init__(self, metrics: "Metrics", topic: str) -> None:
        self.bytes_in = metrics.bytes_in[topic]
        self.bytes_out = metrics.bytes_out[topic]
        self.messages_in = metrics.messages_in[topic]
        self.failed_produces = metrics.failed_produces[topic]
        self.failed_fetches = metrics.failed_fetches[topic]


class Metrics:
    """The registry of one broker, with the families that have a topic.  Names: Kafka's BrokerTopicMetrics."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.bytes_in = self._by_topic("bytesin", "Bytes of batches appended.")
        self.bytes_out = self._by_topic("bytesout", "Bytes of batches answered to fetches.")
        self.messages_in = self._by_topic("messagesin", "Records appended.")
        self.failed_produces = self._by_topic("failedproducerequests", "Partitions whose batch was not appended.")
        self.failed_fetches = self._by_topic("failedfetchrequests", "Partitions that could not be read.")

    def topic(self, name: str) -> TopicCounters:
        return TopicCounters(self, name)

    def forget_topic(self, name: str) -> None:
        """Drops a deleted topic's counters, or creating and deleting topics would grow the registry."""
        for family in (self.bytes_in, self.bytes_out, self.messages_in, self.failed_produces, self.failed_fetches):
            family.forget(name)

    def watch(self, sessions: FetchSessions) -> None:
        """Adds what is to be known of the fetch sessions."""
        gauges, cache = self.registry.gauges, "kafka_server_fetchsessioncache"
        count = f"{cache}_numincrementalfetchsessions"
        gauges(count, "Fetch sessions kept.", (), lambda: [((), len(sessions))])
        cached = f"{cache}_numincrementalfetchpartitionscached"
        gauges(cached, "Partitions in fetch sessions.", (), lambda: [((), sessions.partitions)])
        evictions = f"{cache}_incrementalfetchsessionevictions"
        gauges(evictions, "Fetch sessions that gave way to others.", (), lambda: [((), sessions.evicted)])

    def _by_topic(self, name: str, text: str) -> Counters:
        return self.registry.counters(f"kafka_server_brokertopicmetrics_{name}", text, ("topic",))
