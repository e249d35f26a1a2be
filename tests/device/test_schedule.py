"""The scheduler as users install it: its plans and its promises."""

import pytest

from hil.agents.bundle import agents_folder
from hil.model.errors import RemoteCodeError

NOON = "fake_clock(); set_clock(2026, 1, 7, 12, 0, 0); s = new()"  # a Wednesday


@pytest.mark.parametrize(
    ("words", "first", "second"),
    [
        ("every(10).seconds", (2026, 1, 7, 12, 0, 10), (2026, 1, 7, 12, 0, 20)),
        ("every().hour", (2026, 1, 7, 13, 0, 0), (2026, 1, 7, 14, 0, 0)),
        ("every(2).hours.at(':30')", (2026, 1, 7, 12, 30, 0), (2026, 1, 7, 14, 30, 0)),
        ("every().hour.at('00:20')", (2026, 1, 7, 12, 0, 20), (2026, 1, 7, 13, 0, 20)),
        ("every().minute.at(':00')", (2026, 1, 7, 12, 1, 0), (2026, 1, 7, 12, 2, 0)),
        ("every().day.at('10:30')", (2026, 1, 8, 10, 30, 0), (2026, 1, 9, 10, 30, 0)),
        ("every().day.at('12:00:01')", (2026, 1, 7, 12, 0, 1), (2026, 1, 8, 12, 0, 1)),
        ("every(3).days.at('12:00')", (2026, 1, 8, 12, 0, 0), (2026, 1, 11, 12, 0, 0)),
        ("every().wednesday.at('13:15')", (2026, 1, 7, 13, 15, 0), (2026, 1, 14, 13, 15, 0)),
        ("every().wednesday.at('11:00')", (2026, 1, 14, 11, 0, 0), (2026, 1, 21, 11, 0, 0)),
        ("every().tuesday", (2026, 1, 13, 0, 0, 0), (2026, 1, 20, 0, 0, 0)),
        ("every().sunday.at('23:59:59')", (2026, 1, 11, 23, 59, 59), (2026, 1, 18, 23, 59, 59)),
        ("every(2).weeks", (2026, 1, 21, 12, 0, 0), (2026, 2, 4, 12, 0, 0)),
    ],
)
def test_what_the_words_mean(plans, words, first, second):
    setup = f"{NOON}; j = s.{words}.do(nothing); a = when(j); CLOCK[0] = j.due; j.advance()"
    assert plans.value(setup, "(a, when(j))") == (first, second)


@pytest.mark.parametrize(
    "words",
    [
        "every(0).seconds",
        "every(1.5).seconds",
        "every().day.at('25:00')",
        "every().hour.at('70:00')",
        "every().minute.at(':75')",
        "every(5).seconds.at(':30')",
        "every().day.at('noon')",
        "every()",
    ],
)
def test_what_makes_no_sense_is_refused(plans, words):
    with pytest.raises(RemoteCodeError, match="ValueError"):
        plans(f"{NOON}; s.{words}.do(nothing)")


def test_an_unknown_unit_is_no_attribute(plans):
    with pytest.raises(RemoteCodeError, match="AttributeError"):
        plans(f"{NOON}; s.every(3).fortnights")


def test_names_are_unique_and_needed(plans):
    with pytest.raises(RemoteCodeError, match="ValueError: there is a job"):
        plans(f"{NOON}; s.every().hour.do(nothing); s.every().day.do(nothing)")
    with pytest.raises(RemoteCodeError, match="ValueError: this function has no name"):
        plans(f"{NOON}; s.every().hour.do(lambda: 0)")


def test_tags_cancel_clear_and_idle(plans):
    plans(
        f"{NOON}; a = s.every(20).seconds.tag('x', 'y').do(nothing, name='a')\n"
        "b = s.every(5).seconds.tag('y').do(nothing, name='b')\n"
        "c = s.every(90).seconds.do(nothing, name='c')"
    )
    assert plans.value("", "s.idle_seconds()") == 5
    assert plans.value("s.cancel(b)", "(sorted(s.jobs), s.idle_seconds())") == (["a", "c"], 20)
    assert plans.value("s.clear('x')", "sorted(s.jobs)") == ["c"]
    assert plans.value("s.cancel('c'); s.cancel('c')", "(s.jobs, s.idle_seconds())") == (
        {},
        None,
    )


@pytest.mark.parametrize("drifting", [False, True])
def test_the_next_run_comes_from_the_plan(plans, drifting):
    """Each run comes 300 ms late: the plan stays, the usual library drifts by as much."""
    setup = (
        f"{NOON}; s.drifting = {drifting}; j = s.every(10).seconds.do(nothing); a = j.due\n"
        "for _ in range(100):\n CLOCK[0] = j.due + 300\n asyncio.run(s.run_due())"
    )
    late_ms = plans.value(setup, "j.due - a - 100 * 10000")
    assert late_ms == (100 * 300 if drifting else 0)


def test_missed_runs_are_counted_and_made_up_for_once(plans):
    setup = f"{NOON}; j = s.every(10).seconds.do(nothing); CLOCK[0] = j.due + 34000\n"
    setup += "n = asyncio.run(s.run_due()) + asyncio.run(s.run_due())"
    assert plans.value(setup, "(n, j.runs, j.missed, j.late_ms, j.left_ms())") == (
        1,
        1,
        3,
        34_000,
        6_000,
    )


SLOW = """
real_clock()
async def slow():
    await asyncio.sleep_ms(120)
def fast():
    pass
s = new(serial={serial})
a = s.every(200).milliseconds.do(slow)
b = s.every(20).milliseconds.do(fast)
run(s, 1000)
"""


def test_a_slow_job_does_not_hold_back_the_others(plans):
    assert plans.value(SLOW.format(serial=False), "(b.runs, b.missed)") == (49, 0)
    usual, missed = plans.value(SLOW.format(serial=True), "(b.runs, b.missed)")
    # held back for 120 of every 200 ms, 6 at a time, of which one is made up for
    assert 49 - 4 * 6 <= usual <= 49 - 4 * 5
    assert 4 * 5 <= missed <= 4 * 6


def test_a_job_that_still_runs_is_not_started_again(plans):
    code = SLOW.replace("sleep_ms(120)", "sleep_ms(500)").format(serial=False)
    runs, missed = plans.value(code, "(a.runs, a.missed)")
    assert (runs, missed) == (2, 2)


DRIFT = """
real_clock()
STARTS = []
def busy():
    STARTS.append(time.ticks_ms())
    time.sleep_ms(6)
s = new(drifting={usual}, serial={usual}, poll_ms={poll})
s.every(20).milliseconds.do(busy)
run(s, 1500)
mean = time.ticks_diff(STARTS[-1], STARTS[0]) / (len(STARTS) - 1)
"""


def test_drift_of_ours_and_of_the_usual_library(plans):
    ours = plans.value(DRIFT.format(usual=False, poll=None), "mean")
    usual = plans.value(DRIFT.format(usual=True, poll=1), "mean")
    assert abs(ours - 20) < 0.02
    assert 26 <= usual < 27.1  # 6 of 20 ms a run: 300,000 ppm, and a poll's millisecond


def test_a_failing_job_is_reported_and_the_others_go_on(plans):
    setup = """
real_clock()
def bad():
    1 / 0
s = new()
b = s.every(10).milliseconds.do(bad)
g = s.every(10).milliseconds.do(nothing)
run(s, 200)
"""
    failed, runs, good, said = plans.value(setup, "(b.failed, b.runs, g.runs, REPORTS[0])")
    assert (failed, runs, good) == (19, 19, 19)
    assert said == "job bad failed:"


def test_a_clock_that_is_set_moves_intervals_and_finds_times_of_day_anew(plans):
    setup = """
fake_clock(); set_clock(2000, 1, 1, 0, 0, 30); s = new()
a = s.every(60).seconds.do(nothing, name="a")
b = s.every().day.at("10:30").do(nothing, name="b")
asyncio.run(s.run_pending())
CLOCK[0] += 20000; asyncio.run(s.run_pending())
set_clock(2026, 1, 7, 12, 0, 0)
n = asyncio.run(s.run_pending())
"""
    assert plans.value(setup, "(n, a.left_ms(), when(b), a.missed)") == (
        0,
        40_000,
        (2026, 1, 8, 10, 30, 0),
        0,
    )
    back = "set_clock(2000, 1, 1, 0, 5, 0); n = asyncio.run(s.run_pending())"
    assert plans.value(back, "(n, a.left_ms(), when(b))") == (
        0,
        40_000,
        (2000, 1, 1, 10, 30, 0),
    )


def test_a_long_sleep_is_no_clock_that_was_set(plans):
    setup = f"{NOON}; a = s.every(60).seconds.do(nothing); asyncio.run(s.run_pending())\n"
    setup += "CLOCK[0] += 61000; n = asyncio.run(s.run_pending())"
    assert plans.value(setup, "n") == 1


def test_a_coarse_clock_is_watched_closely(plans):
    """A port whose clock has whole seconds only: woken early, then looks every 20 ms."""
    setup = f"{NOON}; s.every(10).seconds.do(nothing); a = s.nap_ms(); CLOCK[0] += 9000"
    assert plans.value(setup, "(s.coarse, a, s.nap_ms())") == (True, 1000, 20)
    # jobs on the ticks do not suffer from it
    assert plans.value("s.every(5).milliseconds.do(print, name='p')", "s.nap_ms() <= 5")


def test_the_library_needs_no_file_of_ours():
    for name in ("schedule", "schedule_plan", "schedule_store"):
        assert "from lib" not in (agents_folder() / "lib" / f"{name}.py").read_text()
