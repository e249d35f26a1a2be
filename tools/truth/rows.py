"""Rows of the truth tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from hil.model.results import Measurement

STRETCH = 1.7
"""Normal quantile for 0.05 over 60 rows, two-sided, over the one for a single row: 3.34 / 1.96."""


LATENCIES = "## Latencies of boards with drawn costs"
"""A section of the page that another campaign prints, ``python -m tools.latency_truth``."""


def sections_from(page: Path, heading: str) -> str:
    """What the page says from this heading on; nothing if there is no such page or heading."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    at = text.find(f"\n{heading}\n")
    return text[at:] if at >= 0 else ""


@dataclass(frozen=True)
class Row:
    """What was injected and what was recovered; texts are ready to print."""

    what: str
    injected: str
    metric: str
    recovered: str
    interval: str
    ok: bool


def figure_row(
    what: str,
    truth: float,
    figure: Measurement | None,
    *,
    injected: str = "",
    step: float = 0.0,
    error: float | None = None,
) -> Row:
    """A row for one measurement against the truth.

    ``step`` is allowed beyond the interval (quantisation), ``error`` limits the distance as well.
    """
    name = figure.metric if figure else "?"
    shown = injected or f"{truth:.6g}"
    if figure is None:
        return Row(what, shown, name, "not measured", "", ok=False)
    value, lo, hi = figure.value, figure.lo, figure.hi
    low = value if lo is None else value - STRETCH * (value - lo)
    high = value if hi is None else value + STRETCH * (hi - value)
    inside = low - step <= truth <= high + step
    close = error is None or abs(value - truth) <= error
    interval = "exact" if lo == hi == value else f"[{_text(lo)}, {_text(hi)}]"
    if lo is None and hi is None:
        interval = "no bounds"
    return Row(what, shown, name, f"{value:.6g}", interval, inside and close)


def difference_row(
    what: str, truth: float, metric: str, value: float, half: float, *, injected: str = ""
) -> Row:
    """A row for a difference of two runs, with its half width at 95 %."""
    return Row(
        what,
        injected or f"{truth:.6g}",
        metric,
        f"{value:.5g}",
        f"[{value - half:.5g}, {value + half:.5g}]",
        abs(value - truth) <= STRETCH * half,
    )


def plain_row(what: str, injected: object, metric: str, recovered: object, *, ok: bool) -> Row:
    """A row for a fact that is there or not."""
    return Row(what, str(injected), metric, str(recovered), "exact", ok)


def print_table(title: str, rows: Sequence[Row], out: TextIO, *, markdown: bool = False) -> None:
    """Print the rows in columns, or as a Markdown table."""
    head = ("injected by", "injected", "metric", "recovered", "interval (95 %)", "ok")
    cells = [
        (r.what, r.injected, r.metric, r.recovered, r.interval, "ok" if r.ok else "WRONG")
        for r in rows
    ]
    print(f"\n{title}", file=out)
    if markdown:
        print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), file=out)
        for cell in cells:
            print("| " + " | ".join(cell) + " |", file=out)
        return
    widths = [max(len(row[i]) for row in [head, *cells]) for i in range(len(head))]
    for row in [head, *cells]:
        print("  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)), file=out)


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
