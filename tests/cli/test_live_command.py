"""``hil live``: watched while it measures, then a run like any other."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import ClassVar

import pytest

from hil.cli import live
from hil.cli.main import main
from hil.report.terminal.live_view import LineView


@pytest.fixture(autouse=True)
def locks(tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))


@pytest.fixture
def watch(tmp_path, capsys):
    def run(*more: str, board: str = "sim:clock=virtual"):
        command = ["live", board, "--technique=timer_hard", f"--out={tmp_path / 'reports'}"]
        status = main([*command, "--reference-s=0.4", *more])
        return status, capsys.readouterr()

    return run


def results(tmp_path):
    (path,) = (tmp_path / "reports").glob("2*/results.json")
    return json.loads(path.read_text())


def figures(document, task=0):
    return {m["metric"]: m for m in document["measurements"] if m["task"] == task}


class Seen(LineView):
    """Keeps every state; ``then`` is called with each one."""

    states: ClassVar[list] = []
    then = staticmethod(lambda state: None)

    def show(self):
        super().show()
        self.states.append(self._board.state)
        self.then(self._board.state)


@pytest.fixture
def seen(monkeypatch):
    monkeypatch.setattr(live, "LineView", Seen)
    monkeypatch.setattr(Seen, "states", [])
    return Seen


def test_the_last_live_figures_are_the_reports(watch, tmp_path, seen):
    status, said = watch("--duration-s=4")
    assert status == 0
    document = results(tmp_path)
    assert document["run"]["profile"] == "live"
    last = seen.states[-1]
    assert last.phase == "over"
    assert [task.index for task in last.figures.tasks] == [0, 1]
    for task in last.figures.tasks:
        stored = figures(document, task.index)
        for metric in ("lateness_p50_us", "lateness_p99_us", "lateness_max_us", "missed", "extra"):
            assert task.figures[metric].value == stored[metric]["value"], metric
            assert task.figures[metric].n == stored[metric]["n"]
        sending = [p for p in stored["lateness_p50_us"]["uncertainty"] if "sending" in p["what"]]
        assert len(sending) == 1
    assert "results: " in said.out
    assert "sending stamps while the window is open: p50 " in said.out
    assert (tmp_path / "reports" / "latest" / "report.html").exists()


def test_in_a_pipe_there_are_lines_without_control_characters(watch):
    _, said = watch("--duration-s=0.5")
    lines = [line for line in said.out.splitlines() if line.startswith("hil: ")]
    assert lines[0].startswith("hil: reference: 0 s")
    assert re.match(r"hil: over: .*task 0: n \d+, p50 \S+ us, p99", lines[-1])
    assert "\x1b" not in said.out
    assert "\r" not in said.out


def test_ctrl_c_ends_the_window_and_what_was_captured_is_judged(watch, tmp_path, seen, monkeypatch):
    sent = []

    def interrupt(state):
        if state.phase == "measuring" and state.stamps > 800 and not sent:
            sent.append(state.stamps)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(seen, "then", staticmethod(interrupt))
    status, _ = watch()  # as long as a day
    assert sent
    assert status == 0
    document = results(tmp_path)
    assert document.get("errors", []) == []
    stored = figures(document)["lateness_p99_us"]
    assert stored["n"] * 2 >= sent[0]
    assert stored["verdict"] in ("pass", "undecided", "none")
    assert figures(document)["missed"]["value"] == 0


def test_a_second_ctrl_c_does_not_wait_for_the_board(watch, tmp_path, seen, monkeypatch):
    def interrupt(state):
        if state.phase in ("measuring", "ending") and state.stamps > 100:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(live.LiveWatch, "end", lambda self: False)  # a board that reads nothing
    monkeypatch.setattr(seen, "then", staticmethod(interrupt))
    status, _ = watch()
    assert status == 8
    document = results(tmp_path)
    assert any("interrupted" in error["error"] for error in document["errors"])
    assert figures(document)["lateness_p50_us"]["n"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--technique=nonsense"], "unknown technique 'nonsense'"),
        (["--load=heavy"], "unknown load 'heavy'"),
        (["--period-ms=0"], "hil: --period-ms=0:"),
        (["--duration-s=0.001"], "too short for three periods"),
        (["--reference-s=0.02"], "--reference-s=0.02: too short"),
    ],
)
def test_bad_input_is_one_line(watch, arguments, said):
    status, told = watch(*arguments)
    assert status == 1
    assert said in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("text", ["-1", "nan", "x" * 500, "1e99"])
def test_a_number_that_is_none_is_one_line(watch, text, capsys):
    with pytest.raises(SystemExit, match="2"):
        watch(f"--duration-s={text}")
    assert "give a number" in capsys.readouterr().err


def test_what_a_board_can_not_run_is_one_line(watch, tmp_path):
    status, said = watch("--technique=pio_irq", "--duration-s=1")
    assert status == 1
    assert "PIO" in said.err
    assert said.err.count("\n") == 1


LOOP = """# hil: period_ms=10
import time
from hil_agent import stamp
while True:
    stamp()
    time.sleep_ms(10)
"""
TIMED = """# hil: period_ms=10
from machine import Timer
from hil_agent import asked, stamp
timer = Timer(-1)
asked(0, 10000)
timer.init(period=10, callback=stamp)
"""


@pytest.mark.parametrize("program", [LOOP, TIMED], ids=["a loop", "a timer"])
def test_a_program_of_ones_own_is_watched_until_ctrl_c(
    tmp_path, capsys, seen, monkeypatch, program
):
    file = tmp_path / "mine.py"
    file.write_text(program)
    sent = []

    def interrupt(state):
        if state.phase == "measuring" and state.stamps > 400 and not sent:
            sent.append(state.stamps)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(seen, "then", staticmethod(interrupt))
    command = ["live", "sim:clock=virtual", f"--program={file}", f"--out={tmp_path / 'reports'}"]
    assert main([*command, "--reference-s=1"]) in (0, 1)
    assert sent, "its stamps came while it ran"
    document = results(tmp_path)
    assert document.get("errors", []) == []
    assert figures(document)["lateness_p50_us"]["n"] >= sent[0]
    assert figures(document)["dropped"]["value"] == 0
    last = seen.states[-1].figures.tasks[0]
    assert last.figures["lateness_p50_us"].value == figures(document)["lateness_p50_us"]["value"]


def test_a_program_runs_alone(tmp_path, capsys):
    assert main(["live", "sim", f"--program={tmp_path}/no.py", "--load=gc"]) == 1
    assert "leave out --load" in capsys.readouterr().err
    assert main(["live", "sim", f"--program={tmp_path}/no.py"]) == 1
    said = capsys.readouterr().err
    assert "--program=" in said
    assert "--hil-" not in said
