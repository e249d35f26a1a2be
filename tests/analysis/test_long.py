"""Long captures, worked on in pieces: the same figures as from whole arrays."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hil.analysis import (
    deviations,
    long_activations,
    long_stability,
    passes,
    stability,
    summary,
)
from hil.analysis.percentiles import ArraySamples, LateSamples
from hil.records import BoardIdentity, Capture, CapturePlan, Gap, TaskPlan, Track

BOARD = BoardIdentity("b", "", "sim", "", "", "", 2**30)


def use_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes.pieces, "__defaults__", (257,))
    for module in (long_activations, long_stability):
        monkeypatch.setattr(module, "PIECE", 257)


def stamps(kind: str, n: int, period_us: float, rng: np.random.Generator) -> np.ndarray:
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
    return made


def capture(kind: str, technique: str, n: int, seed: int) -> Capture:
    rng = np.random.default_rng(seed)
    period_us = 1000.5 if kind == "fraction" else 1000.0
    made = stamps(kind, n, period_us, rng)
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
def test_every_figure_is_that_of_whole_arrays(kind, n, technique, monkeypatch):
    one = capture(kind, technique, n, seed=3)
    plain = summary.summarise(one)
    use_small_pieces(monkeypatch)
    assign = long_activations.assign_any
    monkeypatch.setattr(summary, "assign_any", lambda track, name: assign(track, name, 4))
    pieced = summary.summarise(one)
    assert pieced.reasons == plain.reasons
    assert len(pieced.measurements) == len(plain.measurements) > 12
    for ours, theirs in zip(pieced.measurements, plain.measurements, strict=True):
        assert (ours.metric, ours.n, ours.note) == (theirs.metric, theirs.n, theirs.note)
        for name in ("value", "lo", "hi", "where_us"):
            a, b = getattr(ours, name), getattr(theirs, name)
            assert (a is None) == (b is None)
            assert a is None or math.isclose(a, b, rel_tol=1e-8, abs_tol=1e-7), (ours, theirs)


@pytest.mark.parametrize("n", [3, 4])
def test_a_long_capture_has_at_least_four_activations(n):
    made = Track(0, 1000.0, 0, n * 1000, np.arange(n) * 1000)
    for technique, rule in (("timer_hard", "level"), ("thread", "sequence")):
        found = long_activations.assign_any(made, technique, 1)
        assert isinstance(found, long_activations.LongActivations) is (n == 4)
        assert (found.rule, found.n, found.missed) == (rule, n, 0)


@pytest.mark.parametrize("n", [1000, 70_000])
def test_the_slope_of_the_noise_is_that_of_the_whole_array(n, monkeypatch):
    use_small_pieces(monkeypatch)
    x = deviations.without_line(np.cumsum(np.random.default_rng(2).normal(0.0, 20.0, n)))
    slope, name = long_stability.noise_slope(lambda a, b: x[a:b].copy(), n, n, 0.01)
    wanted, same = stability.noise_type(x, 0.01)
    assert slope == pytest.approx(wanted, rel=1e-9)
    assert name == same


@given(st.lists(st.integers(0, 400), min_size=5, max_size=300), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_counts_say_what_sorting_says(late, step):
    made = np.arange(len(late)) * 1000 + np.array(late)
    track = Track(0, 1000.0, 0, len(late) * 1000, made)
    task = long_activations.assign_any(track, "thread", 4)
    plain = ArraySamples(np.array(late) - 0.25)
    counted = LateSamples(task, 0.25, float(min(late)), float(max(late)))
    assert [counted.ordered.at(i) for i in range(-1, len(late))] == [
        plain.ordered.at(i) for i in range(-1, len(late))
    ]
    assert (counted.ordered.every(1 + step) == plain.ordered.every(1 + step)).all()
    for value in (-1.0, late[0] - 0.25, late[-1] + 0.1, 500.0):
        assert counted.ordered.below(value) == plain.ordered.below(value)
        assert counted.ordered.up_to(value) == plain.ordered.up_to(value)
        np.testing.assert_allclose(counted.share_above(value), plain.share_above(value), rtol=1e-6)


@given(
    arrays.arrays(np.float64, st.integers(0, 3000), elements=st.floats(-1e6, 1e6)),
    st.integers(1, 700),
)
@settings(max_examples=60, deadline=None)
def test_sums_of_pieces_are_those_of_the_whole(series, size):
    sums = passes.SquareSums(series.size)
    span = passes.Extremes()
    for start in range(0, series.size, size):
        part = series[start : start + size].copy()
        span.add(part, start)
        sums.add(part)
    whole = passes.SquareSums.of(np.square(series))
    assert math.isclose(sums.total, whole.total, rel_tol=1e-9)
    assert math.isclose(sums.fourths, whole.fourths, rel_tol=1e-9)
    np.testing.assert_allclose(sums.cell_means, whole.cell_means, rtol=1e-9, atol=1e-9)
    if series.size:
        assert (span.low_at, span.high_at) == (series.argmin(), series.argmax())


@pytest.mark.parametrize("kind", ["white", "walk", "line", "level", "constant", "wave", "hole"])
@pytest.mark.parametrize("n", [3, 10, 100, 1003, 40_000])
def test_adev_of_many_factors_is_that_of_each(kind, n):
    rng = np.random.default_rng(7)
    x = rng.normal(0.0, 50.0, n)
    x = {
        "white": x,
        "walk": np.cumsum(x),
        "line": x + 40.0 * np.arange(n) + 1e6,
        "level": x + 1e9,
        "constant": np.full(n, 3.0),
        "wave": x + 1e6 * np.sin(np.arange(n) * 6.0 / n),
        "hole": np.where(rng.random(n) < 0.05, math.nan, x),
    }[kind]
    factors = [*deviations.octaves(n), 3, 5, n]
    each = [deviations.adev(x, 0.001, m) for m in factors]
    np.testing.assert_allclose(deviations.adevs(x, 0.001, factors), each, rtol=1e-8, atol=1e-6)
