"""The description of a chart: axes, ticks, and the data that a page draws it from."""

import json

import numpy as np
import pytest

from hil.report.charts.chart import (
    STEPS,
    Axis,
    Chart,
    Mark,
    ReferenceLine,
    Series,
    category_axis,
    linear_axis,
    log_axis,
    time_axis,
)

AXES = {
    "linear": linear_axis(-3.0, 17.0, "x", "us"),
    "log": log_axis(0.001, 100.0, "x"),
    "times": time_axis(12.0, 70_000.0, "x"),
    "early": time_axis(-5_000.0, 70_000.0, "x"),
    "tail": Axis("log", 1.0, 2000.0, "x", "tail"),
    "categories": category_axis(["thread", "timer_soft", "timer_hard"]),
    "downward": category_axis(["thread", "timer_soft", "timer_hard"], downward=True),
}


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_a_value_is_read_back_from_its_position(axis):
    values = np.array([axis.lo, axis.hi, (axis.lo + 9 * axis.hi) / 10])
    positions = axis.position(values)
    assert positions[:2] == pytest.approx([0.0, 1.0])
    assert axis.value(positions) == pytest.approx(values)


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_ticks_lie_inside_in_order_and_say_something_else_each(axis):
    ticks = axis.ticks()
    assert 3 <= len(ticks) <= 10
    values = [value for value, _ in ticks]
    assert values == sorted(values)
    assert min(axis.lo, axis.hi) <= min(values)
    assert max(values) <= max(axis.lo, axis.hi)
    assert len({text for _, text in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (
            time_axis(12.0, 70_000.0, "x"),
            {10: "10 us", 100: "100 us", 1000: "1 ms", 10_000: "10 ms"},
        ),
        (
            time_axis(-5_000.0, 70_000.0, "x"),
            {-1000: "-1 ms", 0: "0", 100: "100 us", 1000: "1 ms", 10_000: "10 ms"},
        ),
        (
            Axis("log", 1.0, 2000.0, "x", "tail"),
            {1: "0 %", 10: "90 %", 100: "99 %", 1000: "99.9 %"},
        ),
        (
            Axis("log", 0.001, 1.0, "x", "share"),
            {0.001: "0.1 %", 0.01: "1 %", 0.1: "10 %", 1: "100 %"},
        ),
        (linear_axis(0.0, 5.0, "x", "s"), {k: str(k) for k in range(6)}),
        (
            linear_axis(-20_000.0, 20_000.0, "x", "us"),
            {-20e3: "-20 ms", -10e3: "-10 ms", 0: "0", 10e3: "10 ms", 20e3: "20 ms"},
        ),
        (category_axis(["2026-11-01", "", "", "2026-11-09"]), {0: "2026-11-01", 3: "2026-11-09"}),
    ],
)
def test_ticks_are_written_as_people_write_them(axis, ticks):
    assert [text for _, text in axis.ticks()] == list(ticks.values())
    assert [value for value, _ in axis.ticks()] == pytest.approx(list(ticks))


def test_no_extent_at_all_still_gives_an_axis():
    for axis in (linear_axis(5.0, 5.0, "x"), log_axis(2.0, 2.0, "x"), time_axis(0.0, 0.0, "x")):
        assert np.isfinite(axis.position(np.array([axis.lo, axis.hi]))).all()
        assert axis.ticks()


def test_the_first_category_is_on_top_of_a_downward_axis():
    names = ["a", "b", "c"]
    rows = np.arange(3.0)
    assert list(np.argsort(category_axis(names).position(rows))) == [0, 1, 2]
    assert list(np.argsort(category_axis(names, downward=True).position(rows))) == [2, 1, 0]


def make_chart(**changes) -> Chart:
    parts = {
        "title": "T",
        "caption": "C",
        "alt": "A",
        "x": Axis("linear", 0.0, 10.0, "time (s)", "s"),
        "y": Axis("log", 1.0, 100.0, "lateness", "us"),
        "series": [Series("a", np.array([0.0, 5.0, 10.0]), np.array([1.0, 10.0, 100.0]), 3)],
    }
    return Chart(**(parts | changes))


def test_positions_are_steps_of_the_axes_as_differences():
    (series,) = make_chart().as_data()["series"]
    assert series == {
        "name": "a",
        "color": 3,
        "style": "line",
        "x": [0, STEPS // 2, STEPS // 2],
        "y": [0, STEPS // 2, STEPS // 2],
    }


def test_what_is_not_finite_is_left_open_and_what_is_far_outside_stays_near():
    y = np.array([np.nan, 10.0, np.inf, np.nan, 1.0])
    lo = np.array([1.0, np.nan, 1e-9, 1.0, 1.0])
    series = Series("a", np.arange(5.0), y, lo=lo, hi=lo * 100)
    data = make_chart(series=[series]).as_data()["series"][0]
    assert data["y"] == [None, 5_000, 15_000, None, -20_000]
    assert data["lo"] == [0, None, -10_000, 10_000, 0]
    assert data["hi"] == [10_000, None, -20_000, 20_000, 0]
    assert data["bounds"] == "y"


def test_bounds_along_the_other_axis_and_strokes_are_data_too():
    x, y = np.array([2.0, 4.0]), np.array([10.0, 10.0])
    series = Series("p", x, y, lo=x - 1, hi=x + 1, style="points", bounds="x", origin=(x - 2, y))
    data = make_chart(series=[series]).as_data()["series"][0]
    assert (data["style"], data["bounds"]) == ("points", "x")
    assert (data["lo"], data["hi"]) == ([1_000, 2_000], [3_000, 2_000])
    assert (data["origin_x"], data["origin_y"]) == ([0, 2_000], [5_000, 0])


def test_marks_and_references_are_steps():
    chart = make_chart(
        marks=[Mark(5.0, 10.0, "worst: 10 us", "worst", (1.0, 100.0))],
        references=[ReferenceLine("x", 2.5), ReferenceLine("y", 1.0, 10.0, kind="span")],
    )
    data = chart.as_data()
    (mark,) = data["marks"]
    assert mark == {
        **{"text": "worst: 10 µs", "kind": "worst", "x": 5_000, "y": 5_000},
        "bounds": [0, 10_000],
    }
    assert data["references"] == [
        {"axis": "x", "kind": "reference", "at": 2_500},
        {"axis": "y", "kind": "span", "at": 0, "to": 5_000},
    ]


def test_the_data_hold_the_ticks_and_what_a_zoom_needs_and_are_json():
    axis = Axis("asinh", -123.4567890123456, 1e6, "lateness", "us", bend=10.0)
    chart = make_chart(x=axis, y=category_axis(["a", "b"]), lateness="x", wide=True)
    data = json.loads(json.dumps(chart.as_data(), allow_nan=False))
    assert (data["lateness"], data["wide"]) == ("x", True)
    x, y = data["x"], data["y"]
    assert (x["kind"], x["bend"], x["lo"]) == ("asinh", 10.0, -123.456789012)
    assert y["categories"] == ["a", "b"]
    for described, axis in ((x, chart.x), (y, chart.y)):
        written = [text.replace(" us", " µs") for _, text in axis.ticks()]
        assert [text for _, text in described["ticks"]] == written
        for (step, _), (value, _) in zip(described["ticks"], axis.ticks(), strict=True):
            assert step / STEPS == pytest.approx(float(axis.position(value)), abs=0.5 / STEPS)


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_a_series_is_read_back_to_half_a_step(axis):
    values = axis.value(np.random.default_rng(3).uniform(0.0, 1.0, 500))
    chart = make_chart(x=axis, series=[Series("a", values, np.ones(500))])
    steps = np.cumsum(chart.as_data()["series"][0]["x"])
    assert np.abs(steps / STEPS - axis.position(values)).max() <= 0.5 / STEPS + 1e-12
