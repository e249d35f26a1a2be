"""What lies between two stamps of an event, and the bounds that follow from it."""

import numpy as np
import pytest
from captures import by_name, capture, grid, track

from hil.analysis.stamp_costs import HANDLER_TOO, UNKNOWN_PARTS, call_cost
from hil.experiments.evaluation import summarise_capture
from hil.model.captures import Calibration, EventSet

READ, SET, STORE = 4.0, 6.0, 1.5
ROUNDS, CALLS = 8, 128


def calibration(read=READ, write=SET, keep=READ + STORE, loop=2.0):
    """Batches as a board with these costs takes them, whole microseconds."""

    def batch(call):
        return np.full(100, round(CALLS * call + ROUNDS * loop + read))

    return Calibration(
        read_us=batch(read),
        read_batch=CALLS,
        stamp_us=batch(13.5),
        stamp_batch=CALLS,
        step_us=np.full(20, 1),
        set_us=batch(write),
        keep_us=batch(keep),
        rounds_us=np.full(100, round(ROUNDS * loop + read)),
        rounds=ROUNDS,
    )


def latency(difference_us, cost, *, stage="isr", between="pin", n=1000, **more):
    stimulus = 5_000 + 1000 * np.arange(n, dtype=np.int64)
    events = EventSet(stage, "m", stimulus, stimulus + difference_us, between=between, **more)
    told = summarise_capture(capture(track(grid(20)), events=(events,), calibration=cost))
    return by_name(told.measurements, None)[f"{stage}_latency_p50_us"]


def test_the_loop_of_a_batch_and_its_last_read_are_no_part_of_a_call():
    board = calibration()
    cost = call_cost(board.read_us, board.rounds_us, CALLS, 1.0)
    assert cost.us == pytest.approx(READ, abs=0.01)
    assert cost.lo == pytest.approx(READ - 2 / CALLS, abs=0.01)
    assert cost.hi == pytest.approx(READ + 2 / CALLS, abs=0.01)


def test_a_coarse_clock_makes_the_cost_less_certain():
    board = calibration()
    coarse = call_cost(board.read_us, board.rounds_us, CALLS, 30.5)
    assert coarse.hi - coarse.lo == pytest.approx(4 * 31.5 / CALLS)


def test_few_batches_give_no_cost():
    assert call_cost(np.full(4, 100), np.full(100, 3), CALLS, 1.0) is None
    assert call_cost(np.empty(0, np.int64), np.full(100, 3), CALLS, 1.0) is None


@pytest.mark.parametrize("edge", [1 - READ / SET, 0.7, 1.0])
@pytest.mark.parametrize("latch", [0.0, 0.5, 1.0])
def test_the_truth_is_inside_wherever_reading_and_edge_lie_in_their_calls(edge, latch):
    """Emulated Pico: a stamp of 13.5 us, of which the read and the write lie before the edge.

    Behind the edge there is no more of the write than a whole read.
    """
    truth = 11.85
    difference = (1 - latch) * READ + edge * SET + truth + latch * READ
    figure = latency(round(difference), calibration())
    assert figure.lo <= truth <= figure.hi
    assert figure.hi - figure.lo == pytest.approx(READ + 2.0, abs=0.2)
    assert {part.what for part in figure.uncertainty} >= {
        "clock's step, two readings",
        "the edge's place in the pin's write",
        "cost of a clock read",
    }


def test_a_whole_stamp_is_not_taken_off():
    """13.5 us less would be 2.5 us, where 11.85 is true."""
    figure = latency(16, calibration())
    assert figure.value == pytest.approx(16 - READ - (SET - READ / 2), abs=0.1)


def test_a_write_that_is_faster_than_a_read_may_have_its_edge_anywhere():
    figure = latency(16, calibration(write=3.0))
    assert figure.value == pytest.approx(16 - READ - 1.5, abs=0.1)
    assert figure.hi - figure.lo == pytest.approx(3.0 + 2.0, abs=0.2)


@pytest.mark.parametrize("true_us", [16.0, 16.1, 16.3, 16.5, 16.8])
def test_the_median_of_two_readings_is_finer_than_the_clock(true_us):
    phase = np.random.default_rng(1).permutation((np.arange(1000) + 0.5) / 1000)
    stimulus = 5_000 + 1000 * np.arange(1000, dtype=np.int64)
    events = EventSet("isr", "m", stimulus, stimulus + np.floor(phase + true_us).astype(np.int64))
    told = summarise_capture(capture(track(grid(20)), events=(events,), calibration=calibration()))
    figure = by_name(told.measurements, None)["isr_latency_p50_us"]
    assert figure.value == pytest.approx(true_us - READ - (SET - READ / 2), abs=0.12)
    assert figure.lo < figure.value < figure.hi


def test_no_number_of_events_makes_the_clocks_step_smaller():
    few, many = (latency(16, calibration(), n=n) for n in (100, 50_000))
    assert many.hi - many.lo == pytest.approx(few.hi - few.lo)
    assert many.hi - many.lo > 2.0


def test_a_deferral_counts_from_the_call_that_defers():
    truth = 20.0
    figure = latency(round(READ + STORE + truth), calibration(), stage="defer", between="schedule")
    assert figure.lo <= truth <= figure.hi
    assert figure.hi - figure.lo < 2.2
    assert figure.note is None


def test_of_an_older_capture_the_rest_of_the_handler_is_said_to_be_part():
    old = Calibration(np.full(20, 400), 100, np.full(20, 1350), 100, np.full(20, 1))
    figure = latency(60, old, stage="defer", between="handler")
    assert (figure.lo, figure.hi) == pytest.approx((60 - 13.5 - 1.0, 61.0), abs=1e-3)
    assert HANDLER_TOO in figure.note
    assert UNKNOWN_PARTS in figure.note


def test_without_any_calibration_nothing_is_taken_off():
    figure = latency(60, None)
    assert (figure.value, figure.lo, figure.hi) == pytest.approx((60.0, 59.0, 61.0), abs=1e-3)


def test_a_board_without_an_output_knows_no_write():
    board = calibration()
    without = Calibration(
        *(board.read_us, CALLS, board.stamp_us, CALLS, board.step_us),
        rounds_us=board.rounds_us,
        rounds=ROUNDS,
    )
    figure = latency(60, without)
    assert UNKNOWN_PARTS in figure.note
    assert (figure.lo, figure.hi) == pytest.approx((60 - 13.5 - 1.0, 61.0), abs=0.02)


def test_a_counter_is_read_somewhere_within_its_call_and_steps_by_one():
    figure = latency(25, calibration(), between="counter", counter_cost_us=3.0)
    assert figure.value == 23.5
    assert (figure.lo, figure.hi) == pytest.approx((25 - 3 - 1, 26.0), abs=1e-3)


def test_a_step_of_parts_of_a_microsecond_is_cut_in_each_reading():
    stimulus = np.arange(1000, dtype=np.int64) * 1000
    events = EventSet("isr", "m", stimulus, stimulus + 30)
    told = summarise_capture(capture(track(grid(20)), events=(events,), step_us=30.517578125))
    figure = by_name(told.measurements, None)["isr_latency_p50_us"]
    assert figure.hi - figure.lo == pytest.approx(2 * 31.517578125, abs=1e-3)
