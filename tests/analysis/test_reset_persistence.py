"""Rows of a board's resets: jobs lost, run twice and run late, with their bounds."""

from dataclasses import replace

import numpy as np
import pytest
from captures import capture, grid, track

from hil.analysis.reset_persistence import count_resets
from hil.analysis.uncertainty.distributions import binomial_bounds
from hil.experiments.budget_files import default_budgets
from hil.experiments.evaluation import summarise_capture
from hil.model.budgets import judge_measurements
from hil.model.reset_rows import (
    ASLEEP,
    BOOT,
    DEEP_SLEEP,
    KILL,
    LOST,
    PLANNED,
    REPORT,
    RESET_CHANNELS,
    RESET_OPTIONS,
    RUN,
    SOFT_RESET,
    SPEED_CHANNELS,
)

FIRST = [(BOOT, 0, 0, 0, 0), (PLANNED, 2, 0, 0, 0)]


def run(job, release, late=0, due=None):
    due = release + 1000 * (job + 1) if due is None else due
    return (RUN, job, release, due, late)


def rows(*more):
    return np.array([*FIRST, *more], np.int64).reshape(-1)


def boot(restored=2, unfinished=0, woke_us=0):
    return (BOOT, restored, unfinished, woke_us, 0)


def test_a_schedule_that_outlasts_every_reset():
    counts = count_resets(
        rows(run(0, 1000), boot(unfinished=1), run(0, 2000), run(1, 2000), boot())
    )
    assert (counts.resets, counts.inside, counts.runs) == (2, 1, 3)
    assert (counts.jobs_lost, counts.runs_lost, counts.twice, counts.late, counts.reports) == (
        0,
    ) * 5


def test_each_kind_of_harm_is_seen_alone():
    whole = [run(0, 1000), boot(), run(0, 2000), boot()]
    harms = {
        "jobs_lost": [run(0, 1000), boot(restored=1), run(0, 2000), boot()],
        "runs_lost": [run(0, 1000), boot(), run(0, 3000), boot()],
        "twice": [run(0, 1000), boot(), run(0, 1000), boot()],
        "late": [run(0, 1000), boot(), run(0, 2000, late=1000), boot()],
        "reports": [*whole, (REPORT, 0, 0, 0, 0)],
        "lines_lost": [*whole, (LOST, 0, 0, 0, 0)],
    }
    for harm, told in harms.items():
        counts = count_resets(rows(*told))
        seen = {name: getattr(counts, name) for name in harms}
        assert seen == {name: int(name == harm) for name in harms}


def test_runs_that_a_later_one_makes_up_for_are_not_lost():
    # two periods went by while the board was down: due at 2000, run late, due next at 5000
    told = [run(0, 1000), boot(), run(0, 2000, late=2500, due=5000), run(0, 5000)]
    assert count_resets(rows(*told)).runs_lost == 0


def test_the_wake_error_is_in_the_boards_own_time():
    told = [(ASLEEP, 4000, 0, 0, 0), boot(woke_us=4_020_000), (ASLEEP, 5000, 0, 0, 0)]
    told += [boot(woke_us=4_990_000), boot(woke_us=9_000_000)]  # the last one did not sleep
    assert count_resets(rows(*told), speed=2).wake_us == [10_000, -5_000]


def test_a_sleep_may_end_when_the_clock_begins():
    told = [(ASLEEP, 0, 0, 0, 0), boot(woke_us=500), (ASLEEP, 1, 0, 0, 0), boot(woke_us=0)]
    assert count_resets(rows(*told)).wake_us == [500, -1000]


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(0, 20, 0.0, 0.16843), (5, 10, 0.18709, 0.81291), (20, 20, 0.83157, 1.0)],
)
def test_binomial_bounds_are_those_of_the_tables(count, n, low, high):
    assert binomial_bounds(count, n, 0.95) == pytest.approx((low, high), abs=1e-5)
    assert binomial_bounds(0, n, 0.95)[1] == pytest.approx(1 - 0.025 ** (1 / n))


def figures(values, *, options=(), capabilities=("fs",)):
    taken = capture(track(grid(20)), technique="aioschedule", values=values)
    plan = replace(taken.plan, options={RESET_OPTIONS[mode]: 10 for mode in options})
    taken = replace(taken, plan=plan, board=replace(taken.board, capabilities=capabilities))
    summary = summarise_capture(taken)
    judged = judge_measurements(summary.measurements, default_budgets(), plan)
    return {(m.metric, m.method): m for m in judged}, {
        (r.metric, r.method): r.reason for r in summary.reasons
    }


def test_a_lost_job_is_out_of_budget_and_a_second_run_is_a_finding():
    lost = [run(0, 1000), boot(restored=1), run(0, 1000), boot()]
    by_metric, _ = figures({RESET_CHANNELS[KILL].stored: rows(*lost)})
    jobs_lost = by_metric["jobs_lost", "survival/kill"]
    assert (jobs_lost.value, jobs_lost.n) == (1, 2)
    assert (jobs_lost.verdict, jobs_lost.budget) == ("fail", 0)
    assert 0 < jobs_lost.lo < 1 < jobs_lost.hi <= 2
    twice = by_metric["jobs_run_twice", "survival/kill"]
    assert (twice.value, twice.n, twice.verdict) == (1, 2, "none")


def test_a_run_lost_with_every_job_there_is_lost_too():
    told = [run(0, 1000), boot(), run(0, 3000), boot()]
    by_metric, _ = figures({RESET_CHANNELS[SOFT_RESET].stored: rows(*told)})
    assert by_metric["jobs_lost", "survival/soft_reset"].value == 1


def test_a_schedule_that_is_never_stored_is_lost_though_nothing_ran():
    by_metric, reasons = figures(
        {RESET_CHANNELS[KILL].stored: rows(boot(restored=0), (PLANNED, 2, 0, 0, 0), boot(0))}
    )
    assert by_metric["jobs_lost", "survival/kill"].value == 4
    assert reasons["jobs_late", "survival/kill"] == "no run came"


def test_a_lost_line_makes_no_figure():
    told = [run(0, 1000), (LOST, 0, 0, 0, 0), boot(), run(0, 2000)]
    by_metric, reasons = figures({RESET_CHANNELS[SOFT_RESET].stored: rows(*told)})
    assert not [key for key in by_metric if key[1] == "survival/soft_reset"]
    reason = "a line of the board's was lost on the link"
    assert reasons["jobs_lost", "survival/soft_reset"] == reason


def test_the_wake_error_and_why_there_is_none():
    told = []
    for k in range(1, 10):
        told += [run(0, 1000 * k), (ASLEEP, 1000 * k, 0, 0, 0), boot(woke_us=10**6 * k + 500 * k)]
    by_metric, _ = figures(
        {
            RESET_CHANNELS[DEEP_SLEEP].stored: rows(*told),
            SPEED_CHANNELS[DEEP_SLEEP].stored: np.array([1]),
        }
    )
    wake_error = by_metric["wake_error_us", "survival/deepsleep"]
    assert (wake_error.value, wake_error.n) == (2500, 9)
    assert 500 <= wake_error.lo < wake_error.value < wake_error.hi <= 4500
    assert "4500" in wake_error.note
    coarse = [(k, a, b, -1 if k == BOOT else c, d) for k, a, b, c, d in told]
    _, reasons = figures({RESET_CHANNELS[DEEP_SLEEP].stored: rows(*coarse)})
    assert "finer" in reasons["wake_error_us", "survival/deepsleep"]
    stopped = [(k, a, b, 0 if k == BOOT else c, d) for k, a, b, c, d in told]
    later = [(k, a + 10**8, *x) if k == ASLEEP else (k, a, *x) for k, a, *x in stopped]
    _, reasons = figures({RESET_CHANNELS[DEEP_SLEEP].stored: rows(*later)})
    assert "does not go on" in reasons["wake_error_us", "survival/deepsleep"]


def test_resets_that_were_not_tried_are_told():
    _, reasons = figures({}, options=(SOFT_RESET, KILL, DEEP_SLEEP))
    assert "embedded board" in reasons["jobs_lost", "survival/kill"]
    assert "deepsleep = true" in reasons["jobs_lost", "survival/deepsleep"]
    _, reasons = figures({}, options=(SOFT_RESET,), capabilities=())
    assert "no file system" in reasons["jobs_lost", "survival/soft_reset"]
    _, reasons = figures({})
    assert not [key for key in reasons if (key[1] or "").startswith("survival")]
