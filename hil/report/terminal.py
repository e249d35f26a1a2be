"""The table at the end of a run: techniques as rows, then what was skipped or went wrong."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from hil.budgets import failure_message
from hil.records import ErrorRecord, Measurement, Skip
from hil.report.absent import absent_metric
from hil.report.changed import changed, changed_lines
from hil.report.numbers import show
from hil.report.rows import COLUMNS, Row, make_rows
from hil.report.verdict import LatencyRow, latency_rows
from hil.results import Comparison, Results

_WIDE = 100
_NARROW_HEADINGS = {
    "lateness p50": "late p50",
    "lateness p99": "late p99",
    "jitter rms": "jitter",
    "dropped": "drop",
}
_STYLES = {"pass": "green", "fail": "bold red", "none": "dim"}
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
    width = max(width, 80)
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    boards = [board.name for board in results.boards]
    rows = make_rows(results.measurements, boards)
    for board in dict.fromkeys(row.board for row in rows):
        mine = [row for row in rows if row.board == board]
        for load in dict.fromkeys(row.load for row in mine):
            console.print(Text(_clean(f"{board}, load {load}"), style="bold"))
            console.print(_table([row for row in mine if row.load == load], width))
    latencies = latency_rows(results.measurements)
    if latencies:
        console.print(Text("interrupt latency", style="bold"))
        console.print(_latency_table(latencies))
    if rows:
        console.print(
            Text("[..] bounds at 95 %; of several tasks the worst one is shown", style="dim")
        )
    for part in _lists(results, rows):
        console.print(part, soft_wrap=False)
    for part in () if comparison is None else _changes(comparison):
        console.print(part, soft_wrap=False)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _table(rows: Sequence[Row], width: int) -> Table:
    wide = width >= _WIDE
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1 if wide else 0, 0, 0), pad_edge=False)
    table.add_column("technique", no_wrap=True, overflow="ellipsis", max_width=24 if wide else 17)
    for _, heading in COLUMNS:
        text = heading if wide else _NARROW_HEADINGS.get(heading, heading)
        table.add_column(text, justify="right", no_wrap=True)
    table.add_column("verdict" if wide else "", no_wrap=True, min_width=4)
    for row in rows:
        cells = [_cell(row.cells.get(metric), metric, wide) for metric, _ in COLUMNS]
        verdict = Text({"none": "-"}.get(row.verdict, row.verdict), style=_STYLES[row.verdict])
        table.add_row(Text(_clean(row.name)), *cells, verdict)
    return table


def _latency_table(latencies: Sequence[LatencyRow]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("stage", no_wrap=True, min_width=5)
    table.add_column("method", no_wrap=True, overflow="ellipsis", max_width=24)
    for heading in ("p50", "p99", "max", "lost"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in latencies:
        cells = [_bounded(row.cells.get(name), True) for name in ("p50", "p99")]
        cells += [_bounded(row.cells.get(name), False) for name in ("max", "missed")]
        table.add_row(row.stage, Text(_clean(row.method)), *cells)
    return table


def _cell(one: Measurement | None, metric: str, wide: bool) -> RenderableType:
    counted = metric in ("missed", "dropped")
    return _bounded(one, not counted and (wide or metric == "lateness_p99_us"))


def _bounded(one: Measurement | None, bounds: bool) -> RenderableType:
    if one is None:
        return Text("-", style="dim")
    shown = show(one)
    text = Text(shown.value, style="bold red" if one.verdict == "fail" else "")
    if shown.bounds and bounds:
        text.append(f"\n{shown.bounds}", style="dim")
    return text


def _lists(results: Results, rows: Sequence[Row]) -> Iterable[Text]:
    failed = [one for row in rows for one in row.failed]
    listed = {id(one) for one in failed}
    failed += [m for m in results.measurements if m.verdict == "fail" and id(m) not in listed]
    groups = (
        ("out of budget", "red", [failure_message(one) for one in failed]),
        ("errors", "red", [_error(one) for one in results.errors]),
        ("skipped", "yellow", _skips(results.skipped)),
    )
    for title, style, lines in groups:
        if lines:
            yield Text(f"{title} ({len(lines)})", style=style)
        for line in lines[:_MAX_LISTED]:
            yield Text(f"  {_clean(line)}")
        if len(lines) > _MAX_LISTED:
            yield Text(f"  … and {len(lines) - _MAX_LISTED} more, all in results.json")


def _changes(comparison: Comparison) -> Iterable[Text]:
    view = changed(comparison)
    style = "red" if view.worse else "green" if view.better else ""
    yield Text("changed", style=style)
    for line in changed_lines(view, _MAX_CHANGES):
        yield Text(f"  {_clean(line)}")


def _error(one: ErrorRecord) -> str:
    return f"{one.technique}, {one.load}, board {one.board}: {one.error}"


def _skips(skipped: Sequence[Skip]) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    figures: Counter[str] = Counter()
    for one in skipped:
        metric = absent_metric(one)
        if metric:
            figures[metric] += 1
        else:
            groups.setdefault((one.board, one.reason), []).append(f"{one.technique}-{one.load}")
    lines = [f"{', '.join(names)} on {key[0]}: {key[1]}" for key, names in groups.items()]
    if figures:
        names = ", ".join(f"{metric} ({count})" for metric, count in sorted(figures.items()))
        lines.append(f"single figures, reasons in results.json: {names}")
    return lines


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
