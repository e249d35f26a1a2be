"""A figure over the nights of many boards, in the terminal and as lines of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.history.trend_queries import TrendLine, TrendPoint
from hil.model.printable import escaped_line
from hil.model.results import case_order
from hil.model.units import format_value
from hil.report.terminal.console import TextConsole
from hil.report.terminal.sparklines import sparkline
from hil.report.terminal.tables import Cell, Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.history.fleet_trends import FleetTrend

_COLUMNS = (
    Column("technique", folds=True),
    Column("medians", keep=3),
    Column("5 %", keep=5, right=True),
    Column("median", right=True),
    Column("95 %", keep=4, right=True),
    Column("largest", keep=1, right=True),
    Column("of board", keep=2, folds=True),
    Column("boards", keep=6, right=True),
)
_HINT = "--json and a wider terminal have them"


def print_fleet(metric: str, trends: Sequence[FleetTrend]) -> None:
    """A table for each model, firmware and profile: the newest night, and the medians before."""
    console = TextConsole.of_output()
    groups: dict[tuple[str, str, str], list[FleetTrend]] = {}
    for trend in trends:
        groups.setdefault((trend.machine, trend.firmware, trend.profile), []).append(trend)
    for (machine, firmware, profile), of_group in groups.items():
        days = sorted({point.day for trend in of_group for point in trend.points})
        nights = f"{len(days)} nights up to {days[-1]}" if len(days) > 1 else days[-1]
        title = f"{machine}, MicroPython {firmware}, profile {profile}: {nights}"
        console.print(escaped_line(title), "bold")
        console.table(Table(_COLUMNS, [_row(trend) for trend in _sorted(of_group)], _HINT))
    console.print(
        f"each board with the largest figure of its tasks; one board: hil trend {metric} "
        "--board=NAME; all of them: --each-board"
    )
    console.write()


def _sorted(trends: Sequence[FleetTrend]) -> list[FleetTrend]:
    return sorted(trends, key=lambda trend: case_order(("", trend.technique, trend.load)))


def _row(trend: FleetTrend) -> list[Cell]:
    newest = trend.points[-1]
    numbers = (newest.low, newest.median, newest.high, newest.largest)
    low, median, high, largest = (Cell(format_value(value, trend.unit)) for value in numbers)
    return [
        Cell(escaped_line(f"{trend.technique}, {trend.load}")),
        Cell(sparkline([point.median for point in trend.points])),
        *(low, median, high, largest),
        Cell(escaped_line(newest.largest_board)),
        Cell(str(newest.boards)),
    ]


def line_of_fleet(trend: FleetTrend) -> TrendLine:
    """The medians as a line, with the 5 and 95 % quantiles in the place of the bounds."""
    most = max(point.boards for point in trend.points)
    return TrendLine(
        board=f"median of {most} boards, with 5 and 95 % of them: {trend.machine}",
        key="",
        firmware=trend.firmware,
        profile=trend.profile,
        technique=trend.technique,
        load=trend.load,
        task=None,
        method=None,
        unit=trend.unit,
        points=[
            TrendPoint(point.day, point.day, point.median, point.low, point.high, point.boards, "")
            for point in trend.points
        ],
    )
