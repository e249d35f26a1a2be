"""A short form of `tox -e regress`: seeded nights without a change, and some with one."""

from __future__ import annotations

import numpy as np
import pytest

from tools.regress.nights import Shift, make_bench, night
from tools.regress.trials import judged, quiet_nights, worse


def test_nights_without_a_change_hardly_ever_alarm():
    assert sum(quiet_nights((20, 40, (0.02, 0.01), 0.0))) <= 1


@pytest.mark.parametrize("earlier", [1, 5, 25])
@pytest.mark.parametrize("unbounded", [False, True], ids=["bounded", "by windows only"])
def test_three_times_the_smallest_change_is_told(earlier, unbounded):
    rng = np.random.default_rng(21)
    bench = make_bench(rng, 0.01)[:5]
    history = [night(rng, bench, 0.01) for _ in range(earlier)]
    quiet = night(rng, bench, 0.01)
    verdicts = judged(quiet, history)
    technique = next(each for each in bench if each.unbounded is unbounded)
    keys = [
        key
        for key in verdicts
        if (key.technique, key.task, key.metric) == (technique.name, None, "lateness_p50_us")
    ]
    (key,) = keys
    assert verdicts[key].detectable > 0.0
    shift = Shift(technique.name, by_us=3.0 * verdicts[key].detectable)
    now = quiet | night(rng, [technique], 0.01, shift)
    assert {alarm.technique for alarm in worse(now, history)} == {technique.name}
    assert key in worse(now, history)


def test_more_past_runs_tell_smaller_changes():
    rng = np.random.default_rng(22)
    bench = make_bench(rng, 0.01)[::3]
    history = [night(rng, bench, 0.01) for _ in range(25)]
    now = night(rng, bench, 0.01)
    few, many = judged(now, history[:2]), judged(now, history)
    leading = [key for key in many if (key.task, key.metric) == (None, "lateness_p50_us")]
    assert len(leading) == len(bench)
    for key in leading:
        assert many[key].detectable < 0.7 * few[key].detectable
        assert many[key].detectable < 0.4 * many[key].before
