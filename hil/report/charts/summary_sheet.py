"""The summary of a run on one sheet of A4: the answer, what it rests on, techniques, two charts.

It never grows beyond its page: what has no room is counted, and the page of the run has it all.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from hil.model.printable import escaped_line
from hil.model.units import format_measurement, with_micro_sign
from hil.report.charts.matplotlib_drawing import (
    BAD_COLOR,
    GRID_COLOR,
    INK_COLOR,
    SOFT_COLOR,
    draw_into,
    drawing_settings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from hil.report.charts.chart import Chart
    from hil.report.result_tables import TechniqueRow

_WIDTH, _HEIGHT = 8.27, 11.69
_LEFT, _RIGHT = 0.55, 7.72
_LINE, _ROW = 0.19, 0.165
_WRAP = 118
_CHARTS = 2.6
"""Inches for the charts at the foot."""
_COLUMNS = (
    ("lateness_p50_us", "late p50"),
    ("lateness_p99_us", "late p99"),
    ("lateness_max_us", "late max"),
    ("period_jitter_rms_us", "jitter rms"),
    ("schedule_drift_ppm", "drift"),
    ("missed", "missed"),
)
_NAME_WIDTH = 2.0


def summary_sheet(
    title: str,
    lines: Sequence[tuple[str, bool]],
    rows: Sequence[TechniqueRow],
    charts: Sequence[Chart],
) -> Figure:
    """The sheet as a figure: ``lines`` with whether each is a heading, the ``rows`` as a table, and
    the first two ``charts``."""
    with drawing_settings():
        return _Sheet().draw(title, lines, rows, charts[:2])


class _Sheet:
    """A4, filled from the top; ``_at`` is the distance of the next line from there, in inches."""

    def __init__(self) -> None:
        self._figure = Figure(figsize=(_WIDTH, _HEIGHT))
        self._at = 0.6

    def draw(
        self,
        title: str,
        lines: Sequence[tuple[str, bool]],
        rows: Sequence[TechniqueRow],
        charts: Sequence[Chart],
    ) -> Figure:
        self._text(_LEFT, textwrap.shorten(title, 80, placeholder="…"), size=13, weight="bold")
        self._at += 0.34
        end = _HEIGHT - 0.5 - (_CHARTS if charts else 0.0)
        self._lines(lines, 0.55 * end)
        if rows:
            self._table(rows, end)
        for number, chart in enumerate(charts):
            self._chart(number, chart)
        return self._figure

    def _text(self, x: float, text: str, **look: Any) -> None:
        settings = {"size": 8.5, "color": INK_COLOR, "va": "top", **look}
        shown = with_micro_sign(escaped_line(text))
        self._figure.text(x / _WIDTH, 1 - self._at / _HEIGHT, shown, **settings)

    def _lines(self, lines: Sequence[tuple[str, bool]], end: float) -> None:
        wrapped = [
            (part, is_heading)
            for text, is_heading in lines
            for part in textwrap.wrap(escaped_line(text), _WRAP - 14 * is_heading)
        ]
        for number, (part, is_heading) in enumerate(wrapped):
            if self._at + _LINE > end:
                more = len(wrapped) - number
                self._text(_LEFT, f"and {more} more lines in report.html", color=SOFT_COLOR)
                self._at += _LINE
                return
            self._text(_LEFT, part, weight="bold" if is_heading else "normal")
            self._at += _LINE

    def _table(self, rows: Sequence[TechniqueRow], end: float) -> None:
        self._at += 0.12
        step = (_RIGHT - _LEFT - _NAME_WIDTH) / len(_COLUMNS)
        rights = [_LEFT + _NAME_WIDTH + step * (k + 1) for k in range(len(_COLUMNS))]
        head = {"size": 7.5, "color": SOFT_COLOR}
        self._text(_LEFT, "technique, load", **head)
        for right, (_, heading) in zip(rights, _COLUMNS, strict=True):
            self._text(right, heading, ha="right", **head)
        boards = {row.board for row in rows}
        for number, row in enumerate(rows):
            self._at += _ROW
            if self._at + 2 * _ROW > end and len(rows) - number > 1:
                self._text(_LEFT, f"and {len(rows) - number} more cases in report.html", **head)
                break
            name = f"{row.technique}, {row.load}"
            name += f", {row.board}" if len(boards) > 1 else ""
            bad = {"color": BAD_COLOR} if row.verdict == "fail" else {}
            self._text(_LEFT, name if len(name) <= 40 else f"{name[:39]}…", size=7.5, **bad)
            for right, (metric, _) in zip(rights, _COLUMNS, strict=True):
                figure = row.cells.get(metric)
                value = "-" if figure is None else format_measurement(figure).value
                is_bad = figure is not None and figure.verdict == "fail"
                self._text(right, value, size=7.5, ha="right", **(bad if is_bad else {}))
        self._at += _ROW

    def _chart(self, number: int, chart: Chart) -> None:
        width = (_RIGHT - _LEFT) / 2
        left = (_LEFT + 0.45 + number * (width + 0.1)) / _WIDTH
        bottom, high = 0.75, _CHARTS - 0.95
        axes = self._figure.add_axes(
            (left, bottom / _HEIGHT, (width - 0.6) / _WIDTH, high / _HEIGHT)
        )
        draw_into(axes, chart)
        axes.tick_params(labelsize=6.5)
        axes.grid(True, color=GRID_COLOR, lw=0.5)
        names = [series.name for series in chart.series if series.name and not series.quiet]
        head = with_micro_sign(escaped_line(f"{chart.title}: {', '.join(names[:3])}"))
        self._figure.text(
            left - 0.4 / _WIDTH,
            (bottom + high + 0.27) / _HEIGHT,
            textwrap.shorten(head, 68, placeholder="…"),
            size=7,
            weight="bold",
            color=INK_COLOR,
        )
