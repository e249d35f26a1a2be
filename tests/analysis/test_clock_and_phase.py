import math
from dataclasses import replace

import numpy as np
import pytest
from captures import PERIOD, by_name, capture, grid, track

from hil.analysis.phase import phase_of
from hil.experiments.evaluation import summarise_capture
from hil.model.captures import Pings


def pings(ppm, n=600, span_s=60.0, seed=0, offset=5e6):
    """Delays of a pseudo-terminal: one-sided, median about 150 us, some of milliseconds."""
    rng = np.random.default_rng(seed)
    sent = np.sort(rng.uniform(0, span_s * 1e6, n))
    to, back = 80 + 70 * np.exp(rng.normal(0, 0.5, (2, n)))
    to += (rng.random(n) < 0.02) * 5000.0
    arrived = sent + to
    answered = arrived + 10.0
    rate = 1 + ppm * 1e-6
    return Pings(
        (sent * 1000).astype(np.int64) + 7 * 10**14,
        np.floor(arrived * rate + offset).astype(np.int64),
        np.floor(answered * rate + offset).astype(np.int64),
        ((answered + back) * 1000).astype(np.int64) + 7 * 10**14,
    )


@pytest.mark.parametrize("ppm", [-200, -20, 0, 5, 50])
def test_skew_is_found_within_a_fifth_of_a_ppm(ppm):
    skew = by_name(summarise_capture(capture(pings=pings(ppm))).measurements, None)[
        "clock_skew_ppm"
    ]
    assert skew.value == pytest.approx(ppm, abs=0.2)
    assert skew.lo < ppm < skew.hi
    assert skew.hi - skew.lo < 1.0


def test_skew_needs_enough_exchanges_over_enough_time():
    for few in (pings(10, n=7), pings(10, span_s=0.5)):
        assert "clock_skew_ppm" in {r.metric for r in summarise_capture(capture(pings=few)).reasons}


def lights(error, **more):
    stamps = grid(len(error)) + 100
    other = np.rint(stamps + error).astype(np.int64)
    return capture(track(stamps), track(other, index=1), **more)


def test_phase_error_is_against_the_phase_that_was_asked_for():
    second = track(grid(50) + 4007, index=1, origin=4000)
    phase = phase_of(track(grid(50)), second)
    assert (phase.error_us == 7).all()
    by_metric = by_name(summarise_capture(capture(track(grid(50)), second)).measurements, None)
    assert by_metric["phase_error_rms_us"].value == 7.0


def test_desync_is_observed_when_it_happens():
    error = np.zeros(400)
    error[250:] = PERIOD / 4 + 1
    figure = by_name(summarise_capture(lights(error)).measurements, None)["desync_s"]
    assert figure.value == pytest.approx(2.5001)
    assert figure.lo == figure.value == figure.hi
    assert "observed" in figure.note


def test_desync_is_extrapolated_from_drift():
    rng = np.random.default_rng(3)
    n = 4000
    error = 500.0 + 0.1 * np.arange(n) + rng.normal(0, 20, n)  # 10 us/s from 500 us: 200 s
    figure = by_name(summarise_capture(lights(error)).measurements, None)["desync_s"]
    assert figure.value == pytest.approx(200.0, rel=0.02)
    assert figure.lo < 200.0 < figure.hi
    assert figure.note == "extrapolated from the drift"
    back = by_name(summarise_capture(lights(-error)).measurements, None)["desync_s"]
    assert back.value == pytest.approx(200.0, rel=0.02)


def test_lights_that_stand_still_never_meet_at_this_rate():
    rng = np.random.default_rng(3)
    figure = by_name(summarise_capture(lights(rng.normal(0, 20, 4000))).measurements, None)[
        "desync_s"
    ]
    assert "never" in figure.note
    assert figure.hi is None
    assert figure.lo == figure.value > 1000.0


def test_a_random_walk_gives_a_wide_first_passage_time():
    rng = np.random.default_rng(8)
    figure = by_name(
        summarise_capture(
            lights(np.cumsum(rng.normal(0, 5, 4000)), technique="thread")
        ).measurements,
        None,
    )["desync_s"]
    assert figure.note == "extrapolated from drift and random walk"
    assert figure.hi > 4 * figure.lo


def test_a_lost_toggle_ends_the_alternation():
    first = track(grid(500))
    second = track(np.delete(grid(500), 300), index=1, releases=500)
    figure = by_name(summarise_capture(capture(first, second)).measurements, None)["desync_s"]
    assert figure.value == pytest.approx(3.0)


def test_unequal_periods_have_no_phase():
    other = track(grid(50, 7000), period=7000, index=1)
    reasons = {r.metric for r in summarise_capture(capture(track(grid(50)), other)).reasons}
    assert {"desync_s", "phase_error_rms_us"} <= reasons


def test_a_change_of_delays_between_two_clusters_is_inside_the_bounds():
    exchanges = pings(0, n=6000, span_s=60.0, seed=4)
    keep = (exchanges.host_tx_ns - exchanges.host_tx_ns[0] < 2e9) | (
        exchanges.host_tx_ns[-1] - exchanges.host_tx_ns < 2e9
    )
    late = exchanges.host_tx_ns[keep] - exchanges.host_tx_ns[0] > 30e9
    shifted = Pings(
        exchanges.host_tx_ns[keep],
        exchanges.board_rx_us[keep] + 20 * late,
        exchanges.board_tx_us[keep] + 20 * late,
        exchanges.host_rx_ns[keep] + 20_000 * late,
    )
    skew = by_name(summarise_capture(capture(pings=shifted)).measurements, None)["clock_skew_ppm"]
    assert skew.value == pytest.approx(10.0 / 60.0, abs=0.3)
    assert skew.lo < 0.0 < skew.hi


@pytest.mark.parametrize(
    ("source", "host_ppm", "most"),
    [
        ("sim", None, 0.0),
        ("hardware", 0.0, 0.0),
        ("hardware", 2.0, 2.0),
        ("hardware", None, 50.0),
    ],
)
def test_the_hosts_clock_is_a_line_of_the_budget(source, host_ppm, most):
    """It may be off by so much, 50 ppm where nobody knows; a simulation runs on it."""
    known = capture(pings=pings(40.0, n=600, span_s=60.0))
    taken = replace(known, board=replace(known.board, source=source), host_clock_ppm=host_ppm)
    skew = by_name(summarise_capture(taken).measurements, None)["clock_skew_ppm"]
    host = [part.ppm for part in skew.uncertainty if "host" in part.what]
    assert host == ([pytest.approx(most / math.sqrt(3.0))] if most else [])
    assert skew.hi - skew.value > 1.959 * most / math.sqrt(3.0)
    assert skew.hi - skew.value < 1.96 * most / math.sqrt(3.0) + 0.5


def test_skew_is_of_the_exchanges_of_all_windows():
    """Each in a time base of its own: no line reaches from one window to the next."""
    windows = tuple(capture(pings=pings(40.0, n=300, span_s=20.0, seed=seed)) for seed in (1, 2, 3))
    joined = replace(windows[0], pings=None, windows=windows)
    skew = by_name(summarise_capture(joined).measurements, None)["clock_skew_ppm"]
    assert skew.n == 900
    assert skew.lo < 40.0 < skew.hi
    alone = by_name(summarise_capture(windows[0]).measurements, None)["clock_skew_ppm"]
    assert skew.hi - skew.lo < alone.hi - alone.lo
