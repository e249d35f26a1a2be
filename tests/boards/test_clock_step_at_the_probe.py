"""The step of a clock as a board tells it when it is opened, before it is calibrated."""

import pytest

from hil.boards.backends.registry import parse_board
from hil.experiments.session import Session


@pytest.mark.parametrize(
    ("knobs", "step_us"),
    [
        ("read_us=4,turn_us=0.5", 1),  # a turn of the loop takes five steps
        ("read_us=4,turn_us=0.5,tick_us=4", 4),
        ("tick_us=30.5", 30),  # whole microseconds; calibration tells the rest
        ("tick_us=1000", 1000),
    ],
)
def test_a_loop_of_several_steps_does_not_make_the_step_larger(knobs, step_us):
    with Session(parse_board(f"sim:clock=virtual,{knobs}")) as session:
        assert session.identity.tick_resolution_us == step_us
