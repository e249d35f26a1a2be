"""Which stamps are exported, and what is said of those that are missing."""

from __future__ import annotations

import numpy as np
import pytest

from hil.analysis.activations import assign, lateness_us
from hil.model.captures import Gap, Track
from hil.model.errors import CaptureError
from hil.recording.stored_run import CaptureStream
from hil.report.exports.stamp_table import lost_after_last, release_times_us, stamp_rows

from .conftest import HOSTILE, PERIOD, N, truth, write_capture


def all_rows(track: Track, technique: str = "timer_soft", at_once: int = 37):
    parts = list(stamp_rows(track, assign(track, technique), at_once))
    assert all(part.n <= at_once for part in parts)
    return {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("k", "intended_us", "stamp_us", "lateness_us", "lost_before")
    }


def test_stored_stamps_come_back_unwrapped_with_their_releases(run_folder):
    first, second = list(CaptureStream(run_folder))
    for task in (0, 1):
        stamps, late = truth(2, task)
        rows = all_rows(second.tracks[task])
        np.testing.assert_array_equal(rows["stamp_us"], stamps)
        np.testing.assert_array_equal(rows["lateness_us"], late)
        np.testing.assert_array_equal(rows["k"], np.arange(N))
        np.testing.assert_array_equal(rows["intended_us"], stamps - late)
        assert not rows["lost_before"].any()
    assert int(second.tracks[0].stamps_us[-1]) > 3 << 20, "the counter did not wrap"
    stamps, late = truth(1, 0)
    stored = np.r_[0:100, 105:N]
    rows = all_rows(first.tracks[0])
    np.testing.assert_array_equal(rows["k"], stored)
    np.testing.assert_array_equal(rows["stamp_us"], stamps[stored])
    np.testing.assert_array_equal(rows["lateness_us"], late[stored])
    assert np.flatnonzero(rows["lost_before"]).tolist() == [100]
    assert rows["lost_before"][100] == 5
    assert len(first.tracks[1].stamps_us) == N - 7
    assert (lost_after_last(first.tracks[0]), lost_after_last(first.tracks[1])) == (0, 7)


def test_releases_that_the_agent_numbered_are_taken():
    releases = np.array([0, 1, 5, 6])
    stamps = 1_000 + releases * PERIOD + np.array([3, 4, 5, 25_000])
    track = Track(0, PERIOD, 1_000, 1_000 + 10 * PERIOD, stamps, releases=releases)
    rows = all_rows(track)
    assert rows["k"].tolist() == [0, 1, 5, 6]
    assert rows["lateness_us"].tolist() == [3, 4, 5, 25_000]


def test_lateness_is_the_analysis_to_the_last_bit():
    period = 1e6 / 3
    chance = np.random.default_rng(3)
    stamps = np.sort((np.arange(1000) * period + chance.exponential(90, 1000)).astype(np.int64))
    track = Track(0, period, 12_345, 12_345 + int(1000 * period), stamps + 12_345)
    expected = lateness_us(assign(track, "timer_soft"))
    np.testing.assert_array_equal(all_rows(track)["lateness_us"], expected)


def test_gaps_count_once_wherever_a_piece_begins():
    stamps = np.arange(200, dtype=np.int64) * PERIOD
    gaps = (Gap(0, 2), Gap(37, 3), Gap(74, 1), Gap(74, 1), Gap(200, 9))
    track = Track(0, PERIOD, 0, 250 * PERIOD, stamps, gaps=gaps, dropped=4)
    lost = all_rows(track)["lost_before"]
    assert {at: int(lost[at]) for at in np.flatnonzero(lost)} == {0: 2, 37: 3, 74: 2}
    assert lost_after_last(track) == 13


def test_the_ideal_grid_ends_with_the_window():
    track = Track(0, 333.4, 100, 1_100, np.empty(0, np.int64))
    assert release_times_us(track).tolist() == [100, 433, 767]


def test_an_invalid_capture_is_left_out_and_named_a_truncated_one_goes_as_far_as_it_goes(
    run_folder,
):
    folder = run_folder / "capture"
    write_capture(folder, 3, "thread", "idle", status="the agent raised")
    write_capture(folder, 4, "timer_hard", "idle")
    for name, removed in (("001_timer_soft_idle", 1), ("004_timer_hard_idle", 300)):
        path = folder / f"{name}.hilcap"
        path.write_bytes(path.read_bytes()[:-removed])
    (folder / "009_x_y.hilcap").write_bytes(b"nonsense")
    source = CaptureStream(run_folder)
    lengths = {capture.plan.technique: len(capture.tracks[0].stamps_us) for capture in source}
    assert lengths == {"timer_soft": N - 5, HOSTILE: N}
    told = "\n".join(source.left_out)
    assert "thread, idle, board sim: left out: the agent failed: the agent raised" in told
    assert "timer_soft, idle, board sim: only as far as it goes" in told
    assert "timer_hard, idle, board sim: left out" in told
    assert "009_x_y.hilcap is not a capture" in told


def test_a_folder_without_captures_is_one_line(tmp_path):
    with pytest.raises(CaptureError, match="holds no capture"):
        list(CaptureStream(tmp_path))
