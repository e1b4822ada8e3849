"""The metrics endpoint: prometheus_client serves it from a thread of its own, the loop only takes the snapshot."""

import asyncio
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from penstock.kit.telemetry import Family, Histogram
from penstock.server.addresses import AddressError
from penstock.server.exposition import snapshot
from penstock.server.hub import Hub

# A loop that does not find the time within this is in trouble that a scrape should report as a failure.
SNAPSHOT_TIMEOUT_S = 10


class BrokerCollector:
    """Asked by prometheus_client's thread for each scrape."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        future = asyncio.run_coroutine_threadsafe(snapshot(self._hub), self._hub.loop)
        yield from map(to_metric, future.result(SNAPSHOT_TIMEOUT_S))


class MetricsEndpoint:
    """`http://HOST:PORT/metrics`: those of the process, and from `show` on those of the broker.

    port: 0 takes a free one, `self.port` says which. Error: AddressError.
    """

    def __init__(self, host: str, port: int) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        try:
            self._server, self._thread = start_http_server(port, host, self._registry)
        except OSError as error:
            raise AddressError(
                f"the metrics port {host}:{port} cannot be had: {error.strerror or error}; "
                "choose another with --metrics-port, or 0 for any free one"
            ) from None
        self.port = int(self._server.server_port)

    def show(self, hub: Hub) -> None:
        self._registry.register(BrokerCollector(hub))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def to_metric(family: Family) -> Metric:
    """One family as prometheus_client's own value. Histograms of microseconds become seconds, Prometheus' base unit."""
    if family.kind == "histogram":
        name = family.name.removesuffix("_us") + "_seconds" if family.name.endswith("_us") else family.name
        histograms = HistogramMetricFamily(name, family.help, labels=family.label_names)
        for labels, value in family.samples:
            assert isinstance(value, Histogram)
            histograms.add_metric(list(labels), _buckets(value), value.total / 1e6)
        return histograms
    if family.kind == "counter":
        metric: CounterMetricFamily | GaugeMetricFamily = CounterMetricFamily(
            family.name, family.help, labels=family.label_names
        )
    else:
        metric = GaugeMetricFamily(family.name, family.help, labels=family.label_names)
    for labels, value in family.samples:
        assert not isinstance(value, Histogram)
        metric.add_metric(list(labels), value)
    return metric


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    limits = [str(bound / 1e6) for bound in histogram.bounds] + ["+Inf"]
    return list(zip(limits, accumulate(histogram.counts), strict=True))
