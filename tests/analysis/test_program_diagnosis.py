"""Faults of a user's own program, from captures with exactly one of them."""

from dataclasses import replace

import numpy as np
import pytest
from captures import board

from hil.analysis.program_diagnosis import diagnose_program
from hil.analysis.summary import summarise
from hil.experiments.registry import analyses
from hil.model.captures import Capture, CapturePlan, TaskPlan, Track
from hil.model.results import FIRST_ACTIVATION
from hil.model.user_programs import ProgramOptions

P, WINDOW = 20_000, 5_000_000
HEADER = ProgramOptions("blink.py", "header")


def grid(period=P, window=WINDOW, first=0):
    return np.arange(first, window, period, dtype=np.int64)


def track(stamps, *, index=0, period=P, **more):
    values = np.asarray(stamps, dtype=np.int64)
    return Track(index, float(period), more.pop("origin", 0), WINDOW, values, **more)


def capture(*tracks, program=HEADER, **more):
    tasks = tuple(TaskPlan(t.index, int(t.period_us)) for t in tracks)
    options = {} if program is None else program.as_options()
    plan = CapturePlan("blink", "idle", tasks, WINDOW, options=options)
    return Capture(board(), plan, tracks, **more)


def told(*tracks, **more):
    return {finding.kind: finding.text for finding in diagnose_program(capture(*tracks, **more))}


def test_nothing_is_said_of_a_program_that_does_as_it_says():
    assert told(track(grid())) == {}
    late = grid() + np.random.default_rng(1).integers(0, 3000, grid().size)
    assert told(track(late)) == {}
    assert told(track(grid()), track(grid(50_000), index=1, period=50_000)) == {}


def test_nothing_is_said_of_a_technique():
    assert told(track(grid(7_000)), program=None) == {}


@pytest.mark.parametrize(
    ("period", "source", "said"),
    [
        (20_000, "profile", "comes every 20.0 ms, 10 ms intended; is `# hil: period_ms=20` miss"),
        (20_000, "option", "10 ms intended; should it be --hil-period-ms=20?"),
        (20_000, "header", "10 ms intended: one of 2 releases has an activation; if that is meant"),
        (5_000, "header", "comes every 5.00 ms, 10 ms intended: 2 activations a period; call st"),
        (13_000, "header", "comes every 13.0 ms, 10 ms intended; if that is meant, write `# hil: "),
    ],
)
def test_another_period_than_intended(period, source, said):
    program = ProgramOptions("blink.py", source)
    texts = told(track(grid(period), period=10_000), program=program)
    assert list(texts) == ["period"]
    assert said in texts["period"]


def test_the_other_tasks_keep_their_periods_in_the_header_that_is_offered():
    texts = told(track(grid()), track(grid(30_000), index=1, period=50_000))
    assert "`# hil: period_ms=20,30`" in texts["period"]


def test_bursts_that_catch_up_are_no_other_period():
    rng = np.random.default_rng(5)
    late = np.sort(grid() + rng.exponential(60_000, grid().size).astype(np.int64))
    assert "period" not in told(track(late))


def test_a_period_too_short_to_be_measured_is_said_to_be():
    texts = told(track(grid(300), period=1_000))
    assert "comes every 300 us, 1000 us intended; a period of less than 1 ms" in texts["period"]


def test_a_missing_header_is_said_where_the_period_fits_too():
    texts = told(track(grid()), program=ProgramOptions("blink.py", "profile"))
    assert texts == {
        "no header": "the program does not say its period, the run's 20 ms was taken; write "
        "`# hil: period_ms=20` into its first line"
    }


def test_stamped_twice():
    twice = np.sort(np.concatenate([grid(), grid() + 40]))
    assert (
        "is stamped 2 times within 40.0 us every 20.0 ms; call stamp()"
        in told(track(twice))["groups"]
    )
    half_rate = np.sort(np.concatenate([grid(40_000), grid(40_000) + 40]))
    text = told(track(half_rate))["groups"]
    assert "every 40.0 ms, 20 ms intended" in text
    assert text.endswith("or does it stall and then catch up?")


def test_two_tasks_that_call_the_same_stamp():
    both = np.sort(np.concatenate([grid(), grid(50_000, first=3_000)]))
    texts = told(track(both))
    assert list(texts) == ["two rates"]
    assert "stamps[1]() and write `# hil: period_ms=20,50`" in texts["two rates"]


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (19_000, "came 19.0 ms after the moment that asked() names, and the others keep"),
        (130_000, "came 130 ms after"),
        (-9_000, "came 9.00 ms before"),
        (20_000, "a timer fires first after one period, asked(0, 20_000) says so"),
    ],
)
def test_a_first_activation_off_the_grid(first, said):
    texts = told(track(grid() + first))
    assert said in texts["first off grid"]


def test_a_first_activation_near_the_grid_is_none():
    assert told(track(grid() + 4_000)) == {}
    assert told(track(grid() + 19_000, origin=19_000, from_first=True)) == {}


def test_only_the_first_is_off():
    late = grid()
    late[0] += 8_000
    assert "keep that distance" not in told(track(late))["first off grid"]


def test_asked_for_and_never_marked():
    texts = told(track([]), track(grid(), index=1))
    assert list(texts) == ["never marked"]


def test_asked_again():
    texts = told(track(grid()), counters={"asked_again.0": 249})
    assert "asked() was called 250 times" in texts["asked again"]


STOPPED = grid(window=1_000_000)


@pytest.mark.parametrize(
    ("program", "counters", "said"),
    [
        (HEADER, {}, "stop 4.02 s before the window's end and the program went on: look for a"),
        (replace(HEADER, uses_timer=True), {}, "if a Timer drives them, was it stopped, or coll"),
        (
            replace(HEADER, uses_timer=True, unkept_timers=(7,)),
            {},
            "line 7 keeps no reference to its Timer, which stops when memory is collected; keep",
        ),
        (HEADER, {"program_ended_ms": 1000}, "the program ended after 1.00 s and left nothing"),
        (replace(HEADER, unkept_timers=(7, 9)), {"program_ended_ms": 3}, "lines 7, 9 keep no ref"),
    ],
)
def test_activations_that_stop_in_the_middle(program, counters, said):
    texts = told(track(STOPPED), program=program, counters=counters)
    assert list(texts) == ["stopped"]
    assert said in texts["stopped"]


def test_a_late_end_is_no_stop():
    assert told(track(grid()[:-4])) == {}
    assert told(track(STOPPED, dropped=9)).keys() == {"no room"}


def test_a_program_that_ended_and_left_something_running():
    texts = told(track(grid()), counters={"program_ended_ms": 1200})
    assert texts == {
        "returned": "the program ended after 1.20 s of 5.00 s; what it left running went on, and "
        "was measured, to the window's end"
    }
    assert "ended at once;" in told(track(grid()), counters={"program_ended_ms": 0})["returned"]


def test_a_timer_without_a_name_is_pointed_at_before_it_is_collected():
    texts = told(track(grid()), program=replace(HEADER, unkept_timers=(7,)))
    assert "line 7 keeps no reference to its Timer; on some boards" in texts["unkept timer"]


def test_a_program_that_prints_all_the_time():
    assert "it printed 300 lines in 5.00 s" in told(track(grid()), log=("x",) * 300)["prints"]
    assert told(track(grid()), log=("x",) * 5) == {}


def test_of_several_windows_it_is_said_how_many_show_a_fault():
    good, bad = capture(track(grid())), capture(track(grid(40_000)))
    (finding,) = diagnose_program(replace(good, windows=(good, bad, good)))
    assert finding.text.endswith("(1 of 3 windows)")
    (finding,) = diagnose_program(replace(bad, windows=(bad, bad, bad)))
    assert "windows" not in finding.text


def test_figures_carry_what_spoils_them_and_lateness_what_it_counts_from():
    taken = capture(
        track(grid(40_000), from_first=True),
        track(grid(50_000), index=1, period=50_000),
    )
    summary = summarise(taken, analyses())
    (notice,) = summary.notices
    assert (notice.technique, notice.task) == ("blink", 0)
    notes = {(m.metric, m.task): m.note or "" for m in summary.measurements}
    assert notice.text in notes["period_mean_us", 0]
    assert notice.text in notes["missed", 0]
    assert notice.text not in notes["lateness_p50_us", 0]
    assert notice.text not in notes["missed", 1]
    references = {(m.metric, m.task): m.reference for m in summary.measurements}
    assert references["lateness_p50_us", 0] == FIRST_ACTIVATION
    assert references["lateness_max_us", 0] == FIRST_ACTIVATION
    assert references["missed", 0] is None
    assert references["lateness_p50_us", 1] is None


def test_a_first_activation_that_is_late_itself_makes_the_others_early_and_not_a_period_late():
    stamps = grid()
    stamps[0] += 8_000
    taken = capture(track(stamps, origin=8_000, from_first=True))
    figures = {m.metric: m.value for m in summarise(taken).measurements}
    assert figures["lateness_p50_us"] == pytest.approx(-8_000, abs=10)
    assert (figures["missed"], figures["extra"]) == (0, 0)
