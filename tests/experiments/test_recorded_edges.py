"""A run recorded by another program: each window is found in the recording and evaluated."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.experiments.evaluation import evaluate_run
from hil.experiments.recorded_edges import (
    cut_recording,
    read_recordings,
    window_of,
    with_recordings,
)
from hil.model.edge_sources import parse_edge_sources
from hil.model.edges import EdgeLine, EdgeRecording, LostInterval
from hil.model.errors import CaptureError
from hil.recording.edge_file import edge_path, write_edges
from hil.recording.stored_run import read_run
from tests.recording.edge_files.recorded import (
    Samples,
    as_saleae_csv,
    as_sigrok_csv,
    as_sigrok_csv_with_times,
    as_sr,
    as_vcd,
)

SUITE = """
def test_lateness(figures):
    figures.check("lateness_max_us")
"""
RATE_HZ = 1_000_000
PPM = 40
PIN_US = 15
FORMS = {
    "a.vcd": as_vcd,
    "b.sr": lambda samples: as_sr(samples, piece=1_000_000),
    "c.csv": as_sigrok_csv,
    "d.csv": as_sigrok_csv_with_times,
    "e.csv": as_saleae_csv,
}
CHANNELS = "?D0=task0&D1=task1&D2=sync"
SALEAE = "?Channel 0=task0&1=task1&ch2=sync"


def record(captures) -> Samples:
    """What an analyser of 1 MHz, fast by 40 ppm, sees of windows that follow one another."""
    times = {0: [], 1: [], 2: []}
    base = 100_000.0
    for capture in captures:
        first = int(capture.sync.before_us[0])

        def seen(board_us, base=base, first=first):
            return base + (board_us - first) * (1 + PPM * 1e-6)

        for track in capture.tracks:
            times[track.index] += seen(track.stamps_us + PIN_US).tolist()
        times[2] += seen((capture.sync.before_us + capture.sync.after_us) / 2).tolist()
        base = times[2][-1] + 250_000
    length = int(base)
    levels = np.zeros((length, 3), np.uint8)
    for channel, moments in times.items():
        flips = np.zeros(length, np.int64)
        np.add.at(flips, np.rint(np.sort(moments)).astype(int), 1)
        levels[:, channel] = np.cumsum(flips) % 2
    return Samples(levels, RATE_HZ, ("D0", "D1", "D2"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A run of two techniques with sync patterns."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "test_suite.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--hil-windows=2",
         "--hil-board=sim:clock=virtual", "--hil-edges=later.vcd", "--hil-history=none",
         "--hil-technique=timer_hard,round_robin", "--hil-load=idle", "--hil-duration-s=0.6",
         "--hil-out=out"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return (folder / "out" / "latest").resolve()


@pytest.fixture(scope="module")
def samples(measured):
    captures = read_run(measured).captures
    assert len(captures) == 4
    return record(captures)


def replay(pytester, run_here, measured, *edges):
    pytester.makepyfile(SUITE)
    return run_here(
        *(f"--hil-board=replay:{measured}", "--hil-out=again", "--hil-history=none"),
        *(f"--hil-edges={text}" for text in edges),
    )


def figures(results):
    return {
        (m.technique, m.task, m.method, m.metric): [
            np.nan if number is None else number for number in (m.value, m.lo, m.hi)
        ]
        for m in results.measurements
        if m.source == "recording"
    }


def test_every_form_of_a_recording_gives_the_same_figures(tmp_path, measured, samples):
    run = read_run(measured)
    first = None
    for name, form in FORMS.items():
        (tmp_path / name).write_bytes(form(samples))
        channels = SALEAE if name == "e.csv" else CHANNELS
        specs = parse_edge_sources([f"{tmp_path / name}{channels}"])
        captures = with_recordings(run.captures, read_recordings(specs, {}))
        results = evaluate_run(replace(run, captures=captures), None)
        assert {e.verdict for e in results.edges} == {"aligned"}, name
        assert all(abs(e.ppm - PPM) < 5 for e in results.edges)
        seen = figures(results)
        assert ("timer_hard", 0, None, "period_mean_us") in seen
        first = first or seen
        assert seen.keys() == first.keys()
        for key, values in seen.items():
            assert values == pytest.approx(first[key], rel=1e-9, abs=1e-6, nan_ok=True), (name, key)


def test_a_replay_stores_what_the_recording_has_of_each_window(
    pytester, run_here, measured, samples
):
    (pytester.path / "a.sr").write_bytes(as_sr(samples, piece=1_000_000))
    wiring = '[edges]\nD0 = "task0"\nD1 = "task1"\nD2 = "sync"\n'
    (pytester.path / "w.toml").write_text(wiring)
    pytester.makepyfile(SUITE)
    result = run_here(
        *(f"--hil-board=replay:{measured}", "--hil-out=again", "--hil-history=none"),
        *("--hil-edges=a.sr", "--hil-wiring=w.toml"),
    )
    assert result.ret == 0, "\n".join(result.outlines)
    folder = (pytester.path / "again" / "latest").resolve()
    run = json.loads((folder / "results.json").read_text())
    assert "recording" in {m["source"] for m in run["measurements"]}
    files = [f"capture/{path.name}" for path in (folder / "capture").glob("*.recording.hiledges")]
    assert len(files) == 4
    assert set(files) <= set(run["run"]["hashes"])
    for capture in read_run(folder).captures:
        (seen,) = capture.edges
        sync = seen.line("sync")
        assert sync.times_ns.size == capture.sync.before_us.size


def test_a_replay_takes_along_what_instruments_saw(pytester, run_here, measured):
    pytester.makepyfile(SUITE)
    folder = pytester.path / "run"
    shutil.copytree(measured, folder)
    first = sorted((folder / "capture").glob("*.hilcap"))[1]
    write_edges(first, recording_of([1, 2], [1, 0]))
    edge_path(first, "link").symlink_to(edge_path(first, "la"))
    result = run_here(f"--hil-board=replay:{folder}", "--hil-out=again", "--hil-history=none")
    assert result.ret == 0
    again = (pytester.path / "again" / "latest" / "capture").resolve()
    assert [path.name for path in again.glob("*.hiledges")] == [edge_path(first, "la").name]


def test_a_recording_that_ended_early_lacks_windows_and_says_so(
    pytester, run_here, measured, samples
):
    half = replace(samples, levels=samples.levels[: len(samples.levels) * 6 // 10])
    (pytester.path / "a.sr").write_bytes(as_sr(half, piece=1_000_000))
    result = replay(pytester, run_here, measured, "a.sr" + CHANNELS)
    text = " ".join(line.strip() for line in result.outlines)
    assert result.ret == 8, text
    assert "no edges of recording: the window is not in the recording" in text


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        (["none.vcd"], "no such file"),
        (["bad.vcd"], "bad.vcd: neither a VCD file"),
        (["a.csv"], "say which channel is which line"),
        (["a.csv?D9=task0"], "no channel D9"),
    ],
)
def test_a_file_that_is_wrong_ends_the_run_in_one_line(
    pytester, run_here, measured, samples, edges, words
):
    (pytester.path / "bad.vcd").write_bytes(b"nonsense")
    (pytester.path / "a.csv").write_bytes(
        as_sigrok_csv(replace(samples, levels=samples.levels[:100]))
    )
    result = replay(pytester, run_here, measured, *edges)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line.startswith("ERROR: ")]
    assert words in line
    assert not list(Path(pytester.path / "again").glob("2*"))


def test_a_run_without_sync_patterns_is_refused(pytester, run_here, samples):
    (pytester.path / "a.csv").write_bytes(
        as_sigrok_csv(replace(samples, levels=samples.levels[:100]))
    )
    old = next((Path(__file__).parents[1] / "replay" / "runs").glob("*"))
    result = replay(pytester, run_here, old, "a.csv" + CHANNELS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "no sync patterns to find its windows by" in "\n".join(result.errlines)


def recording_of(times, levels, **more):
    line = EdgeLine("task0", np.array(times), np.array(levels), 0)
    return EdgeRecording("la", (line,), 0, 1000, 1.0, **more)


def test_a_part_has_the_level_of_its_beginning_and_its_share_of_what_was_lost():
    whole = recording_of(
        [10, 20, 30, 40], [1, 0, 1, 0], lost=(LostInterval(5, 25, "a"), LostInterval(900, 950, "b"))
    )
    part = cut_recording(whole, 20, 35)
    assert (part.start_ns, part.end_ns) == (20, 35)
    assert (part.lines[0].times_ns.tolist(), part.lines[0].initial) == ([20, 30], 1)
    assert part.lost == (LostInterval(20, 25, "a"),)
    assert cut_recording(whole, -50, 5000).end_ns == 1000


def test_a_pattern_that_is_there_twice_is_not_taken(measured):
    capture = read_run(measured).captures[0]
    once = record([capture])
    twice = replace(once, levels=np.concatenate([once.levels, once.levels]))
    times, levels = twice.edges("D2")
    line = EdgeLine("sync", times, levels, 0)
    recording = EdgeRecording("la", (line,), 0, int(times[-1]), 1000.0)
    part = window_of(recording, capture)
    assert part.lines == ()
    assert "fits at 2 positions" in part.issues[0].detail
    alone = window_of(replace(recording, end_ns=int(times[-1]) // 2), replace(capture, sync=None))
    assert "made no sync pattern in this window" in alone.issues[0].detail


def test_no_recordings_change_nothing(measured):
    captures = read_run(measured).captures
    assert with_recordings(captures, []) == captures
    bare = [replace(capture, sync=None) for capture in captures]
    with pytest.raises(CaptureError, match="no sync patterns"):
        with_recordings(bare, [recording_of([1], [1])])
