"""Synthetic captures: what is sent arrives, and the long stream is as any other."""

from dataclasses import replace

import numpy as np
import pytest

from hil.model.captures import Calibration, EventSet, Gap
from hil.protocol.decoder import decode
from hil.protocol.reassembly import assemble
from hil.recording.capture_reader import read_capture
from tools import synthetic_captures

TICKS = synthetic_captures.TICK_PERIOD
ORIGIN = TICKS - 1_000_000


@pytest.fixture
def made():
    """Two tasks, interrupts with lost deferrals, values, a calibration; the clock wraps inside."""
    rng = np.random.default_rng(3)
    stimulus = ORIGIN + np.arange(200, dtype=np.int64) * 7_000
    handled = stimulus + rng.integers(20, 90, 200)
    ran = np.delete(np.arange(200), [3, 4, 150])
    deferred = handled[ran] + rng.integers(25, 90, ran.size)
    read, stamp, steps = np.arange(40) + 5, np.arange(40) + 9, np.ones(40, np.int64)
    calibration = Calibration(
        read, 320, stamp, 160, steps, rounds_us=steps + 1, rounds=20, readings_us=np.arange(30) ** 2
    )
    taken = synthetic_captures.capture(
        [rng.uniform(5, 500, 300) for _ in range(2)],
        technique="event_irq",
        origin_us=ORIGIN,
        events=(
            EventSet("isr", "loopback/hard", stimulus, handled),
            EventSet("defer", "loopback/hard", handled[ran] + 5, deferred, 3, "schedule"),
        ),
        calibration=calibration,
    )
    return replace(
        taken,
        pings=synthetic_captures.clock_exchanges(
            np.linspace(0, 3e6, 50), 100.0, 150.0, held_us=30.0, board_us=ORIGIN
        ),
        values={"share.bare_us": np.arange(-3, 30)},
        counters={"turns": 7},
    )


def same(a, b):
    """Whether two records of arrays and numbers are equal."""
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, "__slots__"):
        return all(same(getattr(a, name), getattr(b, name)) for name in a.__slots__)
    return a == b


def test_what_is_sent_arrives(made):
    received = synthetic_captures.receive(made)
    assert received.faults == ()
    for part in ("tracks", "events", "pings", "calibration"):
        assert same(getattr(received, part), getattr(made, part)), part
    assert same(received.values["share.bare_us"], made.values["share.bare_us"])
    assert received.counters["turns"] == 7


def test_gaps_and_drops_arrive_as_they_were(made):
    first, second = made.tracks
    stamps = np.delete(first.stamps_us, np.r_[10:15, 100:101])
    gaps = (Gap(10, 5), Gap(95, 1))
    first = replace(first, stamps_us=stamps, gaps=gaps, dropped=4)
    received = synthetic_captures.receive(replace(made, tracks=(first, second)))
    assert same(received.tracks, (first, second))


def test_a_stored_capture_is_read_back(made, tmp_path):
    path = tmp_path / "a.hilcap"
    synthetic_captures.store(path, made, piece=333)
    assert same(read_capture(path).tracks, made.tracks)


@pytest.mark.parametrize("tasks", [1, 2])
def test_a_stream_of_any_length_is_sound_over_a_wrap(tasks):
    n = TICKS // synthetic_captures.STREAM_PERIOD_US + 1_000
    data = b"".join(synthetic_captures.stream(n, tasks=tasks))
    plan = synthetic_captures.stream_plan(n, tasks=tasks)
    received = assemble(decode(data), synthetic_captures.board(), plan)
    assert received.faults == ()
    grid = synthetic_captures.grid(n, synthetic_captures.STREAM_PERIOD_US)
    for track in received.tracks:
        assert track.stamps_us.size == n
        late = track.stamps_us - grid
        assert abs(late.mean() - 200.0) < 1.0
        assert abs(late.std() - synthetic_captures.STREAM_SIGMA_US) < 1.0


def test_clock_exchanges_have_the_skew_that_was_asked_for():
    read_us = np.linspace(0, 1e8, 11)
    pings = synthetic_captures.clock_exchanges(read_us, 40.0, 60.0, held_us=25.0, skew_ppm=100.0)
    assert np.array_equal(pings.host_rx_ns - pings.host_tx_ns, np.full(11, 125_000))
    assert pings.board_rx_us[-1] - pings.board_rx_us[0] == 100_010_000
