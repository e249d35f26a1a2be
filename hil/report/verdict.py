"""The first sentence of the page, and the table of interrupt latencies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hil.budgets import failure_message
from hil.records import Measurement
from hil.report.absent import absent_metric
from hil.report.advice import early_us
from hil.report.numbers import show
from hil.report.rows import Row
from hil.results import Results

_MAX_FAILURES = 12


@dataclass(frozen=True, slots=True)
class Headline:
    """``state`` is ``pass``, ``fail``, ``error`` or ``none``; the rest is plain text."""

    state: str
    sentence: str
    failures: list[str]
    advice: str


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Interrupt latency by one method at one stage; cells by ``min``, ``p50`` … and ``missed``."""

    method: str
    where: str
    stage: str
    n: int
    cells: dict[str, Measurement]


def headline(results: Results, rows: Sequence[Row]) -> Headline:
    """What a reader must know before anything else."""
    failed = [one for one in results.measurements if one.verdict == "fail"]
    judged = sum(one.verdict != "none" for one in results.measurements)
    names = ", ".join(board.name for board in results.boards) or "no board"
    count = len({(row.board, row.technique, row.load) for row in rows})
    measured = f"{_many(count, 'case')} measured on {names}"
    if failed:
        state, sentence = "fail", f"{measured}: {_many(len(failed), 'figure')} out of budget"
    elif results.errors:
        state, sentence = "error", f"{measured}"
    elif not count:
        state, sentence = "none", f"Nothing was measured on {names}"
    elif judged:
        state = "pass"
        sentence = f"{measured}: every figure that has a budget is within it ({judged} judged)"
    else:
        state, sentence = "none", f"{measured}; no figure has a budget"
    if results.errors:
        sentence += f"; {_many(len(results.errors), 'error')}, without a trustworthy measurement"
    skipped = sum(absent_metric(skip) is None for skip in results.skipped)
    if skipped:
        sentence += f"; {skipped} skipped"
    lines = [failure_message(one) for one in failed[:_MAX_FAILURES]]
    if len(failed) > _MAX_FAILURES:
        lines.append(f"and {len(failed) - _MAX_FAILURES} more")
    return Headline(state, f"{sentence}.", lines, _advice(rows))


def latency_rows(measurements: Iterable[Measurement]) -> list[LatencyRow]:
    """One row for each board, technique, load, method and stage that has a latency."""
    rows: dict[tuple[str, str, str, str, str], dict[str, Measurement]] = {}
    missed: dict[tuple[str, str, str, str, str], Measurement] = {}
    for one in measurements:
        if one.method is None:
            continue
        stage, _, rest = one.metric.partition("_latency_")
        if one.metric == "missed":
            stage = (one.note or "").partition(" ")[0]
            missed[one.board, one.technique, one.load, one.method, stage] = one
        elif rest and stage in ("isr", "defer"):
            key = (one.board, one.technique, one.load, one.method, stage)
            rows.setdefault(key, {})[rest.removesuffix("_us")] = one
    found = []
    for key, cells in rows.items():
        board, technique, load, method, stage = key
        n = max(one.n for one in cells.values())
        if key in missed:
            cells = {**cells, "missed": missed[key]}
        found.append(LatencyRow(method, f"{technique}, {load}, {board}", stage, n, cells))
    return found


def _advice(rows: Sequence[Row]) -> str:
    """Which technique is least late, and which ones the bounds can't tell from it.

    Those that come early do not compete: their lateness is small for another reason.
    """
    idle = [row for row in rows if "lateness_p99_us" in row.cells and not early_us(row)]
    boards = {row.board for row in idle}
    loads = {row.load for row in idle}
    if len(boards) != 1 or len(loads) != 1 or len(idle) < 2:
        return ""
    best = min(idle, key=lambda row: row.cells["lateness_p99_us"].value)
    figure = best.cells["lateness_p99_us"]
    text = f"Least late at p99: {best.technique}, {show(figure).line}"
    if figure.hi is None:
        return f"{text}."
    alike = [row.technique for row in idle if row is not best and _reaches(row, figure.hi)]
    if alike:
        text += f"; the bounds do not tell it from {', '.join(alike)}"
    return f"{text}."


def _reaches(row: Row, upper: float) -> bool:
    one = row.cells["lateness_p99_us"]
    return one.lo is not None and one.lo <= upper


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
