"""The first screen's facts: board, firmware, period, load, window and n."""

from __future__ import annotations

from dataclasses import replace

from hil.model.captures import CapturePlan
from hil.report.result_tables import technique_rows
from hil.report.run_facts import run_facts


def facts_of(results, captures):
    rows = technique_rows(results.measurements, [board.name for board in results.boards])
    return {about.board: dict(about.facts) for about in run_facts(results, rows, captures)}


def test_they_name_what_an_answer_rests_on(results, captures):
    largest = tuple(
        replace(figure, metric="lateness_max_us", n=figure.n + number)
        for number, figure in enumerate(results.measurements)
        if figure.metric == "lateness_p99_us"
    )
    results = replace(results, measurements=(*results.measurements, *largest))
    (facts,) = facts_of(results, captures).values()
    assert facts["board"] == "sim, Unix VM with x86-64"
    assert facts["firmware"] == "MicroPython 1.29.0-preview"
    assert facts["period"] == "10.0 ms" or facts["period"] == "10 ms"
    assert facts["load"] == "idle"
    assert facts["window"].endswith(" s")
    assert facts["n"].startswith("50")
    assert " to " in facts["n"]


def test_many_periods_are_a_range_and_loads_stand_in_their_order(results, captures):
    def with_period(capture, ms, load):
        plan: CapturePlan = capture.plan
        tasks = tuple(replace(task, period_us=ms * 1000) for task in plan.tasks)
        return replace(capture, plan=replace(plan, tasks=tasks, load=load))

    several = [with_period(captures[0], ms, "gc") for ms in (5, 10, 20, 50)]
    figures = tuple(
        replace(figure, load=load) for load in ("gc", "idle") for figure in results.measurements
    )
    (facts,) = facts_of(replace(results, measurements=figures), several).values()
    assert facts["period"] == "5000 us to 50 ms"
    assert facts["load"] == "idle, gc"


def test_what_no_capture_tells_is_left_out(results):
    (facts,) = facts_of(replace(results, boards=()), []).values()
    assert list(facts) == ["board", "load"]
