from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import pytest

from hil.model.captures import CapturePlan, TaskPlan
from hil.model.units import format_about, format_elapsed
from hil.protocol.encoder import encode_stamps
from hil.report.terminal.progress import RunProgress, fitting_words
from hil.report.terminal.remaining_time import WindowPlan

LATER = "stamps after the window"
TASKS = (TaskPlan(0, 10_000), TaskPlan(1, 10_000))


def plan(technique: str, load: str, seconds: float, **more: Any) -> CapturePlan:
    return CapturePlan(technique, load, TASKS, round(seconds * 1e6), **more)


def run_progress(windows: Sequence[tuple[str, float]], stream: TextIO, **more: Any) -> RunProgress:
    progress = RunProgress(stream, **more)
    progress.expect(WindowPlan(case, window_s) for case, window_s in windows)
    return progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_plain_lines_without_a_terminal() -> None:
    out, clock = io.StringIO(), Clock()
    expected = (("sim timer_hard-idle", 30), ("sim thread-idle", 30), ("Pico thread-gc", 30))
    progress = run_progress(expected, out, clock=clock)
    with progress.capturing("sim", plan("timer_hard", "idle", 30)) as observer:
        for tenth in range(300):
            clock.now = tenth / 10
            observer.advance(tenth / 10, tenth)
        clock.now = 30.4
    progress.add_stamps(6000)
    progress.pass_over("sim", plan("thread", "idle", 30))  # of a case that has ended
    with progress.capturing("Pico", plan("thread", "gc", 30)) as observer:
        observer.advance(0.0, 0)
    text = out.getvalue()
    assert "\x1b" not in text
    assert "\r" not in text
    assert text.splitlines() == [
        f"hil: timer_hard idle: window 30 s (1/3, 0 s gone, about 91 s left, {LATER})",
        f"hil: timer_hard idle: 10 s of 30 s (1/3, 10 s gone, about 81 s left, {LATER}, 0.1 kB)",
        f"hil: timer_hard idle: 20 s of 30 s (1/3, 20 s gone, about 71 s left, {LATER}, 0.2 kB)",
        "hil: thread gc on Pico: window 30 s (3/3, 30 s gone, about 30 s left, 6000 stamps)",
    ]


def test_bar_shows_technique_times_and_stamps_and_goes_away() -> None:
    out, clock, ended = io.StringIO(), Clock(), []
    progress = run_progress(
        [(f"sim {name}-idle", 5) for name in ("asyncio_flag", "thread", "timer_hard")],
        *(out,),
        terminal=True,
        width=120,
        clock=clock,
        before_bar=lambda: ended.append(True),
    )
    progress.add_stamps(1000)
    with progress.capturing("sim", plan("asyncio_flag", "idle", 5)) as observer:
        clock.now = 2
        observer.advance(2.0, 4200)
    text = out.getvalue()
    assert ended == [True]
    assert "asyncio_flag idle" in text
    assert "1/3, 2 s gone, about 14 s left, 1000 stamps, 4.2 kB" in text
    # transient: the line is erased and the cursor is shown again
    assert text.rstrip().endswith("\x1b[2K")
    assert "\x1b[?25h" in text


def test_an_error_in_the_capture_still_erases_the_bar() -> None:
    out = io.StringIO()
    progress = run_progress([("sim thread-idle", 5)], out, terminal=True, width=100)
    with suppress(KeyError), progress.capturing("sim", plan("thread", "idle", 5)) as observer:
        observer.advance(1, 1)
        raise KeyError
    assert "\x1b[?25h" in out.getvalue()


def test_a_broken_stream_does_not_end_the_run() -> None:
    out = io.StringIO()
    progress = run_progress([("sim thread-idle", 5)], out, terminal=False)
    out.close()
    with progress.capturing("sim", plan("thread", "idle", 5)) as observer:
        observer.advance(20, 0)


def test_names_cannot_drive_the_terminal() -> None:
    out = io.StringIO()
    progress = run_progress([("sim thread-idle", 5)], out, terminal=False)
    with progress.capturing("\x1b]0;owned\x07[red]", plan("thread", "idle", 5)) as observer:
        observer.advance(0, 0)
    assert "\x1b" not in out.getvalue()
    assert "[red]" in out.getvalue()


def test_span() -> None:
    assert [format_elapsed(x) for x in (0.4, 99, 185, 7800)] == ["0 s", "99 s", "3:05", "2:10:00"]


WIRED = """
import time
import pytest
from hil.model.captures import CapturePlan
from hil.report.terminal.progress import RunProgress
from hil.report.terminal.remaining_time import WindowPlan
from hil.pytest_plugin.run_output import end_pytest_line, own_stdout

PLAN = CapturePlan("timer_hard", "idle", (), 300_000)

class Shown:
    def __init__(self, config):
        self.config = config
        self.stream = own_stdout()
        self.progress = RunProgress(self.stream, before_bar=lambda: end_pytest_line(config))
        self.progress.expect([WindowPlan("sim timer_hard-idle", 0.3)] * 3)

def pytest_configure(config):
    config.shown = Shown(config)

def pytest_unconfigure(config):
    config.shown.stream.close()

@pytest.fixture
def window(pytestconfig):
    with pytestconfig.shown.progress.capturing("sim", PLAN) as observer:
        for step in range(6):
            time.sleep(0.05)
            print("captured noise")
            observer.advance(step * 0.05, step * 100)
    pytestconfig.shown.progress.add_stamps(50)
"""
TESTS = """
import pytest
@pytest.mark.parametrize("n", range(3))
def test_one(window, n):
    assert n != 1
"""


def screen(data: str) -> list[str]:
    """What a terminal would show: enough of ECMA-48 for one line bars."""
    lines, row, col = [""], 0, 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|.|\n", data, re.DOTALL):
        if token == "\r":
            col = 0
        elif token == "\n":
            row, col = row + 1, 0
        elif token.startswith("\x1b"):
            count = int(re.sub(r"\D", "", token) or 1)
            if token.endswith("K"):
                lines[row] = "" if "2" in token else lines[row][:col]
            elif token.endswith("A"):
                row = max(0, row - count)
            continue
        else:
            lines[row] = lines[row][:col].ljust(col) + token + lines[row][col + 1 :]
            col += 1
        lines += [""] * (row + 1 - len(lines))
    return [line.rstrip() for line in lines]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("flags", [["-q"], ["-v"], []], ids=["quiet", "verbose", "plain"])
def test_beside_pytest_on_a_terminal(tmp_path: Path, flags: list[str]) -> None:
    (tmp_path / "conftest.py").write_text(WIRED)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    root = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": str(root), "TERM": "xterm", "COLUMNS": "100"}
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *flags, str(tmp_path)]
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=tmp_path
    )
    os.close(slave)
    chunks = []
    try:
        while chunk := os.read(master, 65536):
            chunks.append(chunk)
    except OSError:
        pass
    assert process.wait(timeout=120) == 1
    os.close(master)
    raw = b"".join(chunks).decode()
    assert "timer_hard idle" in raw
    shown = "\n".join(screen(raw))
    assert "timer_hard idle" not in shown
    assert "2 passed" in shown
    if flags == ["-v"]:
        assert shown.count("PASSED") == 2
    else:
        dots = [line for line in shown.splitlines() if set(line) <= set(".F []%0123456789")]
        bare = "".join(dots)
        assert bare.count("F") == 1 or "test_it.py F" in shown, shown
        assert shown.count("test_it.py .") == 2 or bare.count(".") == 2, shown


def test_beside_pytest_in_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(WIRED)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    root = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=env, cwd=tmp_path, check=False, timeout=120
    )
    assert "\x1b" not in done.stdout
    assert "hil: timer_hard idle: window 0.3 s (1/3" in done.stdout
    assert "100 stamps" in done.stdout
    assert sum(line.startswith("hil: ") for line in done.stdout.splitlines()) == 3


def test_an_agent_that_sends_after_its_window_says_so() -> None:
    out = io.StringIO()
    progress = run_progress([("sim event_irq-idle", 4)], out, terminal=False)
    with progress.capturing("sim", plan("event_irq", "idle", 4)) as observer:
        observer.advance(0, 0)
        observer.advance(12, 100)
    assert "12 s window over, receiving" in out.getvalue()


def test_stamps_count_in_the_first_window_as_they_come() -> None:
    out, clock = io.StringIO(), Clock()
    progress = run_progress([("sim thread-idle", 100)], out, clock=clock)
    with progress.capturing("sim", plan("thread", "idle", 100, streaming=True)) as observer:
        observer.advance(0.0, 0)
        observer.rx(b"".join(encode_stamps(0, range(0, 3_000_000, 10_000))), 0)
        observer.advance(11.0, 500)
    assert "0 stamps)" in out.getvalue()
    assert "300 stamps" in out.getvalue()


def test_the_run_says_before_it_begins_how_long_it_takes() -> None:
    progress = run_progress([("sim thread-idle", 10)] * 45, io.StringIO())
    assert progress.announcement == "45 windows, about 8 min"
    assert run_progress([("sim thread-idle", 1)], io.StringIO()).announcement == (
        "1 window, about 1 s"
    )
    assert [format_about(x) for x in (0.2, 99.4, 185, 30_000)] == ["1 s", "99 s", "3 min", "8.3 h"]


def test_in_80_columns_bar_and_remaining_time_stay() -> None:
    out = io.StringIO()
    progress = run_progress([("x", 100)] * 45, out, terminal=True, width=80)
    with progress.capturing("/dev/ttyUSB0", plan("round_robin_irq", "idle", 10)) as observer:
        observer.advance(1, 100_000)
    line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue()).split("\r")[0].rstrip()
    assert len(line) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in line
    assert line.startswith("round_robin_irq idle")
    assert re.search(r"1/45, 0 s gone, about [0-9:]+ left", line)
    assert fitting_words("title", ["1", "2", "3", "four", "five"], 17) == ("title", "1, 2, 3")
