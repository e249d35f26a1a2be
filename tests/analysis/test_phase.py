"""How long lights go on to alternate, from fits that are put in: closed forms."""

import math

import numpy as np
import pytest
from captures import PERIOD, capture, grid, track

from hil.analysis.metric_sheet import MetricSheet
from hil.analysis.phase import GROWS, Phase, _desync, _extrapolate_walk, _passage, phase_of
from hil.analysis.uncertainty.line_spectra import Slope
from hil.experiments.evaluation import summarise_capture
from hil.model.captures import Gap

LIMIT = PERIOD / 4
NOW = 10.0


def phase(last, n=100):
    """Errors at 0.1 s each that end at ``last`` us, 16 of them the same."""
    error = np.linspace(-5.0, last, n)
    error[-16:] = last
    return Phase(PERIOD, np.linspace(0.0, NOW, n), error)


def told(fit, last=0.0, by=_extrapolate_walk):
    sheet = MetricSheet(None)
    by(sheet, phase(last), fit)
    return sheet


@pytest.mark.parametrize("z", [-1.96, 0.0, 1.96])
def test_a_passage_is_where_the_walk_meets_the_margin(z):
    time_s = _passage(900.0, 7.0, 40.0, z)
    assert 7.0 * time_s - z * 40.0 * math.sqrt(time_s) == pytest.approx(900.0)


@pytest.mark.parametrize("last", [0.0, 400.0, -400.0])
def test_a_walk_without_drift_leaves_the_limits_as_brownian_motion_does(last):
    """u = sigma^2 t / m^2: half have left at 0.757, 2.5 % at 0.160, 97.5 % at 3.187."""
    (figure,) = told(Slope(0.1, -1.0, 1.0, wander=1.0, walk_rms=50.0), last).figures
    near, far = LIMIT - abs(last), LIMIT + abs(last)
    assert figure.value == pytest.approx(NOW + 0.757 * (near / 50.0) ** 2)
    assert figure.bounds.lo == pytest.approx(NOW + 0.160 / 1.18 * (near / 50.0) ** 2)
    assert figure.bounds.hi == pytest.approx(NOW + 3.187 * 1.18 * (far / 50.0) ** 2)
    assert figure.n == 100


@pytest.mark.parametrize("sign", [1, -1])
def test_a_walk_with_drift_passes_by_both(sign):
    """The limit ahead counts, the sooner bound has the faster drift and the walk with it."""
    lo, hi = sorted((sign * 8.0, sign * 12.0))
    (figure,) = told(Slope(sign * 10.0, lo, hi, wander=0.9, walk_rms=50.0), sign * 400.0).figures
    margin = LIMIT - 400.0
    assert figure.value == pytest.approx(NOW + margin / 10.0)
    early, late = figure.bounds.lo - NOW, figure.bounds.hi - NOW
    assert 12.0 * early + 1.96 * 50.0 * math.sqrt(early) == pytest.approx(margin)
    assert 8.0 * late - 1.96 * 50.0 * math.sqrt(late) == pytest.approx(margin)


@pytest.mark.parametrize(("last", "walk"), [(LIMIT, 50.0), (0.0, 0.0)])
def test_a_walk_at_its_limit_or_without_steps_is_not_extrapolated(last, walk):
    sheet = told(Slope(0.1, -1.0, 1.0, wander=1.0, walk_rms=walk), last)
    assert sheet.figures == []
    assert [reason.metric for reason in sheet.reasons] == ["desync_s"]


def test_a_phase_that_does_not_move_at_all_never_meets():
    sheet = told(Slope(0.0, 0.0, 0.0, wander=0.0, walk_rms=0.0), by=_desync)
    assert sheet.figures == []
    assert "does not move" in sheet.reasons[0].reason


def test_without_bounds_of_the_slope_nothing_is_extrapolated():
    sheet = told(Slope(1.0, None, None, wander=0.0, walk_rms=0.0), by=_desync)
    assert sheet.figures == []
    assert "8 activations" in sheet.reasons[0].reason


def test_pairs_are_by_order_whatever_the_wire_lost():
    first = track(grid(6) + 3, origin=2)
    second = track(np.delete(grid(6), [1, 2]) + 1009, index=1, origin=1000, gaps=(Gap(1, 2),))
    measured_phase = phase_of(first, second)
    # 1009 - 1000 against 3 - 2, in the activations 0, 3, 4 and 5
    assert measured_phase.error_us.tolist() == [8.0] * 4
    assert measured_phase.time_s.tolist() == pytest.approx([1e-6, 0.030001, 0.040001, 0.050001])
    assert measured_phase.limit_us == LIMIT


def test_the_worst_phase_has_its_time():
    error = np.zeros(50, np.int64)
    error[30] = -9
    taken = summarise_capture(capture(track(grid(50)), track(grid(50) + error, index=1)))
    (measurement,) = (m for m in taken.measurements if m.metric == "phase_error_rms_us")
    assert measurement.where_us == 30 * PERIOD
    assert measurement.value == pytest.approx(9.0 / math.sqrt(50))
    assert measurement.n == 50


@pytest.mark.parametrize("slope", [3, -3, 0])
def test_the_rms_of_a_phase_that_drifts_is_bounded_for_this_length(slope):
    """3 us a period; without a slope the noise of 4 us alone bounds its rms."""
    noise = np.random.default_rng(2).integers(-4, 5, 200)
    second = grid(200) + slope * np.arange(200) + noise
    taken = summarise_capture(capture(track(grid(200)), track(second, index=1)))
    (figure,) = (m for m in taken.measurements if m.metric == "phase_error_rms_us")
    true = math.sqrt(np.mean(np.square(slope * np.arange(200.0))) + 20.0 / 3.0)
    assert figure.lo < true < figure.hi
    assert figure.hi - figure.lo < 8.0
    assert figure.no_bounds is None
    assert figure.note == (GROWS if slope else None)


@pytest.mark.parametrize(("n", "given"), [(2, False), (3, True)])
def test_three_pairs_are_needed(n, given):
    taken = summarise_capture(capture(track(grid(n)), track(grid(n), index=1)))
    assert ("phase_error_rms_us" in {m.metric for m in taken.measurements}) is given


def test_back_within_the_limits_at_the_end_is_said():
    error = np.zeros(50, np.int64)
    error[20:30] = PERIOD // 4 + 1
    for back, note in ((50, "observed; alternating again at the end"), (30, "observed")):
        taken = capture(track(grid(back)), track(grid(back) + error[:back], index=1))
        desync = {m.metric: m for m in summarise_capture(taken).measurements}["desync_s"]
        assert desync.note == note
        assert (desync.value, desync.where_us) == (0.2, 200_000.0)
