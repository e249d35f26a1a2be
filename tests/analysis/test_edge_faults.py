"""What is wrong with an instrument or a board is found in the edges and said."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.edge_alignment import Alignment, align
from hil.analysis.recording_faults import host_rate
from hil.model.edges import EdgeLine
from tools.edges.faults import FAULTS, edit, map_time, window, with_more, without
from tools.edges.judging import run
from tools.edges.worlds import World, build, replace_recording


def world_with(step_us: float = 1.0, *, least: int = 100, sync: bool = True) -> World:
    """The first world with such a clock, a sync line of its own and enough activations."""
    for seed in count():
        world = build(seed)
        stamps = world.capture.tracks[0].stamps_us.size
        drawn = world.drawn
        if drawn.step_us == step_us and drawn.own_sync_line == sync and stamps >= least:
            return world
    raise AssertionError


def task0(world: World) -> EdgeLine:
    line = world.recording.line("task0")
    assert line is not None
    return line


def aligned(world: World) -> Alignment:
    return align(world.recording, world.capture)


def kinds(alignment: Alignment) -> dict[str, int]:
    return {finding.kind: finding.count for finding in alignment.findings}


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "nothing"])
def test_no_fault_of_a_few_worlds_is_silent(fault: str) -> None:
    cases = [run(seed, fault) for seed in range(4)]
    assert not [(case.seed, case.wrong) for case in cases if case.silent]
    assert any(case.said or case.verdict != "aligned" for case in cases)


def test_nothing_is_said_of_clean_recordings() -> None:
    cases = [run(seed, "nothing") for seed in range(24)]
    assert not [(case.seed, case.kinds) for case in cases if case.kinds]
    assert {case.verdict for case in cases} == {"aligned"}


def test_a_single_lost_edge_is_the_instruments_fault() -> None:
    world = world_with()
    middle = task0(world).times_ns.size // 2
    spoiled = edit(world, "task0", lambda line: without(line, np.array([middle])))
    alignment = aligned(spoiled)
    assert kinds(alignment) == {"lost": 1}
    (finding,) = alignment.findings
    assert finding.text == "task0 lacks 1 edge, which the instrument lost"
    gone = task0(world).times_ns[middle]
    assert any(gap.start_ns < gone < gap.end_ns for gap in alignment.lost)


def test_an_activation_without_a_switch_is_the_boards_fault() -> None:
    case = run(1, "board did not switch")
    assert "board missed" in case.kinds
    assert case.alignment is not None
    assert "lost" not in case.kinds


def test_two_lost_edges_in_a_row_can_be_either() -> None:
    world = world_with()
    middle = task0(world).times_ns.size // 2
    gone = np.array([middle, middle + 1])
    alignment = aligned(edit(world, "task0", lambda line: without(line, gone)))
    (finding,) = alignment.findings
    assert (finding.kind, finding.count) == ("lost", 2)
    assert "unless the board did not switch the pin" in finding.text


def test_a_doubled_edge_is_told_from_a_glitch() -> None:
    world = world_with()
    middle = task0(world).times_ns.size // 2
    at, level = task0(world).times_ns[middle] + 3000, task0(world).levels[middle]
    doubled = edit(world, "task0", lambda line: with_more(line, np.array([at]), np.array([level])))
    assert kinds(aligned(doubled)) == {"duplicate": 1}
    pulse = np.array([at, at + 400])
    levels = np.array([1 - level, level])
    spoiled = edit(world, "task0", lambda line: with_more(line, pulse, levels))
    assert kinds(aligned(spoiled)) == {"glitch": 1}


def test_a_step_of_8_us_makes_the_recording_invalid() -> None:
    world = world_with()
    first, last = window(world)
    alignment = aligned(map_time(world, lambda t: t + 8.0 * (t > (first + last) / 2)))
    assert alignment.verdict == "invalid"
    step = next(finding for finding in alignment.findings if finding.kind == "step")
    assert "once" in step.text
    assert step.start_ns == pytest.approx(
        world.recording.start_ns + 500 * (first + last), abs=0.05e3 * (last - first)
    )


def test_a_channel_that_is_upside_down_costs_nothing() -> None:
    world = world_with()
    plain = aligned(world)
    alignment = aligned(edit(world, "sync", lambda line: replace(line, levels=1 - line.levels)))
    assert [finding.text for finding in alignment.findings] == ["the levels of sync are inverted"]
    assert alignment.offset_us == plain.offset_us


def test_a_wrong_sample_rate_is_named_with_its_factor() -> None:
    alignment = aligned(map_time(world_with(), lambda t: t * 1.25))
    assert alignment.verdict == "invalid"
    assert "1.25 times as fast" in alignment.reason


def test_a_sync_pattern_on_another_channel_is_said() -> None:
    world = world_with()
    other = {"sync": "task0", "task0": "sync"}
    lines = tuple(replace(ln, name=other.get(ln.name, ln.name)) for ln in world.recording.lines)
    alignment = aligned(replace_recording(world, replace(world.recording, lines=lines)))
    assert alignment.verdict == "invalid"
    assert "came on the channel named task0" in alignment.reason


def test_without_the_sync_line_nothing_is_computed() -> None:
    world = world_with()
    lines = tuple(line for line in world.recording.lines if line.name != "sync")
    alignment = aligned(replace_recording(world, replace(world.recording, lines=lines)))
    assert alignment.verdict == "no match"
    assert "the instrument has no line sync" in alignment.reason


def test_periodic_tasks_without_a_sync_pattern_are_ambiguous() -> None:
    world = world_with()
    none = np.empty(0, np.int64)
    recording = replace(world.recording, board_us=none, seen_ns=none)
    track = world.capture.tracks[0]
    grid = track.stamps_us[0] + np.arange(track.stamps_us.size) * round(track.period_us)
    own = (grid - grid[0]) * 1000 + world.recording.start_ns
    line = EdgeLine("task0", own, np.arange(own.size) % 2)
    periodic = replace(world.capture, sync=None, tracks=(replace(track, stamps_us=grid),))
    alignment = align(replace(recording, lines=(line,)), periodic)
    assert alignment.verdict == "ambiguous"
    assert "make a sync pattern" in alignment.reason


def test_irregular_tasks_align_without_a_sync_pattern_but_have_no_offset() -> None:
    case = next(
        case
        for case in (run(seed, "no sync pattern") for seed in range(20))
        if case.verdict == "aligned"
    )
    alignment = case.alignment
    assert alignment is not None
    assert np.isinf(alignment.offset_hi_us)
    assert np.isinf(alignment.offset_lo_us)
    assert np.isfinite(alignment.ppm_hi)


def test_the_host_shows_a_wrong_rate_only_beyond_what_its_pairs_may_be_off() -> None:
    host = np.arange(40, dtype=np.int64) * 250_000_000
    noise = np.random.default_rng(3).integers(0, 2_000_000, host.size)
    measured = host_rate(np.rint(host * 1.0003).astype(np.int64), host + noise)
    assert measured is not None
    rate, low, high = measured
    assert low < 300.0 < high
    assert low < rate < high
    assert host_rate(host[:1], host[:1]) is None


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 5000),
    shift_ns=st.integers(-(10**12), 10**12),
    lost=st.sets(st.integers(0, 31), max_size=4),
)
def test_bounds_hold_wherever_the_recording_begins_and_whatever_sync_edges_are_lost(
    seed: int, shift_ns: int, lost: set[int]
) -> None:
    world = build(seed)
    sync = world.capture.sync
    assert sync is not None
    pin = world.pins[sync.line]
    own = np.flatnonzero(pin.stamp < 0)
    own = own[-sync.before_us.size :] if sync.line == "sync" else own[1:]
    gone = own[[index for index in lost if index < own.size]].astype(np.int64)
    recording = edit(world, sync.line, lambda line: without(line, gone)).recording
    moved = replace(
        recording,
        lines=tuple(replace(ln, times_ns=ln.times_ns + shift_ns) for ln in recording.lines),
        seen_ns=recording.seen_ns + shift_ns,
        own_ns=recording.own_ns + shift_ns,
    )
    alignment = align(moved, world.capture)
    assert alignment.verdict == "aligned", alignment.reason
    assert alignment.ppm_lo <= world.drawn.rate * 1e6 <= alignment.ppm_hi
    ends = np.array([sync.before_us[0], sync.before_us[-1]], np.float64)
    seen = (world.drawn.start_ns + shift_ns) / 1000 + world.drawn.resolution_ns / 2000
    true = seen + world.instrument_us(ends)
    line = ends + alignment.ppm * 1e-6 * (ends - alignment.reference_us)
    offset = true - line
    assert (offset >= alignment.offset_lo_us - 0.01).all()
    assert (offset <= alignment.offset_hi_us + 0.01).all()
