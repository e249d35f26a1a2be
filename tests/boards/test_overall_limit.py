"""One limit over all steps: reached whatever single waits say, left where it does not hold."""

from __future__ import annotations

import pytest

from hil.boards.identity import find_leftover_activity
from hil.boards.overall_limit import OverallLimit
from hil.boards.slowness import Slowness
from hil.model.errors import BoardTimeoutError


class Clock:
    kind = "real"

    def __init__(self) -> None:
        self.now_s = 50.0

    def now_ns(self) -> int:
        return round(self.now_s * 1e9)


@pytest.fixture
def clock():
    return Clock()


def pass_time(limit, clock, times, step_s=1.0):
    for _ in range(times):
        clock.now_s += step_s
        limit.check(clock)


def test_many_short_steps_meet_it_together(clock):
    limit = OverallLimit("board", Slowness(1))
    limit.check(clock)
    with limit.within("the capture", 10.0):
        pass_time(limit, clock, 10)
        with pytest.raises(BoardTimeoutError, match="the capture was not done after 10 s"):
            pass_time(limit, clock, 1)
    pass_time(limit, clock, 100)


def test_time_before_it_does_not_count(clock):
    limit = OverallLimit("board", Slowness(1))
    limit.check(clock)
    clock.now_s += 1000
    with limit.within("the capture", 10.0):
        pass_time(limit, clock, 9)


def test_a_slow_board_gets_more_and_no_board_more_than_the_cap(clock):
    slowness = Slowness()
    limit = OverallLimit("board", slowness)
    limit.check(clock)
    with limit.within("opening it", 10.0, 5.0):
        for _ in range(3):
            slowness.add(1e9, 1e9, 0.1)  # gets slower with each answer
        pass_time(limit, clock, 505)
        with pytest.raises(BoardTimeoutError, match="after 505 s"):
            pass_time(limit, clock, 1)


def test_recovery_has_its_own_after_the_case_s_has_passed(clock):
    limit = OverallLimit("board", Slowness(1))
    limit.check(clock)
    with limit.within("the case", 10.0):
        with pytest.raises(BoardTimeoutError, match="the case"):
            pass_time(limit, clock, 20)
        with limit.within("recovery", 5.0, alone=True):
            pass_time(limit, clock, 5)
            with pytest.raises(BoardTimeoutError, match="recovery"):
                pass_time(limit, clock, 1)
        with pytest.raises(BoardTimeoutError, match="the case"):
            limit.check(clock)


def test_the_inner_one_does_not_lift_the_outer_one(clock):
    limit = OverallLimit("board", Slowness(1))
    limit.check(clock)
    with (
        limit.within("the case", 10.0),
        limit.within("one step", 100.0),
        pytest.raises(BoardTimeoutError, match="the case"),
    ):
        pass_time(limit, clock, 11)


def test_a_port_that_is_opened_again_may_have_another_clock(clock):
    limit = OverallLimit("board", Slowness(1))
    limit.check(clock)
    with limit.within("the case", 10.0):
        pass_time(limit, clock, 6)
        other = Clock()
        other.now_s = 0.5
        limit.check(other)
        pass_time(limit, other, 4)
        with pytest.raises(BoardTimeoutError, match="the case"):
            pass_time(limit, other, 1)


def test_a_board_that_floods_its_prompt_is_heard_a_little_only():
    """However slow it is said to be, which makes the time to listen long."""
    flood = b"tick\r\n" * 10_000

    class Prompt:
        slowness = 100.0
        port = "board"
        clock = Clock()
        heard = 0

        def interrupt(self):
            pass

        def read(self, timeout_s):
            self.clock.now_s += 0.006
            self.heard += len(flood)
            return flood

    prompt = Prompt()
    settled_s = 20.0  # what it had begun to say is passed over
    assert find_leftover_activity(prompt) == ("it went on printing, first 'tick'",)
    assert prompt.heard < (settled_s / 0.006 + 5) * len(flood)
