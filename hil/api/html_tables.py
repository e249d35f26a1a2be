"""Small HTML tables for notebooks: every text escaped, colours left to the notebook's theme."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from hil.model.printable import escaped_line
from hil.model.units import format_measurement, format_value
from hil.model.verdicts import verdict_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.model.results import Measurement

MOST_ROWS = 30
_LONGEST_CELL = 200
_FIGURES = ("metric", "technique", "load", "task", "value", "bounds", "n", "limit", "verdict")


def table_html(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], more: int = 0
) -> str:
    """A table with its caption; ``more`` says how many rows are not among these."""
    parts = [f"<table><caption>{_text(title)}</caption><thead><tr>"]
    parts += [f'<th scope="col">{_text(name)}</th>' for name in headings]
    parts.append("</tr></thead><tbody>")
    for row in rows:
        parts.append(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>")
    if more > 0:
        parts.append(f'<tr><td colspan="{len(headings)}">and {more} more</td></tr>')
    return "".join([*parts, "</tbody></table>"])


def figures_html(figures: Sequence[Measurement], missing: str) -> str:
    """Figures as a table, the first rows of it; without any the reason."""
    if not figures:
        return f"<p>no figures: {_text(missing)}</p>"
    rows = list(map(_figure_row, figures[:MOST_ROWS]))
    title = f"{len(figures)} figure{'s' * (len(figures) != 1)}"
    return table_html(title, _FIGURES, rows, len(figures) - len(rows))


def facts_html(facts: Iterable[tuple[str, str]]) -> str:
    """Names and what is known of them, as a list."""
    return f"<dl>{''.join(f'<dt>{_text(n)}</dt><dd>{_text(v)}</dd>' for n, v in facts)}</dl>"


def _figure_row(m: Measurement) -> list[str]:
    shown = format_measurement(m)
    bounds = f"{shown.bounds} {m.confidence:.0%}" if shown.bounds else "-"
    limit = "-" if m.budget is None else format_value(m.budget, m.unit)
    metric = m.metric if m.method is None else f"{m.metric} ({m.method})"
    task = "all" if m.task is None else m.task_name or str(m.task)
    cells = [metric, m.technique, m.load, task, shown.value, bounds, f"{m.n:,}", limit]
    return [*cells, verdict_word(m.verdict)]


def _text(text: str) -> str:
    line = escaped_line(text)
    return escape(line if len(line) <= _LONGEST_CELL else f"{line[: _LONGEST_CELL - 1]}…")
