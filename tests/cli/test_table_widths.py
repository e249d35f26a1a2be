"""The tables of the commands that look at boards and formats, at the widths of real terminals."""

from __future__ import annotations

import re

import pytest

from hil.boards.backend import Finding
from hil.cli import boards, doctor
from hil.cli.main import main
from hil.report.exports.registry import EXPORTS
from hil.report.terminal.tables import folded

ROWS = [
    boards.BoardRow(
        *("/dev/ttyACM0", "2e8a:0005", "E6614103E7452D2F", "Board in FS mode"),
        platform="rp2",
        machine="Raspberry Pi Pico W with RP2040",
        micropython="1.24.1",
        clock_hz=125_000_000,
        tick_us=1.0,
        capabilities=("timer", "timer_hard", "pin_irq", "thread", "schedule"),
    ),
    boards.BoardRow("/dev/ttyUSB0", held_by="pid 4711 (mpremote connect /dev/ttyUSB0 repl)"),
    boards.BoardRow("板子", problem="nothing came for 10 s; is it powered?"),
]
FINDINGS = [
    Finding("port", "ok", "/dev/ttyACM0 is there"),
    Finding("clock", "wrong", "the board's second lasts 1.024 s of the host's", "flash it anew"),
    Finding("wiring", "not tried", "needs what is wrong above"),
]
COMMANDS = {
    "boards": lambda: boards._print(ROWS),
    "doctor": lambda: doctor._print(FINDINGS),
    "export --list": lambda: main(["export", "--list"]),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("width", [80, 60, 40, 20])
def test_no_line_is_too_wide_and_no_word_is_cut(name, width, monkeypatch, capsys) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    COMMANDS[name]()
    whole = {word.rstrip(":") for word in capsys.readouterr().out.split()}
    monkeypatch.setenv("COLUMNS", str(width))
    COMMANDS[name]()
    said = capsys.readouterr().out
    for line in said.splitlines():
        assert len(line) <= width or len(folded(line, 1)) == 1, line
    shown = re.sub(r"left\s+out\s+at\s+this\s+width:.*", "", said, flags=re.DOTALL)
    assert {word.rstrip(":") for word in shown.split() if set(word) != {"─"}} <= whole


def test_what_matters_most_stays(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    boards._print(ROWS)
    said = capsys.readouterr().out
    assert "/dev/ttyACM0" in said
    assert "pid 4711" in " ".join(said.split())
    assert "left out at this width: USB, can" in " ".join(said.split())
    monkeypatch.setenv("COLUMNS", "16")
    doctor._print(FINDINGS)
    said = " ".join(capsys.readouterr().out.split())
    assert "1.024 s" in said
    assert "-> flash it anew" in said


def test_the_list_of_formats_into_a_pipe_is_a_line_each(monkeypatch, capsys) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(["export", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(EXPORTS)
