"""The figures by which boards are held against each other, read from what is stored of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import runs

from hil.history.database import open_history
from hil.history.key_figures import key_figures
from hil.history.night_queries import boards_of_night
from hil.history.queries import RunFilter
from hil.history.run_writer import add_run
from hil.model.metrics import metric_or_unknown

DAY = "2026-11-01"


@pytest.fixture
def stored(location):
    """A run, its board, and the open history that has it."""
    run = runs.night(1, of=runs.board("port-b", unique_id="b"), events=400)
    run = replace(run, info=replace(run.info, id="b-1", started_utc=f"{DAY}T02:00:00Z"))
    with open_history(location) as history:
        add_run(history, run)
        (board,) = boards_of_night(history, DAY, RunFilter())
        yield run, board, history


@pytest.mark.parametrize("metric", ["lateness_p99_us", "schedule_drift_ppm", "clock_skew_ppm"])
def test_of_several_tasks_the_worst_one_counts(stored, metric):
    run, board, history = stored
    sign = abs if metric_or_unknown(metric).sense == "magnitude" else float
    worst = {}
    for case in run.boards[0].cases:
        of_case = [m for m in case.measurements if m.metric == metric and m.method is None]
        overall = [m for m in of_case if m.task is None]
        if of_case:
            m = max(overall or of_case, key=lambda m: sign(m.value))
            worst[case.technique] = (m.value, m.lo, m.hi, m.unit)
    figures = key_figures(history, [board.board_id], [metric], RunFilter())
    assert {f.technique: (f.value, f.lo, f.hi, f.unit) for f in figures} == worst


def test_methods_and_cases_are_chosen(stored):
    run, board, history = stored
    ids, metrics = [board.board_id], ["isr_latency_p99_us"]
    assert key_figures(history, ids, metrics, RunFilter()) == []
    every = key_figures(history, ids, metrics, RunFilter(), every_method=True)
    assert {(f.technique, f.method) for f in every} == {
        (case.technique, m.method)
        for case in run.boards[0].cases
        for m in case.measurements
        if m.metric in metrics
    }
    some = key_figures(history, ids, ["lateness_p99_us"], RunFilter(technique="timer_hard"))
    assert {figure.technique for figure in some} == {"timer_hard"}
    assert key_figures(history, [], metrics, RunFilter()) == []
    assert key_figures(history, ids, ["no_such_metric"], RunFilter()) == []
