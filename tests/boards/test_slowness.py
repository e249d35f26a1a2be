"""How slow a board is: the middle of several answers, bounded, or given; and what is said of it."""

from __future__ import annotations

import pytest

from hil.boards.backends.registry import parse_board
from hil.boards.connection import Connection
from hil.boards.slowness import MOST_MEASURED, Slowness, slower_hint
from hil.model.errors import BoardTimeoutError

USUAL_S = 0.1


def measured(*times: tuple[float, float]) -> Slowness:
    slowness = Slowness()
    for answer_s, loop_s in times:
        slowness.add(answer_s, loop_s, USUAL_S)
    return slowness


def test_nothing_is_known_before_the_first_answer():
    slowness = Slowness()
    assert slowness.factor == 1
    assert slowness.wants_sample
    assert not slowness.doubtful


@pytest.mark.parametrize(
    ("times", "factor"),
    [
        ([(0.002, 0.005)] * 3, 1),
        ([(3.0, 0.005), (0.002, 0.005), (0.002, 0.005)], 1),
        ([(0.130, 0.360)] * 3, 36),  # an RP2040 at an eightieth of its speed
        ([(0.5, 0.001)] * 3, 5),  # a slow link
        ([(60.0, 60.0)] * 3, MOST_MEASURED),
    ],
)
def test_the_middle_of_three_answers_counts(times, factor):
    slowness = measured(*times)
    assert slowness.factor == pytest.approx(factor)
    assert not slowness.wants_sample
    assert not slowness.doubtful


def test_a_slow_first_answer_asks_for_more_of_them():
    assert measured((0.3, 0.005)).doubtful
    assert not measured((0.1, 0.005)).doubtful
    assert not measured((0.3, 0.005), (0.1, 0.005), (0.1, 0.005)).doubtful


def test_what_is_given_counts():
    slowness = Slowness(80)
    assert not slowness.wants_sample
    assert slowness.factor == 80


@pytest.mark.parametrize(
    ("board", "factor", "hint"),
    [
        ("/dev/ttyACM0", 1, "--board=/dev/ttyACM0?slow=80"),
        ("/dev/ttyACM0?baud=9600", 33, "--board=/dev/ttyACM0?baud=9600&slow=132"),
        ("/dev/ttyACM0?slow=1000", 1000, ""),
        ("sim", 1, ""),
    ],
)
def test_an_error_names_its_stage_and_how_a_slow_board_gets_more_time(board, factor, hint):
    spec = parse_board(board)
    assert slower_hint(spec, factor).endswith(hint)
    connection = Connection(spec)
    with pytest.raises(BoardTimeoutError) as caught, connection.stage("calibrated"):
        raise BoardTimeoutError("nothing came for 15.0 s", expected="an end")
    said = str(caught.value)
    assert said.startswith(
        "while it was being calibrated: nothing came for 15.0 s; expected an end, received nothing"
    )
    assert ("slow=" in said) == (spec.backend.takes_slow and spec.slow != 1000)
