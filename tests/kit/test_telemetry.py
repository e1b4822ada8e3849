"""Counters and histograms: what goes in comes out, under its labels."""

import pytest

from penstock.kit.telemetry import Histogram, Registry


def test_a_value_falls_into_the_first_bucket_that_holds_it():
    histogram = Histogram((10, 100))

    for value in (0, 10, 11, 100, 101):
        histogram.observe(value)
    histogram.observe(5, times=3)

    assert histogram.counts == [5, 2, 1]
    assert histogram.count == 8
    assert histogram.total == 0 + 10 + 11 + 100 + 101 + 15


@pytest.mark.parametrize(("share", "bound"), [(0, 10), (0.5, 10), (0.51, 100), (0.9, 100), (0.99, 1_000), (1, 1_000)])
def test_a_quantile_is_the_upper_bound_of_its_bucket(share, bound):
    histogram = Histogram((10, 100, 1_000))
    histogram.observe(3, times=50)
    histogram.observe(30, times=40)
    histogram.observe(3_000, times=10)

    assert histogram.quantile(share) == bound


def test_an_empty_histogram_has_no_quantile():
    assert Histogram().quantile(0.5) == 0


def test_counters_are_one_by_label_and_can_be_forgotten():
    registry = Registry()
    counters = registry.counters("bytes", "Bytes.", ("topic",))

    counters["a"].value += 5
    counters["b"].value += 1
    counters["a"].value += 1
    counters.forget("b")
    counters.forget("never seen")

    (family,) = registry.snapshot()
    assert (family.kind, family.name, family.label_names) == ("counter", "bytes", ("topic",))
    assert family.samples == [(("a",), 6)]


def test_gauges_are_read_when_they_are_asked():
    registry = Registry()
    level = [1]
    registry.gauges("level", "A level.", (), lambda: [((), level[0])])

    level[0] = 7

    assert registry.snapshot()[0].samples == [((), 7)]


def test_a_name_is_given_once():
    registry = Registry()
    registry.histograms("time", "A time.")

    with pytest.raises(AssertionError, match="time"):
        registry.counters("time", "Another time.")
