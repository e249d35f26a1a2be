"""Board says, pin says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.clock import Instrument
from hil.analysis.edge_agreement import compare_edges, edge_notices
from hil.analysis.edge_alignment import Alignment
from hil.analysis.edge_tracks import AlignedWindow
from hil.model.edges import EdgeRecording
from hil.model.results import Measurement, UncertaintyPart
from tests.analysis.captures import capture

TOOLS = Instrument(1.0, 3.0, 2.0)


def figure(metric, value, lo, hi, source="board", unit="us", **more):
    names = ("b", "timer_hard", "idle")
    return Measurement(*names, 0, metric, unit, value, lo, hi, 100, source=source, **more)


DELAYS = [
    figure("pin_delay_min_us", 4.0, None, 4.2, "la"),
    figure("pin_delay_us", 5.0, 4.8, 5.2, "la"),
    figure("pin_delay_max_us", 6.0, 5.8, None, "la"),
]


def compared(*figures):
    board = capture()
    alignment = Alignment("la", "aligned", matched=100)
    window = AlignedWindow(0, board, EdgeRecording("la", (), 0, 1, 8.0), alignment)
    return compare_edges(board, [window], figures, TOOLS)


@pytest.mark.parametrize(
    ("board", "pin", "verdict"),
    [
        ((10.0, 9.0, 11.0), (10.5, 10.4, 10.6), "agree"),
        ((10.0, 9.0, 11.0), (12.0, 11.5, 12.5), "disagree"),
        ((10.0, 9.0, 11.0), (8.0, 7.5, 8.5), "disagree"),
        ((10.0, 9.0, 11.0), (12.0, 10.9, 13.1), "agree"),
        ((0.0, 0.0, 0.0), (2.0, 2.0, 2.0), "disagree"),
    ],
)
def test_figures_disagree_where_their_bounds_do_not_meet(board, pin, verdict):
    (each,) = compared(
        figure("phase_error_rms_us", *board), figure("phase_error_rms_us", *pin, "la")
    ).agreements
    assert each.verdict == verdict
    assert each.difference == pin[0] - board[0]
    assert (each.board, each.pin) == (board[0], pin[0])


def test_an_extreme_is_as_well_known_upwards_as_downwards():
    def verdict(pin):
        comparison = compared(
            figure("stop_latency_us", 100.0, 98.0, None),
            figure("stop_latency_us", pin, pin - 0.1, None, "la"),
        )
        return comparison.agreements[0].verdict

    assert [verdict(pin) for pin in (97.0, 98.5, 102.0, 103.0)] == [
        *("disagree", "agree", "agree", "disagree"),
    ]


def test_a_range_of_0_is_known_as_far_as_its_clock_steps():
    step = (UncertaintyPart("the clock's step", "B", us=2.0 / 3**0.5),)
    board = figure("period_jitter_pp_us", 0.0, 0.0, None, uncertainty=step)
    steady = [replace(delay, value=5.0) for delay in DELAYS]
    for pin, verdict in ((1.9, "agree"), (2.1, "disagree")):
        seen = figure("period_jitter_pp_us", pin, pin - 0.01, None, "la")
        (each,) = compared(board, *steady, seen).agreements
        assert each.verdict == verdict


@pytest.mark.parametrize(
    ("metric", "apart"), [("tie_pp_us", 2.0), ("mtie_1s_us", 2.0), ("period_jitter_pp_us", 4.0)]
)
def test_jitter_may_differ_by_what_the_delay_varies(metric, apart):
    for more, verdict in ((-0.1, "agree"), (0.1, "disagree")):
        pin = 100.0 + apart + more
        (each,) = compared(
            figure(metric, 100.0, 99.99, None), *DELAYS, figure(metric, pin, pin - 0.01, None, "la")
        ).agreements
        assert (each.verdict, each.difference) == (verdict, pytest.approx(apart + more))


def test_a_lateness_of_the_pin_is_later_by_the_delay_and_the_read_taken_off():
    board = figure("lateness_p50_us", 10.0, 9.9, 10.1)
    right, wrong = (
        compared(board, *DELAYS, figure("lateness_p50_us", pin, pin - 0.1, pin + 0.1, "la"))
        for pin in (17.5, 10.0)
    )
    assert right.agreements[0].verdict == "agree"
    assert right.agreements[0].difference == pytest.approx(0.0)
    assert wrong.agreements[0].verdict == "disagree"
    alone = compared(board, figure("lateness_p50_us", 17.5, 17.4, 17.6, "la"))
    assert alone.agreements == ()  # without a delay nothing can be said


def test_what_only_one_has_or_has_no_bounds_or_follows_from_others_is_not_compared():
    comparison = compared(
        figure("tie_rms_us", 1.0, 0.9, 1.1),
        figure("tie_pp_us", 1.0, None, None),
        figure("tie_pp_us", 9.0, 8.0, 10.0, "la"),
        figure("overruns", 0.0, 0.0, 0.0, unit="count"),
        figure("overruns", 1.0, 1.0, 1.0, "la", unit="count"),
        figure("period_mean_us", 9.0, 8.9, 9.1, "another"),
    )
    assert comparison.agreements == ()
    assert list(edge_notices(comparison)) == []


def test_a_pin_that_was_seen_in_two_of_three_windows_is_not_compared():
    own = figure("phase_error_rms_us", 1.0, 0.9, 1.1)
    pin = figure("phase_error_rms_us", 3.0, 2.9, 3.1, "la")
    assert compared(own, replace(pin, n=66)).agreements == ()
    (each,) = compared(own, replace(pin, n=98)).agreements
    assert each.verdict == "disagree"


def test_one_sentence_says_what_is_apart():
    comparison = compared(
        *(
            figure(f"{name}_us", 1.0, 0.9, 1.1)
            for name in ("phase_error_rms", "stop_latency", "restart_phase")
        ),
        *(
            figure(f"{name}_us", 2.0, 1.9, 2.1, "la")
            for name in ("phase_error_rms", "stop_latency", "restart_phase")
        ),
    )
    (notice,) = edge_notices(comparison)
    assert notice.task == 0
    assert notice.text == (
        "the board and la disagree beyond the bounds of both: phase_error_rms_us is 1 us by its "
        "stamps and 2 us on the pin, stop_latency_us is 1 us by its stamps and 2 us on the pin, "
        "and 1 more figure; the pin is what the world sees"
    )


def test_the_odd_clock_is_named():
    board = capture()
    alignment = Alignment("la", "aligned", ppm=-400.0, ppm_lo=-400.5, ppm_hi=-399.5)
    host = np.arange(20, dtype=np.int64) * 1_000_000_000
    recording = EdgeRecording(
        "la", (), 0, int(host[-1]), 8.0, host_ns=host, own_ns=(host * (1 - 2e-6)).astype(np.int64)
    )
    skew = figure("clock_skew_ppm", 398.0, 397.0, 399.0, unit="ppm")
    windows = [AlignedWindow(0, board, recording, alignment)]
    comparison = compare_edges(board, windows, [skew], TOOLS)
    assert comparison.odd_clock == "board"
    assert [notice.text for notice in edge_notices(comparison)] == [comparison.clocks]
    assert "board is the odd one" in comparison.clocks
    good = AlignedWindow(0, board, recording, replace(alignment, ppm=3.0, ppm_lo=2.0, ppm_hi=4.0))
    fine = replace(skew, value=-3.0, lo=-4.0, hi=-2.0)
    comparison = compare_edges(board, [good], [fine], TOOLS)
    assert (comparison.odd_clock, comparison.clocks) == (None, "")


def test_windows_that_were_refused_are_told_by_their_numbers():
    board = capture()
    refused = Alignment("la", "ambiguous", "the pattern fits twice")
    recording = EdgeRecording("la", (), 0, 1, 8.0)
    good = Alignment("la", "aligned", ppm=3.0, offset_us=7.0, matched=10, residual_us=2.0)
    windows = [
        AlignedWindow(0, board, recording, refused),
        AlignedWindow(1, board, recording, good),
        AlignedWindow(2, board, recording, replace(good, ppm=5.0, residual_us=1.0, matched=30)),
    ]
    comparison = compare_edges(board, windows, (), TOOLS)
    assert (comparison.verdict, comparison.offset_us, comparison.ppm) == ("aligned", 7.0, 4.0)
    assert comparison.matched == 40
    assert comparison.residual_us == pytest.approx(((10 * 4.0 + 30 * 1.0) / 40) ** 0.5)
    (notice,) = edge_notices(comparison)
    assert notice.text == "no figures by la of window 1 of 3: the pattern fits twice"
