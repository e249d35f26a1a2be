"""Captures worked on in pieces: the same figures whatever the pieces, and as from whole arrays."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hil.analysis import late_samples, release_matching, stability, streaming_stats, summary
from hil.analysis.activations import assign, lateness_us
from hil.analysis.late_samples import ArraySamples, LateSamples, lateness_samples
from hil.analysis.missed_releases import missed_releases_of
from hil.analysis.streaming_stats import mean_of
from hil.model.board import BoardIdentity
from hil.model.captures import Capture, CapturePlan, Gap, TaskPlan, Track

BOARD = BoardIdentity("b", "", "sim", "", "", "", 2**30)


def use_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming_stats.pieces, "__defaults__", (257,))
    for module in (release_matching, stability):
        monkeypatch.setattr(module, "PIECE", 257)
    for module in (stability, late_samples):  # nothing is kept as one array
        monkeypatch.setattr(module, "WHOLE_BELOW", 0)


def made_of(
    kind: str, n: int, rng: np.random.Generator, period_us: float = 1000.0
) -> tuple[np.ndarray, np.ndarray]:
    """Releases, and the stamps that answer them."""
    late = rng.normal(200.0, 50.0, n)
    if kind == "walk":
        late = np.cumsum(late - 200.0)
    if kind == "drift":
        late += 0.3 * np.arange(n)
    k = np.arange(n)
    if kind == "missed":
        k = k[rng.random(n) > 0.02]
    made = (k * period_us + late[k]).astype(np.int64)
    if kind == "abyss":  # a hole of ten times the rest
        made[n // 2 :] += int(10 * n * period_us)
    if kind == "stall":
        made[n // 2 : n // 2 + 20] = made[n // 2 + 20]
    return k, made


def capture(kind: str, technique: str, n: int, seed: int) -> Capture:
    rng = np.random.default_rng(seed)
    period_us = 1000.5 if kind == "fraction" else 1000.0
    _, made = made_of(kind, n, rng, period_us)
    gaps: tuple[Gap, ...] = ()
    if kind == "lost":
        keep = np.ones(n, np.bool_)
        for at in rng.choice(n, 4).tolist():
            keep[at : at + 3] = False
        there = np.flatnonzero(keep)
        steps = np.diff(there, prepend=-1)
        gaps = tuple(Gap(int(at), int(steps[at] - 1)) for at in np.flatnonzero(steps > 1))
        made = made[keep]
    plan = CapturePlan(technique, "idle", (TaskPlan(0, 1000),), n * 1000)
    return Capture(BOARD, plan, (Track(0, period_us, 0, round(n * period_us), made, gaps=gaps),))


@pytest.mark.parametrize("technique", ["timer_hard", "thread"])
@pytest.mark.parametrize(
    ("kind", "n"),
    [
        *((k, 9000) for k in ("white", "walk", "drift", "missed", "stall", "lost", "fraction")),
        # too few terms for bounds at 0.1 s (m = 100): 64 m and those that the terms take
        *(("white", 6400 + more) for more in (199, 200, 298, 299)),
        ("abyss", 500),
    ],
)
def test_every_figure_is_the_same_for_all_sizes_of_pieces(kind, n, technique, monkeypatch):
    made = capture(kind, technique, n, seed=3)
    plain = summary.summarise(made)
    use_small_pieces(monkeypatch)
    pieced = summary.summarise(made)
    assert pieced.reasons == plain.reasons
    assert len(pieced.measurements) == len(plain.measurements) > 12
    for ours, theirs in zip(pieced.measurements, plain.measurements, strict=True):
        assert (ours.metric, ours.n, ours.note) == (theirs.metric, theirs.n, theirs.note)
        for name in ("value", "lo", "hi", "where_us"):
            a, b = getattr(ours, name), getattr(theirs, name)
            assert (a is None) == (b is None)
            assert a is None or math.isclose(a, b, rel_tol=1e-8, abs_tol=1e-7), (ours, theirs)


def true_index(kind: str, n: int, seed: int, track: Track) -> np.ndarray:
    """The releases that the stamps were made of, less those that the wire lost."""
    index = made_of(kind, n, np.random.default_rng(seed))[0]
    for gap in track.gaps:
        index = np.delete(index, np.arange(gap.position, gap.position + gap.count))
    return index


@pytest.mark.parametrize("technique", ["timer_hard", "thread"])
@pytest.mark.parametrize("kind", ["white", "walk", "drift", "missed", "stall", "lost", "fraction"])
def test_activations_in_pieces_are_those_of_the_rules(kind, technique, monkeypatch):
    (track,) = capture(kind, technique, 5000, seed=5).tracks
    use_small_pieces(monkeypatch)
    assigned = assign(track, technique)
    index = true_index(kind, 5000, 5, track)
    if technique == "thread" and kind == "missed":
        index = np.arange(index.size)
    assert (assigned.index == index).all()
    late = track.stamps_us - index * track.period_us
    np.testing.assert_allclose(lateness_us(assigned), late, atol=1e-6)
    broken = [gap.position for gap in track.gaps if gap.position]
    assert np.flatnonzero(~assigned.joined).tolist() == [at - 1 for at in broken]
    for start in (0, 1, 256, 257, 258, 4990):
        end = start + 300
        assert (assigned.times(start, end) == track.stamps_us[start:end]).all()
        assert (assigned.releases(start, end) == index[start:end]).all()
        np.testing.assert_allclose(lateness_us(assigned, start, end), late[start:end], atol=1e-6)
        joined = assigned.unbroken(start, min(end, assigned.n - 1))
        assert (assigned.joined[start:end] == (True if joined is None else joined)).all()
    at = np.array([0, 4000, 17, assigned.n - 1])
    stamps, releases = assigned.some(at)
    assert (stamps == track.stamps_us[at]).all()
    assert (releases == index[at]).all()
    for release in (-1, 0, 1, 400, 2600, int(index[-1]), int(index[-1]) + 1):
        assert assigned.first_answering(release) == np.searchsorted(index, release)


@given(st.lists(st.integers(1, 4), max_size=60), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_releases_that_are_given_are_kept(steps, first):
    index = np.cumsum([first, *steps]).astype(np.int64)
    assigned = assign(Track(0, 1000.0, 0, 10**6, index * 1000 + 5, releases=index))
    assert assigned.rule == "given"
    assert (assigned.index == index).all()
    assert (lateness_us(assigned) == 5.0).all()
    assert assigned.missed == 1000 - index.size
    for release in range(-1, int(index[-1]) + 2):
        assert assigned.first_answering(release) == np.searchsorted(index, release)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
@pytest.mark.parametrize(("technique", "rule"), [("timer_hard", "matched"), ("thread", "sequence")])
def test_few_activations_or_none(n, technique, rule, monkeypatch):
    use_small_pieces(monkeypatch)
    assigned = assign(Track(0, 1000.0, 0, n * 1000, np.arange(n) * 1000), technique)
    assert (assigned.rule, assigned.n, assigned.missed) == (rule, n, 0)
    assert assigned.index.tolist() == list(range(n))
    assert assigned.joined.size == max(n - 1, 0)
    errors = stability.time_errors(assigned)
    assert sum(error.size for error in errors) == n
    names = [name for name, *_ in stability.figures(errors, 1.0, 1.0, [1, 2])]
    assert names == (["adev", "tdev", "mtie", "mtie"] if n == 4 else [])


def pieced(x: np.ndarray) -> stability.TimeError:
    """As of a long capture: no array of it is kept."""
    holes = bool(np.isnan(x).any())
    return stability.TimeError(lambda a, b: x[a:b].copy(), x.size, holes=holes, whole=False)


@pytest.mark.parametrize("n", [64, 1000, 70_000, 210_000])
def test_the_noise_is_the_same_in_pieces(n, monkeypatch):
    x = np.cumsum(np.random.default_rng(2).normal(0.0, 20.0, n))
    wanted, same = stability.noise_type((stability.error_of(x),), 0.01)
    use_small_pieces(monkeypatch)
    slope, name = stability.noise_type((pieced(x),), 0.01)
    assert slope == pytest.approx(wanted, rel=1e-9)
    assert name == same
    assert n < 1000 or name == "random walk of phase"


@pytest.mark.parametrize("holes", [(), (1,), (256, 257, 258), (700, 701, 1500), (514, 1028, 1999)])
@pytest.mark.parametrize("m", [1, 3, 130, 257, 600])
def test_squares_in_pieces_are_those_of_the_definition(m, holes, monkeypatch):
    use_small_pieces(monkeypatch)
    n = 2001
    x = np.random.default_rng(6).normal(0.0, 50.0, n) + 0.3 * np.arange(n)
    x[list(holes)] = math.nan
    edges = np.array([-1, *holes, n])
    longest = int(np.diff(edges).argmax())
    run = x[edges[longest] + 1 : edges[longest + 1]]
    error = pieced(x)
    assert error.run == (edges[longest] + 1, run.size)
    second = x[2 * m :] - 2 * x[m:-m] + x[: -2 * m]
    second = second[np.isfinite(second)]
    squares = stability.adev_squares((error,), m)
    assert squares.n == second.size
    assert squares.mean == pytest.approx(np.mean(second**2) if second.size else 0.0)
    means = np.convolve(run, np.full(m, 1.0 / m), "valid")
    third = means[2 * m :] - 2 * means[m:-m] + means[: -2 * m] if run.size > 3 * m else np.empty(0)
    squares = stability.tdev_squares((error,), m)
    assert squares.n == third.size
    assert squares.mean == pytest.approx(np.mean(third**2) if third.size else 0.0, rel=1e-8)
    windows = np.lib.stride_tricks.sliding_window_view(x, m + 1)
    spread = np.fmax.reduce(windows, axis=1) - np.fmin.reduce(windows, axis=1)
    assert stability.mtie(error, [m])[0] == pytest.approx(np.nanmax(spread))


@given(st.lists(st.integers(0, 400), min_size=5, max_size=300), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_counts_say_what_sorting_says(late, step):
    made = np.arange(len(late)) * 1000 + np.array(late)
    track = Track(0, 1000.0, 0, len(late) * 1000, made)
    task = assign(track, "thread")
    plain = ArraySamples(np.array(late) - 0.25)
    counted = LateSamples(task, 0.25, float(min(late)), float(max(late)))
    assert [counted.ordered.at(i) for i in range(-1, len(late))] == [
        plain.ordered.at(i) for i in range(-1, len(late))
    ]
    assert (counted.ordered.every(1 + step) == plain.ordered.every(1 + step)).all()
    for value in (-1.0, late[0] - 0.25, late[-1] + 0.1, 500.0):
        assert counted.ordered.below(value) == plain.ordered.below(value)
        assert counted.ordered.up_to(value) == plain.ordered.up_to(value)
        shares = counted.above(value).means
        np.testing.assert_allclose(shares, plain.above(value).means, rtol=1e-6)


def test_missed_releases_are_among_the_samples_in_their_places(monkeypatch):
    (track,) = capture("missed", "timer_hard", 3000, seed=8).tracks
    task = assign(track, "timer_hard")
    missed = missed_releases_of(task)
    assert missed.n == task.missed > 20
    whole = lateness_samples(task, missed, 0.25, 0.0, 500.0)
    use_small_pieces(monkeypatch)
    low, high = float(lateness_us(task).min()), float(lateness_us(task).max())
    counted = LateSamples(task, 0.25, low, high, missed)
    indices = np.arange(3000)
    assert counted.size == whole.size == 3000
    assert (counted.some(indices) == whole.some(indices)).all()
    assert (
        np.flatnonzero(whole.some(indices) > 900).tolist()
        == np.setdiff1d(indices, task.index).tolist()
    )
    assert [counted.ordered.at(i) for i in indices] == [whole.ordered.at(i) for i in indices]
    assert (counted.above(200.0).means == whole.above(200.0).means).all()


@given(
    arrays.arrays(np.float64, st.integers(0, 3000), elements=st.floats(-1e6, 1e6)),
    st.integers(1, 700),
)
@settings(max_examples=60, deadline=None)
def test_sums_of_pieces_are_those_of_the_whole(series, size):
    sums = streaming_stats.SquareSums(series.size)
    span = streaming_stats.Extremes()
    for start in range(0, series.size, size):
        part = series[start : start + size].copy()
        span.add(part, start)
        sums.add(part)
    whole = streaming_stats.SquareSums.of(np.square(series))
    assert math.isclose(sums.total, whole.total, rel_tol=1e-9)
    assert math.isclose(sums.fourths, whole.fourths, rel_tol=1e-9)
    np.testing.assert_allclose(sums.cell_means, whole.cell_means, rtol=1e-9, atol=1e-9)
    if series.size:
        assert (span.low_at, span.high_at) == (series.argmin(), series.argmax())


@pytest.mark.parametrize("n", [1, 2, 7, 9, 100, 1000, 4097])
def test_a_mean_is_that_of_numpy_to_the_last_bit(n):
    values = np.random.default_rng(n).normal(1e6, 1e3, n)
    assert mean_of(values) == float(values.mean())
    assert mean_of(values.astype(np.int64)) == float(values.astype(np.int64).mean())
