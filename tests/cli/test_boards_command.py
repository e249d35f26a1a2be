"""``hil boards``: a made-up list of ports, real boards behind them."""

from __future__ import annotations

import json
import os

import pytest

from hil.boards.backends.serial import port_lock_names
from hil.boards.backends.sim import VirtualBoard
from hil.boards.locks import BoardLock
from hil.boards.raw_repl import RawRepl
from hil.cli.main import main


@pytest.fixture
def board():
    with VirtualBoard() as board:
        yield board


pytestmark = pytest.mark.usefixtures("attached")


def rows(capsys, *words: str) -> dict[str, dict]:
    assert main(["boards", "--json", *words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == 1
    return {row["port"]: row for row in said["boards"]}


def test_every_board_says_what_it_is(attached, board, silent, capsys):
    attached.plug(board.port, "E66")
    attached.plug(silent, "GPS", vid=0x1546)
    found_rows = rows(capsys)
    row = found_rows[board.port]
    assert row["usb_id"] == "2e8a:0005"
    assert row["serial_number"] == "E66"
    assert row["platform"] == "linux"
    assert row["machine"]
    assert row["micropython"].startswith("1.")
    assert row["clock_hz"] == 1_000_000_000
    assert {"timer", "schedule"} <= set(row["capabilities"])
    assert not row["problem"]
    assert "nothing came" in found_rows[silent]["problem"]
    assert not found_rows[silent]["machine"]


def test_who_holds_a_busy_board_is_named_and_it_is_left_alone(attached, board, capsys):
    attached.plug(board.port, "E66")
    with BoardLock("x", port_lock_names(board.port)), RawRepl(board.port) as repl:
        repl.enter()
        repl.exec("kept = 1")
        row = rows(capsys)[board.port]
        assert f"pid {os.getpid()}" in row["held_by"]
        assert not row["machine"]
        assert repl.exec("print(kept)") == b"1\n"
        assert main(["boards"]) == 0
        assert f"busy: pid {os.getpid()}" in capsys.readouterr().out


def test_without_a_probe_no_program_is_stopped(attached, tmp_path, capsys):
    (tmp_path / "board").mkdir()
    (tmp_path / "board" / "main.py").write_text("while True: pass\n")
    with VirtualBoard(root=tmp_path / "board") as board:
        attached.plug(board.port, "E66")
        row = rows(capsys, "--no-probe")[board.port]
        assert (row["machine"], row["problem"], row["held_by"]) == ("", "", "")
        assert row["description"] == "Board in FS mode"


def test_ports_can_be_named(board, capsys):
    assert list(rows(capsys, board.port, "/dev/ttyUSB99")) == [board.port, "/dev/ttyUSB99"]
    assert "no such port" in rows(capsys, "/dev/ttyUSB99")["/dev/ttyUSB99"]["problem"]
    assert "not a board" in rows(capsys, "nonsense")["nonsense"]["problem"]


def test_the_table_names_the_board(attached, board, capsys):
    attached.plug(board.port, "E66")
    assert main(["boards"]) == 0
    said = capsys.readouterr().out
    assert "id:E66" in said
    assert "MicroPython" in said
    assert "timer_soft" not in said
    assert "1000 MHz" in said


def test_nothing_attached_is_said(capsys):
    assert main(["boards"]) == 0
    assert "--board=sim" in capsys.readouterr().out
