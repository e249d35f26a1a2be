"""The edges of the PWM that sets the pace: known jitter, drift and losses are told."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.clock import Instrument
from hil.analysis.edge_alignment import Alignment
from hil.analysis.edge_figures import measure_edges
from hil.analysis.edge_tracks import AlignedWindow
from hil.analysis.pwm_reference import NEEDS_EDGES, PWM_HZ, REFERENCE_METRICS
from hil.experiments.evaluation import summarise_capture
from hil.model.captures import LaterWindow
from hil.model.edges import EdgeLine, EdgeRecording, LostInterval
from hil.model.techniques import PWM_REFERENCE
from tests.analysis.captures import PERIOD, capture, track

TOOLS = Instrument(1.0, 3.0, 1.0)
N = 400
RESOLUTION_NS = 8.0


def edges_of_pwm(hz, *, ppm=0.0, sd_us=0.0, before_us=20.0, seed=1):
    """Rising edges, us: the first task is due ``before_us`` behind one of them."""
    period_us = 1e6 / hz * (1 + ppm * 1e-6)
    count = round(N * PERIOD * hz / 1e6) + 8
    k = np.arange(count) - 4
    noise = np.random.default_rng(seed).normal(0.0, sd_us, count) if sd_us else 0.0
    return PERIOD - before_us + k * period_us + noise


def pwm_case(edges_us, hz, *, lost=(), ppm_error=0.1):
    """A window of a board that a PWM paced, and what an instrument with the board's time saw."""
    board = capture(
        track(PERIOD * np.arange(1, N + 1), origin=PERIOD, end=PERIOD * (N + 1)),
        technique="pwm_irq",
        counters={PWM_HZ: hz},
    )
    rise = np.rint(np.asarray(edges_us) * 1000).astype(np.int64)
    fall = rise + round(5e8 / hz)
    times = np.sort(np.concatenate([rise, fall]))
    levels = np.tile([1, 0], rise.size)
    line = EdgeLine("loop", times, levels, 0)
    end = int(times[-1]) + 10_000_000
    recording = EdgeRecording("la", (line,), -PERIOD * 1000, end, RESOLUTION_NS)
    alignment = Alignment(
        *("la", "aligned", "", 0.0, 0.0, 0.0, 0.0, -ppm_error, ppm_error),
        lost=tuple(LostInterval(int(a * 1000), int(b * 1000), "full") for a, b in lost),
    )
    return board, AlignedWindow(0, board, recording, alignment)


def reference(board, *windows):
    sheets = measure_edges(board, windows, TOOLS)
    return {f.metric: f for s in sheets for f in s.figures if f.method == PWM_REFERENCE}


@pytest.mark.parametrize("hz", [100, 200, 1000])
def test_a_perfect_pwm_has_no_jitter(hz):
    figures = reference(*pwm_case(edges_of_pwm(hz), hz))

    assert set(figures) == REFERENCE_METRICS
    assert figures["period_mean_us"].value == pytest.approx(1e6 / hz, abs=1e-9)
    assert figures["period_jitter_rms_us"].value == pytest.approx(0.0, abs=1e-6)
    assert figures["period_jitter_rms_us"].bounds.hi < RESOLUTION_NS / 1000
    assert figures["period_jitter_rms_us"].n == N * PERIOD * hz // 1_000_000


@pytest.mark.parametrize("sd_us", [0.05, 2.0])
def test_its_jitter_is_found(sd_us):
    figures = reference(*pwm_case(edges_of_pwm(100, sd_us=sd_us), 100))

    figure = figures["period_jitter_rms_us"]
    assert figure.bounds.lo <= sd_us * math.sqrt(2) <= figure.bounds.hi
    assert figure.value == pytest.approx(sd_us * math.sqrt(2), rel=0.1)


def test_a_frequency_that_the_divider_misses_is_drift():
    board, window = pwm_case(edges_of_pwm(100, ppm=-7.3), 100)
    figures = reference(board, window)

    drift = figures["schedule_drift_ppm"]
    assert drift.value == pytest.approx(-7.3, abs=0.01)
    assert drift.bounds.hi - drift.bounds.lo > 0.19  # the rate of the alignment is in it
    assert figures["period_mean_us"].value == pytest.approx(10_000 * (1 - 7.3e-6), abs=1e-4)


def test_what_the_instrument_lost_is_no_jitter():
    lost = (PERIOD * 100 + 3_000, PERIOD * 130 + 3_000)
    edges = edges_of_pwm(100)
    figures = reference(*pwm_case(edges, 100, lost=[lost]))

    assert figures["period_jitter_pp_us"].value == pytest.approx(0.0, abs=1e-6)
    assert figures["period_jitter_rms_us"].n == N - 31


def test_edges_outside_the_window_do_not_count():
    few = edges_of_pwm(100)
    more = np.concatenate([few[0] - np.arange(900, 0, -1) * 777.0, few, few[-1] + [3e4, 9e4]])
    assert reference(*pwm_case(more, 100)).keys() == REFERENCE_METRICS
    assert reference(*pwm_case(more, 100))["period_jitter_pp_us"].value < 1e-6


def test_windows_are_put_on_one_grid():
    board, window = pwm_case(edges_of_pwm(200), 200)
    (own,) = board.tracks
    joined = replace(
        own,
        stamps_us=np.concatenate([own.stamps_us, own.stamps_us + PERIOD * (N + 3)]),
        later_windows=(LaterWindow(N, N + 3),),
        window_ends_us=(own.end_us, own.end_us + PERIOD * (N + 3)),
        end_us=own.end_us + PERIOD * (N + 3),
    )
    case = replace(board, tracks=(joined,), windows=(board, board))
    figures = reference(case, window, replace(window, number=1))

    assert figures["period_jitter_rms_us"].n == 2 * (2 * N)
    assert figures["period_jitter_pp_us"].value == pytest.approx(0.0, abs=1e-6)
    assert figures["schedule_drift_ppm"].value == pytest.approx(0.0, abs=1e-6)


def test_without_an_instrument_there_is_a_reason_and_no_figure():
    board, _ = pwm_case(edges_of_pwm(100), 100)
    summary = summarise_capture(board)

    assert not [m for m in summary.measurements if m.method == PWM_REFERENCE]
    (reason,) = [r for r in summary.reasons if r.method == PWM_REFERENCE]
    assert reason.reason == NEEDS_EDGES


def test_other_techniques_need_none():
    board, window = pwm_case(edges_of_pwm(100), 100)
    board = replace(board, counters={})
    assert reference(board, replace(window, window=board)) == {}
    assert not [r for r in summarise_capture(board).reasons if r.method == PWM_REFERENCE]
