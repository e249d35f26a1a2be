"""A short form of the campaign: boards in virtual time with drawn costs, and their exact edges."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hil.boards.backends.sim_knobs import parse_sim_knobs
from tools.latency_truth import GOAL, Judged, draw, runs

SEEDS = range(1001, 1025)


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return runs(SEEDS, events=100)


def test_the_true_latency_lies_within_its_bounds(judged: list[Judged]) -> None:
    """So few runs would hold it by chance in 1 % of cases if 93 % of all boards did."""
    wrong = {figure.seed for figure in judged if not figure.held}
    of, held = len(SEEDS), len(SEEDS) - len(wrong)
    chance = sum(math.comb(of, k) * GOAL**k * (1 - GOAL) ** (of - k) for k in range(held + 1))
    assert chance > 0.01, sorted(wrong)


def test_the_bounds_say_something(judged: list[Judged]) -> None:
    """Not wider than what is not known: two readings, a pin's write, some hundredths of a call."""
    assert {figure.what for figure in judged} == {
        "isr, hard",
        "isr, soft",
        "defer, hard",
        "defer, soft",
    }
    for figure in judged:
        knobs = parse_sim_knobs(draw(figure.seed).knobs.removeprefix("sim:"))
        readings = 2.0 * (knobs.tick_us + (not knobs.tick_us.is_integer()))
        write = knobs.pin_us if figure.what.startswith("isr") else 0.0
        scatter = 2.5 * figure.step_us  # the median of differences that are whole steps
        assert figure.width <= readings + write + 0.1 * figure.step_us + scatter, figure


def test_the_truths_differ_and_some_are_far_below_the_clocks_step(judged: list[Judged]) -> None:
    truths = np.array([figure.truth for figure in judged])
    assert np.ptp(truths) > 50.0
    assert sum(figure.truth < figure.step_us for figure in judged) >= 3


def test_a_seed_always_draws_the_same_board() -> None:
    assert draw(7) == draw(7)
    assert len({draw(seed).knobs for seed in SEEDS}) == len(SEEDS)
