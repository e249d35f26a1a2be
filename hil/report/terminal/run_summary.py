"""What a terminal shows of a run, and of two runs beside each other."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hil.analysis.uncertainty.order_statistics import needed_samples
from hil.model.metrics import metric_or_unknown
from hil.model.printable import escaped_line
from hil.model.results import TOLD_FIRST, case_key, missing_metric
from hil.model.verdicts import verdict_message
from hil.report.change_section import change_lines, make_change_section
from hil.report.conditions import run_conditions
from hil.report.edge_tables import (
    edge_sections,
    edge_summary,
    reference_sentences,
)
from hil.report.headline import headline
from hil.report.program_notices import notice_lines
from hil.report.result_tables import (
    group_rows,
    in_row_order,
    latency_rows,
    technique_rows,
)
from hil.report.terminal.console import TextConsole
from hil.report.terminal.figure_tables import (
    STANDS_OUT,
    TREND_STYLES,
    VERDICT_STYLES,
    comparison_table,
    edge_table,
    latency_table,
    technique_table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.results import Comparison, ErrorRecord, Results, Skip
    from hil.report.result_tables import TechniqueRow
    from hil.report.side_by_side import SideBySide

_MAX_LISTED = 40
_MAX_CHANGES = 12


def terminal_summary(
    results: Results,
    *,
    width: int | None = 100,
    color: bool = False,
    comparison: Comparison | None = None,
    encoding: str | None = "utf-8",
) -> str:
    """The whole text for a terminal of ``width`` cells, see :func:`print_summary`."""
    console = TextConsole(width, color=color, encoding=encoding)
    print_summary(console, results, comparison)
    return console.text


def print_summary(
    console: TextConsole, results: Results, comparison: Comparison | None = None
) -> None:
    """Headline, tables, and what is out of budget, wrong or missing.

    Control characters that a board or its port put into a name or a reason are shown, not sent.
    """
    boards = [board.name for board in results.boards]
    rows = technique_rows(results.measurements, boards)
    notices = notice_lines(results, rows)
    head = headline(results, rows)
    console.print(escaped_line(head.sentence), VERDICT_STYLES[head.state])
    for group in group_rows(rows):
        console.print(escaped_line(group.title), "bold")
        console.table(technique_table(group.rows))
        cases = {case_key(row) for row in group.rows}
        for line in (line for case, line in notices if case in cases):
            console.print(f" {escaped_line(line)}", "yellow")
            console.print()
    latencies = latency_rows(results.measurements)
    if latencies:
        console.print("interrupt latency", "bold")
        console.table(latency_table(latencies))
    sections = edge_sections(results)
    if sections:
        console.print("board and pin", "bold")
        console.table(edge_table(sections))
        apart = any(section.warns for section in sections)
        console.print(escaped_line(edge_summary(sections)), "yellow" if apart else "")
        for line in reference_sentences(results, sections):
            console.print(escaped_line(line))
    if rows:
        console.print("[..] bounds at 95 %; of several tasks the worst one is shown", "dim")
        for line in run_conditions(results):
            console.print(escaped_line(line), "dim")
    _print_lists(console, results, rows)
    if comparison is not None:
        _print_changes(console, comparison)


def _print_lists(console: TextConsole, results: Results, rows: Sequence[TechniqueRow]) -> None:
    failed, undecided = (
        [verdict_message(m) for m in in_row_order(results.measurements, rows) if m.verdict == word]
        for word in STANDS_OUT
    )
    groups = (
        ("out of budget", "red", failed),
        ("undecided", VERDICT_STYLES["undecided"], undecided),
        ("errors", "red", [_error(error) for error in results.errors]),
        ("skipped", "yellow", _skips(results.skipped)),
    )
    for title, style, lines in groups:
        if lines:
            console.print(f"{title} ({len(lines)})", style)
        for line in lines[:_MAX_LISTED]:
            console.print(f"  {escaped_line(line)}")
        if len(lines) > _MAX_LISTED:
            console.print(f"  … and {len(lines) - _MAX_LISTED} more, all in results.json")


def _print_changes(console: TextConsole, comparison: Comparison) -> None:
    view = make_change_section(comparison)
    console.print("changed", "red" if view.worse else "green" if view.better else "")
    for line in change_lines(view, _MAX_CHANGES):
        console.print(f"  {escaped_line(line)}")


def _error(error: ErrorRecord) -> str:
    where = [name for name in (error.technique, error.load) if name != "-"]
    where += [] if error.board == "-" else [f"board {error.board}"]
    return ": ".join(filter(None, [", ".join(where), error.error]))


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


def print_comparison(console: TextConsole, view: SideBySide, *, every: bool = False) -> None:
    """The tables and what was judged; without ``every`` what changed and the main figures only."""
    for mark, side in (("A", view.before), ("B", view.after)):
        facts = dict(side.facts)
        facts_text = f"{facts['boards']}, MicroPython {facts['MicroPython']}, {facts['started']}"
        console.print(escaped_line(f"{mark}: {side.run}: {facts_text}"))
    groups = dict.fromkeys((case.board, case.load) for case in view.cases)
    for board, load in groups:
        console.print()
        console.print(escaped_line(f"{board}, load {load}"), "bold")
        group = [case for case in view.cases if (case.board, case.load) == (board, load)]
        console.table(comparison_table(group, every=every))
    summary = make_change_section(view.comparison)
    console.print(escaped_line(summary.sentence), TREND_STYLES["worse"] if summary.worse else "")
    if summary.power:
        console.print(escaped_line(summary.power), "dim")
    for text in summary.absent:
        console.print(f"  {escaped_line(text)}", "dim")
    if not every and view.cases:
        console.print("the main figures and what changed; --all shows every one", "dim")
