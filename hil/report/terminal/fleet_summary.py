"""A night over all boards on one screen of a terminal."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hil.model.printable import escaped_line
from hil.model.units import pick_scale
from hil.report.fleet.view import TROUBLES, first_of_each, short_machines
from hil.report.terminal.tables import Cell, Column, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.report.fleet.spreads import Spread
    from hil.report.fleet.view import BoardRow, FleetView, ModelRow
    from hil.report.terminal.console import TextConsole

SCREEN_ROWS = 23
"""Lines of a terminal, but for that of the prompt."""
_MODELS, _FEWEST = 4, 3
_HINT = "--json has them"
_STYLES = {"missing": "red", "failed": "red", "over limit": "red", "worse": "red"}
_MODEL_COLUMNS = (
    Column("model"),
    Column("firmware", keep=2),
    Column("boards", right=True),
    Column("missing", keep=1, right=True),
    Column("failed", keep=1, right=True),
    Column("over limit", keep=1, right=True, narrow="over"),
    Column("worse", keep=1, right=True),
    Column("outliers", keep=1, right=True, narrow="outl."),
)
_BOARD_COLUMNS = (Column("board"), Column("what", folds=True))
_SPREAD_COLUMNS = (
    Column("spread between boards", folds=True),
    Column("median", right=True),
    Column("MAD", keep=1, right=True),
    Column("middle half", keep=2, right=True),
    Column("smallest", keep=3, right=True),
    Column("largest", right=True),
    Column("boards", keep=4, right=True),
)


def print_fleet(console: TextConsole, view: FleetView, *, rows: int | None = SCREEN_ROWS) -> None:
    """The counts, models, boards to look at, then the widest spreads: what fits ``rows`` lines.

    ``None``: all of it.
    """
    screen = _Screen(console, rows)
    screen.say(view.title, "bold")
    screen.say(view.summary, "red" if view.counts.total() else "green")
    for note in view.notes:
        screen.say(note, "dim")
    reserved = 2 if view.attention else 0
    machines = short_machines(row.model for row in view.models)
    models = [_model_cells(row, machines) for row in view.models]
    most = _MODELS if view.attention and rows else len(models)
    more = "models: --machine=, --firmware=, --all"
    screen.table(_MODEL_COLUMNS, len(models), most, more, reserved, lambda most: models[:most])
    screen.table(
        _BOARD_COLUMNS,
        len(view.attention),
        len(view.attention),
        "boards: --all, --page FILE, --json",
        reserved,
        lambda most: [_board_cells(row) for row in first_of_each(view.attention, most)],
    )
    named = machines if len(view.models) > 1 else {}
    spreads = [_spread_cells(spread, named) for spread in view.widest]
    if screen.room >= _FEWEST + reserved + 2:
        more = "spreads: --all, --page FILE"
        screen.table(
            _SPREAD_COLUMNS, len(spreads), len(spreads), more, reserved, lambda most: spreads[:most]
        )
    if board := view.way_down:
        screen.say(f"one board: hil trend {view.lead_metric} --board={shlex.quote(board)}", "dim")


class _Screen:
    """Adds to a console and counts the lines that are left; without ``rows`` there are enough."""

    def __init__(self, console: TextConsole, rows: int | None) -> None:
        self._console = console
        self.room = 1 << 30 if rows is None else rows

    def say(self, text: str, style: str = "") -> None:
        """A paragraph."""
        before = self._console.height
        self._console.print(escaped_line(text), style)
        self.room -= self._console.height - before

    def table(
        self,
        columns: Sequence[Column],
        count: int,
        most: int,
        more: str,
        reserved: int,
        rows_of: Callable[[int], Sequence[Sequence[Cell]]],
    ) -> None:
        """A blank line and as many of ``count`` rows as fit, ``reserved`` lines left free.

        ``rows_of(n)`` are the ``n`` to show where there is no room for more.
        """
        if not count:
            return
        room = self.room - reserved - 1
        shown = min(most, count, max(1, room))
        while True:
            table = Table(columns, rows_of(shown), _HINT, spaced=False)
            height = sum(1 for _ in table.lines(self._console.width)) + (shown < count)
            if shown == 1 or height <= room:
                break
            shown -= 1
        self.room -= 1 + height
        self._console.print()
        self._console.table(table)
        if shown < count:
            self._console.print(f"and {count - shown} more {more}", "dim")


def _model_cells(row: ModelRow, machines: Mapping[str, str]) -> list[Cell]:
    return [
        Cell(escaped_line(machines[row.model.machine])),
        Cell(escaped_line(row.model.firmware)),
        Cell(str(row.reported)),
        *(Cell(str(row.counts[key] or "-"), _style(key, row.counts[key])) for key in TROUBLES),
    ]


def _style(key: str, count: int) -> str:
    return _STYLES.get(key, "yellow") if count else "dim"


def _board_cells(row: BoardRow) -> list[Cell]:
    style = _STYLES.get(row.gravest, "yellow")
    return [Cell(escaped_line(row.name), style), Cell(escaped_line(row.text))]


def _spread_cells(spread: Spread, machines: Mapping[str, str]) -> list[Cell]:
    scale = pick_scale((spread.median, spread.q3), spread.figure.unit)
    machine = machines.get(spread.model.machine, "")
    model = f" ({machine}, {spread.model.firmware})" if machine else ""
    texts = (
        escaped_line(f"{spread.figure.text}{model}"),
        scale.quantity(spread.median),
        scale.quantity(spread.mad),
        f"{scale.number(spread.q1)} to {scale.quantity(spread.q3)}",
        scale.quantity(spread.low),
        scale.quantity(spread.high),
        str(spread.n),
    )
    return [Cell(text) for text in texts]
