"""The budgets that are shipped: what they let pass, and what they don't, on which board."""

import dataclasses

import numpy as np
import pytest

from hil.experiments.budget_files import default_budgets
from hil.experiments.evaluation import evaluate
from hil.model.techniques import TECHNIQUES
from tools import synthetic_captures as synthetic

N, PERIOD = 1500, synthetic.PERIOD_US
HELD = 0.95 * PERIOD
BOARDS = ["/dev/ttyACM0", "sim:clock=virtual", "sim:ppm=40,clock=virtual"]
ON_TIME = 40 + np.random.default_rng(1).exponential(10.0, N)


def verdicts(late_us, technique="own_program", board="/dev/ttyACM0", *, keep=None, twice=None):
    """The verdict of each metric that has a budget."""
    made = synthetic.capture([late_us], of=synthetic.board(board), technique=technique)
    (track,) = made.tracks
    stamps = track.stamps_us if keep is None else track.stamps_us[keep]
    if twice is not None:
        stamps = np.sort(np.concatenate([stamps, stamps[twice] + 60]))
    made = dataclasses.replace(made, tracks=(dataclasses.replace(track, stamps_us=stamps),))
    figures = evaluate(made, default_budgets()).measurements
    return {m.metric: m.verdict for m in figures if m.verdict != "none"}


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("technique", [*TECHNIQUES, "own_program"])
def test_what_is_on_time_passes(technique, board):
    assert set(verdicts(ON_TIME, technique, board).values()) == {"pass"}


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("technique", ["timer_hard", "event_irq", "own_program"])
class TestPlainlyLate:
    def test_nearly_a_period(self, technique, board):
        assert verdicts(ON_TIME + HELD, technique, board)["lateness_p50_us"] == "fail"

    def test_nearly_a_period_from_some_activation_on(self, technique, board):
        late = ON_TIME + HELD * (np.arange(N) >= 100)
        assert verdicts(late, technique, board)["lateness_p50_us"] == "fail"

    def test_every_second_release_twice(self, technique, board):
        judged = verdicts(
            ON_TIME, technique, board, keep=slice(None, None, 2), twice=slice(None, None)
        )
        assert (judged["missed"], judged["extra"]) == ("fail", "fail")


def test_the_drift_of_a_naive_technique_is_a_finding():
    drift = ON_TIME + 0.02 * PERIOD * np.arange(N)
    for name, technique in TECHNIQUES.items():
        if technique.naive:
            assert set(verdicts(drift, name).values()) == {"pass"}


def test_in_real_time_the_embedded_board_is_judged_loosely():
    late = ON_TIME + HELD * (np.arange(N) % 20 == 0)
    assert verdicts(late, "timer_soft", "sim:clock=virtual")["lateness_p99_us"] == "fail"
    assert set(verdicts(late, "timer_soft", "sim").values()) == {"pass"}
    assert verdicts(ON_TIME + HELD, "own_program", "sim")["lateness_p50_us"] == "fail"


def test_late_by_more_than_a_period_or_lost_is_undecided():
    late = verdicts(np.append(ON_TIME + 1.05 * PERIOD, [0.0])[:N], "timer_hard")
    assert late["lateness_p50_us"] == "undecided"
