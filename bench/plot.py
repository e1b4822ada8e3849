"""The same medians as pictures, when matplotlib is there (it comes with the extra `dev`)."""

from pathlib import Path
from typing import Any

from bench import report

_COLOURS = {"penstock": "#1f77b4", "apache": "#c8c8c8"}
_NAMES = {"penstock": "Penstock", "apache": "Apache Kafka"}


def write(results: dict[str, Any], directory: Path) -> list[Path]:
    """One SVG for each of the first tables of the report; nothing without matplotlib."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        return []
    mpl.use("svg")
    # The same results give the same bytes.
    mpl.rcParams["svg.hashsalt"] = "penstock"
    directory.mkdir(parents=True, exist_ok=True)
    found = []
    for name, (title, rows) in zip(("throughput", "cpu", "latency", "footprint"), report.TABLES, strict=False):
        path = directory / f"bench-{name}.svg"
        if _bars(results["rounds"], title, rows, path):
            found.append(path)
    return found


def _bars(rounds: report.Rounds, title: str, rows: tuple[report.Row, ...], path: Path) -> bool:
    """Each measurement as a share of Apache Kafka's, whose bar is 1: the units differ, the ratios compare."""
    from matplotlib import pyplot

    ratios = [(row.title, found) for row in rows if (found := report.ratio(rounds, row)) is not None]
    if not ratios:
        return False
    figure, axes = pyplot.subplots(figsize=(8, 0.6 + 0.55 * len(ratios)))
    places = range(len(ratios))
    axes.barh(
        [place + 0.2 for place in places], [1] * len(ratios), 0.36, color=_COLOURS["apache"], label=_NAMES["apache"]
    )
    bars = axes.barh(
        [place - 0.2 for place in places],
        [found for _, found in ratios],
        0.36,
        color=_COLOURS["penstock"],
        label=_NAMES["penstock"],
    )
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set_yticks(list(places), [name for name, _ in ratios])
    axes.invert_yaxis()
    axes.set_title(f"{title} (Apache Kafka = 1)", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    # Beside the bars there is no place that stays free whatever the ratios are.
    axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, -0.16 - 0.5 / len(ratios)), ncols=2)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
    return True
