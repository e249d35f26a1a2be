"""The tables of a result: techniques, compared methods, request rates, latencies, a heat map.

The same rows serve the terminal, the page and the CI summary. They hold the board's own figures;
those of an instrument stand beside them in :mod:`hil.report.edge_tables`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.metrics import metric_or_unknown, table_columns
from hil.model.results import case_key, case_order, group_by_case, shared_stage, worst_verdict
from hil.model.techniques import (
    describe_method,
    is_variant,
    load_rank,
    method_rank,
    technique_rank,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.model.metric import Column, Metric
    from hil.model.results import CaseKey, Measurement, Verdict


@dataclass(frozen=True, slots=True)
class TechniqueRow:
    """One technique under one load on one board; ``cells`` holds the worst task's figures.

    Figures with a method of their own (interrupt latency) are not among the cells. ``failed`` and
    ``undecided`` are all figures of the case with that verdict, an instrument's too.
    """

    board: str
    technique: str
    load: str
    cells: dict[str, Measurement]
    verdict: Verdict
    failed: tuple[Measurement, ...] = ()
    undecided: tuple[Measurement, ...] = ()

    @property
    def name(self) -> str:
        """The technique, for the first column."""
        return self.technique


def technique_rows(
    measurements: Iterable[Measurement], boards: Sequence[str] = ()
) -> list[TechniqueRow]:
    """Rows in the order of boards, loads and techniques.

    Of several tasks the figure over all tasks is shown where there is one, else the worst task's.
    The verdict is that of :func:`~hil.model.results.worst_verdict` over all figures of the case.
    """
    groups = group_by_case(measurements)
    shown = {metric.name for metric, _ in table_columns("techniques", brief=True)}
    rows = []
    for key in sorted(groups, key=lambda key: case_order(key, boards)):
        group = groups[key]
        cells = worst_cells(f for f in group if f.by_board and f.method is None)
        failed, undecided = (
            tuple(figure for figure in group if figure.verdict == word)
            for word in ("fail", "undecided")
        )
        if shown & cells.keys():
            rows.append(TechniqueRow(*key, cells, worst_verdict(group), failed, undecided))
    return rows


def in_row_order(
    measurements: Sequence[Measurement], rows: Sequence[TechniqueRow]
) -> list[Measurement]:
    """The figures in the order of their cases' rows; those of a case without a row come last."""
    positions = {(row.board, row.technique, row.load): index for index, row in enumerate(rows)}
    return sorted(measurements, key=lambda figure: positions.get(case_key(figure), len(rows)))


@dataclass(frozen=True, slots=True)
class RowGroup:
    """The techniques of one board under one load, in their order."""

    board: str
    load: str
    rows: list[TechniqueRow]

    @property
    def title(self) -> str:
        """What the group is called."""
        return f"{self.board}, load {self.load}"


def group_rows(rows: Iterable[TechniqueRow]) -> list[RowGroup]:
    """The rows of each board and load, in the order in which they come."""
    groups: dict[tuple[str, str], RowGroup] = {}
    for row in rows:
        key = (row.board, row.load)
        groups.setdefault(key, RowGroup(*key, [])).rows.append(row)
    return list(groups.values())


def worst_cells(measurements: Iterable[Measurement]) -> dict[str, Measurement]:
    """Metric -> the figure over all tasks where there is one, else the worst task's."""
    groups: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        groups.setdefault(measurement.metric, []).append(measurement)
    return {metric: _worst(group) for metric, group in groups.items()}


def _worst(group: Sequence[Measurement]) -> Measurement:
    candidates = [figure for figure in group if figure.task is None] or group
    sense = metric_or_unknown(candidates[0].metric).sense
    if sense == "higher":
        return min(candidates, key=lambda figure: figure.value)
    if sense == "magnitude":
        return max(candidates, key=lambda figure: abs(figure.value))
    return max(candidates, key=lambda figure: figure.value)


HEAT_STEPS = (0.001, 0.01, 0.1, 0.5, 1.0)
"""Lateness as a share of the period at which the next warmer colour begins."""


def activation_count(figures: Iterable[Measurement]) -> int:
    """How many activations a row is about: of its lateness, else the most of any figure."""
    counts = [(figure.metric.startswith("lateness"), figure.n) for figure in figures]
    return max(counts, default=(False, 0))[1]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One technique under one load; ``heat`` is 0 (on time) to 5 (a period late, or many missed).

    ``None`` figures were not measured; ``worst`` is the largest lateness where p99 can't be named.
    """

    late: Measurement | None
    is_p99: bool
    missed: Measurement | None
    heat: int


@dataclass(frozen=True, slots=True)
class HeatLine:
    """One technique: a cell for each load in order, ``None`` where nothing was measured."""

    technique: str
    cells: list[HeatCell | None]
    share: Measurement | None


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The map of one board."""

    board: str
    loads: list[str]
    lines: list[HeatLine]


def heat_maps(rows: Sequence[TechniqueRow]) -> list[HeatMap]:
    """A map for every board, techniques and loads in their usual order."""
    maps = []
    for board in dict.fromkeys(row.board for row in rows):
        by_case = {(row.technique, row.load): row for row in rows if row.board == board}
        loads = sorted({load for _, load in by_case}, key=load_rank)
        lines = []
        for technique in sorted({name for name, _ in by_case}, key=technique_rank):
            across = [by_case.get((technique, load)) for load in loads]
            shares = [row.cells.get("background_share") for row in across if row]
            cells = [None if row is None else _heat_cell(row) for row in across]
            lines.append(HeatLine(technique, cells, next(filter(None, shares), None)))
        maps.append(HeatMap(board, loads, lines))
    return maps


def _heat_cell(row: TechniqueRow) -> HeatCell:
    p99 = row.cells.get("lateness_p99_us")
    late = p99 or row.cells.get("lateness_max_us")
    missed = row.cells.get("missed")
    period = row.cells.get("period_mean_us")
    heat = 0
    if late is not None and period is not None and period.value > 0:
        heat = sum(late.value / period.value >= step for step in HEAT_STEPS)
    if missed is not None and missed.value > 0:
        share = missed.value / max(1.0, missed.n + missed.value)
        heat = max(heat, min(5, 2 + math.floor(20 * share)))
    return HeatCell(late, p99 is not None, missed, heat)


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One variant; ``cells`` by metric."""

    where: str
    method: str
    about: str
    task: int
    n: int
    cells: dict[str, Measurement]


def variant_rows(measurements: Iterable[Measurement]) -> list[VariantRow]:
    """Rows in the order of boards, loads, techniques and methods.

    Figures of a variant without a task stand in the row of its first task.
    """
    groups: dict[tuple[CaseKey, str], dict[int, dict[str, Measurement]]] = {}
    for figure in measurements:
        if figure.by_board and figure.method is not None and is_variant(figure.method):
            tasks = groups.setdefault((case_key(figure), figure.method), {})
            tasks.setdefault(figure.task or 0, {})[figure.metric] = figure
    rows = []
    boards = list(dict.fromkeys(case[0] for case, _ in groups))
    for key in sorted(groups, key=lambda key: (case_order(key[0], boards), key[1])):
        (board, technique, load), method = key
        for task, cells in sorted(groups[key].items()):
            n = activation_count(cells.values())
            where = f"{technique}, {load}, {board}"
            rows.append(VariantRow(where, method, describe_method(method), task, n, cells))
    return rows


@dataclass(frozen=True, slots=True)
class WebRow:
    """One request rate; ``cells`` by metric, of the tasks the worst one's."""

    where: str
    server: str
    rate: str
    cells: dict[str, Measurement]


def web_rows(measurements: Iterable[Measurement]) -> list[WebRow]:
    """Rows in the order of boards, techniques, servers and rising rates."""
    groups: dict[tuple[str, str, str], list[Measurement]] = {}
    for figure in measurements:
        method = figure.method or ""
        if figure.by_board and method.startswith("web/") and describe_method(method):
            groups.setdefault((figure.board, figure.technique, method), []).append(figure)
    boards = list(dict.fromkeys(key[0] for key in groups))

    def order(key: tuple[str, str, str]) -> tuple[object, ...]:
        board, technique, method = key
        rate = method.rpartition("/")[2]
        number = int(rate) if rate.isdecimal() else 1 << 30
        return (boards.index(board), technique_rank(technique), method_rank(method)[0], number)

    shown = {metric.name for metric, _ in table_columns("requests")}
    rows = []
    for key in sorted(groups, key=order):
        board, technique, method = key
        cells = worst_cells(figure for figure in groups[key] if figure.metric in shown)
        rate = method.rpartition("/")[2]
        words = {"max": "as fast as it answers", "0": "none"}.get(rate, f"{rate}/s")
        rows.append(WebRow(f"{technique}, {board}", describe_method(method), words, cells))
    return rows


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Interrupt latency by one method at one stage; ``cells`` by the heading of their column."""

    method: str
    where: str
    stage: str
    n: int
    cells: dict[str, Measurement]


def latency_headings(*, brief: bool = False) -> list[str]:
    """The headings of the latency table, in their order; the stages share their columns."""
    return list(dict.fromkeys(column.heading for _, column in _latency_columns(brief=brief)))


def latency_metrics() -> dict[str, str]:
    """Heading of the latency table -> the first metric that stands below it."""
    return {column.heading: metric.name for metric, column in reversed(_latency_columns())}


def latency_rows(measurements: Iterable[Measurement]) -> list[LatencyRow]:
    """One row for each board, technique, load, method and stage that has a latency.

    The stage is the first word of the metric's name; see
    :func:`~hil.model.results.shared_stage` for a figure that stages share.
    """
    headings = {metric.name: column.heading for metric, column in _latency_columns()}
    rows: dict[tuple[CaseKey, str, str], dict[str, Measurement]] = {}
    shared: dict[tuple[CaseKey, str, str], dict[str, Measurement]] = {}
    for figure in measurements:
        if not figure.by_board or figure.method is None or figure.metric not in headings:
            continue
        stage, _, rest = figure.metric.partition("_latency_")
        stage = stage if rest else shared_stage(figure) or ""
        cells = (rows if rest else shared).setdefault((case_key(figure), figure.method, stage), {})
        cells[headings[figure.metric]] = figure
    result = []
    for key, cells in rows.items():
        (board, technique, load), method, stage = key
        n = max(figure.n for figure in cells.values())
        where = f"{technique}, {load}, {board}"
        result.append(LatencyRow(method, where, stage, n, {**cells, **shared.get(key, {})}))
    return result


def _latency_columns(*, brief: bool = False) -> tuple[tuple[Metric, Column], ...]:
    return table_columns("latencies", brief=brief)
