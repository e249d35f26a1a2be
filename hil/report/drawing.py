"""What the figures share: axes with fixed margins, bounds as whiskers and bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from hil.analysis.activations import FloatArray
from hil.records import Measurement
from hil.report.svg import GRID, INK

SIZE = (4.5, 2.9)
"""Inches; shown at the width of a phone or a column."""


def new_axes(
    size: tuple[float, float] = SIZE, left: float = 0.62, legend_rows: int = 1
) -> tuple[Figure, Axes]:
    """Axes with margins in inches: a layout engine would take as long as the drawing."""
    figure = Figure(figsize=size)
    figure.patch.set_visible(False)
    width, height = size
    bottom = 0.42
    right = 0.12 if size == SIZE else 0.3
    axes = figure.add_axes(
        (
            left / width,
            bottom / height,
            (width - left - right) / width,
            (height - bottom - 0.12 - 0.14 * legend_rows) / height,
        )
    )
    axes.patch.set_visible(False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK)
        axes.spines[side].set_linewidth(0.6)
    axes.tick_params(colors=INK, labelsize=8, width=0.6, length=3)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.grid(True, color=GRID, lw=0.5)
    axes.set_axisbelow(True)
    return figure, axes


def legend(axes: Axes, columns: int = 3) -> None:
    """Above the axes, where it covers no data."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        fontsize=7,
        frameon=False,
        labelcolor=INK,
        borderpad=0.1,
        borderaxespad=0.1,
        columnspacing=1.2,
    )


def whisker(
    axes: Axes, one: Measurement, y: float, color: str, marker: str, factor: float = 1.0
) -> None:
    """A value as a marker, its bounds as a thick line; nothing is drawn for absent bounds."""
    if one.lo is not None and one.hi is not None:
        axes.plot([one.lo * factor, one.hi * factor], [y, y], color=color, lw=2.2, alpha=0.5)
    axes.plot(one.value * factor, y, marker, color=color, ms=4)


def time_axis(axes: Axes, values: Sequence[float] | FloatArray) -> None:
    """A log axis in fitting units; where something lies at or before zero, linear about zero."""
    data = np.asarray(values, dtype=np.float64)
    sizes = np.abs(data[data != 0])
    smallest = float(sizes.min()) if sizes.size else 1.0
    least = 10.0 ** np.floor(np.log10(max(smallest, 0.1)))
    biggest = float(data.max(initial=10 * least))
    if data.size and data.min() > 0:
        axes.set_xscale("log")
        axes.set_xlim(least, biggest * 1.6)
    else:
        least = max(least, 1.0)
        axes.set_xscale("symlog", linthresh=least)
        axes.set_xlim(min(float(data.min(initial=0)) * 1.6, -0.1 * least), biggest * 1.6)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _tick(x)))


def _tick(value_us: float) -> str:
    for least, factor, unit in ((1e6, 1e-6, "s"), (1e3, 1e-3, "ms")):
        if abs(value_us) >= least:
            return f"{value_us * factor:g} {unit}"
    return f"{value_us:g} us"
