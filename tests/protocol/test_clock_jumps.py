"""Known clock jumps are corrected if there is one explanation, else the capture is invalid."""

import numpy as np
import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.errors import CaptureError
from hil.protocol.activation_tracks import ClockBroken, check_order, repair_clock_jumps
from hil.protocol.decoder import decode
from hil.protocol.encoder import StreamEncoder
from hil.protocol.reassembly import assemble
from hil.recording.validity import require_valid

JUMP = 65536


def series(period=10_000, count=50, seed=1):
    noise = np.random.default_rng(seed).integers(-900, 900, count)
    return np.arange(1, count + 1) * period + noise


def right(times, **changes):
    return repair_clock_jumps(times, 0, int(times[-1]) + 9_000, JUMP, changes.get("period", 10_000))


@pytest.mark.parametrize("move", [JUMP, -JUMP])
@pytest.mark.parametrize("at", [0, 1, 20, 48, 49])
def test_a_single_wrong_reading_is_found_anywhere(at, move):
    truth = series()
    wrong = truth.copy()
    wrong[at] += move

    got, moved = right(wrong) if at < 49 else repair_clock_jumps(wrong, 0, 509_000, JUMP, 10_000)

    assert moved == 1
    assert np.array_equal(got, truth)


def test_sound_times_and_true_stalls_stay_as_they_are():
    stalled = series()
    stalled[20:] += JUMP  # a stop of the program, not of the clock: nothing goes backwards
    got, moved = right(stalled)
    assert moved == 0
    assert np.array_equal(got, stalled)


def test_another_amount_is_not_corrected():
    wrong = series()
    wrong[20] += 50_000
    with pytest.raises(ClockBroken, match="do not explain"):
        right(wrong)


def test_what_fits_two_ways_is_refused():
    # 20 ms back, long intervals around: either neighbour may be the wrong one
    times = np.array([10_000, 110_000, 90_000, 200_000])
    with pytest.raises(ClockBroken):
        repair_clock_jumps(times, 0, 300_000, JUMP, 50_000)


def test_a_jump_inside_a_long_period_is_not_proven():
    times = series(period=100_000)
    times[20] += JUMP
    with pytest.raises(ClockBroken, match="periods below"):
        repair_clock_jumps(times, 0, 6_000_000, JUMP, 100_000)
    times[20] -= JUMP
    assert repair_clock_jumps(times, 0, 6_000_000, JUMP, 100_000)[1] == 0


def test_at_a_period_of_just_the_jump_it_is_not_proven_either():
    """One jump ahead of its time a stamp meets the next one: no step back shows."""
    times = np.arange(1, 50) * JUMP
    times[20] += JUMP
    with pytest.raises(ClockBroken, match="periods below"):
        repair_clock_jumps(times, 0, 60 * JUMP, JUMP, JUMP)


def test_a_clock_without_known_jumps_must_not_go_backwards():
    check_order(np.array([1, 1, 2]))
    with pytest.raises(ClockBroken, match="backwards by 5 us"):
        check_order(np.array([1, 10, 5]))


def capture(stamps, *, jump, ms1=520):
    stream = StreamEncoder()
    stream.text("H", v=1, technique="round_robin", load="idle", tp=1 << 30, tasks=1)
    stream.text("C", i=0, name="task0", kind="ticks")
    stream.stamps(0, np.asarray(stamps, np.int64))
    stream.text("G", task=0, origin=5, offset=0, period=10_000)
    stream.text("T", i=0, n=len(stamps), dropped=0)
    stream.text("E", us0=0, us1=520_000, ms0=0, ms1=ms1, status="ok")
    board = BoardIdentity("b", "p", "emulator", "x", "x", "1.9", 1 << 30, clock_jump_us=jump)
    plan = CapturePlan("round_robin", "idle", (TaskPlan(0, 10_000),), 520_000)
    return assemble(decode(stream.data), board, plan)


def test_a_capture_names_what_was_corrected_and_keeps_its_figures():
    stamps = series()
    wrong = stamps.copy()
    wrong[7] += JUMP
    wrong[30] -= JUMP

    got = capture(wrong, jump=JUMP)

    assert np.array_equal(got.tracks[0].stamps_us, stamps)
    assert [fault.kind for fault in got.faults] == ["clock_jump"]
    assert "2 stamps" in got.faults[0].detail
    require_valid(got)


def test_the_same_jumps_invalidate_the_capture_of_a_board_not_known_for_them():
    wrong = series()
    wrong[7] += JUMP
    got = capture(wrong, jump=None)
    assert [fault.kind for fault in got.faults] == ["clock"]
    with pytest.raises(CaptureError):
        require_valid(got)


def test_slow_milliseconds_of_a_known_clock_are_told_and_invalidate_any_other():
    known = capture(series(), jump=JUMP, ms1=440)
    assert [fault.kind for fault in known.faults] == ["clock_jump"]
    assert "-80 ms" in known.faults[0].detail
    require_valid(known)
    with pytest.raises(CaptureError):
        require_valid(capture(series(), jump=None, ms1=440))
