"""The charts of a run: what is shown, what is told beside it, and that no extreme is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from hil.history.trend_queries import TrendLine, TrendPoint
from hil.model.captures import Capture, Pings
from hil.model.results import Measurement, Results
from hil.report.charts.case_charts import technique_charts
from hil.report.charts.chart import INK, Chart
from hil.report.charts.long_term_charts import long_term_charts
from hil.report.charts.overview_charts import best_techniques, overview_charts
from hil.report.charts.run_charts import MANY_CASES, page_order, run_charts
from hil.report.page.trend_page import trend_chart
from hil.report.result_tables import technique_rows


def by_title(charts: Iterable[Chart]) -> dict[str, Chart]:
    return {chart.title: chart for chart in charts}


def with_stamps(capture: Capture, *stamps: np.ndarray) -> Capture:
    """The same with these stamps of its first tasks."""
    tracks = (
        replace(track, stamps_us=values, releases=None)
        for track, values in zip(capture.tracks, stamps, strict=False)
    )
    return replace(capture, tracks=tuple(tracks))


def make_measurement(capture: Capture) -> Measurement:
    plan = capture.plan
    return Measurement(
        *(capture.board.name, plan.technique, plan.load, None, "missed", "count", 0.0),
        *(None, None, 60),
    )


def test_each_chart_has_axes_units_n_and_a_text(captures: list[Capture]) -> None:
    (capture,) = [c for c in captures if c.plan.technique == "event_irq"]
    charts = list(technique_charts(capture, []))
    assert [chart.title for chart in charts] == [
        *("Lateness", "Intervals", "Time interval error", "The worst 100 ms", "Interrupt latency"),
    ]
    for chart in charts:
        ticks = [text for axis in (chart.x, chart.y) for _, text in axis.ticks()]
        assert re.search(r"\d (us|ms|s)\b|\(s\)", " ".join([chart.x.label, *ticks]))
        assert "n = " in chart.caption or chart.title == "The worst 100 ms"
        assert "event_irq" in chart.alt
        assert any(series.name for series in chart.series)


def test_a_deadline_can_be_drawn_where_lateness_is_an_axis(captures: list[Capture]) -> None:
    (capture,) = [c for c in captures if c.plan.technique == "event_irq"]
    charts = by_title([*technique_charts(capture, []), *overview_charts([capture], [], "t")])
    assert {title: c.lateness for title, c in charts.items() if c.lateness} == {
        "Lateness": "y",
        "Lateness of all techniques": "x",
        "Percentiles of all techniques": "y",
    }


def test_the_worst_activation_is_marked_in_tie_and_raster(captures: list[Capture]) -> None:
    origin = captures[0].tracks[0].origin_us
    stamps = origin + np.arange(400, dtype=np.int64) * 10_000
    stamps[123] += 7_000
    charts = by_title(technique_charts(with_stamps(captures[0], stamps), []))
    error, raster = charts["Time interval error"], charts["The worst 100 ms"]
    assert "worst, 6979 us at 1.237 s" in error.caption
    assert "task 0 at 1.2370 s, 7000 us late" in raster.caption
    for chart in (error, raster):
        (mark,) = chart.marks
        assert mark.kind == "worst"
        assert mark.x == pytest.approx(1.237)
    assert error.marks[0].y == error.series[0].y.max()
    due, came = raster.series
    assert (due.color, came.name) == (INK, "task 0 came")
    late = came.x - came.origin[0]
    assert came.x[late.argmax()] == pytest.approx(1.237)
    assert late.max() == pytest.approx(0.007)


def test_long_term_charts_tell_stability_and_phase(captures: list[Capture]) -> None:
    capture = captures[0]
    charts = list(long_term_charts(capture, []))
    assert [chart.title for chart in charts] == ["Allan deviation", "Wander", "Railroad lights"]
    assert all(capture.plan.technique in chart.alt for chart in charts)
    few = with_stamps(capture, *(track.stamps_us[:3] for track in capture.tracks))
    assert [chart.title for chart in long_term_charts(few, [])] == ["Railroad lights"]


def test_the_kind_of_noise_is_told_and_no_other_note(captures: list[Capture]) -> None:
    deviation = replace(make_measurement(captures[0]), metric="adev_100ms")
    for note, told in (
        ("white phase noise (MDEV slope -1.50); too few windows", "Seen: white phase noise (MDEV"),
        ("too few windows", "bounds"),
    ):
        chart = next(long_term_charts(captures[0], [replace(deviation, note=note)]))
        assert told in chart.caption
        assert "too few" not in chart.caption


def test_the_clock_is_drawn_with_its_line_and_bounds(captures: list[Capture]) -> None:
    n, ppm = 60, 40.0
    host = np.arange(n, dtype=np.int64) * 100_000_000
    board = (host // 1000 * (1 + ppm / 1e6)).astype(np.int64)
    pings = Pings(host, board + 100, board + 110, host + 210_000)
    capture = replace(captures[0], pings=pings)
    skew = replace(
        make_measurement(capture), metric="clock_skew_ppm", unit="ppm", value=ppm, lo=35.0, hi=45.0
    )
    chart = list(long_term_charts(capture, [skew]))[-1]
    assert chart.title == "The board's clock"
    fit = chart.series[2]
    assert fit.name == "fit: 40.0 ppm [35.0, 45.0]"
    slope = np.diff(fit.y) / np.diff(fit.x)
    assert slope == pytest.approx([ppm])  # us per s; the board's clock runs ahead: upwards
    assert np.all(fit.lo <= fit.y)
    assert np.all(fit.y <= fit.hi)
    widths = (fit.hi - fit.lo) / (fit.x[-1] - fit.x[0])
    assert widths == pytest.approx([5.0, 5.0], rel=0.02)  # 10 ppm, about half at either end
    assert widths.sum() == pytest.approx(10.0)
    bare = replace(skew, lo=None, hi=None)
    fit = list(long_term_charts(capture, [bare]))[-1].series[2]
    assert fit.lo is None
    assert fit.hi is None


def test_bounds_are_drawn(captures: list[Capture], results: Results) -> None:
    capture = captures[0]
    figures = [m for m in results.measurements if m.technique == capture.plan.technique]
    bare = [replace(m, lo=None, hi=None) for m in figures]
    with_bounds, without = (
        by_title(technique_charts(capture, chosen))["Lateness"] for chosen in (figures, bare)
    )
    assert [mark.bounds for mark in without.marks] == [None, None]
    assert len(with_bounds.marks) == 2
    for mark in with_bounds.marks:
        lo, hi = mark.bounds
        assert lo < mark.y < hi
    (full,), (less,) = (
        overview_charts([], technique_rows(chosen), "t") for chosen in (figures, bare)
    )
    for series, other, name in zip(full.series, less.series, ("p50", "p99"), strict=True):
        assert (series.name, series.bounds, series.style) == (name, "x", "points")
        assert np.all((series.lo < series.x) & (series.x < series.hi))
        assert np.isnan(other.lo).all()
        assert other.x == pytest.approx(series.x)


def test_the_latest_activation_is_named_in_the_staircase_and_every_one_is_counted(
    captures: list[Capture],
) -> None:
    origin = captures[0].tracks[0].origin_us
    stamps = origin + np.arange(400, dtype=np.int64) * 10_000
    stamps[311] += 9_000
    latest = replace(captures[0], plan=replace(captures[0].plan, load="gc"))
    latest = with_stamps(latest, stamps, stamps)
    technique = latest.plan.technique
    chart = by_title(overview_charts([latest], [], "t"))["Lateness of all techniques"]
    (series,) = chart.series
    assert series.style == "steps"
    assert series.y.sum() == sum(track.stamps_us.size for track in latest.tracks)
    assert series.x.size == series.y.size + 1
    (mark,) = chart.marks
    assert mark.kind == "worst"
    assert mark.text.startswith(f"worst 9000 us {technique} beside gc at activation 312")
    assert mark.x == pytest.approx(9_000, rel=0.01)
    assert mark.text in chart.alt
    assert mark.text in chart.caption


def test_what_never_came_is_counted_beside_the_staircase(captures: list[Capture]) -> None:
    (capture,) = [c for c in captures if c.plan.technique == "timer_soft"]
    tracks = tuple(
        replace(track, stamps_us=np.delete(track.stamps_us, [50, 51, 52]), releases=None)
        for track in capture.tracks
    )
    missing = replace(capture, tracks=tracks)
    chart = by_title(overview_charts([missing], [], "t"))["Lateness of all techniques"]
    assert "Not among them, for nothing came: 6 missed or dropped." in chart.caption
    whole = by_title(overview_charts([capture], [], "t"))["Lateness of all techniques"]
    assert "missed" not in whole.caption


def test_the_three_best_are_in_colour_those_out_of_a_budget_last(
    captures: list[Capture], results: Results
) -> None:
    rows = technique_rows(results.measurements)
    p99 = {row.technique: row.cells["lateness_p99_us"].value for row in rows}
    by_value = sorted(p99, key=lambda name: p99[name])
    assert best_techniques(rows) == by_value[:3]
    failed = [
        replace(row, failed=(row.cells["lateness_p99_us"],))
        if row.technique == by_value[0]
        else row
        for row in rows
    ]
    assert best_techniques(failed) == by_value[1:4]
    chart = by_title(overview_charts(captures, rows, "t"))["Lateness of all techniques"]
    assert {series.name for series in chart.series if not series.quiet} == set(by_value[:3])
    assert "In colour: the best 3" in chart.caption


def test_a_figure_with_one_bound_only_stays_on_the_overview(results: Results) -> None:
    half = [replace(m, lo=None) for m in results.measurements]
    (chart,) = overview_charts([], technique_rows(half), "t")
    assert np.isnan(chart.series[0].lo).all()
    assert chart.x.hi > max(float(series.hi.max()) for series in chart.series)
    assert chart.y.categories[0] == technique_rows(half)[0].name


def test_a_variants_percentiles_are_no_marks_of_the_technique(
    captures: list[Capture], results: Results
) -> None:
    figures = [m for m in results.measurements if m.technique == captures[0].plan.technique]
    variant = replace(figures[0], method="callback/closure", value=123_456.0)
    before, after = (
        next(technique_charts(captures[0], chosen)) for chosen in (figures, [*figures, variant])
    )
    assert before.marks == after.marks
    assert before.as_data() == after.as_data()


def test_what_lies_outside_the_histogram_is_counted(captures: list[Capture]) -> None:
    stamps = np.arange(1001, dtype=np.int64) * 10_000
    stamps[500:] += 1_000_000
    chart = by_title(technique_charts(with_stamps(captures[0], stamps), []))["Intervals"]
    assert "1 of 1000 lie outside the axis" in chart.caption
    assert chart.series[0].y.sum() == 999
    assert chart.series[0].x.size == chart.series[0].y.size + 1


def test_one_late_activation_of_100_000_is_on_every_chart_over_time(
    captures: list[Capture],
) -> None:
    origin = captures[0].tracks[0].origin_us
    stamps = origin + np.arange(100_000, dtype=np.int64) * 10_000
    stamps[77_777] += 9_000
    capture = with_stamps(captures[0], stamps)
    (series,) = by_title(technique_charts(capture, [], points=60))["Time interval error"].series
    assert series.y.size <= 60
    assert series.y.max() == pytest.approx(9_000, rel=0.01)
    assert np.median(series.y) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_hardly_any_stamps_draw_without_a_warning(captures: list[Capture], n: int) -> None:
    capture = captures[0]
    few = with_stamps(capture, capture.tracks[0].stamps_us[:n], capture.tracks[1].stamps_us[:0])
    constant = np.arange(n, dtype=np.int64) * 10_000
    same = replace(with_stamps(capture, constant), tracks=with_stamps(capture, constant).tracks[:1])
    for shown in (few, same):
        charts = [
            *technique_charts(shown, []),
            *long_term_charts(shown, []),
            *overview_charts([shown], [], "t"),
        ]
        assert bool(charts) == (n > 0)
        for chart in charts:
            json.dumps(chart.as_data(), allow_nan=False)
            for series in chart.as_data()["series"]:
                assert None not in series["x"] + series["y"]


def test_the_overviews_hold_every_technique_and_all_their_activations(
    captures: list[Capture],
) -> None:
    distribution, percentiles = overview_charts(captures, [], "sim, load idle")
    names = [capture.plan.technique for capture in captures]
    for chart in (distribution, percentiles):
        assert sorted(series.name for series in chart.series) == sorted(names)
        assert len({series.color for series in chart.series}) == len(names)
        assert "n = 1000" in chart.caption
    assert list(overview_charts([], [], "nothing")) == []


def test_the_charts_hold_the_values(captures: list[Capture]) -> None:
    capture = next(c for c in captures if c.plan.technique == "timer_hard")
    late = np.concatenate([t.stamps_us - t.origin_us - t.releases * 10_000 for t in capture.tracks])
    distribution, percentiles = overview_charts([capture], [], "t")
    (series,) = percentiles.series
    for share in (50.0, 90.0, 99.0):
        shown = np.interp(share, 100 - 100 / series.x, series.y)
        assert shown == pytest.approx(np.percentile(late, share), rel=0.05)
    assert series.y[-1] == late.max()
    (series,) = distribution.series
    assert series.y.sum() == late.size


def test_a_technique_keeps_its_colour_when_others_are_absent(captures: list[Capture]) -> None:
    (every, _), (alone, _) = (overview_charts(some, [], "t") for some in (captures, captures[3:4]))
    (series,) = alone.series
    assert (series.name, series.color) in [(drawn.name, drawn.color) for drawn in every.series]


def test_all_charts_of_a_run_say_where_they_belong(
    captures: list[Capture], results: Results
) -> None:
    charts = list(run_charts(results, captures[:2][::-1]))
    titles = [chart.title for chart in charts]
    assert titles[:3] == [
        "sim, load idle: Lateness of all techniques",
        "sim, load idle: Percentiles of all techniques",
        "sim, load idle: Median and 99th percentile",
    ]
    names = [capture.plan.technique for capture in page_order(captures[:2], ["sim"])]
    assert list(dict.fromkeys(title.split(":")[0] for title in titles[3:])) == [
        f"sim, {name}, load idle" for name in names
    ]
    lateness = charts[titles.index(f"sim, {names[0]}, load idle: Lateness")]
    assert len(lateness.marks) == 2  # those of this case alone


def test_many_cases_have_shorter_series_and_one_tasks_stability(
    captures: list[Capture], results_of
) -> None:
    many = [
        replace(captures[0], plan=replace(captures[0].plan, load=f"load{k}"))
        for k in range(MANY_CASES + 1)
    ]
    sizes, names = [], []
    for some in (many[:1], many):
        last = list(run_charts(results_of(some), some))[-7:]
        by_end = {chart.title.split(": ")[-1]: chart for chart in last}
        sizes.append(by_end["Time interval error"].series[0].x.size)
        names.append([series.name for series in by_end["Allan deviation"].series])
    assert sizes[1] < sizes[0]
    assert names == [["ADEV, task 0", "ADEV, task 1"], ["ADEV, task 0"]]


def test_a_trend_has_a_mark_for_each_run(captures: list[Capture]) -> None:
    points = [
        TrendPoint("r1", "2026-11-01T00:00:00Z", 10.0, 8.0, 13.0, 5, "pass"),
        TrendPoint("r2", "2026-11-02T00:00:00Z", 30.0, None, None, 5, "fail"),
        TrendPoint("r3", "2026-11-05T00:00:00Z", 12.0, 9.0, 14.0, 5, "none"),
    ]
    line = TrendLine("sim", "k", "1", "p", "thread", "idle", None, 0, "us", points=points)
    chart = trend_chart([line])
    assert chart.x.unit == "date"
    first = chart.marks[0].x
    assert [mark.x - first for mark in chart.marks] == [0.0, 1.0, 4.0]
    assert (chart.y.lo, chart.y.hi) == pytest.approx((8 - 0.08 * 22, 30 + 0.08 * 22))
    assert [(m.kind, m.bounds) for m in chart.marks] == [
        ("mark", (8.0, 13.0)),
        ("fail", None),
        ("mark", (9.0, 14.0)),
    ]
    assert chart.marks[1].text == "2026-11-02T00:00:00Z, 30.0 us, run r2, out of budget"
    assert list(chart.series[0].y) == [10.0, 30.0, 12.0]
    alone = trend_chart([replace(line, points=points[:1])])
    assert alone.x.lo < alone.marks[0].x < alone.x.hi
