"""What is no MicroPython, or too old, is named in one sentence: by what it says or writes."""

from __future__ import annotations

import contextlib
import io
import sys
from types import SimpleNamespace

import pytest

from hil.boards.attach import AttachLimits
from hil.boards.backends.registry import parse_board
from hil.boards.backends.serial import answering_ports
from hil.boards.backends.sim import VirtualBoard
from hil.boards.other_firmware import Firmware, ask, recognise_other
from hil.boards.raw_repl import RawRepl
from hil.boards.silent_board import next_step
from hil.cli.main import main
from hil.experiments.session import Session
from hil.model.errors import BoardNotFoundError, BoardTimeoutError, OtherFirmwareError

from .conftest import FakeBoard

NO_TICKS = (
    b"Traceback (most recent call last):\r\n"
    b"  File \"<stdin>\", line 1, in <module>\r\nAttributeError: 'module' object has no attribute "
)


class OtherPython(FakeBoard):
    """Its raw REPL runs code, but there is no ``time.ticks_us`` and no ``machine``.

    ``sys`` is what it has under that name; what asks for more raises.
    """

    sys: object = None

    def _execute(self, prefix):
        code = bytes(self._code)
        if code.startswith(b"print('hil'"):
            super()._execute(prefix)
            return
        self._code.clear()
        try:
            answer = run_question(code.decode(), self.sys).encode().replace(b"\n", b"\r\n")
        except Exception:
            answer = b"\x04" + NO_TICKS + b"'ticks_add'\r\n"
        else:
            answer += b"\x04"
        self._say(prefix + answer + b"\x04>")


def run_question(code, sys_module):
    """Run code as a Python would that has this ``sys``; what it printed."""

    def only_sys(name, *_):
        if name != "sys":
            raise ImportError(name)
        return sys_module

    printed = io.StringIO()
    space = {"__builtins__": {**vars(__import__("builtins")), "__import__": only_sys}}
    with contextlib.redirect_stdout(printed):
        exec(code, space)
    return printed.getvalue()


class Implementation(tuple):
    """A tuple with names, as those of MicroPython and CircuitPython are."""

    __slots__ = ()
    _machine = "Raspberry Pi Pico with rp2040"


def python(name, *version):
    return SimpleNamespace(implementation=Implementation((name, version)))


@pytest.fixture
def other(locks):
    boards = []

    def start(sys_module):
        boards.append(OtherPython())
        boards[-1].sys = sys_module
        return boards[-1]

    yield start
    for board in boards:
        board.stop()


@pytest.fixture
def locks(tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))


CIRCUITPYTHON = "this is CircuitPython 9.2.1 on Raspberry Pi Pico with rp2040; hil measures"


@pytest.mark.parametrize(
    ("sys_module", "said"),
    [
        (python("circuitpython", 9, 2, 1), CIRCUITPYTHON),
        (python("micropython", 1, 12), "this is MicroPython 1.12 on .*; hil needs 1.20 or newer"),
        (python("pycopy\x1b[2J", 3, 6, 1), r"this is pycopy\\x1b\[2J 3.6.1 on"),
        (sys, "this is CPython 3"),
    ],
    ids=["CircuitPython", "old", "odd name", "CPython"],
)
def test_another_python_is_named_in_one_sentence(other, sys_module, said):
    board = other(sys_module)
    with pytest.raises(OtherFirmwareError, match=said) as caught, Session(parse_board(board.port)):
        pass
    assert "\n" not in str(caught.value)
    assert "https://micropython.org/download" in str(caught.value)
    assert "AttributeError" not in str(caught.value)


def test_doctor_and_boards_name_it_too(other, capsys):
    board = other(python("circuitpython", 9, 2, 1))
    assert main(["doctor", f"--board={board.port}"]) == 1
    assert CIRCUITPYTHON in " ".join(capsys.readouterr().out.split())  # the text is wrapped
    assert main(["boards", board.port, "--json"]) == 0
    assert CIRCUITPYTHON in capsys.readouterr().out


def test_a_run_ends_in_this_sentence(other, run_here, pytester):
    board = other(python("circuitpython", 9, 2, 1))
    pytester.makepyfile("def test_lateness(figures): pass")
    result = run_here(f"--board={board.port}", "--hil-technique=round_robin", "--hil-load=idle")
    assert result.ret == pytest.ExitCode.USAGE_ERROR  # the run could not begin
    (line,) = [line for line in result.errlines if line]
    assert CIRCUITPYTHON in line


def test_auto_leaves_it_out_and_says_why(other, attached):
    attached.plug(other(python("circuitpython", 9, 2, 1)).port)
    with pytest.raises(BoardNotFoundError, match=CIRCUITPYTHON):
        answering_ports()
    attached.clear()
    attached.plug(other(python("micropython", 1, 9, 2)).port)
    assert len(answering_ports()) == 1  # an old one may be measured all the same


def test_the_embedded_board_answers_the_question():
    with VirtualBoard() as board, RawRepl(board.port) as repl:
        repl.enter()
        firmware = ask(repl)
        assert firmware is not None
        assert firmware.is_micropython
        assert firmware.refusal() == ""


@pytest.mark.parametrize(
    ("seen", "named"),
    [
        (b"\r\nAdafruit CircuitPython 9.2.1 on 2024-11-20; Feather M4\r\n>>> ", "9.2.1 on Feather"),
        (b"Python 3.11.2 (main, May  2 2024) [GCC 12.2.0] on linux\r\n>>> ", "CPython 3.11.2"),
        (b"\r\nraspberrypi login: ", "a login prompt"),
        (b"^C\r\npi@bench:~$ ^A\r\npi@bench:~$ ", "a shell"),
        (b"root@OpenWrt:/# \r\nroot@OpenWrt:/# ", "a shell"),
        (b"-sh: xyz: not found\r\n", "a shell"),
        (b"/ # \r\n~ # ", "a shell"),
        (b"\r\n=> <INTERRUPT>\r\n=> ", "U-Boot"),
        (b"\r\n>\r\nExecution Interrupted\r\n>", "Espruino"),
        (b"> stdin:1: unexpected symbol near '\\3'\r\n> ", "Lua"),
        (b"uart:~$ \x1b[8D\x1b[Juart:~$ ", "Zephyr"),
        (b"\r\n\x1b[0;32mesp32> \x1b[0m", "ESP-IDF console"),
        (b"\r\nmsh />\r\nmsh />", "another system"),
        (b"\r\nGrbl 1.1h ['$' for help]\r\n", "motion controller"),
        (b"\r\n+CME ERROR: 58\r\n", "modem"),
        (b"TinyGo 0.31\r\npanic: runtime error: nil pointer dereference\r\n", "TinyGo"),
    ],
)
def test_prompts_of_other_kinds_are_known_by_what_they_write(seen, named):
    assert named in recognise_other(seen)
    step = next_step("/dev/ttyUSB0", seen)
    assert named in step
    assert "choose another port" in step or "flash" in step


@pytest.mark.parametrize(
    "seen",
    [
        b"",
        b"MicroPython v1.24.1 on 2024-11-29; Raspberry Pi Pico with RP2040\r\n>>> ",
        b"raw REPL; CTRL-B to exit\r\n>",
        b"temperature 21.5 => fan on\r\n" * 20,
        b"\xff\x00" * 100,
    ],
)
def test_micropython_and_programs_are_not_taken_for_others(seen):
    assert recognise_other(seen) == ""


def test_a_prompt_that_shows_itself_at_the_end_of_a_line_is_provoked():
    """Such a board ignores control characters and answers a line."""

    class Console(FakeBoard):
        def _take(self, byte):
            if byte == b"\r":
                self._say(b"\r\nuart:~$ ")

    limits = AttachLimits(first_answer_s=0.3)
    with (
        Console() as board,
        RawRepl(board.port, limits=limits) as repl,
        pytest.raises(BoardTimeoutError, match="a Zephyr shell answers"),
    ):
        repl.enter()


def test_text_of_a_board_is_made_safe_and_short():
    firmware = Firmware("micropython", "1.24.1")
    assert firmware.refusal() == ""
    assert Firmware("micropython", "unknown").refusal() == ""
    assert len(recognise_other(b"Adafruit CircuitPython " + b"9" * 5000)) < 300
