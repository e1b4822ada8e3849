"""Percentiles and the report: numbers in, a table out."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import report, run, stats


def test_a_percentile_is_a_sample_that_so_many_do_not_exceed() -> None:
    ordered = [float(number) for number in range(1, 1001)]

    assert [stats.percentile(ordered, percent) for percent in (50, 99, 99.9, 100)] == [500, 990, 999, 1000]
    assert stats.percentile([7.0], 50) == 7.0


def test_latencies_come_in_milliseconds_and_in_any_order() -> None:
    assert stats.latencies_ms([0.004, 0.001, 0.003]) == {"p50": 3.0, "p99": 4.0, "p999": 4.0, "max": 4.0}
    assert stats.latencies_ms([]) == {}


@pytest.fixture
def results() -> dict[str, Any]:
    rounds = [
        {"scenario": "produce-16KB", "server": server, "round": number, "mb_per_s": rate, "cpu_s_per_gb": 2.0}
        for server, rates in (("penstock", (290, 300, 310)), ("apache", (90, 100, 200)), ("write(2)", (600,)))
        for number, rate in enumerate(rates)
    ]
    return {
        "machine": {
            "cpu": "a CPU",
            "cores": 2,
            "memory": 1 << 33,
            "kernel": "6.1",
            "python": "3.11",
            "load_before": 0.1,
            "date": "2026-01-01 00:00 UTC",
        },
        "plan": {"rounds": 3, "seconds": 10, "seconds_warm": 90, "bytes_max": 1 << 30},
        "servers": {"penstock": "this checkout", "apache": "4.3.1"},
        "rounds": rounds,
    }


def test_a_row_holds_medians_spread_ratio_and_verdict(results: dict[str, Any]) -> None:
    text = report.markdown(results)

    throughput = "| Produce, 16 KB batches | 300 MB/s (290–310) | 100 MB/s (90.0–200) | 3.00 | ≥ 2 | yes |"
    cpu = "| Produce, 16 KB batches | 2.00 s (2.00–2.00) | 2.00 s (2.00–2.00) | 1.00 | ≤ 0.5 | **no** |"
    assert throughput in text.splitlines()
    assert cpu in text.splitlines()
    assert "| Produce, 16 KB batches | 600 MB/s | 50% | 17% |" in text.splitlines()


def test_what_was_not_measured_has_no_row(results: dict[str, Any]) -> None:
    text = report.markdown(results)

    assert "Fetch" not in text
    assert "Many partitions" not in text


def test_every_row_is_of_a_scenario_that_is_run() -> None:
    names = [scenario.name for scenario in run.ALL]

    assert len(set(names)) == len(names)
    assert {row.scenario for _, rows in report.TABLES for row in rows} <= set(names)


def test_a_failure_is_told(results: dict[str, Any]) -> None:
    results["failures"] = [{"scenario": "fetch-1MB", "server": "penstock", "step": "round", "error": "it broke"}]

    assert "- fetch-1MB, penstock, round: it broke" in report.markdown(results)


def test_writing_keeps_the_text_around_the_tables(tmp_path: Path, results: dict[str, Any]) -> None:
    kept = tmp_path / "results.json"
    kept.write_text(json.dumps(results))
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Benchmarks\n\nBefore.\n\n{report.BEGIN}\nold\n{report.END}\nAfter.\n")

    for _ in range(2):
        report.write(kept, tmp_path)

    text = page.read_text()
    assert text.startswith("# Benchmarks\n\nBefore.\n\n")
    assert text.endswith(f"{report.END}\nAfter.\n")
    assert "old" not in text
    assert text.count(report.BEGIN) == 1
