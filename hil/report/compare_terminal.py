"""Two runs beside each other in the terminal: a table for each board and load."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hil.report.changed import changed
from hil.report.export.names import plain
from hil.report.side_by_side import CasePair, Figure, SideBySide

_STYLES = {"worse": "bold red", "better": "green", "same": "dim", "unclear": "yellow"}
_LEAST = 80


def comparison_text(
    view: SideBySide, *, width: int = 100, color: bool = False, every: bool = False
) -> str:
    """The tables and what was judged, lines at most ``width`` wide (80 at least).

    Without ``every`` only what changed and the main figures are shown.
    """
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=max(width, _LEAST),
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for mark, side in (("A", view.before), ("B", view.after)):
        facts = dict(view.before.facts if mark == "A" else view.after.facts)
        told = f"{facts['boards']}, MicroPython {facts['MicroPython']}, {facts['started']}"
        console.print(Text(plain(f"{mark}: {side.run}: {told}")))
    places = dict.fromkeys((case.board, case.load) for case in view.cases)
    for board, load in places:
        console.print()
        console.print(Text(plain(f"{board}, load {load}"), style="bold"))
        group = [case for case in view.cases if (case.board, case.load) == (board, load)]
        console.print(_table(group, every))
    summary = changed(view.comparison)
    console.print(Text(plain(summary.sentence), style=_STYLES["worse"] if summary.worse else ""))
    for text in summary.absent:
        console.print(Text(f"  {plain(text)}", style="dim"))
    if not every and view.cases:
        console.print(Text("the main figures and what changed; --all shows every one", "dim"))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _table(cases: Sequence[CasePair], every: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("technique", no_wrap=True, overflow="ellipsis", max_width=17)
    table.add_column("figure", overflow="fold", ratio=1)
    for heading in ("A", "B"):
        table.add_column(heading, justify="right")
    table.add_column("B less A", justify="right")
    table.add_column("B is", no_wrap=True)
    for case in cases:
        for number, one in enumerate(case.figures if every else case.main_figures):
            table.add_row(Text("" if number else plain(case.technique)), *_cells(one))
    return table


def _cells(one: Figure) -> list[Text]:
    style = _STYLES.get(one.trend, "dim")
    return [
        Text(plain(one.name)),
        _value(one.before, one.before_bounds),
        _value(one.after, one.after_bounds),
        Text(one.difference or "-"),
        Text(one.trend or "-", style=style),
    ]


def _value(value: str, bounds: str) -> Text:
    text = Text(value)
    if bounds:
        text.append(f" {bounds}", style="dim")
    return text
