"""The two windows of a case that is watched."""

from __future__ import annotations

import pytest

from hil.experiments.live_case import (
    MOST_S,
    live_case,
    live_program_case,
    require_streaming,
)
from hil.experiments.workloads.user_program import UserProgram
from hil.model.errors import CapabilityMissing, ConfigurationError
from tools.synthetic_captures import board


def test_the_first_window_sends_nothing_and_the_second_does():
    case = live_case("timer_hard")
    first, second = case.in_window(0).plan, case.in_window(1).plan
    assert (first.streaming, second.streaming) == (False, True)
    assert (first.windows, second.windows, second.window) == (2, 2, 1)
    assert first.duration_us == 3_300_000  # 330 periods of 10 ms: enough for a p99
    assert second.duration_us == MOST_S * 1e6
    assert "capacity" not in first.options
    assert second.options["capacity"] == 200  # a second in each half
    assert set(second.options) == {"pings", "capacity"}  # nothing follows


def test_without_the_first_there_is_one():
    case = live_case("timer_hard", reference_s=0, duration_s=5, period_ms=1)
    assert case.plan.windows == 1
    assert case.in_window(0).plan.streaming
    assert case.in_window(0).plan.options["capacity"] == 1024


@pytest.mark.parametrize(("period_ms", "least"), [(1, 2.0), (10, 3.3), (1000, 10.0), (60_000, 180)])
def test_the_first_window_is_as_long_as_it_must_be(period_ms, least):
    case = live_case("timer_hard", period_ms=period_ms)
    assert case.in_window(0).plan.duration_us == pytest.approx(least * 1e6)


def test_a_program_keeps_its_own_periods():
    program = UserProgram("mine", "x", (20_000, 50_000), "mine.py")
    case = live_program_case(program, duration_s=30)
    assert [task.period_us for task in case.plan.tasks] == [20_000, 50_000]
    assert case.program is program
    assert case.in_window(1).plan.options["capacity"] == 100
    assert case.in_window(1).program is program
    assert case.in_window(0).plan.options["pings"]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"duration_s": 1e8}, "at most 2592000"),
        ({"duration_s": 0.01}, "too short for three periods"),
        ({"reference_s": 0.001}, "--reference-s"),
        ({"period_ms": 0.1}, "must lie between"),
    ],
)
def test_numbers_out_of_range(numbers, said):
    with pytest.raises(ConfigurationError, match=said):
        live_case("timer_hard", **numbers)


def test_a_small_heap_can_not_be_watched():
    from dataclasses import replace

    require_streaming(board())
    with pytest.raises(CapabilityMissing, match="too little memory"):
        require_streaming(replace(board(), capabilities=("small_heap",)))
