"""The board's figures beside those of an instrument: what the board says, what the pin says.

The same rows serve the terminal, the page and the CI summary. A run without an instrument has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.metrics import METRICS, table_columns
from hil.model.results import case_key, case_order, group_by_case
from hil.model.techniques import PWM_REFERENCE
from hil.model.units import format_digits, format_measurement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.model.results import CaseKey, EdgeComparison, Measurement, Results

FigureKey = tuple[str, int | None, str | None]
"""Metric, task and method of one figure of a case."""


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """One figure by the board and by the instrument; the board's is absent where it has none.

    ``agrees`` is whether the two agree within their bounds, ``None`` where that was not judged.
    """

    label: str
    task: int | None
    method: str | None
    by_board: Measurement | None
    by_pin: Measurement
    agrees: bool | None

    @property
    def name(self) -> str:
        """The figure with its task or method."""
        if self.method is not None:
            return f"{self.label}, {self.method}"
        return self.label if self.task is None else f"{self.label}, task {self.task}"

    @property
    def agreement(self) -> str:
        """``agree``, ``disagree``, or a dash."""
        return {True: "agree", False: "disagree", None: "-"}[self.agrees]

    @property
    def words(self) -> str:
        """Both values on one line."""
        board = "-" if self.by_board is None else format_measurement(self.by_board).line
        return f"{self.name}: board {board}, pin {format_measurement(self.by_pin).line}"


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """A sentence on the edges of a case; ``warns``: its reader has to know it."""

    text: str
    warns: bool = False


@dataclass(frozen=True, slots=True)
class EdgeSection:
    """One case as one instrument saw it; ``comparison`` is how its time was brought to the board's.

    ``rows`` are the main figures, ``disagreeing`` all figures on which the two disagree,
    ``compared`` counts those that were judged.
    """

    case: CaseKey
    instrument: str
    rows: list[EdgeRow]
    disagreeing: list[EdgeRow]
    compared: int
    comparison: EdgeComparison | None

    @property
    def title(self) -> str:
        """What the section is called."""
        board, technique, load = self.case
        return f"{technique}, load {load}, on {board}, by {self.instrument}"

    def worst(self, metric: str) -> EdgeRow | None:
        """The row of this metric whose pin figure is the largest, of those without a method."""
        rows = [row for row in self.rows if row.by_pin.metric == metric and row.method is None]
        return max(rows, key=lambda row: abs(row.by_pin.value), default=None)

    @property
    def shown(self) -> list[EdgeRow]:
        """The main figures, and behind them all others that disagree."""
        main = {id(row) for row in self.rows}
        return [*self.rows, *(row for row in self.disagreeing if id(row) not in main)]

    @property
    def outcome(self) -> str:
        """The outcome in a few words: why the edges were refused, or how the figures agree."""
        if self.comparison is not None and not self.comparison.aligned:
            return f"edges not used: {self.comparison.verdict}"
        return self.agreement

    @property
    def brief(self) -> str:
        """How many figures disagree, where there is little room."""
        if self.refused or not self.compared:
            return "-"
        return f"{len(self.disagreeing)} of {self.compared}"

    @property
    def lines(self) -> list[EdgeLine]:
        """How the two times were brought together, a sentence each."""
        match = self.comparison
        if match is None:
            return []
        lines = [EdgeLine(match.clocks, match.odd_clock is not None)] if match.clocks else []
        if not self.refused:
            way = "faster" if match.ppm > 0 else "slower"
            lines.append(
                EdgeLine(
                    f"The instrument's clock runs {abs(match.ppm):.3g} ppm {way} than the board's. "
                    f"{match.matched:,} edges have a stamp, {match.unmatched:,} have none; what is "
                    f"left between the two is {match.residual_us:.3g} us (rms)."
                )
            )
        several = len(match.windows) > 1
        for window in match.windows:
            where = f"Window {window.window}: " if several else ""
            if not window.aligned:
                why = window.reason or window.verdict
                lines.append(EdgeLine(f"{where}the edges were not used: {why}", True))
            for finding in window.findings:
                lines.append(EdgeLine(where + finding.text, finding.severity != "note"))
        return lines

    @property
    def refused(self) -> bool:
        """Whether the edges could not be brought to the board's time."""
        return self.comparison is not None and not self.comparison.aligned

    @property
    def warns(self) -> bool:
        """Whether a reader has to look: figures disagree, or the edges could not be used."""
        return self.refused or bool(self.disagreeing)

    @property
    def agreement(self) -> str:
        """How many figures agree, as a sentence without its full stop."""
        if not self.compared:
            return "no figure can be compared"
        if not self.disagreeing:
            return f"board and pin agree in all {self.compared} figures"
        count = len(self.disagreeing)
        return f"board and pin disagree in {count} of {self.compared} figures"


def edge_sections(results: Results) -> list[EdgeSection]:
    """A section for each case and instrument, in the order of the cases."""
    boards = [board.name for board in results.boards]
    groups = group_by_case(results.measurements)
    seen = {(case_key(c), c.instrument): c for c in results.edges}
    keys = list(seen)
    for case, figures in groups.items():
        keys += [(case, f.source) for f in figures if not f.by_board]
    shown = _labels()
    sections = []
    for case, instrument in dict.fromkeys(keys):
        comparison = seen.get((case, instrument))
        rows = _rows(groups.get(case, ()), instrument, comparison)
        sections.append(
            EdgeSection(
                case,
                instrument,
                [row for row in rows if row.by_pin.metric in shown],
                [row for row in rows if row.agrees is False],
                sum(row.agrees is not None for row in rows),
                comparison,
            )
        )
    return sorted(sections, key=lambda s: (case_order(s.case, boards), s.instrument))


@dataclass(frozen=True, slots=True)
class EdgeColumn:
    """A figure in the short form, one line a case; ``both``: the board may have it too.

    ``narrow`` is the heading where there is little room, empty for one that is left out there.
    """

    metric: str
    heading: str
    narrow: str
    both: bool


def edge_columns(sections: Sequence[EdgeSection]) -> list[EdgeColumn]:
    """The figures that the short form of the table has."""
    by_both = {
        row.by_pin.metric
        for section in sections
        for row in section.rows
        if row.by_board is not None
    }
    return [
        EdgeColumn(metric.name, column.heading, column.narrow, metric.name in by_both)
        for metric, column in table_columns("edges", brief=True)
    ]


def _labels() -> dict[str, str]:
    return {metric.name: column.heading for metric, column in table_columns("edges")}


def _rows(
    figures: Iterable[Measurement], instrument: str, comparison: EdgeComparison | None
) -> list[EdgeRow]:
    """All figures of the instrument in the order of the metrics, each with the board's."""
    board: dict[FigureKey, Measurement] = {}
    pin: dict[FigureKey, Measurement] = {}
    for figure in figures:
        key = (figure.metric, figure.task, figure.method)
        if figure.by_board:
            board[key] = figure
        elif figure.source == instrument:
            pin[key] = figure
    judged = {
        (agreement.metric, agreement.task, agreement.method): agreement.verdict == "agree"
        for agreement in (() if comparison is None else comparison.agreements)
    }
    labels = _labels()
    ranks = {name: rank for rank, name in enumerate([*labels, *METRICS])}

    def rank(key: FigureKey) -> tuple[int, int, str]:
        metric, task, method = key
        return (ranks.get(metric, len(ranks)), -1 if task is None else task, method or "")

    return [
        EdgeRow(
            labels.get(key[0], key[0]),
            key[1],
            key[2],
            board.get(key),
            pin[key],
            judged.get(key),
        )
        for key in sorted(pin, key=rank)
    ]


def edge_summary(sections: Sequence[EdgeSection]) -> str:
    """One sentence on all cases of a run, empty without an instrument."""
    if not sections:
        return ""
    names = ", ".join(dict.fromkeys(section.instrument for section in sections))
    compared = sum(section.compared for section in sections)
    apart = sum(len(section.disagreeing) for section in sections)
    refused = sum(section.refused for section in sections)
    text = f"The pin, as {names} saw it: "
    if not compared:
        text += "no figure can be compared"
    elif apart:
        text += f"{apart} of {compared} figures disagree with the board's beyond both bounds"
    else:
        text += f"all {compared} figures agree with the board's"
    if refused:
        text += f"; in {refused} of {len(sections)} cases the edges could not be used"
    return f"{text}."


JITTER = "period_jitter_rms_us"
_MOST_TIMES = 10_000


def reference_sentences(results: Results, sections: Sequence[EdgeSection]) -> list[str]:
    """How far the techniques are from what each chip can do: the edges of its own PWM, a sentence
    for each board and instrument that has them.
    """
    references = {
        (figure.board, figure.source): figure
        for figure in results.measurements
        if figure.method == PWM_REFERENCE and figure.metric == JITTER and not figure.by_board
    }
    return [
        sentence
        for (board, source), reference in references.items()
        if (sentence := _reference_sentence(board, source, reference, sections))
    ]


def _reference_sentence(
    board: str, source: str, reference: Measurement, sections: Sequence[EdgeSection]
) -> str:
    """The PWM's own jitter, and the least and most even technique under the same load.

    Where the instrument's step hides the PWM's jitter, its upper end is what is known of it.
    """
    by_technique = {
        section.case[1]: row.by_pin
        for section in sections
        if section.case[0] == board and section.case[2] == reference.load
        if section.instrument == source and (row := section.worst(JITTER)) is not None
    }
    if not by_technique:
        return ""
    ranked = sorted(by_technique, key=lambda name: by_technique[name].value)
    hidden_us = reference.hi if reference.lo == 0.0 else None
    least = f"at most {format_digits(hidden_us)} us" if hidden_us else ""
    text = (
        f"{board}, by {source}: the edges of the chip's own PWM have a jitter of "
        f"{least or format_measurement(reference).value} (rms), as even as this chip can be"
    )
    for words, name in zip(("nearest to it is", "farthest"), (ranked[0], ranked[-1]), strict=True):
        figure = by_technique[name]
        text += f"; {words} {name} with {format_measurement(figure).value}"
        base_us = hidden_us or reference.value
        times = figure.value / base_us if base_us > 0.0 else _MOST_TIMES
        if 1.0 <= times < _MOST_TIMES:
            at_least = "at least " if hidden_us else ""
            text += f" ({at_least}{format_digits(times)} times as much)"
        if len(ranked) == 1:
            break
    return f"{text}."
