"""Two runs in virtual time are the same run, whatever else the machine does."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hil.recording.capture_file import list_captures
from hil.recording.capture_reader import read_capture

SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us", "lateness_max_us")
"""
TECHNIQUES = "timer_hard,asyncio_deadline,thread"
BUSY = "print(1, flush=True)\nwhile True: pass"
OF_THE_RUN = ("id", "started_utc", "duration_s", "host", "host_clock", "hashes")


@pytest.fixture
def measure(pytester, run_here):
    pytester.makepyfile(SUITE)

    def measure(out: str) -> Path:
        result = run_here(
            *("--board=sim:clock=virtual,jitter_us=30,latency_us=20,ppm=40", f"--hil-out={out}"),
            *(f"--hil-technique={TECHNIQUES}", "--hil-load=idle,gc"),
            "--hil-duration-s=0.3",
        )
        assert result.ret == 0, result.outlines
        return pytester.path / out / "latest"

    return measure


def told(folder: Path) -> dict:
    """All that ``results.json`` says, but for names, dates and digests."""
    results = json.loads((folder / "results.json").read_text())
    for key in OF_THE_RUN:
        results["run"].pop(key)
    for board in results["boards"]:
        board.pop("port")
    return results


def same(first_run: Path, second_run: Path) -> None:
    pairs = list(
        zip(*(list_captures(run / "capture") for run in (first_run, second_run)), strict=True)
    )
    assert len(pairs) > 6
    for paths in pairs:
        first, second = (read_capture(path) for path in paths)
        assert len(first.tracks) == len(second.tracks)
        for a, b in zip(first.tracks, second.tracks, strict=True):
            np.testing.assert_array_equal(a.stamps_us, b.stamps_us, paths[0].name)
        assert first.values.keys() == second.values.keys()
        for name, numbers in first.values.items():
            np.testing.assert_array_equal(numbers, second.values[name], f"{paths[0].name} {name}")
        assert first.counters == second.counters
    assert told(first_run) == told(second_run)


@pytest.fixture
def busy():
    """A function that starts processes which keep the processors busy until the test ends."""
    with contextlib.ExitStack() as stack:

        def start(number: int) -> None:
            for _ in range(number):
                process = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE)
                stack.enter_context(process)
                stack.callback(process.kill)
                assert process.stdout is not None
                process.stdout.readline()

        yield start


def test_a_run_is_the_same_again_and_on_a_busy_machine(measure, busy):
    quiet = measure("quiet")
    same(quiet, measure("again"))
    busy(4)
    same(quiet, measure("busy"))
