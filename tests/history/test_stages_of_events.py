"""The interrupt and what it defers share a method and the metric ``missed``: each has a history."""

from __future__ import annotations

from dataclasses import replace

import runs

from hil.history.comparison import PAIR_CONFIDENCE, compare_runs
from hil.history.database import open_history
from hil.history.queries import RunFilter
from hil.history.run_writer import add_run
from hil.history.trend_queries import trend_lines
from hil.model.results import Measurement
from hil.pytest_plugin.unchecked_figures import figure_key
from hil.report.side_by_side import side_by_side


def with_events(seed: int, isr: float, defer: float):
    night = runs.night(seed, {"timer_soft": 200.0})
    (board,) = night.boards
    (case,) = board.cases
    lost = tuple(
        Measurement(
            *(board.identity.name, case.technique, case.load, None, "missed", "count"),
            *(count, count, count, 1000),
            method="loopback/hard",
            note=f"{stage} events without an answer; counted",
        )
        for stage, count in (("isr", isr), ("defer", defer))
    )
    case = replace(case, measurements=(*case.measurements, *lost))
    return replace(night, boards=(replace(board, cases=(case,)),)), lost


def test_what_one_stage_lost_is_not_hidden_by_the_other() -> None:
    (before, _), (after, lost) = with_events(1, 0.0, 0.0), with_events(2, 400.0, 0.0)
    comparison = compare_runs(before, after, PAIR_CONFIDENCE, None)
    changes = {c.method: c.trend for c in comparison.changes if c.metric == "missed" and c.method}
    assert changes == {"loopback/hard, isr": "worse", "loopback/hard, defer": "same"}
    view = side_by_side(comparison, before, after)
    figures = {f.method: f for case in view.cases for f in case.figures if f.metric == "missed"}
    assert figures["loopback/hard, isr"].after == "400"
    assert figures["loopback/hard, defer"].after == "0"
    assert len({figure_key(figure) for figure in lost}) == 2


def test_each_stage_has_a_line_over_time(location) -> None:
    with open_history(location, create=True) as history:
        for seed, isr in ((1, 3.0), (2, 5.0)):
            add_run(history, with_events(seed, isr, 0.0)[0])
        lines = trend_lines(history, "missed", RunFilter())
    values = {line.method: [p.value for p in line.points] for line in lines if line.method}
    assert values == {"loopback/hard, isr": [3.0, 5.0], "loopback/hard, defer": [0.0, 0.0]}
