"""The embedded board's edges beside its stamps, on boards whose costs are drawn: all is exact."""

import random
from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.edge_alignment import align
from hil.boards.backends.registry import parse_board
from hil.experiments.plan import PROFILES, capture_job, make_cases
from hil.experiments.session import Session
from hil.experiments.workloads.sync_pattern import SYNC_EDGES, with_sync
from hil.model.edge_sources import parse_edge_sources
from hil.recording.capture_file import read_chunks
from hil.recording.capture_reader import read_capture

SPECS = parse_edge_sources(["sim"])
MASK = (1 << 30) - 1


class Drawn:
    """A board whose costs, skew and phase come from a seed; all times in ns."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.read, self.pin, self.store, self.entry, self.turn = (
            rng.randrange(200, 3000) for _ in range(5)
        )
        self.ppm = rng.choice([0, rng.randrange(-400, 400)])
        self.latency_us = rng.choice([0, rng.randrange(1, 90)])
        self.step = rng.choice([1.0, 1.0, 4.0, 30.5])
        costs = zip(
            ("read", "pin", "store", "entry", "turn"),
            (self.read, self.pin, self.store, self.entry, self.turn),
            strict=True,
        )
        self.spec = parse_board(
            "sim:clock=virtual,"
            + "".join(f"{name}_us={ns / 1000}," for name, ns in costs)
            + f"ppm={self.ppm},latency_us={self.latency_us},tick_us={self.step},"
            f"phase_us={rng.randrange(90_000) / 1000},seed={seed}"
        )

    def shown(self, ns, zero: int):
        """What ``ticks_us`` gives where its read ends at ``ns``; a clock that was 0 at ``zero``."""
        passed = ns // 1000 - zero
        passed = passed + (passed * round(self.ppm * 1e-6 * 2**36) >> 36)
        step_ns = round(self.step * 1000)
        return (passed * 1000 // step_ns * step_ns // 1000) & MASK


def captured(tmp_path, board: Drawn, technique: str, window: int = 0, edges=SPECS, **changes):
    """One window of a technique with its sync pattern: the capture, its file, the clock's zero."""
    (case,) = with_sync(make_cases(PROFILES["quick"], [technique], ["idle"], duration_s=0.6))
    case = case.in_window(window)
    case = replace(case, plan=replace(case.plan, options={**case.plan.options, **changes}))
    path = tmp_path / f"{technique}-{len(edges)}.hilcap"
    with Session(board.spec, edges=edges) as session:
        session.capture(capture_job(case, session.board), path)
        zero = int(session.run("import sim_clock\nprint(sim_clock.zero)"))
    capture = read_capture(path)
    assert (capture.errors, capture.faults) == ((), ())
    return capture, path, zero


@pytest.mark.parametrize(
    ("technique", "seed"),
    [("timer_hard", 1), ("timer_soft", 2), ("thread", 3), ("asyncio_sleep", 4), ("timer_hard", 5)],
)
def test_every_edge_follows_its_stamp_by_what_the_model_says(tmp_path, technique, seed):
    board = Drawn(seed)
    capture, _, zero = captured(tmp_path, board, technique)
    (recording,) = capture.edges
    for task, track in enumerate(capture.tracks):
        line = recording.line(f"task{task}")
        first = 1 - task % 2  # task 0 begins high: its pin rises before the window
        edges = line.times_ns[first : first + track.stamps_us.size]
        # a stamp is stored, then the pin is written
        read_ns = edges - board.store - board.pin
        np.testing.assert_array_equal(board.shown(read_ns, zero), track.stamps_us & MASK)
        assert track.stamps_us.size >= 19
    sync, line = capture.sync, recording.line("sync")
    assert line.levels.tolist() == [1, 0] * SYNC_EDGES
    np.testing.assert_array_equal(
        board.shown(line.times_ns - board.pin, zero), sync.before_us & MASK
    )
    np.testing.assert_array_equal(
        board.shown(line.times_ns + board.read, zero), sync.after_us & MASK
    )
    aligned = align(recording, capture)
    assert (aligned.verdict, aligned.unmatched) == ("aligned", 0)
    rate = 1 + board.ppm * 1e-6
    assert aligned.ppm_lo <= (1 / rate - 1) * 1e6 <= aligned.ppm_hi
    assert sync.after_us[-1] <= MASK  # the clock was 0 when the instrument was at zero
    offset = zero + aligned.reference_us / rate - aligned.reference_us
    assert aligned.offset_lo_us - 0.01 <= offset <= aligned.offset_hi_us + 0.01


@pytest.mark.parametrize("seed", [6, 7, 8])
def test_a_handler_answers_an_edge_when_the_model_says(tmp_path, seed):
    board = Drawn(seed)
    capture, _, _ = captured(tmp_path, board, "event_irq")
    (recording,) = capture.edges
    loop, response = recording.line("loop"), recording.line("response")
    rising = loop.times_ns[loop.levels == 1]
    (events,) = [e for e in capture.events if e.stage == "isr"]
    assert events.method == "loopback-timer/hard"
    answers = response.times_ns[: rising.size]
    assert rising.size == events.handler_us.size >= 19
    took = 1000 * board.latency_us + board.entry + board.read + board.pin
    assert set(answers - rising) == {took}


def raw(path):
    """What the board sent, and when."""
    return [payload for kind, payload in read_chunks(path, []) if kind == "R"]


def test_being_watched_changes_nothing_that_the_board_sends(tmp_path):
    board = Drawn(9)
    watched, path, _ = captured(tmp_path, board, "timer_hard")
    alone, other, _ = captured(tmp_path, board, "timer_hard", edges=())
    assert (len(watched.edges), len(alone.edges)) == (1, 0)
    assert raw(path) == raw(other)


def test_the_pattern_only_shifts_what_comes_behind_it(tmp_path):
    """Without it the same activations come, at the same distances from where they were asked."""
    board = Drawn(10)
    with_it, _, _ = captured(tmp_path, board, "timer_hard")
    without, _, _ = captured(tmp_path, board, "timer_hard", edges=(), sync=0)
    assert without.sync is None
    for own, other in zip(with_it.tracks, without.tracks, strict=True):
        own_us, other_us = own.stamps_us - own.origin_us, other.stamps_us - other.origin_us
        count = min(own_us.size, other_us.size)  # the window ends by its milliseconds
        assert max(own_us.size, other_us.size) - 1 <= count >= 19
        assert np.abs(own_us[:count] - other_us[:count]).max() <= 2 * board.step


def test_where_a_task_s_pin_has_the_pattern_its_level_afterwards_is_the_task_s(tmp_path):
    board = Drawn(11)
    (case,) = with_sync(make_cases(PROFILES["quick"], ["timer_hard"], ["idle"], duration_s=0.6))
    path = tmp_path / "one.hilcap"
    with Session(board.spec, edges=SPECS) as session:
        session._wiring = replace(session.wiring, sync=None)
        session.capture(capture_job(case.in_window(0), session.board), path)
        zero = int(session.run("import sim_clock\nprint(sim_clock.zero)"))
    capture = read_capture(path)
    assert (capture.errors, capture.faults, capture.sync.line) == ((), (), "task0")
    (recording,) = capture.edges
    line, stamps = recording.line("task0"), capture.tracks[0].stamps_us
    # it rises when the tasks are made, falls for the pattern, and is high again for the first edge
    assert line.levels[:3].tolist() == [1, 0, 1]
    window = 2 + SYNC_EDGES + 1
    assert line.levels[window - 1] == 1
    shown = board.shown(line.times_ns - board.pin, zero)
    np.testing.assert_array_equal(shown[2 : 2 + SYNC_EDGES], capture.sync.before_us[:SYNC_EDGES])
    activated = line.times_ns[window : window + stamps.size] - board.store - board.pin
    np.testing.assert_array_equal(board.shown(activated, zero), stamps & MASK)
    behind = shown[window + stamps.size :]
    assert set(capture.sync.before_us[SYNC_EDGES:]) <= set(behind)
    assert align(recording, capture).verdict == "aligned"
