"""What sending stamps costs: known differences between windows are given back."""

from __future__ import annotations

import numpy as np
import pytest

from hil.analysis.streaming_cost import PART, streaming_cost
from hil.analysis.summary import summarise
from hil.recording.joined_windows import join_windows
from tools import synthetic_captures

N = 600


def capture(late_us, *, streaming, technique="timer_hard", **more):
    from dataclasses import replace

    taken = synthetic_captures.capture(
        [np.asarray(late_us)], technique=technique, streaming=streaming, **more
    )
    return replace(taken, plan=replace(taken.plan, window=int(streaming), windows=2))


def noise(seed, n=N):
    return np.random.default_rng(seed).integers(50, 150, n)


def joined(with_us, without_us, **more):
    return join_windows(
        [capture(without_us, streaming=False, **more), capture(with_us, streaming=True, **more)]
    )


def figure(summary, metric):
    return next(m for m in summary.measurements if m.metric == metric)


def test_a_known_cost_is_given_back():
    cost = streaming_cost(joined(noise(1, 3000) + 40, noise(2)), 0)
    assert cost.p50_us == pytest.approx(40, abs=6)
    assert cost.p99_us == pytest.approx(40, abs=3)
    assert (cost.n_with, cost.n_without) == (3000, N)


def test_it_is_in_the_budget_of_every_lateness_and_said_in_one_line():
    summary = summarise(joined(noise(1) + 40, noise(2)))
    alone = summarise(joined(noise(1) + 40, noise(2)).windows[1])
    for metric in ("lateness_p50_us", "lateness_p99_us", "lateness_max_us"):
        own = figure(summary, metric)
        (part,) = [part for part in own.uncertainty if part.what == PART]
        assert part.type == "B"
        assert part.us == pytest.approx(40 / 3**0.5, rel=0.15)
        assert own.note.count(PART) == 1
        assert not any(part.what == PART for part in figure(alone, metric).uncertainty)
    p99 = figure(summary, "lateness_p99_us")
    assert p99.lo is None or p99.value - p99.lo >= 35
    lines = [notice.text for notice in summary.notices if PART in notice.text]
    assert len(lines) == 1
    assert f"n={N} against n={N} without" in lines[0]
    assert not any(part.what == PART for part in figure(summary, "period_mean_us").uncertainty)


def test_no_cost_moves_nothing_far():
    summary = summarise(joined(noise(1), noise(1)))
    (part,) = [p for p in figure(summary, "lateness_p50_us").uncertainty if p.what == PART] or [
        None
    ]
    assert part is None or part.us == 0.0


def test_a_loop_that_drifts_is_held_against_as_long_a_beginning():
    drift = np.arange(5 * N) * 100
    cost = streaming_cost(
        joined(drift + noise(1, 5 * N), drift[:N] + noise(2), technique="round_robin"), 0
    )
    assert abs(cost.p50_us) < 500
    assert cost.n_with == N


@pytest.mark.parametrize("streaming", [True, False])
def test_windows_of_one_kind_say_nothing_of_it(streaming):
    windows = [capture(noise(k), streaming=streaming) for k in (1, 2)]
    assert streaming_cost(join_windows(windows), 0) is None
    assert streaming_cost(windows[0], 0) is None
    assert streaming_cost(joined(noise(1, 10), noise(2, 10)), 0) is None
    assert streaming_cost(joined(noise(1), noise(2)), 5) is None
