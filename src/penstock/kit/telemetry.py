"""Numbers that the hot path counts for about 100 ns each, and that the metrics exporter reads.

A room holds a `Counter` or `Histogram` and changes plain ints; nothing is formatted, locked or sent until somebody asks
for `Registry.snapshot()`. All of it belongs to one thread (the loop): the exporter asks there.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

Labels = tuple[str, ...]
Kind = Literal["counter", "gauge", "histogram"]

# Microseconds. A request costs 15 us, a long poll 500 ms, a rebalance seconds: a factor of about 2.2 between
# neighbours covers that in 20 buckets, so a quantile read from them is never off by more than that factor.
LATENCY_BOUNDS_US = (
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
)  # fmt: skip


class Counter:
    """An int that only grows: `counter.value += n` is the whole interface."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Histogram:
    """How often a value fell into each bucket. bounds: upper limits, inclusive, ascending; one more bucket above."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[int, ...] = LATENCY_BOUNDS_US) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0

    def observe(self, value: int, times: int = 1) -> None:
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    @property
    def count(self) -> int:
        return sum(self.counts)

    def quantile(self, share: float) -> int:
        """The upper bound of the bucket in which `share` (0 to 1) of the values is reached; 0 when empty.

        Values above the last bound are reported as the last bound.
        """
        wanted = share * self.count
        seen = 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            if seen and seen >= wanted:
                return bound
        return self.bounds[-1] if self.count else 0


class Sample(NamedTuple):
    """One line of an exposition: a number, or a whole histogram, under its labels' values."""

    labels: Labels
    value: float | Histogram


class Family(NamedTuple):
    """All samples of one metric name at one moment."""

    kind: Kind
    name: str
    help: str
    label_names: Labels
    samples: list[Sample]


class Counters:
    """Counters of one name, one per combination of label values; `counters["orders"].value += 1`.

    Callers on the hot path look a counter up once and keep it. `forget` drops what no longer exists (a deleted
    topic), so that a stranger who creates and deletes topics does not grow the registry.
    """

    __slots__ = ("_by_labels", "help", "label_names", "name")

    def __init__(self, name: str, help: str, label_names: Labels = ()) -> None:
        self.name = name
        self.help = help
        self.label_names = label_names
        self._by_labels: dict[Labels, Counter] = {}

    def __getitem__(self, labels: str | Labels) -> Counter:
        key = (labels,) if isinstance(labels, str) else labels
        counter = self._by_labels.get(key)
        if counter is None:
            assert len(key) == len(self.label_names), (self.name, key, self.label_names)
            counter = self._by_labels[key] = Counter()
        return counter

    def __iter__(self) -> Iterator[tuple[Labels, Counter]]:
        return iter(self._by_labels.items())

    def forget(self, labels: str | Labels) -> None:
        self._by_labels.pop((labels,) if isinstance(labels, str) else labels, None)

    def family(self) -> Family:
        samples = [Sample(labels, counter.value) for labels, counter in self._by_labels.items()]
        return Family("counter", self.name, self.help, self.label_names, samples)


class Histograms:
    """Histograms of one name, one per combination of label values."""

    __slots__ = ("_by_labels", "bounds", "help", "label_names", "name")

    def __init__(
        self, name: str, help: str, label_names: Labels = (), bounds: tuple[int, ...] = LATENCY_BOUNDS_US
    ) -> None:
        self.name = name
        self.help = help
        self.label_names = label_names
        self.bounds = bounds
        self._by_labels: dict[Labels, Histogram] = {}

    def __getitem__(self, labels: str | Labels) -> Histogram:
        key = (labels,) if isinstance(labels, str) else labels
        histogram = self._by_labels.get(key)
        if histogram is None:
            assert len(key) == len(self.label_names), (self.name, key, self.label_names)
            histogram = self._by_labels[key] = Histogram(self.bounds)
        return histogram

    def __iter__(self) -> Iterator[tuple[Labels, Histogram]]:
        return iter(self._by_labels.items())

    def family(self) -> Family:
        samples = [Sample(labels, histogram) for labels, histogram in self._by_labels.items()]
        return Family("histogram", self.name, self.help, self.label_names, samples)


class Gauges:
    """Values asked for at the moment of a snapshot. read: yields (label values, number)."""

    __slots__ = ("help", "label_names", "name", "read")

    def __init__(
        self, name: str, help: str, label_names: Labels, read: Callable[[], Iterable[tuple[Labels, float]]]
    ) -> None:
        self.name = name
        self.help = help
        self.label_names = label_names
        self.read = read

    def family(self) -> Family:
        samples = [Sample(labels, value) for labels, value in self.read()]
        return Family("gauge", self.name, self.help, self.label_names, samples)


class Registry:
    """Every metric of one process, in the order it was added. A name is added once."""

    __slots__ = ("_metrics",)

    def __init__(self) -> None:
        self._metrics: dict[str, Counters | Histograms | Gauges] = {}

    def counters(self, name: str, help: str, label_names: Labels = ()) -> Counters:
        """name: without the `_total` that the exposition adds."""
        metric = Counters(name, help, label_names)
        self._add(metric)
        return metric

    def histograms(
        self, name: str, help: str, label_names: Labels = (), bounds: tuple[int, ...] = LATENCY_BOUNDS_US
    ) -> Histograms:
        metric = Histograms(name, help, label_names, bounds)
        self._add(metric)
        return metric

    def gauges(
        self, name: str, help: str, label_names: Labels, read: Callable[[], Iterable[tuple[Labels, float]]]
    ) -> Gauges:
        metric = Gauges(name, help, label_names, read)
        self._add(metric)
        return metric

    def snapshot(self) -> list[Family]:
        """All families as they are now; histograms inside are the live ones, so read them on the same thread."""
        return [metric.family() for metric in self._metrics.values()]

    def _add(self, metric: Counters | Histograms | Gauges) -> None:
        assert metric.name not in self._metrics, metric.name
        self._metrics[metric.name] = metric
