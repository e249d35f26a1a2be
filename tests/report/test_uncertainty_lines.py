"""A figure's uncertainty budget in words, and on the page on demand."""

from __future__ import annotations

from dataclasses import replace

from hil.model.results import UncertaintyPart
from hil.report.page.page import render_page
from hil.report.uncertainty_lines import uncertainty_lines

PARTS = (
    UncertaintyPart("clock's step", "B", us=0.3),
    UncertaintyPart("scatter of the samples", "A", us=4.0, dof=9.0),
    UncertaintyPart("grid's origin", "B", us=3.0),
)


def test_parts_come_largest_first_and_are_combined(results):
    figure = replace(results.measurements[0], metric="lateness_p50_us", uncertainty=PARTS)
    first, second, third, whole = uncertainty_lines(figure)
    assert first == "4 us: scatter of the samples (Type A, 9 degrees of freedom)"
    assert second == "3 us: grid's origin (Type B)"
    assert third == "0.3 us: clock's step (Type B)"
    # u = sqrt(4^2 + 3^2 + 0.3^2), dof = u^4 / (4^4 / 9) = 22, t(22) = 2.07
    assert whole == "combined 5.01 us, k = 2.07 for 95 %"


def test_where_parts_do_not_combine_each_widens_the_ends(results):
    figure = replace(results.measurements[0], metric="lateness_p99_us", uncertainty=PARTS)
    assert uncertainty_lines(figure)[-1] == "each part of Type B widens both ends"
    alone = replace(figure, uncertainty=PARTS[1:2])
    assert uncertainty_lines(alone)[-1] == "no systematic part"
    assert uncertainty_lines(replace(figure, uncertainty=())) == ()


def test_ratios_are_in_ppm(results):
    parts = (UncertaintyPart("rate of the host's clock", "B", ppm=28.9),)
    figure = replace(results.measurements[0], metric="clock_skew_ppm", uncertainty=parts)
    assert uncertainty_lines(figure) == (
        "28.9 ppm: rate of the host's clock (Type B)",
        "combined 28.9 ppm, k = 1.96 for 95 %",
    )


def test_the_page_shows_a_budget_on_demand(results, captures):
    first, *rest = results.measurements
    figure = replace(first, metric="lateness_p50_us", lo=1.0, hi=9.0, uncertainty=PARTS)
    page = render_page(replace(results, measurements=(figure, *rest)), captures)
    row = page[page.index('hil-parts"><summary') :]
    assert row.startswith('hil-parts"><summary>[0.001, 0.009]</summary>'), row[:300]
    assert "grid&#39;s origin (Type B)" in page
    others = sum(bool(measurement.uncertainty) for measurement in rest)
    assert page.count('<details class="hil-parts">') == 1 + others
