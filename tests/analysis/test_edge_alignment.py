"""Alignment against worlds of which everything is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.edge_alignment import Alignment, align
from hil.analysis.sync_search import find_windows
from hil.model.edges import EdgeLine
from tools.edges.worlds import World, build


def holds(world: World, alignment: Alignment) -> bool:
    """Whether rate and offset at both ends of the sync pattern lie within their bounds."""
    sync = world.capture.sync
    assert sync is not None
    drawn = world.drawn
    ends = np.array([sync.before_us[0], sync.before_us[-1]], np.float64)
    seen = drawn.start_ns / 1000 + world.instrument_us(ends) + drawn.resolution_ns / 2000
    line = alignment.offset_us + ends + alignment.ppm * 1e-6 * (ends - alignment.reference_us)
    error = seen - line + alignment.offset_us
    inside = (error > alignment.offset_lo_us - 2e-3) & (error < alignment.offset_hi_us + 2e-3)
    return bool(inside.all()) and alignment.ppm_lo <= drawn.rate * 1e6 <= alignment.ppm_hi


@pytest.mark.parametrize("seed", range(30))
def test_bounds_hold_the_truth_and_every_edge_has_its_stamp(seed: int) -> None:
    world = build(seed)
    alignment = align(world.recording, world.capture)
    assert alignment.verdict == "aligned", alignment.reason
    assert holds(world, alignment)
    stamps = sum(track.stamps_us.size for track in world.capture.tracks)
    assert (alignment.matched, alignment.unmatched) == (stamps, 0)
    for track in world.capture.tracks:
        match = alignment.line(f"task{track.index}")
        assert match is not None
        np.testing.assert_array_equal(match.stamps, np.arange(track.stamps_us.size))


def test_pairs_of_a_virtual_board_narrow_the_offset() -> None:
    world = next(w for w in map(build, range(40)) if w.recording.board_us.size)
    exact = align(world.recording, world.capture)
    none = np.empty(0, np.int64)
    wide = align(replace(world.recording, board_us=none, seen_ns=none), world.capture)
    assert holds(world, exact)
    assert exact.offset_hi_us - exact.offset_lo_us < 0.2 * (wide.offset_hi_us - wide.offset_lo_us)


def test_window_is_located_in_a_recording_of_a_whole_run() -> None:
    worlds = [build(seed) for seed in (2, 3, 5)]
    start, lines = 10**12, {}
    for world in worlds:
        for line in world.recording.lines:
            moved = line.times_ns - world.recording.start_ns + start
            lines.setdefault(line.name, []).append((moved, line.levels))
        start += world.recording.end_ns - world.recording.start_ns
    joined = tuple(
        EdgeLine(name, np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))
        for name, parts in lines.items()
    )
    start = 10**12
    for world in worlds:
        length = world.recording.end_ns - world.recording.start_ns
        sync = world.capture.sync
        assert sync is not None
        run = replace(world.recording, lines=joined, resolution_ns=250.0)
        matches = find_windows(run, sync, world.drawn.step_us)
        assert len(matches) == 1
        assert start < matches[0].start_ns < matches[0].end_ns < start + length
        start += length


def test_the_same_pattern_twice_is_ambiguous() -> None:
    world = build(4)
    length = world.recording.end_ns - world.recording.start_ns
    lines = tuple(
        EdgeLine(
            line.name,
            np.concatenate((line.times_ns, line.times_ns + length)),
            np.concatenate((line.levels, line.levels)),
        )
        for line in world.recording.lines
    )
    alignment = align(replace(world.recording, lines=lines), world.capture)
    assert alignment.verdict == "ambiguous"
    assert "2 positions" in alignment.reason
