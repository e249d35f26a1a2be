"""Uncertainty budgets: how parts become bounds, and what is stored of them."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from hil.analysis.metric_sheet import Bounds, MetricSheet
from hil.analysis.uncertainty import budget
from hil.model.codec import read_record, write_record
from hil.model.results import UncertaintyPart

STEP = budget.evenly("clock's step", 0.5)


@pytest.mark.parametrize("dof", [1, 2, 2.5, 3.7, 12, 63.2, 999, 2000, math.inf])
def test_the_coverage_factor_is_that_of_students_t(dof):
    exact = stats.t.ppf(0.975, dof) if math.isfinite(dof) else stats.norm.ppf(0.975)
    assert budget.coverage_factor(dof) == pytest.approx(exact, rel=0.05 if dof % 1 else 2e-3)


def test_the_example_of_the_guide():
    """JCGM 100:2008, H.1.6: end gauge, 32 nm with 16 effective degrees of freedom; k is for 95 %.

    The standard uncertainties and degrees of freedom are those of table H.1.
    """
    parts = [
        budget.known_to("standard", 25.0, 18),
        budget.scatter(9.7, 25.6),
        budget.known_to("thermal expansion", 2.9, 50),
        budget.known_to("temperature", 16.6, 2),
    ]
    whole = budget.total(parts)
    assert whole.standard == pytest.approx(31.7, abs=0.1)
    assert whole.dof == pytest.approx(16.7, abs=0.8)
    assert whole.k == pytest.approx(stats.t.ppf(0.975, whole.dof), rel=1e-3)


def test_a_rectangular_part_has_the_guides_standard_uncertainty():
    assert STEP.standard == pytest.approx(1.0 / math.sqrt(12.0))
    assert STEP.reach == pytest.approx(0.475)
    assert budget.known_to("rate", 2.0).reach == pytest.approx(3.92, abs=0.001)
    assert STEP.times(-4.0).limit == 2.0
    assert STEP.times(-4.0).standard == pytest.approx(4.0 * STEP.standard)


def test_a_mean_combines_as_the_root_of_squares():
    bounds = budget.mean_bounds(10.0, 3.0, math.inf, (budget.known_to("offset", 4.0),))
    assert bounds.lo == pytest.approx(10.0 - 1.95996 * 5.0, abs=1e-3)
    assert bounds.hi == pytest.approx(10.0 + 1.95996 * 5.0, abs=1e-3)
    assert [part.type for part in bounds.parts] == ["A", "B"]


def test_each_side_is_combined_for_itself():
    z = stats.norm.ppf(0.975)
    given = Bounds(10.0 - 3.0 * z, 10.0 + 0.0)
    bounds = budget.combined(10.0, given, (budget.known_to("offset", 4.0),))
    assert bounds.lo == pytest.approx(10.0 - 5.0 * z)
    assert bounds.hi == pytest.approx(10.0 + 4.0 * z)
    assert bounds.parts[0].standard == pytest.approx(1.5)


def test_without_other_parts_the_interval_stays():
    given = Bounds(9.0, 12.5)
    bounds = budget.combined(10.0, given, dof=5)
    assert (bounds.lo, bounds.hi) == (pytest.approx(9.0), pytest.approx(12.5))


def test_systematic_parts_widen_both_ends():
    bounds = budget.widened(10.0, Bounds(8.0, 15.0), (STEP, budget.evenly("origin", 1.0)))
    assert bounds.lo == pytest.approx(8.0 - 0.475 - 0.95)
    assert bounds.hi == pytest.approx(15.0 + 0.475 + 0.95)
    assert [part.what for part in bounds.parts] == [budget.SCATTER, "clock's step", "origin"]


@pytest.mark.parametrize("make", [budget.combined, budget.widened])
def test_an_end_that_is_missing_stays_so(make):
    bounds = make(10.0, Bounds(8.0, None, "too few for an upper end"), (STEP,))
    assert bounds.lo < 8.0
    assert bounds.hi is None
    assert bounds.why_not == "too few for an upper end"
    nothing = Bounds(why_not="too few")
    assert make(10.0, nothing, (STEP,)) == nothing


def test_no_uncertainty_at_all():
    bounds = budget.mean_bounds(10.0, 0.0, 3)
    assert (bounds.lo, bounds.hi) == (10.0, 10.0)


@pytest.mark.parametrize(
    ("unit", "stored"),
    [("us", (2.0, None)), ("s", (2e6, None)), ("ppm", (None, 2.0)), ("1", (None, 2e6))],
)
def test_parts_are_stored_in_us_or_ppm(unit, stored):
    (part,) = budget.stored_parts([budget.scatter(2.0, 7.0)], unit)
    assert (part.us, part.ppm) == stored
    assert part.dof == 7.0
    assert part.amount == max(filter(None, stored))
    assert read_record(UncertaintyPart, write_record(part)) == part
    assert budget.stored_total([part]).standard == pytest.approx(part.amount)


def test_counts_have_no_budget():
    assert budget.stored_parts([budget.scatter(2.0, 7.0)], "count") == ()


def test_bounds_carry_their_budget_into_the_sheet():
    sheet = MetricSheet(0)
    sheet.add("period_mean_us", 10.0, 5, budget.mean_bounds(10.0, 1.0, 4, (STEP,)))
    assert sheet.figures[0].bounds.parts[1] == STEP


def test_bounds_without_a_budget_are_statistical_and_exact_ones_have_none():
    (part,) = budget.parts_of(10.0, Bounds(8.0, 14.0))
    assert (part.type, part.standard) == ("A", pytest.approx(3.0 / 1.96, rel=1e-3))
    (part,) = budget.parts_of(10.0, Bounds(8.0, None))
    assert part.standard == pytest.approx(2.0 / 1.96, rel=1e-3)
    assert budget.parts_of(10.0, Bounds(10.0, 10.0)) == ()
    assert budget.parts_of(10.0, Bounds()) == ()
    assert budget.parts_of(10.0, Bounds(8.0, 12.0, parts=(STEP,))) == (STEP,)


def test_an_extreme_is_at_least_what_was_seen():
    bounds = budget.seen_at_least(10.0, (STEP,))
    assert (bounds.lo, bounds.hi) == (pytest.approx(10.0 - 0.475), None)
    assert bounds.at_least(9.8).lo == 9.8
    assert bounds.times(2.0).lo == pytest.approx(20.0 - 0.95)
    assert bounds.times(2.0).parts[0].limit == 1.0
