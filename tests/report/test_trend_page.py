"""The page of a figure over time: shared dates, changes of firmware and level, nothing twice."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np

from hil.history.trend_queries import TrendLine, TrendPoint
from hil.report.page.trend_page import MOST_CHARTS, trend_chart, trend_page

P99 = "lateness_p99_us"


def line(values, firmware="1.24.1", begin=1, technique="timer_soft", **more):
    points = [
        TrendPoint(
            f"{technique}-{firmware}-{k}", f"2026-11-{begin + k:02d}T02:00:00Z", float(value),
            value * 0.9, value * 1.1, 500, "none",
        )
        for k, value in enumerate(values)
    ]  # fmt: skip
    made = TrendLine(
        *("pico", "e66", firmware, "nightly", technique, "idle", 0, None, "us"), points=points
    )
    return replace(made, **more)


def drawn(page):
    return [json.loads(text) for text in re.findall(r'class="hil-chart-data">(.*?)</script>', page)]


def test_all_charts_have_the_same_dates_and_the_text_says_them_once():
    page = trend_page(P99, [line([100.0] * 5), line([70.0] * 3, begin=8, technique="thread")])
    charts = drawn(page)
    assert len(charts) == 2
    assert charts[0]["x"] == charts[1]["x"]
    assert [text for _, text in charts[0]["x"]["ticks"]] == [
        "Nov 1", "Nov 3", "Nov 5", "Nov 7", "Nov 9"
    ]  # fmt: skip
    assert page.count("2026-11-01 to 2026-11-10") == 1


def test_another_firmware_goes_on_in_the_same_chart_behind_a_line():
    old, new = line([100.0] * 4), line([101.0] * 4, "1.25.0", begin=5)
    (chart,) = drawn(trend_page(P99, [new, old]))
    assert [reference["kind"] for reference in chart["references"]] == ["reference"]
    assert len(chart["marks"]) == 8
    page = trend_page(P99, [new, old])
    assert "MicroPython 1.24.1, 1.25.0 from 2026-11-05 on" in page


def test_a_change_of_the_level_is_marked_at_its_first_run():
    rng = np.random.default_rng(2)
    values = np.concatenate((rng.normal(100, 1, 12), rng.normal(300, 1, 12)))
    chart = trend_chart([line(values)])
    (reference,) = chart.references
    assert reference.kind == "change"
    assert reference.at == chart.marks[12].x


def test_times_over_a_decade_are_on_a_logarithmic_axis_with_units():
    chart = trend_chart([line([40.0, 90.0, 2000.0, 60.0])])
    assert chart.y.kind == "log"
    assert {text.split()[1] for _, text in chart.y.ticks()} == {"us", "ms"}
    assert trend_chart([line([40.0, 60.0])]).y.kind == "linear"


def test_a_run_with_a_wrong_clock_stands_with_the_one_before():
    made = line([100.0, 101.0, 102.0])
    wrong = replace(made.points[1], started_utc="1970-01-01T00:00:00Z", clock_wrong=True)
    chart = trend_chart([replace(made, points=[made.points[0], wrong, made.points[2]])])
    assert chart.marks[1].x == chart.marks[0].x < chart.marks[2].x
    assert "clock wrong" in chart.marks[1].text


def test_nothing_is_said_once_and_many_lines_are_counted():
    empty = trend_page(P99, [])
    assert empty.count("no run with this figure") == 1
    assert "<figure" not in empty
    many = [line([100.0], technique=f"t{k}") for k in range(MOST_CHARTS + 7)]
    page = trend_page(P99, many)
    assert len(drawn(page)) == MOST_CHARTS
    assert "7 more figures are not drawn" in page
