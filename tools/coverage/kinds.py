"""The disturbances of the campaign: what lateness is made of, in one window or three.

Each :class:`Kind` draws the lateness of one capture, us, as a list of windows. Where a kind has a
state (an autocorrelated error, a burst, a mode), every window begins in its stationary state,
independently of the others. A drift and the random walk of a naive loop begin anew in each window,
as their grid does; a warming goes on from window to window.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Draw = Callable[[int, int, np.random.Generator], FloatArray]
"""``(activations, window's number, generator)`` to the lateness of one window, us."""

LEVEL_US, SIGMA_US = 200.0, 50.0
PERIOD_US = 10_000
COARSE_STEP_US = 30.517578125


@dataclass(frozen=True, slots=True)
class Kind:
    """One disturbance.

    ``events`` is how many of its rare things (a pause, a burst, a change of mode, a turn of the
    interference) are expected in one activation; ``None`` where nothing in it is rare. ``naive``:
    the task is a loop that keeps no grid. ``step_us`` is the clock's step. ``moments`` are the
    variance of the lateness, and the mean squares of an interval's deviation and of the change
    from one interval to the next, where they have a closed form; else they are drawn. ``drift`` is
    the mean growth of the lateness per activation in us. ``between``: windows differ in more than
    their draw, which one window can't show.
    """

    name: str
    draw: Draw
    events: float | None = None
    naive: bool = False
    step_us: float = 1.0
    drift: float = 0.0
    between: bool = False
    changes: bool = False

    def capture(self, n: int, windows: int, rng: np.random.Generator) -> list[FloatArray]:
        """The lateness of ``n`` activations in so many windows of equal length, us."""
        each = n // windows
        return [self.draw(each, window, rng) for window in range(windows)]


def white(n: int, _window: int, rng: np.random.Generator) -> FloatArray:
    return rng.normal(LEVEL_US, SIGMA_US, n)


def autocorrelated(root: float) -> Draw:
    """A first-order autoregressive error of 50 us."""

    def draw(n: int, _window: int, rng: np.random.Generator) -> FloatArray:
        noise = rng.normal(0.0, SIGMA_US * math.sqrt(1.0 - root * root), n)
        noise[0] = rng.normal(0.0, SIGMA_US)
        if n < 4:
            for at in range(1, n):
                noise[at] += root * noise[at - 1]
            return LEVEL_US + noise
        # the recursion by doubling: after step k each value holds the last 2**k innovations
        reach, weight = 1, root
        while reach < n and weight > 1e-12:
            noise[reach:] += weight * noise[:-reach]
            reach, weight = 2 * reach, weight * weight
        return LEVEL_US + noise

    return draw


def periodic_collection(n: int, window: int, rng: np.random.Generator) -> FloatArray:
    """Every 50th activation is late by 2 to 4 ms, from a random one on."""
    late = white(n, window, rng)
    hit = np.arange(int(rng.integers(0, 50)), n, 50)
    late[hit] += rng.uniform(2000.0, 4000.0, hit.size)
    return late


def bursts(n: int, window: int, rng: np.random.Generator) -> FloatArray:
    """One in 100 activations begins a burst: 5 late ones in the mean, all by some 0.5 to 3 ms."""
    late = white(n, window, rng)
    warm = 60
    begins = np.flatnonzero(rng.random(n + warm) < 0.01)
    lengths = rng.geometric(0.2, begins.size)
    sizes = rng.uniform(500.0, 3000.0, begins.size)
    more = np.zeros(n + warm)
    for begin, length, size in zip(begins, lengths, sizes, strict=True):
        more[begin : begin + length] = size
    return late + more[warm:]


def bimodal(n: int, window: int, rng: np.random.Generator) -> FloatArray:
    """Three in ten activations are 300 us later, one independent of the other."""
    return white(n, window, rng) + 300.0 * (rng.random(n) < 0.3)


def telegraph(n: int, window: int, rng: np.random.Generator) -> FloatArray:
    """Two modes 300 us apart that hold for 20 activations in the mean."""
    switches = rng.random(n) < 0.05
    switches[0] = rng.random() < 0.5
    return white(n, window, rng) + 300.0 * (np.cumsum(switches) % 2)


def spikes(n: int, window: int, rng: np.random.Generator) -> FloatArray:
    """Three in a hundred are some 400 us later."""
    return white(n, window, rng) + (rng.random(n) < 0.03) * rng.normal(400.0, 100.0, n)


def rare_spikes(n: int, window: int, rng: np.random.Generator) -> FloatArray:
    """Four in a thousand are late by 1 to 8 ms."""
    return white(n, window, rng) + (rng.random(n) < 0.004) * rng.uniform(1000.0, 8000.0, n)


def heavy_tail(n: int, _window: int, rng: np.random.Generator) -> FloatArray:
    """Lognormal with sigma 1: one in a thousand is 22 times as late as the median."""
    return 150.0 + 40.0 * np.exp(rng.normal(0.0, 1.0, n))


def faint(n: int, _window: int, rng: np.random.Generator) -> FloatArray:
    """5 us of noise, seen by a clock that steps by 30.5 us."""
    return rng.normal(LEVEL_US, 5.0, n)


def warming(n: int, window: int, rng: np.random.Generator) -> FloatArray:
    """A timer whose rate changes by 0.5 ppm a second, on from window to window."""
    at_s = np.arange(n) * PERIOD_US / 1e6
    rate_ppm = 0.5 * window * n * PERIOD_US / 1e6
    return white(n, window, rng) + rate_ppm * at_s + 0.25 * at_s**2


def tone(cycles: float) -> Draw:
    """An interference of 60 us whose alias has so many cycles an activation, at any phase."""

    def draw(n: int, window: int, rng: np.random.Generator) -> FloatArray:
        turn = 2 * np.pi * (cycles * np.arange(n) + rng.random())
        return white(n, window, rng) + 60.0 * np.sin(turn)

    return draw


def naive_pauses(n: int, _window: int, rng: np.random.Generator) -> FloatArray:
    """A loop that sleeps a fixed delay: 30 us more each time, 2 ms more at each collection."""
    step = 30.0 + rng.normal(0.0, 20.0, n)
    step += (rng.random(n) < 0.02) * rng.uniform(1500.0, 2500.0, n)
    step[0] = LEVEL_US
    return np.cumsum(step)


def walk(n: int, _window: int, rng: np.random.Generator) -> FloatArray:
    """A loop that sleeps a fixed delay: 30 us more each time, and 20 us of noise that stay."""
    step = 30.0 + rng.normal(0.0, 20.0, n)
    step[0] = LEVEL_US
    return np.cumsum(step)


def drift(n: int, window: int, rng: np.random.Generator) -> FloatArray:
    """A timer that runs 40 ppm slow."""
    return white(n, window, rng) + 0.4 * np.arange(n)


def levels(n: int, window: int, rng: np.random.Generator) -> FloatArray:
    """Each window has a level of its own, 60 us about the mean."""
    return white(n, window, rng) + rng.normal(0.0, 60.0)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("white", white),
        Kind("AR(.5)", autocorrelated(0.5)),
        Kind("AR(.95)", autocorrelated(0.95)),
        Kind("periodic GC", periodic_collection, events=0.02),
        Kind("bursts", bursts, events=0.01),
        Kind("bimodal", bimodal),
        Kind("bimodal slow", telegraph, events=0.025),
        Kind("spikes", spikes, events=0.03),
        Kind("rare spikes", rare_spikes, events=0.004),
        Kind("heavy tail", heavy_tail),
        Kind("coarse clock", faint, step_us=COARSE_STEP_US),
        Kind("warming", warming, changes=True),
        Kind("1 kHz alias", tone(0.0037), events=0.0037),
        Kind("50 Hz alias", tone(0.502), events=0.004),
        Kind("constant drift", drift, drift=0.4),
        Kind("levels", levels, between=True),
        Kind("naive with GC", naive_pauses, events=0.02, naive=True, drift=30.0 + 0.02 * 2000.0),
        Kind("random walk", walk, naive=True, drift=30.0),
    )
}
