"""A clock that is set while it is measured makes the capture invalid; a fast one does not."""

from dataclasses import replace

import numpy as np
import pytest

from hil.boards.backends.registry import parse_board
from hil.experiments.plan import Case, capture_job, find_profile, make_cases
from hil.experiments.session import Session
from hil.model.captures import Pings
from hil.model.errors import CaptureError
from hil.recording.capture_reader import read_capture
from hil.recording.validity import clock_step, require_valid

from .conftest import stream


def pings(times_us, *, ppm=0.0, jump_us=0, jump_at=0.0, rtt_us=150, wrap=None):
    chance = np.random.default_rng(3)
    there = np.asarray(times_us, float)
    go, back = chance.uniform(0.2, 1, (2, len(there))) * rtt_us
    board = there * (1 + ppm * 1e-6) + np.where(there > jump_at, jump_us, 0)
    return Pings(
        ((there - go) * 1000).astype(np.int64),
        board.astype(np.int64),
        board.astype(np.int64) + 30,
        ((there + back) * 1000).astype(np.int64),
    )


AROUND = [*range(0, 20_000, 200), *range(5_000_000, 5_020_000, 200)]
EVERY_SECOND = [*range(0, 20_000, 200), *range(1_000_000, 60_000_000, 1_000_000)]


@pytest.mark.parametrize("times", [AROUND, EVERY_SECOND, range(0, 60_000_000, 500_000)])
@pytest.mark.parametrize("ppm", [-30_000, -40, 0, 40, 30_000])
def test_a_clock_of_one_rate_is_sound(times, ppm):
    assert clock_step(pings(times, ppm=ppm), 1.0) is None
    assert clock_step(pings(times, ppm=ppm, rtt_us=20_000), 1.0) is None


@pytest.mark.parametrize("jump", [-400_000, 400_000])
def test_a_jump_within_a_buffered_window_is_found(jump):
    told = clock_step(pings(AROUND, jump_us=jump, jump_at=2e6), 1.0)
    assert told
    assert "jumped" in told
    size = float(told.split("about ")[1].split(" ms")[0])
    assert 0.5 < size / (jump / 1000) < 2


@pytest.mark.parametrize("jump", [-3_000, 3_000])
def test_exchanges_within_the_window_find_a_hundred_times_smaller_ones(jump):
    assert clock_step(pings(EVERY_SECOND, jump_us=jump, jump_at=30.5e6), 1.0)
    assert clock_step(pings(range(0, 60_000_000, 500_000), jump_us=jump, jump_at=3.2e7), 1.0)


def test_no_exchanges_no_verdict():
    assert clock_step(None, 1.0) is None
    assert clock_step(pings([0, 1000]), 1.0) is None


def test_stamps_that_go_back_invalidate_the_capture(stored):
    capture = stored(stream())
    stamps = capture.tracks[0].stamps_us.copy()
    stamps[10:] -= 50_000
    track = replace(capture.tracks[0], stamps_us=stamps)
    with pytest.raises(CaptureError, match=r"went back by \d+ us .* task 0"):
        require_valid(replace(capture, tracks=(track, capture.tracks[1])))


def test_a_jump_invalidates_the_capture(stored):
    capture = replace(stored(stream()), pings=pings(AROUND, jump_us=400_000, jump_at=2e6))
    with pytest.raises(CaptureError, match="clock jumped"):
        require_valid(capture)


def test_an_exchange_at_the_windows_end_finds_a_jump_that_is_taken_back_after_it():
    """The window is short by what the clock jumped, but first and last exchange agree."""
    blocks = [*range(0, 20_000, 200), *range(1_100_000, 1_120_000, 200)]
    blocks += range(6_000_000, 6_020_000, 200)
    sound = pings(blocks)
    assert clock_step(sound, 1.0) is None
    between = (sound.host_tx_ns > 5e8) & (sound.host_tx_ns < 3e9)
    there = replace(sound, board_rx_us=sound.board_rx_us + np.where(between, 4000, 0))
    told = clock_step(there, 1.0)
    assert told
    assert 2 < abs(float(told.split("about ")[1].split(" ms")[0])) < 6


def knobs_plan(technique, streaming):
    period_ms, seconds = (100, 3.5) if streaming else (10, 1.2)
    (case,) = make_cases(
        find_profile("quick"),
        [technique],
        ["idle"],
        period_ms=period_ms,
        duration_s=seconds,
        windows=1,
    )
    return replace(case.plan, streaming=streaming, options={"pings": 20})


@pytest.mark.parametrize(
    ("technique", "knobs", "streaming"),
    [
        ("timer_hard", "step_us=300000,step_every_ms=1000", False),
        ("asyncio_deadline", "step_us=-300000,step_every_ms=1000", False),
        ("timer_soft", "step_us=40000,step_every_ms=1500", True),
        ("thread", "step_us=-40000,step_every_ms=1500", True),
    ],
)
def test_a_board_whose_clock_is_set_forward_and_back_gives_no_figure(
    tmp_path, technique, knobs, streaming
):
    """Back by more than a period the stamps show it, else the exchanges with the host."""
    with Session(parse_board(f"sim:clock=virtual,{knobs}")) as session:
        session.capture(
            capture_job(Case(knobs_plan(technique, streaming)), session.board),
            tmp_path / "a.hilcap",
        )
    with pytest.raises(CaptureError, match=r"clock (jumped|ran backwards|went back)"):
        require_valid(read_capture(tmp_path / "a.hilcap"))


def test_exchanges_within_a_window_in_virtual_time_are_as_short_as_the_boards_answers(tmp_path):
    with Session(parse_board("sim:clock=virtual")) as session:
        session.capture(
            capture_job(Case(knobs_plan("timer_soft", True)), session.board), tmp_path / "a.hilcap"
        )
    sent = read_capture(tmp_path / "a.hilcap").pings.host_tx_ns
    took = read_capture(tmp_path / "a.hilcap").pings.host_rx_ns - sent
    within = np.flatnonzero(np.diff(sent) > 5e8)[1:]
    assert len(within) >= 2
    assert took[within].max() < 5_000_000
