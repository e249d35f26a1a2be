"""The comparison table's content, the same for the terminal and the page: one row a technique."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hil.metrics import find_metric, load_rank, technique_rank
from hil.records import Measurement, Verdict

COLUMNS: tuple[tuple[str, str], ...] = (
    ("lateness_p50_us", "lateness p50"),
    ("lateness_p99_us", "lateness p99"),
    ("period_jitter_rms_us", "jitter rms"),
    ("schedule_drift_ppm", "drift"),
    ("missed", "missed"),
    ("dropped", "dropped"),
)
"""Metric and heading of the columns with a value."""


@dataclass(frozen=True, slots=True)
class Row:
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


def make_rows(measurements: Iterable[Measurement], boards: Sequence[str] = ()) -> list[Row]:
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
            found = worst([one for one in tasks if one.metric == metric])
            if found is not None:
                cells[metric] = found
        failed = tuple(one for one in group if one.verdict == "fail")
        rows.append(Row(*key, cells, verdict, failed))
    return [row for row in rows if any(metric in row.cells for metric, _ in COLUMNS)]


def worst(group: Sequence[Measurement]) -> Measurement | None:
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
