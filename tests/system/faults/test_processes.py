"""Real processes: a run that is killed, told to end, or loses its folder or disk under way."""

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hil.boards.backends.sim import VirtualBoard
from hil.pytest_plugin.run_end import BENCH_BROKEN

SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us", "missed")
"""
TECHNIQUES = "timer_soft,timer_hard"
FIRST_SOFT = "--hil-seed=9"
"""In this order of the windows the first one is of ``timer_soft``, the second of ``timer_hard``."""
ENDLESS = """
from dataclasses import replace
from hil.experiments import capture_sources

planned = capture_sources.capture_job

def capture_job(case, board):
    if case.plan.technique == "timer_hard":
        case = replace(case, plan=replace(case.plan, duration_us=600_000_000))
    return planned(case, board)

capture_sources.capture_job = capture_job
"""
"""The second window does not end by itself, however late a test looks."""

BEGUN = """
import pathlib, pytest

@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart():
    pathlib.Path("begun").touch()
"""


class Run:
    """A pytest run in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        *args: str,
        seconds: float = 0.4,
        limit: int | None = None,
        board: str = "sim",
    ):
        folder.joinpath("test_it.py").write_text(SUITE)
        folder.joinpath("pytest.ini").write_text("[pytest]\n")
        self.out = folder / "out"

        def before():
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell may have it off
            if limit is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "pytest", "-q", f"--board={board}", "--hil-out=out"),
                *(f"--hil-technique={TECHNIQUES}", f"--hil-duration-s={seconds}", FIRST_SOFT),
                *args,
            ],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=before,
            start_new_session=True,
        )

    def captures(self) -> list[Path]:
        return sorted(self.out.glob("2*/capture/*.hilcap"))

    def log(self) -> str:
        return "".join(path.read_text() for path in self.out.glob("2*/capture/run.jsonl"))

    def wait_for(self, happened) -> None:
        end = time.monotonic() + 300
        while not happened() and self.process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.01)

    def wait_for_capture(self, name: str) -> Path:
        end = time.monotonic() + 300
        while time.monotonic() < end:
            for path in self.captures():
                if name in path.name and path.stat().st_size > 1000:
                    return path
            assert self.process.poll() is None, self.process.stdout.read()
            time.sleep(0.02)
        raise AssertionError("no such capture")

    def end(self, seconds: float = 300) -> str:
        output, _ = self.process.communicate(timeout=seconds)
        return output

    @property
    def folder(self) -> Path:
        (folder,) = self.out.glob("2*")
        return folder

    def results(self) -> dict:
        return json.loads((self.folder / "results.json").read_text())


def report(folder: Path) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "hil", "report", str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "report.html").stat().st_size > 1000
    return json.loads((folder / "results.json").read_text())


@pytest.fixture
def endless(tmp_path):
    (tmp_path / "conftest.py").write_text(ENDLESS)


def test_after_kill_9_the_report_has_what_was_there(tmp_path, endless):
    run = Run(tmp_path)
    run.wait_for_capture("timer_hard")
    os.kill(run.process.pid, signal.SIGKILL)
    run.end()
    assert not (run.folder / "results.json").exists()
    told = report(run.folder)
    assert {m["technique"] for m in told["measurements"]} >= {"timer_soft"}
    assert "the run did not come to its end" in [e["error"] for e in told["errors"]]
    stopped = [e for e in told["errors"] if e["technique"] == "timer_hard"]
    assert stopped
    assert "invalid" in stopped[0]["error"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_run_that_is_told_to_end_says_so(tmp_path, endless, number):
    run = Run(tmp_path)
    run.wait_for_capture("timer_hard")
    run.process.send_signal(number)
    output = run.end()
    assert run.process.returncode == pytest.ExitCode.INTERRUPTED, output
    results = run.results()
    errors = {e["technique"]: e["error"] for e in results["errors"]}
    assert errors["timer_hard"] == "window 1 of 3: interrupted"
    assert "interrupted" in errors["-"]
    assert "of 2 cases were not measured" in errors["-"]
    assert {m["technique"] for m in results["measurements"]} == {"timer_soft"}
    assert all("from 1 of 3 windows" in m["note"] for m in results["measurements"])
    log = (run.folder / "capture" / "run.jsonl").read_text()
    assert errors["-"] in log  # and so in every report that is made again


@pytest.mark.parametrize("moment", ["board is opened", "instrument is measured", "report"])
def test_a_run_that_is_interrupted_at_another_moment_ends(tmp_path, moment):
    """Whatever it was doing: soon, with a status that is not 0 unless it was done anyway."""
    if moment == "board is opened":  # not among pytest's own plugins while they are set up
        (tmp_path / "conftest.py").write_text(BEGUN)
    run = Run(tmp_path, seconds=0.3)
    if moment == "board is opened":
        run.wait_for((tmp_path / "begun").exists)
    elif moment == "instrument is measured":
        run.wait_for(run.captures)
    else:
        run.wait_for(lambda: '"end"' in run.log())
    with contextlib.suppress(ProcessLookupError):
        run.process.send_signal(signal.SIGINT)
    output = run.end()
    assert run.process.returncode in (0, pytest.ExitCode.INTERRUPTED), output
    for folder in run.out.glob("2*"):
        if (folder / "capture" / "run.jsonl").exists():
            told = report(folder)
            whole = {m["technique"] for m in told["measurements"]} == set(TECHNIQUES.split(","))
            assert whole or (told["errors"] and run.process.returncode)


@pytest.mark.skipif(sys.platform != "linux", reason="the port's name must not be taken again")
def test_a_board_that_dies_in_mid_run_stops_no_other(tmp_path):
    impatient = "import hil.boards.port_board\nhil.boards.port_board._REAPPEAR_S = 0.5\n"
    (tmp_path / "conftest.py").write_text(impatient)
    with VirtualBoard("seed=1") as stays, VirtualBoard("seed=2") as dies:
        boards = [f"port:{board.port}" for board in (stays, dies)]
        with Path(dies.port).open("rb", 0):
            run = Run(tmp_path, f"--board={boards[1]}", board=boards[0], seconds=1.8)
            run.wait_for(lambda: sum("timer_soft" in str(path) for path in run.captures()) == 2)
            os.kill(dies.pid, signal.SIGKILL)
            run.end()
    assert run.process.returncode == BENCH_BROKEN
    results = run.results()
    measured = {(m["board"], m["technique"]) for m in results["measurements"]}
    assert measured >= {(boards[0], name) for name in TECHNIQUES.split(",")}
    assert (boards[1], "timer_hard") not in measured
    failed = {e["technique"] for e in results["errors"] if e["board"] == boards[1]}
    assert "timer_hard" in failed
    assert boards[0] not in {e["board"] for e in results["errors"]}


def test_a_full_disk_is_an_error_that_names_it(tmp_path):
    run = Run(tmp_path, limit=12_000)
    output = run.end()
    assert run.process.returncode == BENCH_BROKEN, output
    assert "File too large" in output  # what the system says at the limit of a file's size
    assert "Traceback" not in output.partition("short test summary")[2]


def test_a_folder_that_was_removed_fails_the_run(tmp_path):
    run = Run(tmp_path, seconds=2.0)
    run.wait_for_capture("timer_hard")
    shutil.rmtree(run.folder)
    output = run.end()
    assert run.process.returncode == BENCH_BROKEN, output
    assert "removed while the run went on" in output


def test_faults_on_the_link_are_in_the_report(tmp_path):
    run = Run(tmp_path, "--hil-faults=lost_at=900,gone_s=1000", board="sim:clock=virtual")
    output = run.end()
    assert run.process.returncode == BENCH_BROKEN
    results = run.results()
    assert results["run"]["profile"] == "quick, faults lost_at=900,gone_s=1000"
    assert results["measurements"] == []
    assert "went away" in results["errors"][0]["error"]
    assert "port went away" in output


def test_a_bad_fault_is_one_line(tmp_path):
    run = Run(tmp_path, "--hil-faults=dorp=1")
    output = run.end()
    assert run.process.returncode == pytest.ExitCode.USAGE_ERROR
    assert "unknown fault 'dorp'" in output
    assert "Traceback" not in output
