"""The page of a night over all boards."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from hil.analysis.fleet_outliers import FALSE_ALARMS, FEWEST_BOARDS
from hil.model.metrics import find_metric
from hil.model.units import format_value, pick_scale
from hil.report.charts.chart import Chart, Mark, Series, category_axis, linear_axis, time_axis
from hil.report.fleet.view import TROUBLES
from hil.report.page.template_environment import page_script, style_sheet, template_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.report.charts.chart import Axis
    from hil.report.fleet.spreads import Model, Outlier, Spread
    from hil.report.fleet.view import FleetView

MOST_TROUBLED, MOST_LISTED, MOST_CHARTS = 200, 1000, 12
"""Boards with a trouble, boards in all, and charts on the page; the rest is counted."""
_MARKS = 40
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class _SpreadRow:
    """A spread as text."""

    figure: str
    n: int
    median: str
    mad: str
    half: str
    low: str
    low_board: str
    high: str
    high_board: str


@dataclass(frozen=True, slots=True)
class _ModelSection:
    """A model's chart and all its spreads."""

    anchor: str
    title: str
    boards: int
    outliers: int
    chart: Chart | None
    rows: Sequence[_SpreadRow]


def fleet_page(view: FleetView) -> str:
    """A self-contained page; pure: the same input gives the same text.

    It grows with the models and with the boards that have a trouble, up to :data:`MOST_TROUBLED`.
    """
    sections = _sections(view)
    known = find_metric(view.lead_metric)
    outliers = [_outlier_cells(outlier) for outlier in _worst_of_each(view.spreads.outliers)]
    return (
        template_environment()
        .get_template("fleet.html.j2")
        .render(
            style=Markup(style_sheet()),
            script=Markup(page_script("axes.js", "charts.js", "wide_tables.js")),
            view=view,
            troubles=TROUBLES,
            troubled=view.attention[:MOST_TROUBLED],
            troubled_left=max(0, len(view.attention) - MOST_TROUBLED),
            listed=view.reported[:MOST_LISTED],
            listed_left=max(0, len(view.reported) - MOST_LISTED),
            outliers=outliers[:MOST_TROUBLED],
            outliers_left=max(0, len(outliers) - MOST_TROUBLED),
            sections=sections,
            lead=view.lead_metric,
            meaning="" if known is None else known.description,
            percent=f"{100 * FALSE_ALARMS:g}",
            fewest=FEWEST_BOARDS,
            shortened=_shortened,
        )
    )


def _shortened(text: str) -> str:
    """A message that is not longer than a line or three."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _worst_of_each(outliers: Sequence[Outlier]) -> list[tuple[Outlier, int]]:
    """The clearest outlier of each board, and how many it has."""
    by_board: dict[str, list[Outlier]] = defaultdict(list)
    for outlier in outliers:
        by_board[outlier.board.key].append(outlier)
    return [(of_board[0], len(of_board)) for of_board in by_board.values()]


def _outlier_cells(row: tuple[Outlier, int]) -> dict[str, str]:
    outlier, count = row
    scale = pick_scale((outlier.value, outlier.median), outlier.figure.unit)
    return {
        "board": outlier.board.name,
        "model": outlier.model.text,
        "figure": outlier.figure.text,
        "value": scale.quantity(outlier.value),
        "median": scale.quantity(outlier.median),
        "z": f"{outlier.z:+.1f}",
        "p": f"{outlier.p:.1g}",
        "count": str(count),
        "run": outlier.board.run,
        "key": outlier.board.key,
        "metric": outlier.figure.metric,
    }


def _sections(view: FleetView) -> list[_ModelSection]:
    by_model: dict[Model, list[Spread]] = defaultdict(list)
    for spread in view.spreads.spreads:
        by_model[spread.model].append(spread)
    outliers: dict[Model, list[Outlier]] = defaultdict(list)
    for outlier in view.spreads.outliers:
        outliers[outlier.model].append(outlier)
    sections: list[_ModelSection] = []
    for number, row in enumerate(view.models):
        spreads = by_model.get(row.model)
        if not spreads:
            continue
        leading = [spread for spread in spreads if spread.figure.metric == view.lead_metric]
        chart = _chart(row.model, leading, outliers[row.model]) if leading else None
        sections.append(
            _ModelSection(
                anchor=f"model-{number}",
                title=row.model.text,
                boards=row.reported,
                outliers=row.counts["outlier"],
                chart=chart if len(sections) < MOST_CHARTS else None,
                rows=[_spread_row(spread) for spread in spreads],
            )
        )
    return sections


def _spread_row(spread: Spread) -> _SpreadRow:
    scale = pick_scale((spread.median, spread.q3), spread.figure.unit)
    return _SpreadRow(
        figure=spread.figure.text,
        n=spread.n,
        median=scale.quantity(spread.median),
        mad=scale.quantity(spread.mad),
        half=f"{scale.number(spread.q1)} to {scale.quantity(spread.q3)}",
        low=format_value(spread.low, spread.figure.unit),
        low_board=spread.low_board,
        high=format_value(spread.high, spread.figure.unit),
        high_board=spread.high_board,
    )


def _chart(model: Model, spreads: Sequence[Spread], outliers: Sequence[Outlier]) -> Chart:
    """A row a case: the range of the boards, the middle half, the median, and who stands out."""
    metric, unit = spreads[0].figure.metric, spreads[0].figure.unit
    names = [spread.figure.case or "the board" for spread in spreads]
    rows = {spread.figure: row for row, spread in enumerate(spreads)}
    at = np.arange(len(spreads), dtype=np.float64)
    low, q1, median, q3, high = (
        np.array([getattr(spread, name) for spread in spreads], dtype=np.float64)
        for name in ("low", "q1", "median", "q3", "high")
    )
    marks = []
    for outlier in [outlier for outlier in outliers if outlier.figure in rows][:_MARKS]:
        value = format_value(outlier.value, unit)
        text = f"{outlier.board.name}: {value}, {names[rows[outlier.figure]]}"
        marks.append(Mark(outlier.value, float(rows[outlier.figure]), text, "fail"))
    boards = max(spread.n for spread in spreads)
    said = f"{metric} of {boards} boards, {model.text}: range, middle half and median of each case"
    return Chart(
        metric,
        "A row a case. Blue: from the smallest to the largest board, orange: the middle half, dot: "
        "the median, red: boards that stand out.",
        said,
        _value_axis(float(low.min()), float(high.max()), unit, metric),
        category_axis(names, downward=True),
        [
            Series("range", median, at, 0, low, high, "points", "x"),
            Series("middle half", median, at, 1, q1, q3, "points", "x"),
        ],
        marks,
        wide=True,
    )


def _value_axis(low: float, high: float, unit: str, metric: str) -> Axis:
    """Logarithmic for times that cover more than a decade."""
    if unit == "us" and high > 10 * max(low, 1e-9):
        return time_axis(low, high, metric)
    return linear_axis(low, high, metric, unit)
