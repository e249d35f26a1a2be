"""A run against its past, and two runs against each other."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import runs

from hil.experiments.evaluation import unjudged_history_run
from hil.history import comparison
from hil.history.comparison import compare_runs
from hil.history.comparison_inputs import case_evidence
from hil.history.database import open_history
from hil.history.retention import set_baseline
from hil.history.run_reader import find_history_run
from hil.history.run_writer import add_run
from hil.history.stored_records import make_history_run
from hil.model.errors import CaptureError, ConfigurationError

compare_with_history = partial(comparison.compare_with_history, read_folder=unjudged_history_run)
SLOW = {"timer_soft": 300.0, "timer_hard": 60.0}


@pytest.fixture
def history(location):
    with open_history(location) as opened:
        yield opened


def trends(comparison):
    return Counter(change.trend for change in comparison.changes)


def worse(comparison):
    return {
        (change.technique, change.metric)
        for change in comparison.changes
        if change.trend == "worse"
    }


def test_the_first_run_has_nothing_to_be_compared_with_and_says_so(history):
    for choice in ("last", "baseline"):
        comparison = compare_with_history(history, runs.night(1), choice)
        assert comparison.changes == ()
        (text,) = comparison.absent
        assert "/dev/ttyUSB0, MicroPython 1.24.1, profile quick" in text
    assert "hil baseline set" in text


def test_a_change_is_found_and_no_change_is_none(history):
    for seed in range(8):
        add_run(history, runs.night(seed))
    same = compare_with_history(history, runs.night(50), "last")
    assert same.against == "the last 8 runs"
    assert same.absent == ()
    assert trends(same)["worse"] == trends(same)["better"] == 0
    slow = compare_with_history(history, runs.night(51, SLOW), "last")
    slower = worse(slow)
    assert ("timer_soft", "lateness_p50_us") in slower
    assert ("timer_soft", "lateness_p99_us") in slower
    assert {technique for technique, _ in slower} == {"timer_soft"}
    change = next(c for c in slow.changes if c.metric == "lateness_p50_us" and c.task == 0)
    assert change.before == pytest.approx(200 * np.log(2) + 50, rel=0.05)
    assert change.after == pytest.approx(300 * np.log(2) + 75, rel=0.1)
    assert 0 < change.lo < change.after - change.before < change.hi
    assert (change.runs, change.confidence, change.unit) == (8, 0.99, "us")
    quick = compare_with_history(history, runs.night(52, {"timer_soft": 100.0}), "last")
    assert {c.trend for c in quick.changes if c.metric == "lateness_p50_us"} == {"better"}
    assert quick.absent == ("timer_hard, idle, /dev/ttyUSB0: not in this run",)


def test_tasks_are_judged_apart_and_together(history):
    for seed in range(4):
        add_run(history, runs.night(seed))
    comparison = compare_with_history(history, runs.night(50), "last")
    medians = [
        c
        for c in comparison.changes
        if c.metric == "lateness_p50_us" and c.technique == "timer_soft"
    ]
    assert [c.task for c in medians] == [0, 1, None]
    assert medians[2].note == "over all tasks"
    told = case_evidence(runs.night(50).boards[0].cases[0], "b")
    errors = {
        key.task: evidence.error
        for key, evidence in told.items()
        if key.metric == "lateness_p50_us"
    }
    assert errors[None] < 0.85 * min(errors[0], errors[1])


def test_a_change_names_the_task_of_a_program_of_ones_own(history):
    add_run(history, runs.night(1))
    made = runs.night(50)
    (board,) = made.boards
    cases = [
        replace(
            case,
            measurements=[replace(m, task_name="motor" * (m.task == 0)) for m in case.measurements],
        )
        for case in board.cases
    ]
    named = replace(made, boards=(replace(board, cases=tuple(cases)),))
    for compared in (
        compare_with_history(history, named, "last"),
        compare_runs(runs.night(1), named, 0.95),
    ):
        names = {(change.task, change.task_name) for change in compared.changes}
        assert (0, "motor") in names
        assert not {(None, "motor"), (1, "motor"), (0, "")} & names


def test_extremes_are_not_among_the_changes(history):
    add_run(history, runs.night(1))
    comparison = compare_with_history(history, runs.night(2), "last")
    metrics = {change.metric for change in comparison.changes}
    assert {"lateness_p50_us", "schedule_drift_ppm", "missed"} <= metrics
    assert not {"lateness_max_us", "period_jitter_pp_us", "mtie_1s_us"} & metrics


def test_a_desync_that_was_seen_is_not_held_against_an_extrapolated_one():
    case = runs.night(1).boards[0].cases[0]
    seen = replace(case.measurements[0], metric="desync_s", unit="s", value=3.0, lo=3.0, hi=3.0)
    told = case_evidence(replace(case, measurements=(*case.measurements, seen)), "b")
    metrics = {key.metric for key in told}
    assert "desync_s" not in metrics
    assert {"phase_error_rms_us", "schedule_drift_ppm"} <= metrics


def test_interrupt_latencies_are_compared_from_their_stamps(history):
    for seed in range(5):
        add_run(history, runs.night(seed, {"event_irq": 200.0}, events=1500))
    comparison = compare_with_history(
        history, runs.night(50, {"event_irq": 400.0}, events=1500), "last"
    )
    latency = {c.metric: c for c in comparison.changes if c.method == "loopback/hard"}
    assert latency["isr_latency_p50_us"].trend == "worse"
    assert latency["isr_latency_p50_us"].before == pytest.approx(40 + 20 * np.log(2), rel=0.05)


def walking_night(seed, extra=0.0):
    """A task whose lateness grows over the window by chance: the analysis gives it no bounds."""
    rng = np.random.default_rng(seed)
    capture = runs.capture(rng, "thread")
    track = capture.tracks[0]
    walk = np.maximum.accumulate(track.stamps_us + np.cumsum(rng.integers(0, 900, 600)))
    capture = replace(capture, tracks=(replace(track, stamps_us=walk + int(extra)),))
    return make_history_run(runs.results([capture], seed), [capture])


def test_a_lateness_without_bounds_is_judged_by_what_its_windows_differ_by(history):
    for seed in range(4):
        add_run(history, walking_night(seed))
    same = compare_with_history(history, walking_night(50), "last")
    judged = {c.metric for c in same.changes if c.lo is not None}
    assert {"lateness_p50_us", "schedule_drift_ppm", "period_jitter_rms_us"} <= judged
    assert trends(same)["worse"] == 0
    assert all(c.detectable > 0.0 for c in same.changes if c.lo is not None)


def test_what_was_measured_otherwise_is_not_compared_but_said(history):
    for seed in range(3):
        add_run(history, runs.night(seed))
    longer = compare_with_history(history, runs.night(50, n=900), "last")
    assert longer.changes == ()
    assert "window 9 s, period 10, 10 ms now, window 6 s, period 10, 10 ms then" in longer.absent[0]
    rng = np.random.default_rng(1)
    for board, said in (
        (runs.board(micropython="v1.25.0"), "MicroPython 1.25.0"),
        (runs.board(unique_id="other"), "its first run"),
    ):
        capture = runs.capture(rng, of=board)
        other = compare_with_history(
            history, make_history_run(runs.results([capture], 50), [capture]), "last"
        )
        assert other.changes == ()
        assert said in other.absent[0]
    profile = compare_with_history(history, runs.night(50, profile="nightly"), "last")
    assert profile.changes == ()
    assert "there are runs with MicroPython 1.24.1, profile quick" in profile.absent[0]


def test_only_runs_before_it_and_never_itself(history):
    for seed in range(4):
        add_run(history, runs.night(seed))
    assert compare_with_history(history, runs.night(2), "last").against == "the last 2 runs"
    assert compare_with_history(history, runs.night(3), "last").against == "the last 3 runs"


def test_a_baseline_stays_the_reference_while_the_last_runs_move(history):
    for seed in range(4):
        add_run(history, runs.night(seed))
    set_baseline(history, runs.night(1).info.id)
    for number in range(4, 14):  # slow for so long that the past knows nothing else
        add_run(history, runs.night(number, SLOW))
    now = runs.night(50, SLOW)
    assert trends(compare_with_history(history, now, "last"))["worse"] == 0
    comparison = compare_with_history(history, now, "baseline")
    assert comparison.against == "the baseline"
    assert ("timer_soft", "lateness_p50_us") in worse(comparison)
    assert {c.runs for c in comparison.changes} == {1}
    set_baseline(history, runs.night(2).info.id, add=True)
    again = compare_with_history(history, now, "baseline")
    assert again.against == "the baseline of 2 runs"
    assert max(c.runs for c in again.changes) == 2


def test_one_run_by_its_id(history):
    for seed in range(4):
        add_run(history, runs.night(seed))
    comparison = compare_with_history(history, runs.night(50, SLOW), "20261101T0002")
    assert {c.runs for c in comparison.changes} == {1}
    assert comparison.against == "run 20261101T0002"
    with pytest.raises(ConfigurationError, match="zebra"):
        compare_with_history(history, runs.night(50), "zebra")


def test_boards_of_one_run_are_judged_together(history):
    def night(seed):
        rng = np.random.default_rng(seed)
        boards = [runs.board(f"/dev/tty{n}", unique_id=f"id{n}") for n in range(2)]
        taken = [runs.capture(rng, of=board) for board in boards]
        return make_history_run(runs.results(taken, seed), taken)

    for seed in range(5):
        add_run(history, night(seed))
    both = compare_with_history(history, night(50), "last")
    single_board = replace(night(50), boards=night(50).boards[:1])
    alone = compare_with_history(history, single_board, "last")
    assert {c.board for c in both.changes} == {"/dev/tty0", "/dev/tty1"}
    wide = [c for c in both.changes if c.board == "/dev/tty0" and c.lo is not None]
    narrow = [c for c in alone.changes if c.lo is not None]
    assert len(wide) == len(narrow) > 10
    # the other board doubles the number of figures, but teaches the noise floor as well
    assert both.changes[0].confidence == alone.changes[0].confidence == 0.99


def test_damaged_stamps_in_the_past_say_nothing(history):
    import sqlalchemy as sa

    for seed in range(3):
        add_run(history, runs.night(seed))
    history.write(
        lambda c: c.execute(
            sa.text("UPDATE stamp_sets SET data = :bad WHERE board_id = 1"), {"bad": b"damaged"}
        )
    )
    comparison = compare_with_history(history, runs.night(50), "last")
    counts = {c.technique: c.runs for c in comparison.changes}
    assert counts == {"timer_soft": 2, "timer_hard": 2}


def compare_named(before, after, history):
    return compare_runs(
        find_history_run(before, history, unjudged_history_run),
        find_history_run(after, history, unjudged_history_run),
        0.95,
        history,
    )


class TestTwoRuns:
    def test_by_id(self, history):
        for seed in range(6):
            add_run(history, runs.night(seed))
        add_run(history, runs.night(7, {"timer_soft": 500.0, "timer_hard": 60.0}))
        comparison = compare_named("20261101T0001", "20261101T0007", history)
        assert comparison.against == "run 20261101T000100Z_pico"
        assert ("timer_soft", "lateness_p50_us") in worse(comparison)
        back = compare_named("20261101T0007", "20261101T0001", history)
        assert trends(back)["better"] >= trends(comparison)["worse"] - 1

    def test_across_boards_and_firmware_it_says_so(self):
        rng = np.random.default_rng(1)
        first = runs.capture(rng, level=100.0)
        board = runs.board("/dev/ttyACM0", unique_id="other", micropython="v1.25.0")
        second = runs.capture(rng, level=900.0, of=board)
        comparison = compare_runs(
            make_history_run(runs.results([first], 1), [first]),
            make_history_run(runs.results([second], 2), [second]),
            0.95,
        )
        assert "board /dev/ttyUSB0 then, /dev/ttyACM0 now" in comparison.against
        assert "MicroPython 1.24.1 then, 1.25.0 now" in comparison.against
        assert ("timer_soft", "lateness_p50_us") in worse(comparison)
        assert {c.board for c in comparison.changes} == {"/dev/ttyACM0"}

    def test_boards_that_one_run_lacks(self):
        rng = np.random.default_rng(1)
        both = [runs.capture(rng, of=runs.board(f"p{n}", unique_id=f"id{n}")) for n in range(2)]
        first = make_history_run(runs.results(both, 1), both)
        second = make_history_run(runs.results(both[1:], 2), both[1:])
        comparison = compare_runs(first, second, 0.95)
        assert comparison.absent == (f"board p0: only in {first.info.id}",)
        assert {c.board for c in comparison.changes} == {"p1"}

    def test_neither_a_folder_nor_an_id(self, history, tmp_path):
        add_run(history, runs.night(1))
        with pytest.raises(ConfigurationError, match="zebra: neither"):
            compare_named("zebra", "20261101", history)
        with pytest.raises(ConfigurationError, match="there is no history"):
            compare_named("zebra", "zebra", None)
        (tmp_path / "empty").mkdir()
        with pytest.raises(CaptureError):
            compare_named(str(tmp_path / "empty"), "20261101", history)


@pytest.mark.parametrize(("technique", "alarm"), [("asyncio_sleep", False), ("timer_soft", True)])
def test_the_millisecond_in_which_asyncio_begins_is_chance(technique, alarm):
    rng = np.random.default_rng(3)
    first, second = (runs.capture(rng, technique, level=20.0, early=by) for by in (400.0, -300.0))
    comparison = compare_runs(
        make_history_run(runs.results([first], 1), [first]),
        make_history_run(runs.results([second], 2), [second]),
        0.99,
    )
    assert any(metric.startswith("lateness") for _, metric in worse(comparison)) is alarm
