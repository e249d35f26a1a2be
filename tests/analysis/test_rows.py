"""Figures that are counted or read off: each whole, with its bounds, its number and its words."""

import math
from dataclasses import replace

import numpy as np
import pytest
from captures import capture, grid, track

from hil.analysis.activations import assign
from hil.analysis.clock import instrument
from hil.analysis.clock_skew import exchanges, window_minima
from hil.analysis.release_matching import WindowStamps
from hil.analysis.reset_persistence import count_resets
from hil.analysis.stability import error_of, noise_type, time_errors
from hil.analysis.uncertainty.distributions import log_normal_tail
from hil.experiments.evaluation import summarise_capture
from hil.model.captures import Calibration, Pings
from hil.model.reset_rows import (
    ASLEEP,
    BOOT,
    DEEP_SLEEP,
    KILL,
    REPORT,
    RESET_CHANNELS,
    RESET_OPTIONS,
    RUN,
    SOFT_RESET,
)

EXACT = "counted, exact for this window"


def told(**more):
    """(value, lo, hi, n, note) of the figures of the whole capture, and the reasons."""
    technique = more.pop("technique", "timer_hard")
    options = more.pop("options", None)
    taken = capture(track(grid(20)), technique=technique, **more)
    if options is not None:
        taken = replace(taken, plan=replace(taken.plan, options=options))
    summary = summarise_capture(taken)
    rows = {
        (m.metric, m.method): (m.value, m.lo, m.hi, m.n, m.remarks)
        for m in summary.measurements
        if m.task is None
    }
    return rows, {(r.metric, r.method): r.reason for r in summary.reasons if r.task is None}


def test_what_callbacks_take_and_what_fails():
    rows, why = told(
        counters={
            "taken.a": 100, "calls.a": 40, "locked.a": 1,
            "taken.b": -5,
            "taken.c": 8, "locked.c": 0,
            "errors.a": 0, "errors_of.a": 9,
            "errors.b": 2,
            "after.a": 3,
            "refused.t": 1,
            "errors": 7,
        }
    )  # fmt: skip
    board = EXACT.replace("window", "board")
    assert rows["callback_bytes", "a"] == (2.5, 2.5, 2.5, 40, f"{board}; runs with the heap locked")
    unknown = f"{board}; the heap can't be locked here"
    assert rows["callback_bytes", "b"] == (0.0, 0.0, 0.0, 1, unknown)
    assert rows["callback_bytes", "c"] == (8.0, 8.0, 8.0, 1, f"{board}; fails with the heap locked")
    assert rows["callback_errors", "a"] == (0.0, 0.0, 0.0, 9, f"no MemoryError; {EXACT}")
    text = f"MemoryError, caught; its traceback is in the log; {EXACT}"
    assert rows["callback_errors", "b"] == (2.0, 2.0, 2.0, 2, text)
    text = f"calls of the replaced callback; {EXACT}"
    assert rows["callbacks_after_stop", "a"] == (3.0, 3.0, 3.0, 1, text)
    assert why["lateness_p50_us", "t"] == "the board refuses this kind of timer or section"
    assert not [key for key in rows if key[1] == ""]


def test_what_comes_after_a_stop():
    rows, _ = told(
        technique="periodic_operator",
        counters={"strays": 2, "op_stops": 8, "op_after": 3, "op_timer": 4, "op_flag": 6,
                  "op_flag_stops": 4},
        values={"op.stop": np.array([0, 9, 4]), "op.phase": np.array([5, 7, 6, 8, 4])},
    )  # fmt: skip
    text = f"{EXACT}; watched for 21 ms after the end"
    assert rows["callbacks_after_stop", None] == (2.0, 2.0, 2.0, 1, text)
    assert rows["callbacks_after_stop", "stop()"] == (3.0, 3.0, 3.0, 8, EXACT)
    text = f"in the two periods after each stop; {EXACT}"
    assert rows["timer_after_stop", "stop()"] == (0.5, 0.5, 0.5, 8, text)
    assert rows["timer_after_stop", "flag_only"] == (1.5, 1.5, 1.5, 4, text)
    value, lo, hi, n, note = rows["stop_latency_us", None]
    assert (value, lo, hi, n) == (9.0, 8.0, None, 3)
    assert note.startswith("0: no callback came after the call")
    value, _, _, n, note = rows["restart_phase_us", None]
    assert (value, n) == (pytest.approx(6.0, abs=0.5), 5)
    assert note.startswith("median; largest 8 us")


def test_without_stops_nothing_is_said_of_them():
    rows, why = told(technique="periodic_operator", counters={"op_after": 3})
    assert not [key for key in (*rows, *why) if key[0] in ("timer_after_stop", "stop_latency_us")]
    rows, _ = told(counters={"op_stops": 1, "op_flag_stops": 1})
    assert rows["timer_after_stop", "stop()"][:4] == (0.0, 0.0, 0.0, 1)
    assert rows["timer_after_stop", "flag_only"][:4] == (0.0, 0.0, 0.0, 1)
    assert rows["callbacks_after_stop", "stop()"][:4] == (0.0, 0.0, 0.0, 1)


FIRST = [(BOOT, 0, 0, 0, 0)]


def reset_rows(*more):
    return np.array([*FIRST, *more], np.int64).reshape(-1)


def test_resets_add_up():
    counts = count_resets(
        reset_rows((BOOT, 0, 1, 0, 0), (BOOT, 0, 1, 0, 0),
              (REPORT, 0, 0, 0, 0), (REPORT, 0, 0, 0, 0),
              (RUN, 0, 1000, 2000, 999), (RUN, 0, 2000, 3000, 1000), (RUN, 1, 0, 2000, 1999),
              (RUN, 1, 6000, 8000, 2000), (RUN, 1, 6000, 8000, 0), (RUN, 1, 6000, 8000, 0))
    )  # fmt: skip
    assert (counts.resets, counts.inside, counts.reports, counts.runs) == (2, 2, 2, 6)
    assert (counts.late, counts.twice) == (2, 2)
    # job 1 was due at 2000 and came at 6000: two of its periods of 2 s are lost
    assert counts.runs_lost == 2


def test_what_is_said_of_reset_rows():
    rows, _ = told(
        technique="aioschedule",
        values={
            RESET_CHANNELS[KILL].stored: reset_rows(
                (BOOT, 0, 1, 0, 0), (RUN, 0, 1000, 2000, 5), (REPORT, 0, 0, 0, 0)
            )
        },
    )
    text = "1 resets, 1 of them inside a save, 1 runs"
    value, lo, hi, n, note = rows["jobs_lost", "survival/kill"]
    assert (value, lo, n, note) == (0.0, 0.0, 1, f"{text}; 1 damaged files reported")
    assert hi == pytest.approx(0.975)  # Clopper and Pearson: 1 - 0.025 ** (1 / 1)
    *_, n, note = rows["jobs_run_twice", "survival/kill"]
    assert (n, note) == (1, f"{text}; runs whose save was interrupted come again")
    *_, n, note = rows["jobs_late", "survival/kill"]
    assert (n, note) == (1, f"{text}; late: by a period or more")


def test_why_a_board_was_not_reset():
    taken = capture(track(grid(20)))
    for capabilities, mode, reason in (
        ((), SOFT_RESET, "it has no file system to keep a plan in"),
        (("fs",), SOFT_RESET, "its memory is too small for a plan, or it was not tried"),
        (("fs",), DEEP_SLEEP, "deep sleep takes a board off its port; say deepsleep = true in its "
                         "wiring file if it comes back by itself"),
        (("fs",), KILL, "only the embedded board is killed: a write to flash that is interrupted "
                        "is not risked"),
    ):  # fmt: skip
        tried = replace(
            taken,
            plan=replace(taken.plan, options={RESET_OPTIONS[mode]: 10}),
            board=replace(taken.board, capabilities=capabilities),
        )
        assert [r.reason for r in summarise_capture(tried).reasons if r.metric == "jobs_lost"] == [
            reason
        ]


def test_a_board_that_was_never_reset_says_so_for_each_count():
    _, why = told(technique="aioschedule", values={RESET_CHANNELS[SOFT_RESET].stored: reset_rows()})
    for metric in ("jobs_lost", "jobs_run_twice", "jobs_late"):
        assert why[metric, "survival/soft_reset"] == "the board was never reset"


def sleeps(count):
    rows = []
    for k in range(1, count + 1):
        rows += [(ASLEEP, 1000 * k, 0, 0, 0), (BOOT, 0, 0, 10**6 * k + 100 * k, 0)]
    return reset_rows(*rows)


def test_the_wake_error_is_the_median():
    rows, _ = told(technique="aioschedule", values={RESET_CHANNELS[DEEP_SLEEP].stored: sleeps(7)})
    note = "median; 100 to 700 us; the start of the board is part of it"
    assert rows["wake_error_us", "survival/deepsleep"] == (400.0, 100.0, 700.0, 7, note)
    rows, _ = told(technique="aioschedule", values={RESET_CHANNELS[DEEP_SLEEP].stored: sleeps(4)})
    value, lo, hi, n, note = rows["wake_error_us", "survival/deepsleep"]
    assert (value, lo, hi, n) == (250.0, None, None, 4)
    assert note.endswith("needs 6 sleeps for bounds")


def test_the_share_leaves_out_windows_of_no_length():
    columns = {"share.with": [50, 60, 70, 80], "share.with_us": [100, 100, 0, 100],
               "share.bare": [100, 100, 100, 0], "share.bare_us": [100, 0, 100, 100]}  # fmt: skip
    rows, _ = told(values={name: np.array(column) for name, column in columns.items()})
    assert rows["background_share", None][:4] == (0.5, None, None, 1)


@pytest.mark.parametrize("more", [{"counters": {"background": 1}}, {"options": {"share": 1}}])
def test_a_share_that_was_asked_for_is_missed(more):
    _, why = told(**more)
    text = "needs the turns of the same loop with no task running"
    assert why["background_share", None] == text
    assert ("background_share", None) not in told()[1]


def calibration(**more):
    none = np.empty(0, np.int64)
    return Calibration(
        **{"read_us": none, "read_batch": 10, "stamp_us": none, "stamp_batch": 10,
           "step_us": none, **more}
    )  # fmt: skip


def test_the_instrument_is_the_boards_or_else_the_calibrations():
    plain = capture(track(grid(20)))
    bare = replace(plain, board=replace(plain.board, tick_resolution_us=None))
    assert instrument(bare) == instrument(replace(bare, calibration=calibration()))
    tools = instrument(bare)
    assert (tools.tick_us, tools.stamp_cost_us, tools.read_cost_us) == (1.0, 0.0, 0.0)
    measured = calibration(
        read_us=np.array([30, 10, 20]), stamp_us=np.array([50, 70, 90]), step_us=np.array([4, 2, 9])
    )
    tools = instrument(replace(bare, calibration=measured))
    assert (tools.tick_us, tools.stamp_cost_us, tools.read_cost_us) == (4.0, 7.0, 2.0)
    known = replace(bare.board, tick_resolution_us=8.0, stamp_cost_us=3.0)
    tools = instrument(replace(bare, board=known, calibration=measured))
    assert (tools.tick_us, tools.stamp_cost_us, tools.read_cost_us) == (8.0, 3.0, 2.0)
    fine = replace(bare.board, tick_resolution_us=0.25)
    assert instrument(replace(bare, board=fine)).tick_us == 1.0


def test_the_cost_of_a_stamp():
    _, why = told()
    assert why["stamp_cost_us", None] == "the capture has no calibration"
    assert why["observer_effect_us", None] == "needs 8 pairs of loops, there are 0"
    _, why = told(calibration=calibration(read_us=np.array([3])))
    assert why["stamp_cost_us", None] == "the capture has no calibration"
    rows, _ = told(calibration=calibration(stamp_us=np.array([30, 50, 70])))
    value, lo, hi, n, note = rows["stamp_cost_us", None]
    assert (value, lo, hi, n, note) == (5.0, None, None, 3, "needs 8 batches for bounds")
    rows, _ = told(calibration=calibration(stamp_us=np.arange(41) + 30))
    value, lo, hi, n, _ = rows["stamp_cost_us", None]
    assert (value, n) == (pytest.approx(5.0, abs=0.05), 41)
    assert 3.0 < lo < value < hi < 7.0


def answered(sent, forward, backward, *, ppm=0.0):
    """Exchanges at ``sent`` us, with these delays; the board answers after 10 us."""
    sent = np.asarray(sent, np.float64)
    at = sent + forward
    rate = 1 + ppm * 1e-6
    return Pings(
        (sent * 1000).astype(np.int64),
        np.rint(at * rate).astype(np.int64),
        np.rint((at + 10) * rate).astype(np.int64),
        ((at + 10 + backward) * 1000).astype(np.int64),
    )


def test_exchanges_are_differences_from_the_first():
    data = exchanges(answered([5_000_000, 6_000_000], np.array([100, 140]), np.array([60, 50])))
    # the first answer: sent at 0, there after 100 (the base), back after 170 in all
    assert data.forward_us.tolist() == [0.0, 40.0]
    assert data.backward_us.tolist() == [160.0, 150.0]
    assert data.round_trip_us.tolist() == [160.0, 190.0]
    assert data.time_s.tolist() == pytest.approx([85e-6, 1.0001])


def test_the_fastest_exchange_of_each_window_counts():
    """40 exchanges make 8 windows of 5; in each one is 100 us faster either way."""
    n = 40
    slow = np.full(n, 300.0)
    forward, backward = slow.copy(), slow.copy()
    forward[2::5] = 200.0
    backward[4::5] = 200.0
    data = exchanges(answered(np.arange(n) * 1e5, forward, backward))
    time, offset = window_minima(data)
    at = (np.arange(8) * 5 + 3) * 0.1  # between the third and the fifth of each five
    assert time == pytest.approx(at, abs=1e-3)
    assert offset == pytest.approx(offset[0], abs=0.6)
    assert window_minima(exchanges(answered(np.arange(110) * 1e5, 300, 300)))[0].size == 22


@pytest.mark.parametrize(("span_us", "given"), [(999_999, False), (1_000_000, True)])
def test_exchanges_span_a_second_at_least(span_us, given):
    board = np.linspace(0, span_us, 9).astype(np.int64)
    rows, why = told(pings=Pings(board * 1000, board, board, board * 1000))
    assert (("clock_skew_ppm", None) in rows) is given
    if not given:
        text = "the clock exchanges span less than a second"
        assert why["clock_skew_ppm", None] == text


def test_the_fastest_exchange_is_in_the_note():
    sent = np.linspace(0.0, 2e6, 9)
    rows, _ = told(pings=answered(sent, np.full(9, 50.0), np.full(9, 50.0)))
    note = "fastest exchange 100 us, so the offset is known to 50 us"
    assert rows["clock_skew_ppm", None][4] == note


def test_between_two_clusters_half_of_what_the_round_trip_changed_is_not_seen():
    """60 s apart; the second cluster's round trips are 80 us longer: 40 us, and 5 us besides."""
    sent = np.concatenate([np.arange(100) * 1e4, 59e6 + np.arange(100) * 1e4])
    late = np.where(np.arange(200) >= 100, 40.0, 0.0)
    rows, _ = told(pings=answered(sent, 50.0 + late, 50.0 + late))
    value, lo, hi, n, _ = rows["clock_skew_ppm", None]
    assert (value, n) == (pytest.approx(0.0, abs=0.05), 200)
    unseen = (40.0 + 0.05 * 100.0) / 59.99
    assert hi == pytest.approx(1.96 / math.sqrt(3.0) * unseen, rel=0.1)
    assert lo == pytest.approx(-1.96 / math.sqrt(3.0) * unseen, rel=0.1)


def test_noise_has_a_name_from_64_activations_on():
    x = np.random.default_rng(1).normal(0.0, 5.0, 64)
    assert noise_type((error_of(x[:63]),), 0.01) is None
    assert noise_type((error_of(x),), 0.01)[1] == "white phase noise"


def test_a_time_error_has_its_holes():
    for gone, size in (([], 10), ([9], 9), ([3], 10), ([3, 4], 10), ([0], 9)):
        stamps = np.delete(grid(10), gone)
        releases = np.delete(np.arange(10), gone)
        (error,) = time_errors(assign(track(stamps + 7, given=releases)))
        x = error.raw(0, error.size)
        assert x.size == size
        assert error.holes is (size > stamps.size)
        assert np.count_nonzero(np.isnan(x)) == size - stamps.size
        assert (x[np.isfinite(x)] == 7.0).all()


def test_given_releases_stay_integers():
    activations = assign(track(grid(4), given=np.arange(4, dtype=np.int32)))
    assert (activations.rule, activations.index.dtype) == ("given", np.int64)


def test_the_normal_tail_beyond_the_table_goes_on_where_it_ends():
    tails = log_normal_tail(np.array([35.99, 36.0, 36.01, 36.02, 60.0]))
    assert tails[:2] == pytest.approx(
        [math.log(0.5 * math.erfc(z / math.sqrt(2.0))) for z in (35.99, 36.0)], abs=1e-6
    )
    slopes = np.diff(tails[:4])
    assert slopes == pytest.approx([-0.36] * 3, abs=2e-3)
    mills = -1800.0 - math.log(60.0 * math.sqrt(2 * math.pi))
    assert tails[4] == pytest.approx(mills)


def test_a_typical_interval_is_near_the_period():
    """Up to 10 % off it is the clock's rate, else something else is wrong."""
    for typical, taken in ((9001, 9001), (8999, 10_000), (10_999, 10_999), (11_001, 10_000)):
        window = WindowStamps(np.arange(101) * typical, 0.0, 1e4)
        assert window.typical_us()[0] == pytest.approx(taken)
    assert WindowStamps(np.array([0, 1]), 0.0, 1e4).typical_us() == (1e4, False)


def test_a_stop_and_a_start_are_less_the_one_read_between_their_stamps():
    rows, _ = told(
        technique="periodic_operator",
        counters={"op_stops": 3},
        values={"op.stop": np.array([0, 9, 4]), "op.phase": np.array([5, 7, 6, 8, 4])},
        calibration=Calibration(np.full(9, 34), 16, np.full(9, 90), 16, np.ones(9, np.int64),
                                rounds_us=np.full(9, 2), rounds=1),
    )  # fmt: skip
    assert rows["stop_latency_us", None][0] == 7.0
    assert rows["restart_phase_us", None][0] == pytest.approx(4.0, abs=0.5)
    rows, _ = told(
        technique="periodic_operator",
        counters={"op_stops": 3},
        values={"op.stop": np.array([0, 0, 0])},
        calibration=Calibration(np.full(9, 34), 16, np.full(9, 90), 16, np.ones(9, np.int64),
                                rounds_us=np.full(9, 2), rounds=1),
    )  # fmt: skip
    assert rows["stop_latency_us", None][0] == 0.0, "no callback came: nothing to take a read off"
