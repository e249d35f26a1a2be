"""A short form of the campaign: bounds hold the truth in 92 % of the captures at least."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from hil.analysis.late_samples import ArraySamples
from hil.analysis.metric_sheet import MetricSheet
from hil.analysis.uncertainty.distributions import binomial_bounds
from hil.analysis.uncertainty.effective_number import Stretches, extremal_index, tail_number
from hil.analysis.uncertainty.extremes import extreme_number
from hil.analysis.uncertainty.order_statistics import covered_share, end_shares
from hil.analysis.uncertainty.percentiles import add_percentiles
from tools.coverage.kinds import KINDS

CAPTURES = 150
QUANTILES = {"lateness_p50_us": 0.5, "lateness_p99_us": 0.99}


@cache
def population(name: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    kind = KINDS[name]
    parts = [kind.draw(100 if kind.between else 5000, 0, rng) for _ in range(100)]
    if kind.between:
        parts += [kind.draw(100, 0, rng) for _ in range(4000)]
    return np.sort(np.concatenate(parts))


def captured(name: str, n: int, windows: int, seed: int) -> tuple[np.ndarray, list[int]]:
    parts = KINDS[name].capture(n, windows, np.random.default_rng((seed, n, windows)))
    return np.concatenate(parts), [n // windows * window for window in range(windows)]


@pytest.mark.parametrize(
    ("name", "n", "windows"),
    [
        ("white", 30, 3),
        ("AR(.5)", 300, 3),
        ("AR(.95)", 300, 3),
        ("levels", 300, 3),
        ("periodic GC", 600, 3),
        ("bursts", 600, 1),
        ("heavy tail", 600, 1),
    ],
)
def test_percentiles_are_held(name, n, windows):
    held = dict.fromkeys(QUANTILES, 0)
    given = dict.fromkeys(QUANTILES, 0)
    covers = 0
    ordered = population(name)
    for seed in range(CAPTURES):
        late, starts = captured(name, n, windows, seed)
        samples, sheet = ArraySamples(late, starts), MetricSheet(0)
        add_percentiles(sheet, "lateness", samples, step_us=0.0)
        for figure in sheet.figures:
            true = ordered[math.ceil(QUANTILES[figure.metric] * ordered.size) - 1]
            lo, hi = figure.bounds.lo, figure.bounds.hi
            given[figure.metric] += lo is not None or hi is not None
            held[figure.metric] += (
                (lo is not None or hi is not None)
                and (lo is None or lo <= true)
                and (hi is None or true <= hi)
            )
        worth = extreme_number(Stretches.of(late, samples.starts), n)
        below = np.searchsorted(ordered, late.max()) / ordered.size
        covers += below >= covered_share(worth)
    for metric, count in given.items():
        if count:
            assert binomial_bounds(held[metric], count, 0.998)[1] >= 0.92, metric
    assert given["lateness_p50_us"] == CAPTURES
    assert binomial_bounds(covers, CAPTURES, 0.998)[1] >= 0.92


def test_samples_that_come_in_fives_are_worth_a_fifth():
    rng = np.random.default_rng(1)
    begins = np.sort(rng.choice(2000, 40, replace=False)) * 10
    positions = (begins[:, None] + np.arange(5)).reshape(-1)
    assert extremal_index(positions, 20_000, 1) == pytest.approx(0.2, rel=0.1)
    assert extremal_index(begins, 20_000, 1) == pytest.approx(1.0, abs=0.1)


def test_a_tail_of_independent_samples_is_worth_all_of_them():
    late = np.random.default_rng(2).normal(size=3000)
    assert tail_number(Stretches.of(late), 0.01) > 0.8
    assert tail_number(Stretches.of(np.repeat(late[:300], 10)), 0.01) < 0.2


def test_an_end_that_needs_more_than_its_half_has_it_from_the_other():
    assert end_shares(0.99, 1000.0) == pytest.approx((0.025, 0.025))
    low, high = end_shares(0.99, 320.0)
    assert high == pytest.approx(0.99**320.0)
    assert low == pytest.approx(0.05 - high)
    assert end_shares(0.99, 300.0) == (pytest.approx(0.05), None)
    assert end_shares(0.01, 300.0) == (None, pytest.approx(0.05))
