"""The tables of a result: techniques, compared methods, request rates, latencies, a heat map.

The same rows serve the terminal, the page and the CI summary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.metrics import find_metric
from hil.model.techniques import describe_method, is_variant, load_rank, technique_rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.model.results import Measurement, Verdict

TECHNIQUE_COLUMNS: tuple[tuple[str, str], ...] = (
    ("lateness_p50_us", "lateness p50"),
    ("lateness_p99_us", "lateness p99"),
    ("period_jitter_rms_us", "jitter rms"),
    ("schedule_drift_ppm", "drift"),
    ("missed", "missed"),
    ("dropped", "dropped"),
)
"""Metric and heading of the columns with a value."""


@dataclass(frozen=True, slots=True)
class TechniqueRow:
    """One technique under one load on one board; ``cells`` holds the worst task's figures.

    Figures with a method of their own (interrupt latency) are not among the cells.
    """

    board: str
    technique: str
    load: str
    cells: dict[str, Measurement]
    verdict: Verdict
    failed: tuple[Measurement, ...] = ()

    @property
    def name(self) -> str:
        """The technique, for the first column."""
        return self.technique


def technique_rows(
    measurements: Iterable[Measurement], boards: Sequence[str] = ()
) -> list[TechniqueRow]:
    """Rows in the order of boards, loads and techniques.

    Of several tasks the figure over all tasks is shown where there is one, else the worst task's.
    The verdict is ``fail`` if any figure of the row failed, ``pass`` if any was judged.
    """
    groups: dict[tuple[str, str, str], list[Measurement]] = {}
    for one in measurements:
        groups.setdefault((one.board, one.technique, one.load), []).append(one)
    order = {name: index for index, name in enumerate(boards)}

    def place(key: tuple[str, str, str]) -> tuple[object, ...]:
        board, technique, load = key
        return (order.get(board, len(order)), board, load_rank(load), technique_rank(technique))

    rows = []
    for key in sorted(groups, key=place):
        group = groups[key]
        verdicts = {one.verdict for one in group}
        verdict: Verdict = (
            "fail" if "fail" in verdicts else "pass" if "pass" in verdicts else "none"
        )
        cells = {}
        tasks = [one for one in group if one.method is None]
        for metric in dict.fromkeys(one.metric for one in tasks):
            found = worst_measurement([one for one in tasks if one.metric == metric])
            if found is not None:
                cells[metric] = found
        failed = tuple(one for one in group if one.verdict == "fail")
        rows.append(TechniqueRow(*key, cells, verdict, failed))
    return [row for row in rows if any(metric in row.cells for metric, _ in TECHNIQUE_COLUMNS)]


def worst_measurement(group: Sequence[Measurement]) -> Measurement | None:
    """The figure over all tasks where there is one, else the worst of the tasks; ``None`` if empty.

    A count is the sum that the record over all tasks gives, or the worst task's.
    """
    whole = [one for one in group if one.task is None]
    candidates = whole or list(group)
    if not candidates:
        return None
    metric = find_metric(candidates[0].metric)
    sense = "lower" if metric is None else metric.sense
    if sense == "higher":
        return min(candidates, key=lambda one: one.value)
    if sense == "magnitude":
        return max(candidates, key=lambda one: abs(one.value))
    return max(candidates, key=lambda one: one.value)


HEAT_STEPS = (0.001, 0.01, 0.1, 0.5, 1.0)
"""Lateness as a share of the period at which the next warmer colour begins."""


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
        mine = {(row.technique, row.load): row for row in rows if row.board == board}
        loads = sorted({load for _, load in mine}, key=load_rank)
        lines = []
        for technique in sorted({name for name, _ in mine}, key=technique_rank):
            found = [mine.get((technique, load)) for load in loads]
            shares = [row.cells["background_share"] for row in found if row and _has_share(row)]
            cells = [None if row is None else _heat_cell(row) for row in found]
            lines.append(HeatLine(technique, cells, shares[0] if shares else None))
        maps.append(HeatMap(board, loads, lines))
    return maps


def _has_share(row: TechniqueRow) -> bool:
    return "background_share" in row.cells


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


VARIANT_COLUMNS: tuple[tuple[str, str], ...] = (
    ("lateness_p50_us", "lateness p50"),
    ("lateness_p99_us", "lateness p99"),
    ("lateness_max_us", "lateness max"),
    ("period_jitter_rms_us", "jitter rms"),
    ("schedule_drift_ppm", "drift"),
    ("missed", "missed"),
    ("callback_bytes", "heap a call"),
    ("callback_errors", "no memory"),
    ("callbacks_after_stop", "after its end"),
    ("jobs_lost", "jobs lost"),
    ("jobs_run_twice", "run twice"),
    ("jobs_late", "run late"),
    ("wake_error_us", "wake error"),
)


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
    groups: dict[tuple[str, str, str, str], dict[int, dict[str, Measurement]]] = {}
    for one in measurements:
        if one.method is not None and is_variant(one.method):
            tasks = groups.setdefault((one.board, one.load, one.technique, one.method), {})
            tasks.setdefault(one.task or 0, {})[one.metric] = one
    rows = []
    boards = list(dict.fromkeys(key[0] for key in groups))
    for key in sorted(
        groups,
        key=lambda key: (boards.index(key[0]), load_rank(key[1]), technique_rank(key[2]), key[3]),
    ):
        board, load, technique, method = key
        for task, cells in sorted(groups[key].items()):
            n = max((one.n for one in cells.values() if one.metric.startswith("late")), default=0)
            n = n or max(one.n for one in cells.values())
            where = f"{technique}, {load}, {board}"
            rows.append(VariantRow(where, method, describe_method(method), task, n, cells))
    return rows


WEB_COLUMNS: tuple[tuple[str, str], ...] = (
    ("request_rate_hz", "answered"),
    ("request_latency_p50_us", "request p50"),
    ("request_latency_p99_us", "request p99"),
    ("request_latency_max_us", "request max"),
    ("request_errors", "errors"),
    ("lateness_p50_us", "task lateness p50"),
    ("lateness_p99_us", "task lateness p99"),
    ("lateness_max_us", "task lateness max"),
    ("period_jitter_rms_us", "task jitter rms"),
    ("missed", "missed"),
)
_SERVERS = {"loop": "a loop with sockets", "asyncio": "asyncio"}


@dataclass(frozen=True, slots=True)
class WebRow:
    """One request rate; ``cells`` by metric, of the tasks the worst one's."""

    where: str
    server: str
    rate: str
    cells: dict[str, Measurement]


def web_rows(measurements: Iterable[Measurement]) -> list[WebRow]:
    """Rows in the order of boards, techniques, servers and rising rates."""
    groups: dict[tuple[str, str, str, str], list[Measurement]] = {}
    for one in measurements:
        kind, _, rest = (one.method or "").partition("/")
        server, _, rate = rest.partition("/")
        if kind == "web" and server in _SERVERS:
            groups.setdefault((one.board, one.technique, server, rate), []).append(one)
    boards = list(dict.fromkeys(key[0] for key in groups))
    servers = list(_SERVERS)
    rows = []
    for key in sorted(
        groups,
        key=lambda key: (
            boards.index(key[0]),
            technique_rank(key[1]),
            servers.index(key[2]),
            int(key[3]) if key[3].isdecimal() else 1 << 30,
        ),
    ):
        board, technique, server, rate = key
        cells = {}
        for metric, _ in WEB_COLUMNS:
            found = worst_measurement([one for one in groups[key] if one.metric == metric])
            if found is not None:
                cells[metric] = found
        said = "as fast as it answers" if rate == "max" else "none" if rate == "0" else f"{rate}/s"
        rows.append(WebRow(f"{technique}, {board}", _SERVERS[server], said, cells))
    return rows


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Interrupt latency by one method at one stage; cells by ``min``, ``p50`` … and ``missed``."""

    method: str
    where: str
    stage: str
    n: int
    cells: dict[str, Measurement]


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
