"""The outcome of a run in a sentence, and what confidence its figures deserve."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.analysis.uncertainty.order_statistics import covered_share
from hil.model.expected_boards import is_missing_board
from hil.model.results import TOLD_FIRST, case_key, missing_metric
from hil.model.units import format_digits, format_measurement
from hil.model.verdicts import run_verdict, verdict_message
from hil.report.board_warnings import board_warnings
from hil.report.conditions import (
    host_clock_sentence,
    slowness_sentence,
    temperature_sentence,
    windows_sentence,
)
from hil.report.deadline_limits import (
    TELLING,
    budget_failure,
    early_us,
    independent_activations,
)
from hil.report.result_tables import in_row_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.model.captures import Capture
    from hil.model.results import Measurement, Results
    from hil.model.verdicts import RunVerdict
    from hil.report.result_tables import TechniqueRow

_MAX_LISTED = 12


@dataclass(frozen=True, slots=True)
class Headline:
    """``state`` is that of :func:`~hil.model.verdicts.run_verdict`; the rest is plain text.

    ``listed`` are the figures that the state goes by: those out of budget, or those undecided.
    ``remedy`` says of a run without a figure why, and what to do.
    """

    state: RunVerdict
    sentence: str
    listed: list[str]
    advice: str
    remedy: list[str]


def headline(results: Results, rows: Sequence[TechniqueRow]) -> Headline:
    """What a reader must know before anything else."""
    state = run_verdict(results)
    names = ", ".join(board.name for board in results.boards) or "no board"
    count = len({case_key(figure) for figure in results.measurements})
    sentence = f"{_many(count, 'case')} measured on {names}"
    if count:
        sentence += _verdicts(results, rows, state)
    elif not results.errors or not results.boards:
        sentence = f"Nothing was measured on {names}" if results.boards else "Nothing was measured"
    missing = [error.board for error in results.errors if is_missing_board(error)]
    if missing:
        sentence += f"; missing: {', '.join(missing[:_MAX_LISTED])}"
        sentence += f" and {len(missing) - _MAX_LISTED} more" if len(missing) > _MAX_LISTED else ""
    if others := len(results.errors) - len(missing):
        sentence += f"; {_many(others, 'error')}, without a trustworthy measurement"
    skipped = sum(
        missing_metric(skip) is None and skip.technique not in TOLD_FIRST
        for skip in results.skipped
    )
    if skipped:
        sentence += f"; {skipped} skipped"
    word = "undecided" if state == "undecided" else "fail"
    figures = [m for m in in_row_order(results.measurements, rows) if m.verdict == word]
    lines = [verdict_message(figure) for figure in figures[:_MAX_LISTED]]
    if len(figures) > _MAX_LISTED:
        lines.append(f"and {len(figures) - _MAX_LISTED} more")
    first = " ".join((f"{sentence}.", *board_warnings(results)))
    remedy = [] if count else _remedy(results)
    return Headline(state, first, lines, _advice(rows), remedy)


def _remedy(results: Results) -> list[str]:
    """Why nothing was measured, and what to do."""
    if results.errors:
        return [
            "The errors below say why. `hil doctor BOARD` checks a board, its link and its "
            "firmware; then run again."
        ]
    left_out = [skip for skip in results.skipped if missing_metric(skip) is None]
    if left_out:
        return [
            f"Every case was left out, the first for this reason: {left_out[0].reason}.",
            "Choose what the board has: --hil-technique=NAME, --hil-load=NAME.",
        ]
    return [
        "The run asked for no case, or was stopped before the first one.",
        "Run again without a selection of tests, for example `hil run sim`.",
    ]


def _verdicts(results: Results, rows: Sequence[TechniqueRow], state: RunVerdict) -> str:
    """How the limits were met, behind what was measured."""
    counts = Counter(figure.verdict for figure in results.measurements)
    judged = counts.total() - counts["none"]
    open_limits = f"{_many(counts['undecided'], 'limit')} undecided (inside the bounds)"
    if counts["fail"]:
        more = f", {open_limits}" if counts["undecided"] else ""
        return f": {_many(counts['fail'], 'figure')} out of budget{more}"
    if counts["undecided"]:
        return f": {open_limits}, {counts['pass']} of {judged} met; measure longer to decide"
    if state == "none":
        return "; no technique has a limit, set your own with --hil-budgets"
    if state == "error" and not judged:
        return ""
    return f": {'all ' if judged > 1 else ''}{_many(judged, 'limit')} met{_without_limit(rows)}"


def _without_limit(rows: Sequence[TechniqueRow]) -> str:
    """How many techniques have no limit on the 99th percentile of their lateness."""
    techniques = {row.technique for row in rows}
    p99 = [(row.technique, row.cells.get("lateness_p99_us")) for row in rows]
    limited = {name for name, figure in p99 if figure is not None and figure.budget is not None}
    if techniques == limited:
        return ""
    return (
        f"; p99 has no limit for {len(techniques - limited)} of "
        f"{_many(len(techniques), 'technique')}: set your own with --hil-budgets"
    )


def _advice(rows: Sequence[TechniqueRow]) -> str:
    """Which technique is least late, and which ones the bounds can't tell from it.

    Those that come early do not compete, their lateness is small for another reason; nor do those
    that are out of a budget.
    """
    idle = [
        row
        for row in rows
        if "lateness_p99_us" in row.cells and not early_us(row) and not budget_failure(row)
    ]
    boards = {row.board for row in idle}
    loads = {row.load for row in idle}
    if len(boards) != 1 or len(loads) != 1 or len(idle) < 2:
        return ""
    best = min(idle, key=lambda row: row.cells["lateness_p99_us"].value)
    figure = best.cells["lateness_p99_us"]
    text = f"Least late at p99: {best.technique}, {format_measurement(figure).line}"
    if figure.hi is None:
        return f"{text}."
    alike = [row.technique for row in idle if row is not best and _reaches(row, figure.hi)]
    if alike:
        text += f"; the bounds do not tell it from {', '.join(alike)}"
    return f"{text}."


def _reaches(row: TechniqueRow, upper: float) -> bool:
    figure = row.cells["lateness_p99_us"]
    return figure.lo is not None and figure.lo <= upper


def _span(counts: Sequence[float]) -> str:
    few, many = (f"{round(count)}" for count in (min(counts), max(counts)))
    return few if few == many else f"{few} to {many}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class ConfidenceSummary:
    """Facts about one board's figures, each a word and a sentence."""

    board: str
    facts: list[tuple[str, str]]


def confidence_summaries(
    results: Results, rows: Sequence[TechniqueRow], captures: Sequence[Capture]
) -> list[ConfidenceSummary]:
    """What the figures of each board rest on."""
    boards = dict.fromkeys(
        [*(board.name for board in results.boards), *(row.board for row in rows)]
    )
    return [
        ConfidenceSummary(board, list(_facts(board, results, rows, captures)))
        for board in boards
        if any(row.board == board for row in rows)
    ]


def _facts(
    board: str, results: Results, rows: Sequence[TechniqueRow], captures: Sequence[Capture]
) -> Iterator[tuple[str, str]]:
    figures = [figure for figure in results.measurements if figure.board == board]
    bounded = sum(figure.lo is not None and figure.hi is not None for figure in figures)
    yield (
        "bounds",
        f"{bounded} of {len(figures)} figures have bounds that hold the true value with 95 % "
        "confidence; the others say in their note why they have none.",
    )
    known = [row for row in rows if row.board == board and "lateness_max_us" in row.cells]
    if known:
        counts = [row.cells["lateness_max_us"].n for row in known]
        worth = [independent_activations(row) for row in known]
        share = format_digits(100 * (1.0 - covered_share(min(worth))))
        independent = f", worth {_span(worth)} independent ones" if worth != counts else ""
        said = (
            f"with 95 % confidence at most {share} % of all activations are later than the latest "
            "that was seen; this is not a guarantee"
            if min(worth) >= TELLING
            else "where they are worth fewer than "
            f"{TELLING}, their windows differ too much to say how many are later than the latest"
        )
        yield (
            "size",
            f"{_span(counts)} activations in each case{independent}: {said}. "
            "A longer run (--hil-profile=nightly) narrows every bound.",
        )
    instrument = list(_instrument(board, results, figures))
    if instrument:
        yield "instrument", f"{'; '.join(instrument)}. All of it is part of the bounds."
    lost = sum(
        figure.value
        for figure in figures
        if figure.by_board and figure.metric == "dropped" and figure.method is None
    )
    faults = sum(len(c.faults) for c in captures if c.board.name == board)
    yield (
        "lost",
        f"{format_digits(lost, whole=True)} stamps dropped by the instrument, "
        f"{faults} fault{'' if faults == 1 else 's'} on the way from the board.",
    )
    if windows := windows_sentence(results):
        yield "windows", f"{windows[0].upper()}{windows[1:]}; the notes of the figures name each."
    skew = [figure for figure in figures if figure.by_board and figure.metric == "clock_skew_ppm"]
    if skew:
        widest = max(skew, key=lambda figure: abs(figure.value))
        yield (
            "clock",
            f"The board's clock against this computer's: {format_measurement(widest).line} "
            "in the case where it was farthest off. Lateness is on the board's own clock.",
        )
    if host := host_clock_sentence(results.run):
        yield "host", f"{host[0].upper()}{host[1:]}: a skew against it is known no better."
    for identity in results.boards:
        if identity.name == board and (warmth := temperature_sentence(identity)):
            yield "temperature", f"{warmth}."
        if identity.name == board and (slow := slowness_sentence(identity)):
            yield "slowness", f"{slow[0].upper()}{slow[1:]}."


def _instrument(board: str, results: Results, figures: Sequence[Measurement]) -> Iterator[str]:
    for identity in results.boards:
        if identity.name != board:
            continue
        if identity.tick_resolution_us is not None:
            yield f"the board's clock steps by {identity.tick_resolution_us:.3g} us"
        if identity.stamp_cost_us is not None:
            yield f"one stamp costs {identity.stamp_cost_us:.3g} us"
    observer = [figure for figure in figures if figure.metric == "observer_effect_us"]
    if observer:
        widest = max(observer, key=lambda figure: abs(figure.value))
        yield f"stamping every activation makes it {format_measurement(widest).line} longer"
