"""The example of docs/how-to/write-your-own/backend.md: a class and a row, and it works."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hil.boards.attach import AttachLimits
from hil.boards.backends import registry
from hil.boards.backends.sim import VirtualBoard
from hil.boards.connection import Connection
from hil.cli.main import main
from hil.model.errors import BoardBusyError, BoardNotFoundError, ConfigurationError

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "write-your-own" / "backend.md"
SHORT = AttachLimits(first_answer_s=1.0, prompt_s=1.0, reboot_s=0.5)
PRESS_RESET = """
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
    client.connect(sys.argv[1])
    client.sendall(b"reset")
    client.recv(16)
"""


@pytest.fixture
def board():
    with VirtualBoard() as board:
        yield board


@pytest.fixture
def shelf(board, tmp_path, monkeypatch):
    """The page's backend in the table, with a board on its shelf that a command resets."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    module = ModuleType("shelf")
    exec(compile(code, str(PAGE), "exec"), module.__dict__)
    monkeypatch.setattr(registry, "BACKENDS", (*registry.BACKENDS, module.ShelfBackend()))
    command = [sys.executable, "-c", PRESS_RESET, str(board._control)]
    file = tmp_path / "shelf.json"
    file.write_text(json.dumps({"pico-3": {"port": board.port, "power_cycle": command}}))
    monkeypatch.setenv("HIL_SHELF", str(file))
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))


def test_its_texts_are_understood_and_listed(shelf):
    spec = registry.parse_board("shelf:pico-3")
    assert (spec.source, spec.slug, spec.stored_run) == ("hardware", "shelf-pico-3", None)
    with pytest.raises(ConfigurationError, match="replay:FOLDER or shelf:NAME"):
        registry.parse_board("nothing")
    with pytest.raises(BoardNotFoundError, match="the shelf, which has pico-3"):
        Connection(registry.parse_board("shelf:other")).open()


def test_its_power_switch_is_a_recovery_step(shelf):
    connection = Connection(registry.parse_board("shelf:pico-3"), limits=SHORT)
    try:
        connection.open()
        connection.repl.start("import micropython\nmicropython.kbd_intr(-1)\nwhile True: pass")
        connection.clock.sleep(0.2)
        assert connection.recover() == "power cycle"
        assert connection.repl.exec("print(6*7)") == b"42\n"
    finally:
        connection.close()


def test_a_board_under_two_names_is_one_board(shelf, board):
    specs = [registry.parse_board(text) for text in ("shelf:pico-3", board.port)]
    with pytest.raises(ConfigurationError, match="the same board"):
        registry.expand_boards(specs)
    first, second = map(Connection, specs)
    first.open()
    try:
        with pytest.raises(BoardBusyError):
            second.open()
    finally:
        first.close()


def test_the_doctor_examines_it(shelf, capsys):
    assert main(["doctor", "--board=shelf:pico-3", "--watch-s=0"]) == 0
    assert "ok  REPL" in capsys.readouterr().out
