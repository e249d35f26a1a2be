"""Windows, the host's clock and the temperature as they are told beside the figures."""

from dataclasses import replace

import pytest

from hil.model.board import BoardIdentity, Temperature
from hil.model.results import HostClock, Measurement, Results, RunInfo
from hil.model.units import with_micro_sign
from hil.report.conditions import (
    differing_windows,
    figure_conditions,
    host_clock_sentence,
    run_conditions,
    slowness_sentence,
    temperature_sentence,
    windows_of,
    windows_sentence,
)
from hil.report.page.page import render_page
from hil.report.terminal.run_summary import terminal_summary

BOARD = BoardIdentity("pico", "/dev/ttyACM0", "hardware", "rp2", "Pico", "1.29.0", 1 << 30)
INFO = RunInfo("r", "2026-11-27T00:00:00Z", 1.0, "quick", "0", "host", "hardware")


def test_what_an_emulator_does_not_model_is_told_at_once():
    emulated = Results(replace(INFO, source="emulator"), (replace(BOARD, source="emulator"),))
    (line,) = [line for line in run_conditions(emulated) if "emulated" in line]
    assert line.startswith("pico is emulated: ")
    assert "flash cache are not modelled" in line
    assert with_micro_sign(line) in render_page(emulated).partition('aria-label="On this page"')[0]
    assert not any("emulated" in line for line in run_conditions(Results(INFO, (BOARD,))))


def test_a_slow_board_is_told():
    assert slowness_sentence(BOARD) == ""
    slow = slowness_sentence(replace(BOARD, slowness=33.0))
    assert slow.startswith("every time limit was 33 times a usual board's")


def figure(*windows, metric="lateness_p50_us", unit="us", **more):
    entries = tuple(
        {"window": number, "value": value, "n": 170} | dict(zip(("lo", "hi"), ends, strict=False))
        for number, (value, *ends) in enumerate(windows, 1)
    )
    known = {"value": 14.0, "lo": None, "hi": None, "n": 510, **more}
    return Measurement("pico", "timer_hard", "idle", 0, metric, unit, **known, windows=entries)


def test_the_values_of_all_windows_are_told():
    assert windows_of(figure((12.1, 11, 13), (12.4, 12, 13), (12.6, 12, 14))) == (
        "windows: 12.1, 12.4, 12.6 us"
    )


def test_a_window_apart_from_all_others_is_named():
    odd = figure((12.1, 11, 13), (12.4, 12, 13), (19.0, 18, 20))
    assert windows_of(odd) == "windows: 12.1, 12.4, 19.0 us; window 3 differs"
    touching = figure((12.1, 11, 13), (12.4, 12, 13), (14.0, 13, 15))
    assert differing_windows(touching) == []
    assert differing_windows(figure((1.0, 0, 2), (5.0, 4, 6), (9.0, 8, 10))) == [1, 2, 3]


def test_without_bounds_nobody_differs():
    assert differing_windows(figure((12.1,), (500.0,))) == []
    damaged = replace(figure(), windows=({"window": "x", "value": "y"}, {"value": True}, {}))
    assert differing_windows(damaged) == []
    assert windows_of(damaged) == "windows: ?, ?, ? us"


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        (None, ""),
        (
            HostClock("chrony", 0.42),
            "this computer's clock is kept by chrony, its rate within 0.42 ppm",
        ),
        (
            HostClock("none", 50.0),
            "this computer's clock is not synchronised, its rate within 50 ppm",
        ),
        (HostClock("ptp"), "this computer's clock is kept by ptp"),
    ],
)
def test_how_the_hosts_clock_is_kept(clock, said):
    assert host_clock_sentence(replace(INFO, host_clock=clock)) == said


@pytest.mark.parametrize(
    ("temperature", "said"),
    [
        (None, ""),
        (Temperature(31.2), "31.2 °C before the run"),
        (Temperature(31.2, 33.0), "31.2 °C before the run, 33.0 °C after it"),
    ],
)
def test_the_temperature(temperature, said):
    assert temperature_sentence(replace(BOARD, temperature_c=temperature)) == said


@pytest.mark.parametrize(("after", "words"), [(36.0, "4.8 K warmer"), (28.0, "3.2 K cooler")])
def test_a_temperature_that_changed_is_named_beside_what_follows_it(after, words):
    board = replace(BOARD, temperature_c=Temperature(31.2, after))
    assert f"the board became {words}, and the rate of its clock followed" in (
        temperature_sentence(board)
    )
    skew = figure(metric="clock_skew_ppm", unit="ppm")
    assert list(figure_conditions(skew, [board])) == [
        f"the board's temperature changed by {after - 31.2:+.1f} K"
    ]
    assert list(figure_conditions(figure(), [board])) == []
    assert list(figure_conditions(skew, [replace(board, name="another")])) == []
    steady = replace(board, temperature_c=Temperature(31.2, 33.1))
    assert list(figure_conditions(skew, [steady])) == []


def test_page_and_terminal_have_each_of_them():
    board = replace(BOARD, temperature_c=Temperature(31.2, 36.0))
    info = replace(INFO, host_clock=HostClock("timesyncd", 1.5), order_seed=77)
    late = figure((12.1, 11, 13), (12.4, 12, 13), (19.0, 18, 20))
    skew = figure(metric="clock_skew_ppm", unit="ppm", value=20.0)
    results = Results(info, (board,), (late, skew))
    lines = (
        "each case measured in 3 windows, techniques in turn, in an order drawn by seed 77",
        "this computer's clock is kept by systemd-timesyncd, its rate within 1.5 ppm",
        "31.2 °C before the run, 36.0 °C after it: the board became 4.8 K warmer",
    )
    assert run_conditions(results)[:2] == list(lines[:2])
    terminal = " ".join(terminal_summary(results, width=400).split())
    page = " ".join(render_page(results).split()).replace("&#39;", "'")
    for line in lines:
        assert line in terminal
        assert line[1:] in page
    assert "windows: 12.1, 12.4, 19.0 µs; window 3 differs" in page
    assert "the board's temperature changed by +4.8 K" in page


def test_a_run_of_one_window_that_recorded_nothing_says_nothing():
    results = Results(INFO, (BOARD,), (figure(),))
    assert windows_sentence(results) == ""
    assert run_conditions(results) == []
