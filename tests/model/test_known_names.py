"""What is said of a name that does not exist."""

import pytest

from hil.model.known_names import unknown_name

NAMES = ("timer_hard", "timer_soft", "idle")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("timer_hrad", "unknown technique 'timer_hrad'; did you mean timer_hard or timer_soft?"),
        ("IDLE", "unknown technique 'IDLE'; did you mean idle?"),
        ("zebra", "unknown technique 'zebra'; known are timer_hard, timer_soft, idle"),
        ("", "unknown technique ''; known are timer_hard, timer_soft, idle"),
    ],
)
def test_the_nearest_names_are_offered_else_all(name, said):
    assert unknown_name("technique", name, NAMES) == said


def test_of_no_names_none_is_offered():
    assert unknown_name("load", "idle", ()) == "unknown load 'idle'; there is none"


def test_a_long_name_is_cut():
    assert len(unknown_name("load", "x" * 10_000, ("idle",))) < 120
