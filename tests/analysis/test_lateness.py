"""The first look at a task's lateness: its slope, from three activations on and of very many."""

import numpy as np
import pytest
from captures import grid, track

from hil.analysis.activations import assign
from hil.analysis.grid_errors import slope_bounds
from hil.analysis.lateness import look_at_lateness
from hil.analysis.uncertainty.slope import CALMED_BELOW


@pytest.mark.parametrize(("n", "given"), [(0, False), (1, False), (2, False), (3, True)])
def test_three_activations_have_a_slope(n, given):
    late = look_at_lateness(assign(track(grid(n) + 7 * np.arange(n), releases=max(n, 1))), 1.0)
    assert (late.slope is not None) is given
    if late.slope is not None:
        assert late.slope.value == pytest.approx(7.0)
    assert late.range.high == (7 * (n - 1) if n else -np.inf)


def test_of_very_many_activations_the_slope_is_known_to_a_step_of_the_clock_over_the_window():
    """Without noise that spreads the rounding error evenly, either end may be a whole step off."""
    n, step_us = CALMED_BELOW + 1, 8.0
    late = look_at_lateness(assign(track(grid(n))), step_us)
    assert late.slope is not None
    assert late.slope.value == pytest.approx(0.0, abs=1e-12)
    bounds = slope_bounds(late.grid, n - 1, step_us, 0.0)
    assert bounds.hi - late.slope.value >= step_us / (n - 1)
    assert late.slope.value - bounds.lo >= step_us / (n - 1)
    assert bounds.hi < 2.0 * step_us / (n - 1)
    assert late.range.high == late.range.low == 0.0
    assert late.overruns == 0
