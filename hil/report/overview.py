"""Median and 99th percentile of every technique beside each other, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence

from hil.report.chart import Plot
from hil.report.drawing import legend, new_axes, time_axis, whisker
from hil.report.numbers import show
from hil.report.rows import Row
from hil.report.svg import FIRST, SECOND, to_svg


def overview_plot(rows: Sequence[Row], title: str, key: str) -> Plot | None:
    """p50 and p99 lateness of every technique on one log axis, whiskers at the bounds."""
    rows = [row for row in rows if "lateness_p50_us" in row.cells or "lateness_p99_us" in row.cells]
    if not rows:
        return None
    figure, axes = new_axes((5.2, 0.8 + 0.27 * len(rows)), left=_label_width(rows))
    drawn = []
    for place, (metric, label, color, marker) in enumerate(
        (
            ("lateness_p50_us", "p50", SECOND, "D"),
            ("lateness_p99_us", "p99", FIRST, "o"),
        )
    ):
        points = [(y, row.cells[metric]) for y, row in enumerate(rows) if metric in row.cells]
        for y, one in points:
            whisker(axes, one, y + 0.16 * (2 * place - 1), color, marker)
            drawn += [x for x in (one.value, one.lo, one.hi) if x is not None]
        axes.plot([], [], color=color, marker=marker, ls="none", ms=4, label=label)
    axes.set_yticks(range(len(rows)), [row.name[:24] for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    time_axis(axes, drawn)
    axes.set_xlabel("lateness (log scale)")
    legend(axes)
    best = min(
        (row.cells["lateness_p99_us"] for row in rows if "lateness_p99_us" in row.cells),
        key=lambda one: one.value,
        default=None,
    )
    alt = f"{title}: lateness of {len(rows)} techniques, median and 99th percentile."
    if best is not None:
        alt += f" Smallest 99th percentile: {best.technique}, {show(best).line}."
    caption = "The worst task of each technique; whiskers are the 95 % bounds."
    return Plot(
        "Median and 99th percentile", caption, to_svg(figure, key, alt), kind="hil-overview"
    )


def _label_width(rows: Sequence[Row]) -> float:
    return 0.25 + 0.078 * min(24, max(len(row.name) for row in rows))
