"""The tables of figures: techniques, latencies, board and pin, and two runs side by side."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.model.metrics import table_columns
from hil.model.printable import escaped_line
from hil.model.units import format_measurement
from hil.model.verdicts import verdict_word
from hil.report.edge_tables import edge_columns
from hil.report.result_tables import latency_headings
from hil.report.terminal.tables import NOTHING, Cell, Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.metric import Table as TableName
    from hil.model.results import Measurement
    from hil.report.edge_tables import EdgeSection
    from hil.report.result_tables import LatencyRow, TechniqueRow
    from hil.report.side_by_side import CasePair, Figure

VERDICT_STYLES = {
    **{"pass": "green", "fail": "bold red", "error": "bold red"},
    **{"undecided": "magenta", "none": "dim"},
}
STANDS_OUT = ("fail", "undecided")
TREND_STYLES = {"worse": "bold red", "better": "green", "same": "dim", "unclear": "yellow"}
_HINT = "results.json, report.html and a wider terminal have them"
_BOUNDS_BEHIND = re.compile(r"(.*?) ?((?:\[|[<>]= ).*|)", re.DOTALL)
_BOUNDS = 90
"""Bounds are the first to be left out, before any column; those of the main figure stay longer."""


def technique_table(rows: Sequence[TechniqueRow]) -> Table:
    """A row for each technique."""
    shown = table_columns("techniques", brief=True)
    columns = [
        Column("technique"),
        *(
            Column(
                column.heading,
                column.keep,
                right=True,
                narrow=column.narrow,
                keep_details=column.keep_bounds or _BOUNDS,
            )
            for _, column in shown
        ),
        Column("verdict", folds=True),
    ]
    return Table(
        columns,
        [
            [
                Cell(escaped_line(row.name)),
                *(figure_cell(row.cells.get(metric.name)) for metric, _ in shown),
                Cell(verdict_word(row.verdict), VERDICT_STYLES[row.verdict]),
            ]
            for row in rows
        ],
        _HINT,
    )


def latency_table(latencies: Sequence[LatencyRow]) -> Table:
    """A row for each way in which a latency was taken."""
    keep = _keep_by_heading("latencies")
    headings = latency_headings(brief=True)
    columns = [
        Column("stage"),
        Column("method"),
        *(Column(name, keep[name], right=True, keep_details=_BOUNDS) for name in headings),
    ]
    rows = [
        [
            Cell(row.stage),
            Cell(escaped_line(row.method)),
            *(figure_cell(row.cells.get(heading)) for heading in headings),
        ]
        for row in latencies
    ]
    return Table(columns, rows, _HINT)


def edge_table(sections: Sequence[EdgeSection]) -> Table:
    """A row for each case; how late and how uneven it is by the board and by the pin."""
    keep = _keep_by_heading("edges")
    shown = edge_columns(sections)
    columns = [Column("technique", folds=True)]
    for column in shown:
        for source in ("board", "pin") if column.both else ("pin",):
            heading, narrow = (
                f"{text} {source}" if text else "" for text in (column.heading, column.narrow)
            )
            columns.append(
                Column(
                    heading, keep[column.heading], right=True, narrow=narrow, keep_details=_BOUNDS
                )
            )
    columns += [Column("edges", keep=8, right=True), Column("disagree", right=True)]
    rows = []
    for section in sections:
        _, technique, load = section.case
        cells = [Cell(escaped_line(technique if load == "idle" else f"{technique}, {load}"))]
        for column in shown:
            row = section.worst(column.metric)
            cells += [figure_cell(None if row is None else row.by_board)] if column.both else []
            cells.append(figure_cell(None if row is None else row.by_pin))
        edges = "-" if section.comparison is None else str(section.comparison.matched)
        style = "yellow" if section.warns else ""
        rows.append([*cells, Cell(edges), Cell(escaped_line(section.brief), style)])
    return Table(columns, rows, _HINT)


def comparison_table(cases: Sequence[CasePair], *, every: bool) -> Table:
    """A row for each figure of two runs; without ``every`` the main ones and what changed."""
    columns = [
        Column("technique"),
        Column("figure", folds=True),
        Column("A", keep=2, right=True, keep_details=8),
        Column("B", right=True, keep_details=8),
        Column("B less A", keep=1, right=True, keep_details=7),
        Column("told from", keep=9, right=True),
        Column("B is"),
    ]
    rows = [
        [Cell("" if number else escaped_line(case.technique)), *_figure_cells(figure)]
        for case in cases
        for number, figure in enumerate(case.figures if every else case.main_figures)
    ]
    return Table(columns, rows, "--json and a wider terminal have them")


def figure_cell(figure: Measurement | None) -> Cell:
    """A figure with its unit, its bounds, and what it counts from where that is not the grid."""
    if figure is None:
        return NOTHING
    shown = format_measurement(figure)
    style = VERDICT_STYLES[figure.verdict] if figure.verdict in STANDS_OUT else ""
    return Cell(shown.value, style, shown.bounds, "from 1st" if shown.reference else "")


def _figure_cells(figure: Figure) -> list[Cell]:
    return [
        Cell(escaped_line(figure.name)),
        Cell(figure.before, detail=figure.before_bounds),
        Cell(figure.after, detail=figure.after_bounds),
        _with_bounds(figure.difference or "-"),
        Cell(figure.detectable or "-", "dim"),
        Cell(figure.trend or "-", TREND_STYLES.get(figure.trend, "dim")),
    ]


def _with_bounds(text: str) -> Cell:
    """A value that its bounds follow: they go below it."""
    value, bounds = _BOUNDS_BEHIND.fullmatch(text).groups()  # type: ignore[union-attr]
    return Cell(value, detail=bounds)


def _keep_by_heading(table: TableName) -> dict[str, int]:
    return {column.heading: column.keep for _, column in table_columns(table)}
