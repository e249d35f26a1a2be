from itertools import pairwise
from math import comb

import numpy as np
import pytest
from captures import capture, grid, track

from hil.analysis.uncertainty.order_statistics import sign_rank
from hil.experiments.evaluation import summarise_capture


def share(with_, bare, **more):
    values = {
        "share.with": np.asarray(with_),
        "share.bare": np.asarray(bare),
        "share.with_us": np.full(len(with_), 50_000),
        "share.bare_us": np.full(len(bare), 50_000),
    }
    values |= more.pop("values", {})
    summary = summarise_capture(capture(track(grid(10)), values=values, **more))
    rows = {m.metric: m for m in summary.measurements if m.task is None}
    return rows.get("background_share"), {r.metric: r.reason for r in summary.reasons}


def test_the_share_is_the_ratio_of_rates():
    share_figure, _ = share([50] * 6, [200] * 6)
    assert (share_figure.value, share_figure.lo, share_figure.hi, share_figure.n) == (
        0.25,
        0.25,
        0.25,
        6,
    )
    twice = np.full(6, 100_000)
    share_figure, _ = share([50] * 6, [200] * 6, values={"share.with_us": twice})
    assert share_figure.value == 0.125


def test_a_machine_that_is_busy_for_a_while_slows_both_of_a_pair():
    share_figure, _ = share([80, 8, 80, 80, 40, 80], [100, 10, 100, 100, 50, 100])
    assert share_figure.value == pytest.approx(0.8)


def test_bounds_cover_the_median_as_promised():
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(400):
        noise = np.exp(rng.standard_cauchy(9) * 0.05)
        share_figure, _ = share(np.rint(9e6 * noise), [10_000_000] * 9)
        hits += share_figure.lo <= 0.9 <= share_figure.hi
    # 96.1 % by the binomial; 400 trials have a standard deviation of 1 %
    assert 0.93 <= hits / 400 <= 0.99


def test_the_rank_keeps_its_promise_and_no_larger_one_does():
    for n in (6, 9, 12, 30):
        rank = sign_rank(n)

        def outside(r, n=n):
            return 2 * sum(comb(n, k) for k in range(r)) / 2**n

        assert outside(rank) <= 0.05 < outside(rank + 1)
    assert all(sign_rank(n) is None for n in range(6))
    assert all(b >= a for a, b in pairwise([sign_rank(n) for n in range(6, 40)]))


def test_what_can_not_be_had_has_its_reason():
    share_figure, why = share([], [], counters={"share_none": 1})
    assert share_figure is None
    assert "runs the tasks itself" in why["background_share"]
    summary = summarise_capture(capture(track(grid(10)), counters={"background": 50}))
    assert "background_share" in {r.metric for r in summary.reasons}
    share_figure, why = share([5] * 6, [0] * 6)
    assert share_figure is None
    assert "made no turn" in why["background_share"]
    share_figure, _ = share([5] * 3, [10] * 3)
    assert (share_figure.value, share_figure.lo) == (0.5, None)
    assert "6 pairs" in share_figure.no_bounds


def test_a_share_above_one_beyond_its_bounds_is_never_without_words():
    above, _ = share([130, 131, 129, 133, 128, 130], [100] * 6)
    assert above.lo > 1
    assert "ran faster beside the tasks" in above.note
    around, _ = share([95, 97, 104, 106, 99, 103], [100] * 6)
    assert around.lo < 1 < around.hi
    assert "faster" not in around.note
