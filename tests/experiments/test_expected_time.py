"""What a run takes by its plan."""

from __future__ import annotations

import pytest

from hil.agents.bundle import technique_names
from hil.experiments.expected_time import expected_windows
from hil.experiments.plan import find_profile, make_cases
from hil.experiments.registry import WORKLOADS
from hil.experiments.workload import Workload

QUICK = make_cases(find_profile("quick"), technique_names(), ["idle"])
NIGHTLY = make_cases(find_profile("nightly"), technique_names(), ["idle", "gc"])
PAIRS = [("sim", case) for case in QUICK]


def test_every_window_is_there_and_only_the_last_is_followed_by_something():
    windows = list(expected_windows(PAIRS))
    assert len(windows) == 3 * len(QUICK)
    assert {window.case for window in windows} == {f"sim {case.id}" for case in QUICK}
    for number, window in enumerate(windows):
        assert window.window_s == pytest.approx(1.7)
        assert (window.extra_s > 0) <= (number % 3 == 2), window


def test_what_a_board_can_not_do_takes_no_time():
    windows = list(expected_windows(PAIRS, {"timer", "fs"}))
    assert len(windows) == 3 * len(QUICK)
    lengths = {window.case: window.window_s for window in windows}
    assert lengths["sim pio_irq-idle"] == 0.0
    assert lengths["sim timer_soft-idle"] == pytest.approx(1.7)
    assert sum(window.extra_s for window in windows if not window.window_s) == 0.0


@pytest.mark.parametrize("cases", [QUICK, NIGHTLY], ids=["quick", "nightly"])
def test_no_workload_usually_takes_longer_than_it_may(cases):
    seen = set()
    for case in cases:
        last = case.in_window(case.plan.windows - 1)
        for workload in WORKLOADS:
            options = workload.chosen(last)
            if options is None:
                continue
            usual_s = workload.usual_s(options)
            assert usual_s <= workload.limit_s(options) + workload.after_limit_s(options)
            seen.add(workload.name) if usual_s else None
    overridden = {w.name for w in WORKLOADS if type(w).usual_s is not Workload.usual_s}
    assert seen == overridden
