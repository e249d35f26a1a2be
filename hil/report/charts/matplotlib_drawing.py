"""A chart drawn into a file by matplotlib: PNG, SVG or PDF.

The same input gives the same bytes. Names may hold anything: nothing in them is taken as a formula.
"""

from __future__ import annotations

import math
import textwrap
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from hil.model.printable import escaped_line
from hil.model.units import with_micro_sign
from hil.report.charts.chart import COLORS, INK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Any

    from matplotlib.axes import Axes

    from hil.model.captures import FloatArray
    from hil.report.charts.chart import Axis, Chart, Mark, ReferenceLine, Series

PALETTE = ("#0b5cad", "#b3480b", "#176b34", "#7b3fb5", "#b0207a", "#0b6a70", "#6b5f00")
"""Colours of series, those of the light page."""
INK_COLOR, SOFT_COLOR, GRID_COLOR = "#1c2128", "#57606a", "#e3e7eb"
QUIET_COLOR = "#aab2bb"
BAD_COLOR, BAND_COLOR = "#b3122b", "#cfd9e6"
_SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "text.parse_math": False,
    "axes.unicode_minus": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "hil",
    "pdf.fonttype": 42,
}
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
_DPI = 150
_LINE = 0.155
"""Height of a line of text in inches."""
_LEGEND_NAME = 34
_MARKS = {"mark": INK_COLOR, "summary": QUIET_COLOR, "worst": BAD_COLOR, "fail": BAD_COLOR}
_REFERENCES: dict[str, dict[str, Any]] = {
    "reference": {"color": INK_COLOR, "ls": ":", "lw": 0.9},
    "limit": {"color": BAD_COLOR, "ls": "--", "lw": 0.9},
    "change": {"color": INK_COLOR, "ls": "-", "lw": 0.9},
    "span": {"color": BAND_COLOR, "alpha": 0.5, "lw": 0},
}


def write_picture(path: Path, chart: Chart) -> None:
    """Draw ``chart`` into a file, its format after the ending of ``path``: png, svg or pdf.

    Raises ``ValueError`` for another ending and ``OSError`` if the file can't be written.
    """
    form = path.suffix.lstrip(".").lower()
    if form not in _METADATA:
        raise ValueError(f"{path.name}: the ending must be one of {', '.join(_METADATA)}")
    with drawing_settings():
        draw(chart).savefig(path, format=form, dpi=_DPI, metadata=_METADATA[form])


def write_pages(path: Path, charts: Iterable[Chart]) -> int:
    """Draw each chart on a page of one PDF; gives the number of pages."""
    pages = 0
    with drawing_settings(), PdfPages(path, metadata=_METADATA["pdf"]) as file:
        for chart in charts:
            file.savefig(draw(chart))
            pages += 1
    return pages


def write_sheet(path: Path, figure: Figure) -> None:
    """Write a figure as a PDF of one page."""
    with drawing_settings():
        figure.savefig(path, format="pdf", metadata=_METADATA["pdf"])


def draw(chart: Chart) -> Figure:
    """The chart as a figure; its axes hold the series in the units of the description."""
    with drawing_settings():
        return _draw(chart)


@contextmanager
def drawing_settings() -> Iterator[None]:
    """Fonts and formats of all drawings, so that the same input gives the same bytes."""
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        yield


def _draw(chart: Chart) -> Figure:
    width, height = (7.2, 3.6) if chart.wide else (4.6, 2.7)
    left = 0.75
    if chart.y.kind == "categories":
        left = max(left, 0.25 + 0.075 * max(len(escaped_line(name)) for name in chart.y.categories))
        height = max(height, 0.8 + 0.24 * len(chart.y.categories))
    caption = textwrap.wrap(escaped_line(chart.caption), 130 if chart.wide else 82)
    title = textwrap.wrap(escaped_line(chart.title), 85 if chart.wide else 54)
    named = sum(bool(series.name) for series in chart.series)
    columns = 4 if chart.wide else 2
    legend_rows = math.ceil(named / columns)
    below_title = 0.08 + 0.17 * len(title)
    top = below_title + _LINE * legend_rows + (_LINE if chart.y.label else 0.0)
    bottom = 0.5 + _LINE * len(caption)
    height += top + bottom - 1.0
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes(
        (left / width, bottom / height, 1 - (left + 0.25) / width, 1 - (top + bottom) / height)
    )
    figure.text(
        0.08 / width,
        1 - 0.06 / height,
        "\n".join(title),
        color=INK_COLOR,
        weight="bold",
        size=9.5,
        va="top",
    )
    draw_into(axes, chart)
    if named:
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="upper left",
            bbox_to_anchor=(0.0, 1 - below_title / height),
            ncols=columns,
            fontsize=7,
            frameon=False,
            labelcolor=INK_COLOR,
            labelspacing=0.25,
        )
    text = "\n".join(caption)
    figure.text(0.08 / width, 0.08 / height, text, color=SOFT_COLOR, size=7, va="bottom")
    return figure


def draw_into(axes: Axes, chart: Chart) -> None:
    """Axes, series and marks of the chart, without its title, legend and caption."""
    _lay_out(axes, chart)
    for line in chart.references:
        _reference(axes, line)
    for series in sorted(chart.series, key=lambda series: not series.quiet):
        _series(axes, series, chart.y.lo)
    for mark in chart.marks:
        _mark(axes, mark)


def _lay_out(axes: Axes, chart: Chart) -> None:
    axes.set_xscale(**_scale(chart.x))
    axes.set_yscale(**_scale(chart.y))
    axes.set_xlim(chart.x.lo, chart.x.hi)
    axes.set_ylim(chart.y.lo, chart.y.hi)
    for axis, described in ((axes.xaxis, chart.x), (axes.yaxis, chart.y)):
        ticks = described.ticks()
        axis.set_ticks(
            [value for value, _ in ticks],
            [escaped_line(with_micro_sign(text)) for _, text in ticks],
        )
        axis.set_ticks([], minor=True)
    axes.grid(True, color=GRID_COLOR, lw=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT_COLOR)
    axes.tick_params(colors=INK_COLOR, length=0)
    axes.set_xlabel(escaped_line(chart.x.label), color=SOFT_COLOR, loc="right")
    axes.set_title(escaped_line(chart.y.label), color=SOFT_COLOR, loc="left", size=8, pad=4)


def _scale(axis: Axis) -> dict[str, Any]:
    if axis.kind == "asinh":
        return {"value": "asinh", "linear_width": axis.bend}
    return {"value": "log" if axis.kind == "log" else "linear"}


def _color(series: Series) -> str:
    return SOFT_COLOR if series.color == INK else PALETTE[series.color % COLORS]


def _series(axes: Axes, series: Series, floor: float) -> None:
    color = _color(series)
    if series.quiet:
        color = QUIET_COLOR
    label = _legend_name(series.name)
    _bounds(axes, series, color)
    if series.origin is not None:
        start_x, start_y = series.origin
        axes.plot([start_x, series.x], [start_y, series.y], color=color, lw=0.9)
    if series.style == "steps":
        axes.stairs(series.y, series.x, baseline=floor, color=color, lw=1.1, label=label)
    elif series.style == "points" or series.x.size == 1:
        axes.plot(series.x, series.y, "o", color=color, ms=3, label=label)
    else:
        dashes = "--" if series.color >= COLORS else "-"
        axes.plot(series.x, series.y, dashes, color=color, lw=1.1, label=label)


def _legend_name(name: str) -> str:
    """The name in the legend; matplotlib leaves out what begins with an underscore."""
    text = textwrap.shorten(escaped_line(name), 3 * _LEGEND_NAME, placeholder="…")
    return f" {text}" if name.startswith("_") else text if text else "_nolegend_"


def _bounds(axes: Axes, series: Series, color: str) -> None:
    if series.lo is None or series.hi is None:
        return
    lo, hi = series.lo, series.hi
    is_known = np.isfinite(lo) & np.isfinite(hi)
    if series.style == "points":
        ends: FloatArray = np.array([lo[is_known], hi[is_known]])
        if series.bounds == "x":
            axes.plot(ends, [series.y[is_known]] * 2, color=color, lw=2.2, alpha=0.5)
        else:
            axes.plot([series.x[is_known]] * 2, ends, color=color, lw=2.2, alpha=0.5)
        return
    x = series.x
    if series.style == "steps":
        x, lo, hi = np.repeat(x, 2)[1:-1], np.repeat(lo, 2), np.repeat(hi, 2)
        is_known = np.repeat(is_known, 2)
    axes.fill_between(x[is_known], lo[is_known], hi[is_known], color=color, alpha=0.17, lw=0)


def _mark(axes: Axes, mark: Mark) -> None:
    color = _MARKS[mark.kind]
    if mark.bounds is not None:
        axes.plot([mark.x, mark.x], mark.bounds, color=color, lw=2.0, alpha=0.55)
    axes.plot(mark.x, mark.y, "o", color=color, ms=5 if mark.kind == "worst" else 4)


def _reference(axes: Axes, line: ReferenceLine) -> None:
    look = _REFERENCES[line.kind]
    if line.to is not None:
        (axes.axvspan if line.axis == "x" else axes.axhspan)(line.at, line.to, **look)
    else:
        (axes.axvline if line.axis == "x" else axes.axhline)(line.at, **look)
