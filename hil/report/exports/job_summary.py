"""The outcome of a run as Markdown, for a CI server's summary page.

What boards, ports and files say is data: of it only letters, digits, spaces and commas stand as
they are, everything else as a character reference, which Markdown and HTML show and never obey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.board import SOURCES
from hil.model.errors import CaptureError
from hil.model.metrics import table_columns
from hil.model.results import missing_metric
from hil.model.units import format_measurement
from hil.model.verdicts import verdict_message, verdict_word
from hil.report.change_section import change_lines, make_change_section
from hil.report.deadline_advice import advise
from hil.report.edge_tables import edge_sections, edge_summary
from hil.report.headline import headline
from hil.report.result_tables import group_rows, in_row_order, technique_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hil.model.results import Comparison, Measurement, Results
    from hil.report.result_tables import TechniqueRow

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
"""Names the file that the server shows, where there is one."""
MAX_CHARACTERS = 400_000
"""A server that takes a megabyte for a step has room for this in any alphabet, references too."""
_MAX_LISTED, _MAX_CHANGES, _MAX_TEXT = 30, 15, 300
_STATES = {"pass": "✅", "fail": "❌", "error": "⚠️", "undecided": "❔", "none": "⚪"}
_SHORTENED = "\n\n*(cut: the rest is in the report)*\n"


def job_summary(results: Results, comparison: Comparison | None = None) -> str:
    """The whole text: verdict, failures, errors, advice, changes, a table for each load."""
    boards = [board.name for board in results.boards]
    rows = technique_rows(results.measurements, boards)
    head = headline(results, rows)
    run = results.run
    parts = [
        f"## {_STATES.get(head.state, '')} Timing: {escape(head.sentence)}",
        f"Run {escape(run.id)}, profile {escape(run.profile)}, {run.duration_s:.0f} s, "
        f"source: {escape(run.source)}, hil {escape(run.harness_version)}.",
    ]
    for title, word in (("Out of budget", "fail"), ("Undecided", "undecided")):
        figures = [m for m in in_row_order(results.measurements, rows) if m.verdict == word]
        parts += _listed(title, [verdict_message(figure) for figure in figures])
    sections = edge_sections(results)
    if sections:
        parts.append(escape(edge_summary(sections)))
        apart = [row.words for section in sections for row in section.disagreeing]
        parts += _listed("Board and pin disagree", apart)
    errors = [f"{e.technique}, {e.load}, {e.board}: {e.error}" for e in results.errors]
    parts += _listed("Errors: nothing trustworthy was measured", errors)
    attempts = [
        f"{a.technique}, {a.load}, {a.board}, attempt {a.attempt}: {a.text}"
        for a in results.attempts
    ]
    parts += _listed("Measured several times: the worst counts", attempts)
    parts += _advice(results, rows)
    if comparison is not None:
        lines = change_lines(make_change_section(comparison), _MAX_CHANGES)
        parts += _listed("Changed", lines)
    for group in group_rows(rows):
        parts += [f"### {escape(group.title)}", _table(group.rows)]
    whole = [skip for skip in results.skipped if missing_metric(skip) is None]
    lines = [f"{skip.technique}, {skip.load}, {skip.board}: {skip.reason}" for skip in whole]
    parts += _listed("Skipped", lines)
    text = "\n\n".join(parts) + "\n"
    if len(text) > MAX_CHARACTERS:
        text = text[: text.rfind("\n", 0, MAX_CHARACTERS)] + _SHORTENED
    return text


def write_summary(path: Path, text: str, *, append: bool = False) -> None:
    """Write ``text``, or add it to a server's file; ``CaptureError`` in one line if that fails."""
    try:
        with path.open("a" if append else "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CaptureError(f"can't write the job summary {path}: {error.strerror}") from None


def escape(text: str) -> str:
    """``text`` as Markdown that shows it: nothing in it is a mark, a tag, a link or a new line."""
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]} … ({len(text)} characters)"
    return "".join(_character(character) for character in text)


def _character(character: str) -> str:
    if character.isalnum() or character in " ,":
        return character
    if character.isprintable():
        return f"&#{ord(character)};"
    return f"&#92;x{ord(character):02x}"


def _listed(title: str, lines: Sequence[str]) -> Iterable[str]:
    if not lines:
        return
    yield f"### {title} ({len(lines)})"
    items = [f"- {escape(line)}" for line in lines[:_MAX_LISTED]]
    if len(lines) > _MAX_LISTED:
        items.append(f"- and {len(lines) - _MAX_LISTED} more, in the report")
    yield "\n".join(items)


def _advice(results: Results, rows: Sequence[TechniqueRow]) -> Iterable[str]:
    shown = [board.name for board in results.boards if SOURCES[board.source].demonstration]
    lines = []
    for advice in advise(rows, shown):
        where = f"{advice.board}, {advice.deadline}" + (
            "; a demonstration" if advice.demonstration else ""
        )
        lines += [f"- soft ({escape(where)}): {escape(advice.soft)}"]
        lines += [f"- hard ({escape(where)}): {escape(advice.hard)}"]
    if lines:
        yield "### Which technique"
        yield "\n".join(lines)


def _table(rows: Sequence[TechniqueRow]) -> str:
    columns = table_columns("techniques", brief=True)
    heads = ["technique", *(column.heading for _, column in columns), "verdict"]
    lines = [_line(heads), _line(["---"] + ["--:"] * len(columns) + ["---"])]
    for row in rows:
        cells = [_cell(row.cells.get(metric.name)) for metric, _ in columns]
        verdict = "**fail**" if row.verdict == "fail" else verdict_word(row.verdict)
        lines.append(_line([escape(row.name), *cells, verdict]))
    return "\n".join(lines)


def _cell(figure: Measurement | None) -> str:
    if figure is None:
        return ""
    shown = format_measurement(figure)
    text = f"**{escape(shown.value)}**" if figure.verdict == "fail" else escape(shown.value)
    return "<br>".join([text, *(escape(more) for more in (shown.bounds, shown.reference) if more)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
