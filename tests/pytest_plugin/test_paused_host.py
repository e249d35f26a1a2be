"""A run whose host stands still: the window is measured again once, never out of budget."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from hil.experiments import capture_sources
from hil.experiments.session import Session
from hil.model.captures import HOST_PAUSES
from hil.model.errors import BoardTimeoutError
from hil.recording.capture_file import list_captures
from hil.recording.capture_reader import read_capture
from hil.recording.host_pauses import STOPPED, SUSPENDED, HostPause, HostTimes, PauseWatch

SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us")

def test_complete(figures):
    figures.check("missed", "dropped")
"""
PAUSE = HostPause(1, 2_000_000_000, STOPPED)
SUSPENSION = HostPause(1, 9_000_000_000, SUSPENDED)


@pytest.fixture
def measure(pytester, run_here, monkeypatch):
    """A function that runs the suite in virtual time while the host pauses in the captures whose
    numbers are given (0 is the calibration): the result, ``results.json``, the captures."""
    pytester.makepyfile(SUITE)

    def measure(*paused, pause=PAUSE, windows=1, techniques="thread", ends_with=None):
        numbers = iter(range(100))
        record = Session._record

        def watch(self, opened):
            made = PauseWatch(lambda: HostTimes(0, 0, 0, 0, 0))
            if next(numbers) in paused:
                made._pauses.append(pause)
            return made

        def record_or_fail(self, job, sources, writer, observer, watch):
            record(self, job, sources, writer, observer, watch)
            if watch.pauses and ends_with is not None:
                raise ends_with

        monkeypatch.setattr(Session, "_pause_watch", watch)
        monkeypatch.setattr(Session, "_record", record_or_fail)
        result = run_here(
            *("--board=sim:clock=virtual", "--hil-out=out", "--hil-duration-s=0.3"),
            *(f"--hil-windows={windows}", f"--hil-technique={techniques}"),
        )  # fmt: skip
        (folder,) = (pytester.path / "out").glob("2*")
        captures = [read_capture(path) for path in list_captures(folder / "capture")]
        return result, json.loads((folder / "results.json").read_text()), captures

    return measure


def test_a_window_that_the_host_slept_through_is_measured_again_and_told(measure, pytester):
    result, told, captures = measure(2, windows=2)
    assert result.ret == 0
    result.assert_outcomes(passed=2)
    assert [c.numbers(HOST_PAUSES) is not None for c in captures] == [False, False, True, False]
    assert told["errors"] == []
    (notice,) = told["notices"]
    assert "window 2: the host slept for 2 s during the capture" in notice["text"]
    assert "the window was measured again" in notice["text"]
    text = re.sub(r"\s+", " ", result.stdout.str())
    assert "the host slept for 2 s" in text
    folder = pytester.path / "out" / "latest"
    assert "the host slept for 2 s" in (folder / "report.html").read_text()
    assert "the host slept for 2 s" in (folder / "junit.xml").read_text()
    figures = {m["metric"] for m in told["measurements"]}
    assert "lateness_max_us" in figures


def test_a_host_that_sleeps_again_breaks_the_bench_and_is_no_figure_out_of_budget(measure):
    result, told, captures = measure(1, 2, pause=SUSPENSION)
    assert result.ret == 8
    result.assert_outcomes(errors=2)
    assert len(captures) == 3
    (error,) = told["errors"]
    assert error["error"].startswith("the host slept for 9 s during the capture: it was suspended")
    assert told["measurements"] == []


def test_what_failed_because_the_host_slept_is_told_with_it(measure):
    result, told, captures = measure(1, ends_with=BoardTimeoutError("the agent did not finish"))
    assert result.ret == 0
    (notice,) = told["notices"]
    assert "the host slept for 2 s" in notice["text"]
    assert "; then: while it was being measured: the agent did not finish" in notice["text"]
    assert captures[1].errors
    assert captures[1].numbers(HOST_PAUSES) is not None


def test_a_calibration_that_the_host_slept_through_is_done_again(measure):
    result, _, captures = measure(0)
    assert result.ret == 0
    assert [c.plan.technique for c in captures] == ["calibrate", "calibrate", "thread"]


def test_windows_are_measured_again_so_many_times_and_no_more(measure, monkeypatch):
    monkeypatch.setattr(capture_sources, "MOST_REPEATED", 1)
    result, told, captures = measure(1, 3, windows=3)
    assert result.ret == 8
    assert len(captures) == 5
    (error,) = told["errors"]
    assert error["error"].startswith("window 2 of 3: the host slept for 2 s")


def test_a_stored_run_tells_the_same(measure, pytester, run_here):
    _, told, _ = measure(1)
    folder = (pytester.path / "out" / "latest").resolve()
    result = run_here(f"--board=replay:{folder}", "--hil-out=again")
    assert result.ret == 0
    again = json.loads((pytester.path / "again" / "latest" / "results.json").read_text())
    assert [n["text"] for n in again["notices"]] == [n["text"] for n in told["notices"]]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no job control")
def test_a_process_that_is_really_stopped_at_the_end_of_a_window(pytester):
    pytester.makepyfile('def test_complete(figures): figures.check("dropped")')
    pytester.path.joinpath("b.toml").write_text("[budgets.any.idle]\ndropped = 0\n")
    run = subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *("--board=sim", "--hil-technique=thread", "--hil-duration-s=1", "--hil-out=out"),
            *("--hil-windows=1", "--hil-budgets=b.toml"),
        ],
        cwd=pytester.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with run:
        for line in run.stdout:
            if line.startswith("hil: thread"):
                break
        time.sleep(0.6)
        os.kill(run.pid, signal.SIGSTOP)
        time.sleep(1.5)
        os.kill(run.pid, signal.SIGCONT)
        text = re.sub(r"\s+", " ", run.stdout.read())
    assert run.returncode == 0, text
    assert "the host slept for 1." in text
    assert len(list_captures(pytester.path / "out" / "latest" / "capture")) == 3
