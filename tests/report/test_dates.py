"""An axis of dates: full days, hours or months, in UTC."""

from __future__ import annotations

import math

import pytest

from hil.report.charts.chart import date_axis
from hil.report.charts.dates import day_number


def ticks(first: str, last: str) -> tuple[list[str], str]:
    axis = date_axis(day_number(first), day_number(last))
    return [text for _, text in axis.ticks()], axis.label


@pytest.mark.parametrize(
    ("first", "last", "texts", "label"),
    [
        (
            "2026-11-18T02:00:00Z",
            "2026-11-27T02:00:00Z",
            ["Nov 19", "Nov 21", "Nov 23", "Nov 25", "Nov 27"],
            "UTC, 2026",
        ),
        (
            "2025-11-30",
            "2026-11-27",
            ["2026-01", "2026-04", "2026-07", "2026-10"],
            "UTC, 2025 to 2026",
        ),
        (
            "2026-11-20T00:05Z",
            "2026-11-20T04:10Z",
            ["Nov 20", "01:00", "02:00", "03:00", "04:00"],
            "UTC, 2026",
        ),
        ("2026-11-20T22:00Z", "2026-11-21T02:00Z", ["22:00", "23:00", "Nov 21", "01:00", "02:00"],
         "UTC, 2026"),
        ("2020-01-01", "2026-11-27", ["2020-01", "2022-01", "2024-01", "2026-01"],
         "UTC, 2020 to 2026"),
    ],
)  # fmt: skip
def test_ticks_stand_at_round_dates_and_say_them_once(first, last, texts, label):
    assert ticks(first, last) == (texts, label)


def test_one_moment_has_an_axis_around_it_and_extreme_years_end():
    texts, _ = ticks("2026-11-20T12:00Z", "2026-11-20T12:00Z")
    assert 2 <= len(texts) <= 8
    texts, _ = ticks("0001-01-01", "9999-12-31")
    assert 2 <= len(texts) <= 8


def test_a_time_is_taken_as_utc_and_what_is_none_as_nothing():
    assert day_number("1970-01-02") == 1.0
    assert day_number("1970-01-02T02:00:00+02:00") == 1.0
    assert math.isnan(day_number("soon"))
