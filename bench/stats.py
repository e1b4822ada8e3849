"""Numbers out of samples: percentiles of one round, median and spread over rounds."""

from collections.abc import Iterable, Sequence
from math import ceil
from statistics import median

PERCENTILES = {"p50": 50.0, "p99": 99.0, "p999": 99.9}


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest sample that `percent` of all samples do not exceed; `ordered` ascending, not empty."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def latencies_ms(seconds: Iterable[float]) -> dict[str, float]:
    """Percentiles and the largest of a round's latencies, in milliseconds; empty without samples."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    found = {name: percentile(ordered, percent) * 1000 for name, percent in PERCENTILES.items()}
    return {**found, "max": ordered[-1] * 1000}


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest over rounds."""
    return {"median": median(values), "low": min(values), "high": max(values), "rounds": len(values)}
