"""``hil show``: on a terminal, in a pipe, without Unicode, and for programs."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hil.cli.main import main
from hil.model.results import Comparison
from hil.recording.run_folder import CHANGES_NAME, write_changes
from hil.report.terminal.console import wants_color
from hil.report.terminal.sparklines import UNICODE

BARS = set(UNICODE) - {" "}


def on_terminal(folder: Path, **environment: str) -> str:
    """What a terminal gets."""
    leader, follower = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "PYTHONUTF8": "1"}
    env.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "hil", "show", str(folder)]
    with subprocess.Popen(
        command, stdout=follower, stderr=follower, env={**env, **environment}
    ) as process:
        os.close(follower)
        said = b""
        while True:
            try:
                part = os.read(leader, 1 << 16)
            except OSError:
                break
            if not part:
                break
            said += part
    os.close(leader)
    assert process.returncode == 0, said
    return said.decode("utf-8").replace("\r\n", "\n")


def test_the_table_and_a_line_for_each_technique(make_run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    folder = make_run("r", timer_soft=100, thread=1000, loads=("idle", "gc"))
    assert main(["show", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said, "a pipe gets no colour"
    assert "lateness p99" in said
    for load in ("idle", "gc"):
        part = said.partition(f"lateness, sim, load {load}\n")[2].splitlines()
        assert [line.split()[0] for line in part[:2]] == ["timer_soft", "thread"]
        assert all(set(line) & BARS for line in part[:2])
    assert max(map(len, said.splitlines())) <= 100


@pytest.mark.parametrize("width", [40, 60, 120, 300])
def test_distributions_fit_the_width(make_run, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["show", str(make_run("r", timer_soft=100, asyncio_deadline=900))]) == 0
    part = capsys.readouterr().out.partition("lateness, sim")[2].splitlines()
    longest = max(map(len, part))
    assert longest <= min(width, 120)
    if width <= 120:
        assert longest > width * 0.6


def test_colour_is_for_terminals_and_no_color_is_respected(make_run):
    folder = make_run("r", timer_soft=100)
    assert "\x1b[36m" in on_terminal(folder)
    assert "\x1b" not in on_terminal(folder, NO_COLOR="1")


class Stream(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "color"),
    [
        ({}, True),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "0"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_who_wants_colour(monkeypatch, environment, color):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_color(Stream()) is color
    assert not wants_color(io.StringIO()), "no terminal"


def test_a_terminal_without_unicode_gets_ascii(make_run):
    folder = make_run("r", timer_soft=100)
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "hil", "show", str(folder)]
    said = subprocess.run(command, env=env, capture_output=True, check=True, timeout=60).stdout
    assert said.isascii()
    assert re.search(rb"\n timer_soft +[@#*+=:.-]", said)
    assert b"----" in said, "the table's rule"
    assert b"?" not in said


def test_programs_get_results_and_distributions(make_run, capsys):
    folder = make_run("r", timer_soft=100)
    assert main(["show", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    stored = json.loads((folder / "results.json").read_text())
    (group,) = said.pop("lateness")
    assert said == stored
    assert (group["board"], group["load"]) == ("sim", "idle")
    assert sum(group["counts"]["timer_soft"]) == 400
    assert len(group["edges_us"]) == len(group["counts"]["timer_soft"]) + 1


def test_without_captures_the_table_is_shown(make_run, capsys):
    folder = make_run("r", timer_soft=100)
    shutil.rmtree(folder / "capture")
    assert main(["show", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert "timer_soft" in out
    assert not set(out) & BARS
    assert err.startswith("hil: no distributions: ")


def test_what_changed_is_shown_where_it_was_compared(make_run, capsys):
    folder = make_run("r", timer_soft=100)
    write_changes(folder / CHANGES_NAME, Comparison("the last 5 runs"))
    assert main(["show", str(folder)]) == 0
    assert "Against the last 5 runs" in capsys.readouterr().out


def test_the_next_step_is_said_where_there_is_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["show"]) == 1
    assert capsys.readouterr().err == (
        "hil: reports/latest: no such folder; give a run's, for example reports/latest\n"
    )
