"""A short form of `tox -e regress`: seeded nights without a change, and some with one."""

from __future__ import annotations

import numpy as np
import pytest

from tools.regress.nights import Change, make_bench, night
from tools.regress.trials import oracle, worse


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
    made = make_bench(rng, 0.01)
    bench = [technique for technique in made if technique.n == 2000 and not technique.correlated]
    earlier_nights = [night(rng, bench, 0.01) for _ in range(25)]
    for technique in bench:
        alarms = set()
        history = list(earlier_nights)
        for _ in range(2):
            now = night(rng, bench, 0.01, Change(technique.name, 0.2, tail))
            alarms |= set(worse(now, history))
            history.insert(0, now)
        assert {key.technique for key in alarms} == {technique.name}
        assert "lateness_p99_us" in {key.metric for key in alarms}


def test_the_oracle_knows_what_is_possible():
    bench = make_bench(np.random.default_rng(1), 0.01)
    few, many = (
        next(each for each in bench if each.n == n and not each.correlated) for n in (500, 3000)
    )
    assert oracle(many, 0.01, 13) > 0.99 > oracle(few, 0.01, 13)
    assert oracle(many, 0.2, 13) < 0.2
