"""Tables in the terminal: the result of a run, and two runs beside each other."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from typing import TYPE_CHECKING

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hil.analysis.uncertainty.order_statistics import needed_samples
from hil.model.metrics import metric_or_unknown, table_columns
from hil.model.printable import escaped_line
from hil.model.results import TOLD_FIRST, case_key, missing_metric
from hil.model.units import format_measurement
from hil.model.verdicts import verdict_message, verdict_word
from hil.report.change_section import change_lines, make_change_section
from hil.report.conditions import run_conditions
from hil.report.edge_tables import (
    edge_columns,
    edge_sections,
    edge_summary,
    reference_sentences,
)
from hil.report.headline import headline
from hil.report.program_notices import notice_lines
from hil.report.result_tables import (
    group_rows,
    in_row_order,
    latency_headings,
    latency_rows,
    technique_rows,
)
from hil.report.terminal.console import TextConsole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    from rich.console import RenderableType

    from hil.model.results import Comparison, ErrorRecord, Measurement, Results, Skip
    from hil.report.edge_tables import EdgeSection
    from hil.report.result_tables import LatencyRow, TechniqueRow
    from hil.report.side_by_side import CasePair, Figure, SideBySide

_WIDE = 100
_VERDICT_STYLES = {
    **{"pass": "green", "fail": "bold red", "error": "bold red"},
    **{"undecided": "magenta", "none": "dim"},
}
_NARROW_WORDS = {"none": "no\nlimit", "undecided": "unde-\ncided"}
_STANDS_OUT = ("fail", "undecided")
_MAX_LISTED = 40
_MAX_CHANGES = 12


def terminal_summary(
    results: Results,
    *,
    width: int = 100,
    color: bool = False,
    comparison: Comparison | None = None,
) -> str:
    """The whole text, lines at most ``width`` wide (80 at least), with escapes if ``color``.

    Control characters that a board or its port put into a name or a reason are shown, not sent.
    """
    console = TextConsole(width, color=color)
    boards = [board.name for board in results.boards]
    rows = technique_rows(results.measurements, boards)
    notices = notice_lines(results, rows)
    head = headline(results, rows)
    console.print(Text(escaped_line(head.sentence), style=_VERDICT_STYLES[head.state]))
    for group in group_rows(rows):
        console.print(Text(escaped_line(group.title), style="bold"))
        console.print(_technique_table(group.rows, console.width))
        cases = {case_key(row) for row in group.rows}
        for line in (line for case, line in notices if case in cases):
            console.print(Padding(Text(escaped_line(line), style="yellow"), (0, 0, 1, 1)))
    latencies = latency_rows(results.measurements)
    if latencies:
        console.print(Text("interrupt latency", style="bold"))
        console.print(_latency_table(latencies))
    sections = edge_sections(results)
    if sections:
        console.print(Text("board and pin", style="bold"))
        console.print(_edge_table(sections, console.width))
        apart = any(section.warns for section in sections)
        console.print(Text(escaped_line(edge_summary(sections)), style="yellow" if apart else ""))
        for line in reference_sentences(results, sections):
            console.print(Text(escaped_line(line)))
    if rows:
        console.print(
            Text("[..] bounds at 95 %; of several tasks the worst one is shown", style="dim")
        )
    for line in run_conditions(results) if rows else ():
        console.print(Text(escaped_line(line), style="dim"))
    for part in _lists(results, rows):
        console.print(part)
    for part in () if comparison is None else _changes(comparison):
        console.print(part)
    return console.text


def _technique_table(rows: Sequence[TechniqueRow], width: int) -> Table:
    wide = width >= _WIDE
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1 if wide else 0, 0, 0), pad_edge=False)
    table.add_column("technique", no_wrap=True, overflow="ellipsis", max_width=24 if wide else 17)
    columns = table_columns("techniques", brief=True)
    for _, column in columns:
        text = column.heading if wide else column.narrow or column.heading
        table.add_column(text, justify="right", no_wrap=True)
    words = {} if wide else _NARROW_WORDS
    table.add_column("verdict" if wide else "", no_wrap=True, min_width=9 if wide else 5)
    for row in rows:
        cells = [
            _cell(row.cells.get(metric.name), wide or column.narrow_bounds)
            for metric, column in columns
        ]
        word = words.get(row.verdict, verdict_word(row.verdict))
        verdict = Text(word, style=_VERDICT_STYLES[row.verdict])
        table.add_row(Text(escaped_line(row.name)), *cells, verdict)
    return table


def _latency_table(latencies: Sequence[LatencyRow]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("stage", no_wrap=True, min_width=5)
    table.add_column("method", no_wrap=True, overflow="ellipsis", max_width=24)
    headings = latency_headings(brief=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in latencies:
        cells = [_cell(row.cells.get(heading), True) for heading in headings]
        table.add_row(row.stage, Text(escaped_line(row.method)), *cells)
    return table


def _edge_table(sections: Sequence[EdgeSection], width: int) -> Table:
    """One line a case; how late and how uneven it is by the board and by the pin."""
    wide = width >= _WIDE
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("technique", no_wrap=True, overflow="ellipsis", max_width=24 if wide else 17)
    columns = [column for column in edge_columns(sections) if wide or column.narrow]
    for column in columns:
        heading = column.heading if wide else column.narrow
        if column.both:
            table.add_column(f"{heading}\nboard", justify="right", no_wrap=True)
        table.add_column(f"{'' if column.both else heading}\npin", justify="right", no_wrap=True)
    table.add_column("edges", justify="right", no_wrap=True)
    table.add_column("disagree", justify="right", no_wrap=True)
    for section in sections:
        cells: list[RenderableType] = []
        for column in columns:
            row = section.worst(column.metric)
            by_board, by_pin = (None, None) if row is None else (row.by_board, row.by_pin)
            cells += [_cell(by_board, wide)] if column.both else []
            cells.append(_cell(by_pin, wide))
        _, technique, load = section.case
        name = technique if load == "idle" else f"{technique}, {load}"
        edges = "-" if section.comparison is None else str(section.comparison.matched)
        style = "yellow" if section.warns else ""
        table.add_row(Text(escaped_line(name)), *cells, edges, Text(section.brief, style=style))
    return table


def _cell(figure: Measurement | None, with_bounds: bool) -> RenderableType:
    if figure is None:
        return Text("-", style="dim")
    shown = format_measurement(figure)
    style = _VERDICT_STYLES[figure.verdict] if figure.verdict in _STANDS_OUT else ""
    text = Text(shown.value, style=style)
    if shown.bounds and with_bounds:
        text.append(f"\n{shown.bounds}", style="dim")
    if shown.reference:
        text.append("\nfrom 1st", style="yellow")
    return text


def _lists(results: Results, rows: Sequence[TechniqueRow]) -> Iterable[Text]:
    failed, undecided = (
        [verdict_message(m) for m in in_row_order(results.measurements, rows) if m.verdict == word]
        for word in _STANDS_OUT
    )
    groups = (
        ("out of budget", "red", failed),
        ("undecided", _VERDICT_STYLES["undecided"], undecided),
        ("errors", "red", [_error(error) for error in results.errors]),
        ("skipped", "yellow", _skips(results.skipped)),
    )
    for title, style, lines in groups:
        if lines:
            yield Text(f"{title} ({len(lines)})", style=style)
        for line in lines[:_MAX_LISTED]:
            yield Text(f"  {escaped_line(line)}")
        if len(lines) > _MAX_LISTED:
            yield Text(f"  … and {len(lines) - _MAX_LISTED} more, all in results.json")


def _changes(comparison: Comparison) -> Iterable[Text]:
    view = make_change_section(comparison)
    style = "red" if view.worse else "green" if view.better else ""
    yield Text("changed", style=style)
    for line in change_lines(view, _MAX_CHANGES):
        yield Text(f"  {escaped_line(line)}")


def _error(error: ErrorRecord) -> str:
    return f"{error.technique}, {error.load}, board {error.board}: {error.error}"


def _skips(skipped: Sequence[Skip]) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    figures: Counter[str] = Counter()
    too_few: Counter[str] = Counter()
    needs: dict[str, int] = {}
    for skip in skipped:
        if skip.technique in TOLD_FIRST:  # told in the first lines
            continue
        metric = missing_metric(skip)
        if metric is None:
            groups.setdefault((skip.board, skip.reason), []).append(f"{skip.technique}-{skip.load}")
            continue
        percentile = metric_or_unknown(metric).percentile
        if percentile is not None and f"{percentile.label} needs" in skip.reason:
            too_few[metric] += 1
            needs[percentile.label] = needed_samples(percentile.share)
        else:
            figures[metric] += 1
    lines = [f"{', '.join(names)} on {key[0]}: {key[1]}" for key, names in groups.items()]
    if too_few:
        wanted = ", ".join(f"{label} needs {needs[label]}" for label in sorted(needs))
        lines.append(f"not enough samples ({wanted}; use --hil-duration-s): {_counted(too_few)}")
    if figures:
        lines.append(f"no figure, reasons in results.json: {_counted(figures)}")
    return lines


def _counted(figures: Counter[str]) -> str:
    return ", ".join(f"{metric} ({count})" for metric, count in sorted(figures.items()))


_TREND_STYLES = {"worse": "bold red", "better": "green", "same": "dim", "unclear": "yellow"}


def comparison_text(
    view: SideBySide, *, width: int = 100, color: bool = False, every: bool = False
) -> str:
    """The tables and what was judged, lines at most ``width`` wide (80 at least).

    Without ``every`` only what changed and the main figures are shown.
    """
    console = TextConsole(width, color=color)
    for mark, side in (("A", view.before), ("B", view.after)):
        facts = dict(view.before.facts if mark == "A" else view.after.facts)
        facts_text = f"{facts['boards']}, MicroPython {facts['MicroPython']}, {facts['started']}"
        console.print(Text(escaped_line(f"{mark}: {side.run}: {facts_text}")))
    groups = dict.fromkeys((case.board, case.load) for case in view.cases)
    for board, load in groups:
        console.print()
        console.print(Text(escaped_line(f"{board}, load {load}"), style="bold"))
        group = [case for case in view.cases if (case.board, case.load) == (board, load)]
        console.print(_comparison_table(group, every))
    summary = make_change_section(view.comparison)
    console.print(
        Text(escaped_line(summary.sentence), style=_TREND_STYLES["worse"] if summary.worse else "")
    )
    if summary.power:
        console.print(Text(escaped_line(summary.power), style="dim"))
    for text in summary.absent:
        console.print(Text(f"  {escaped_line(text)}", style="dim"))
    if not every and view.cases:
        console.print(Text("the main figures and what changed; --all shows every one", "dim"))
    return console.text


def _comparison_table(cases: Sequence[CasePair], every: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("technique", no_wrap=True, overflow="ellipsis", max_width=17)
    table.add_column("figure", overflow="fold", ratio=1)
    for heading in ("A", "B"):
        table.add_column(heading, justify="right")
    table.add_column("B less A", justify="right")
    table.add_column("told from", justify="right")
    table.add_column("B is", no_wrap=True)
    for case in cases:
        for number, figure in enumerate(case.figures if every else case.main_figures):
            table.add_row(
                Text("" if number else escaped_line(case.technique)), *_figure_cells(figure)
            )
    return table


def _figure_cells(figure: Figure) -> list[Text]:
    style = _TREND_STYLES.get(figure.trend, "dim")
    return [
        Text(escaped_line(figure.name)),
        _figure_value(figure.before, figure.before_bounds),
        _figure_value(figure.after, figure.after_bounds),
        Text(figure.difference or "-"),
        Text(figure.detectable or "-", style="dim"),
        Text(figure.trend or "-", style=style),
    ]


def _figure_value(value: str, bounds: str) -> Text:
    text = Text(value)
    if bounds:
        text.append(f" {bounds}", style="dim")
    return text


_REPLACEMENTS = str.maketrans({"─": "-", "━": "-", "…": "~", "µ": "u"})


def wants_color(stream: TextIO) -> bool:
    """Whether to colour: a terminal that knows colours, and nobody who asks for none.

    ``NO_COLOR`` is https://no-color.org: any text but the empty one.
    """
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def can_show(text: str, stream: TextIO) -> bool:
    """Whether the stream's encoding has every character of ``text``."""
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def terminal_width() -> int:
    """Columns of the terminal; 80 where there is none to ask."""
    return shutil.get_terminal_size().columns


def write_out(text: str) -> None:
    """Print ``text``; characters that the terminal does not have are replaced."""
    stream = sys.stdout
    if not can_show(text, stream):
        known = stream.encoding or "ascii"
        text = text.translate(_REPLACEMENTS).encode(known, "replace").decode(known)
    stream.write(text)
