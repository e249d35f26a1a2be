"""What is wrong with a board's clock or link stands in the first lines of page and terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.model.results import CLOCK, LINK, Results, Skip
from hil.report.board_warnings import board_warnings
from hil.report.headline import headline
from hil.report.terminal.run_summary import terminal_summary

BACK = "ticks_us stepped back 84 times in 0.1 s, by up to 496 us"


def with_skew(results: Results, ppm: float) -> Results:
    first = results.measurements[0]
    skew = replace(first, metric="clock_skew_ppm", unit="ppm", value=ppm, task=None)
    others = [m for m in results.measurements if m.metric != "clock_skew_ppm"]
    return replace(results, measurements=(skew, *others))


@pytest.mark.parametrize("what", [CLOCK, LINK])
def test_what_is_wrong_is_said_first_and_is_nothing_skipped(results: Results, what: str) -> None:
    plain = headline(results, ()).sentence
    told = replace(results, skipped=(*results.skipped, Skip("sim", what, "any", BACK)))
    assert headline(told, ()).sentence == f"{plain} sim: {BACK}."
    text = " ".join(terminal_summary(told).split())
    assert text.startswith(f"{plain} sim: {BACK}.")
    assert text.count(BACK) == 1


@pytest.mark.parametrize(("ppm", "said"), [(-25_000.0, "2.5 % slow"), (12_340.0, "1.23 % fast")])
def test_a_clock_more_than_a_hundredth_off_is_said_first(
    results: Results, ppm: float, said: str
) -> None:
    told = with_skew(results, ppm)
    (warning,) = board_warnings(told)
    assert said in warning
    assert warning in headline(told, ()).sentence
    assert " ".join(terminal_summary(told).split()).startswith(headline(told, ()).sentence[:40])
    assert warning in " ".join(terminal_summary(told).split())


@pytest.mark.parametrize("ppm", [9_900.0, -9_900.0, 0.0])
def test_a_clock_that_is_less_off_is_not(results: Results, ppm: float) -> None:
    assert board_warnings(with_skew(results, ppm)) == []
