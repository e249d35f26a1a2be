"""A change over many runs, dated in words."""

import numpy as np
import pytest

from hil.history.trend_queries import TrendLine, TrendPoint
from hil.report.page.trend_page import trend_chart, trend_page
from hil.report.trend_changes import trend_changes


def line(values, starts=None, **more):
    starts = starts or [f"2026-{2 + k // 28:02d}-{1 + k % 28:02d}T02:00:00Z" for k in range(99)]
    points = [
        TrendPoint(f"run{k}", starts[k], float(value), None, None, 500, "none", **more)
        for k, value in enumerate(values)
    ]
    return TrendLine(
        *("pico", "e66", "1.24.1", "nightly", "timer_soft", "idle", 0, None, "us"), points=points
    )


def stepped(before=31, after=20):
    rng = np.random.default_rng(2)
    return np.concatenate((86 + rng.normal(0, 1, before), 2136 + rng.normal(0, 9, after)))


def test_a_change_has_two_dates_both_levels_and_bounds():
    (change,) = trend_changes(line(stepped()))
    assert change.text.startswith("changed between 2026-03-03 and 2026-03-04: 86.")
    assert " -> 213" in change.text
    assert change.text.endswith("]")
    assert (change.last_before, change.first_after) == ("run30", "run31")
    assert change.lo < change.after < change.hi


def test_runs_of_one_day_have_their_times():
    starts = [f"2026-02-01T{k // 60:02d}:{k % 60:02d}:00Z" for k in range(60)]
    (change,) = trend_changes(line(stepped(), starts))
    assert "between 2026-02-01T00:30:00Z and 2026-02-01T00:31:00Z" in change.text


def test_a_wrong_clock_is_said():
    (change,) = trend_changes(line(stepped(), clock_wrong=True))
    assert "clock wrong" in change.text


def test_the_page_has_it_and_a_line_without_a_change_has_none():
    chart = trend_chart([line(stepped())])
    assert "changed between 2026-03-03 and 2026-03-04" in chart.caption
    assert "changed between" in chart.alt
    assert "changed between 2026-03-03" in trend_page("lateness_p50_us", [line(stepped())])
    assert "changed" not in trend_chart([line(stepped(40, 0))]).caption


@pytest.mark.parametrize("values", [[], [5.0], [5.0, float("nan"), 6.0]])
def test_short_lines_have_none(values):
    assert trend_changes(line(values)) == []
