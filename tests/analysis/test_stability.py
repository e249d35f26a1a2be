import math

import allantools
import numpy as np
import pytest
from captures import grid, track

from hil.analysis import stability
from hil.analysis.activations import assign
from hil.analysis.metric_sheet import MetricSheet
from hil.model.captures import LaterWindow

# NBS Monograph 140, annex 8.E: nine fractional frequencies, tau0 = 1
NBS = np.concatenate(([0.0], np.cumsum([892.0, 809, 823, 798, 671, 644, 883, 903, 677])))

RNG = np.random.default_rng(4)
DATA = {
    "white": RNG.normal(0.0, 50.0, 5000),
    "walk": np.cumsum(RNG.normal(0.0, 20.0, 5000)),
    "drift": RNG.normal(0.0, 5.0, 5000) + 0.003 * np.arange(5000.0) ** 2 + 1e6,
}
FACTORS = (1, 2, 3, 8, 50, 128, 700)


def test_nbs_vector():
    assert stability.adev(NBS, 1.0, 1) == pytest.approx(91.2294, abs=5e-5)
    assert stability.adev(NBS, 1.0, 2) == pytest.approx(85.9529, abs=5e-5)
    assert stability.tdev(NBS, 1) == pytest.approx(52.6713, abs=5e-5)
    assert stability.tdev(NBS, 2) == pytest.approx(86.3583, abs=5e-5)
    assert stability.mdev(NBS, 1.0, 2) == pytest.approx(74.7885, abs=5e-5)
    assert stability.mtie(stability.error_of(NBS), [1, 2]) == pytest.approx([903.0, 1786.0])
    assert stability.adev(NBS + 1e6, 1.0, 2) == pytest.approx(85.9529, abs=5e-5)


@pytest.mark.parametrize("kind", DATA)
def test_equal_to_allantools(kind):
    x, tau0 = DATA[kind], 0.01
    rate = 1.0 / tau0
    taus = [m * tau0 for m in FACTORS]
    pairs = {
        allantools.oadev: [stability.adev(x, tau0, m) for m in FACTORS],
        allantools.mdev: [stability.mdev(x, tau0, m) for m in FACTORS],
        allantools.tdev: [stability.tdev(x, m) for m in FACTORS],
        allantools.mtie: stability.mtie(stability.error_of(x), FACTORS),
    }
    for reference, ours in pairs.items():
        _, wanted, _, _ = reference(x, rate=rate, data_type="phase", taus=taus)
        np.testing.assert_allclose(ours, wanted, rtol=1e-9, err_msg=reference.__name__)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("white", "white phase noise"),
        ("walk", "random walk of phase"),
        ("frequency", "random walk of frequency"),
    ],
)
def test_noise_is_named(kind, name):
    x = DATA["walk"].cumsum() if kind == "frequency" else DATA[kind]
    _, noise = stability.noise_type((stability.error_of(x),), 0.01)
    assert noise == name


def test_a_missing_activation_is_left_out_and_not_interpolated():
    x = DATA["white"].copy()
    x[1000] = math.nan
    squares = stability.adev_squares((stability.error_of(x),), 3)
    assert squares.n == x.size - 6 - 3  # three terms touch it
    assert stability.adev(x, 1.0, 3) == pytest.approx(
        stability.adev(DATA["white"], 1.0, 3), rel=0.01
    )
    assert math.isfinite(stability.mtie(stability.error_of(x), [5])[0])


def test_a_missed_release_leaves_a_hole_in_the_time_error():
    activations = assign(track(np.delete(grid(50), 20), releases=50))
    (error,) = stability.time_errors(activations)
    assert (error.size, error.holes, error.run) == (50, True, (21, 29))
    assert np.flatnonzero(np.isnan(error.raw(0, 50))).tolist() == [20]


def test_no_term_reaches_from_one_window_to_the_next():
    """Three quiet windows at levels 1 ms apart: each deviation is that of the noise alone."""
    rng = np.random.default_rng(5)
    noise = rng.integers(-5, 6, 300)
    level = np.repeat([0, 1000, 2000], 100)
    windows = (LaterWindow(100, 100), LaterWindow(200, 200))
    ends = (1_000_000, 2_000_000, 3_000_000)
    joined = track(grid(300) + 3000 + level + noise, later_windows=windows, window_ends_us=ends)
    errors = stability.time_errors(assign(joined))
    assert [error.size for error in errors] == [100, 100, 100]
    parts = [noise[:100], noise[100:200], noise[200:]]
    for name, m, value, _ in stability.figures(errors, 10_000.0, 1.0, [1, 4, 16]):
        if name == "mtie":
            plain = [stability.mtie(stability.error_of(1.0 * part), [m])[0] for part in parts]
            assert value == max(plain)
        elif name == "adev":
            squares = [stability.adev(1.0 * part, 10_000.0, m) ** 2 for part in parts]
            assert value == pytest.approx(math.sqrt(np.mean(squares)))
        else:
            squares = [stability.tdev(1.0 * part, m) ** 2 for part in parts]
            assert value == pytest.approx(math.sqrt(np.mean(squares)))


def test_mtie_is_at_least_what_was_seen_less_a_step_of_the_clock():
    error = stability.error_of(np.array([0.0, 10.0, 3.0, 7.0, 1.0]))
    rows = {name: bounds for name, _, _, bounds in stability.figures((error,), 1.0, 2.0, [1])}
    assert rows["mtie"].lo == pytest.approx(10.0 - 0.95 * 2.0)
    assert rows["mtie"].hi is None
    assert "no upper end" in rows["mtie"].why_not


def test_mtie_of_any_window_equals_the_plain_definition():
    x = DATA["walk"][:300]
    for m in (1, 2, 5, 7, 64, 100, 298):
        plain = max(np.ptp(x[k : k + m + 1]) for k in range(x.size - m))
        assert stability.mtie(stability.error_of(x), [m])[0] == pytest.approx(plain)


def test_factors_stop_where_the_data_ends():
    assert stability.octaves(1000) == [1, 2, 4, 8, 16, 32, 64, 128]
    assert stability.octaves(3) == []
    assert math.isnan(stability.adev(np.zeros(4), 1.0, 2))


@pytest.mark.parametrize("m", [1, 2])
def test_bounds_need_as_many_stretches_as_16_independent_ones(m):
    """ADEV has n - 2 m windows, of which every m-th is independent; TDEV n - 3 m + 1."""
    for name, n in (("adev", 18 * m), ("tdev", 19 * m - 1)):
        for size, bounded in ((n, True), (n - 1, False)):
            error = stability.error_of(DATA["white"][:size])
            figures = stability.figures((error,), 10_000.0, 1.0, [m])
            (bounds,) = (bounds for kind, _, _, bounds in figures if kind == name)
            assert (bounds.lo is not None) is bounded
            assert bounds.why_not == (None if bounded else stability.TOO_FEW)


def test_where_every_second_release_is_missed_an_odd_averaging_time_has_no_figure():
    sheet = MetricSheet(0)
    half_rate = track(grid(300, 40_000), period=20_000, releases=600)
    stability.measure_stability(assign(half_rate), 1.0, sheet)
    assert all(math.isfinite(figure.value) for figure in sheet.figures)
    assert "adev_100ms" not in {figure.metric for figure in sheet.figures}  # five periods
    assert "releases were missed" in next(
        reason.reason for reason in sheet.reasons if reason.metric == "adev_100ms"
    )
    assert "adev_1s" in {figure.metric for figure in sheet.figures}  # fifty
