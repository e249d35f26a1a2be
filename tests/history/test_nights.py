"""A short form of `tox -e regress`: seeded nights without a change, and some with one."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "harness"))

from regress import oracle, share_bounds, worse
from regress_nights import Change, make_bench, night


def test_nights_without_a_change_hardly_ever_alarm():
    rng = np.random.default_rng(20)
    bench = make_bench(rng, 0.02)[::3]
    history = []
    alarms = 0
    for _ in range(60):
        now = night(rng, bench, 0.01)
        alarms += bool(history and worse(now, history))
        history.insert(0, now)
    assert alarms <= 1


@pytest.mark.parametrize("tail", [False, True], ids=["all of it", "tail only"])
def test_a_rise_of_p99_is_found_on_the_first_or_second_night(tail):
    rng = np.random.default_rng(21)
    bench = [one for one in make_bench(rng, 0.01) if one.n == 2000 and not one.correlated]
    past = [night(rng, bench, 0.01) for _ in range(25)]
    for one in bench:
        found = set()
        history = list(past)
        for _ in range(2):
            now = night(rng, bench, 0.01, Change(one.name, 0.2, tail))
            found |= set(worse(now, history))
            history.insert(0, now)
        assert {key.technique for key in found} == {one.name}
        assert "lateness_p99_us" in {key.metric for key in found}


def test_the_oracle_knows_what_is_possible():
    bench = make_bench(np.random.default_rng(1), 0.01)
    few, many = (
        next(one for one in bench if one.n == n and not one.correlated) for n in (500, 3000)
    )
    assert oracle(many, 0.01, 13) > 0.99 > oracle(few, 0.01, 13)
    assert oracle(many, 0.2, 13) < 0.2


def test_exact_bounds_of_a_share():
    """Clopper and Pearson's interval has closed forms at the ends: 1 - (a/2)^(1/n)."""
    low, high = share_bounds(0, 200)
    assert (low, high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 200), rel=1e-6))
    assert share_bounds(10, 10) == (pytest.approx(0.025 ** (1 / 10), rel=1e-6), 1.0)
