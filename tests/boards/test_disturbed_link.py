"""Foreign bytes inside a board's answers: taken out or asked for once more, and told."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys

import pytest

from hil.boards import diagnosis
from hil.boards.attach import AttachLimits
from hil.boards.backends.registry import parse_board
from hil.boards.connection import Connection
from hil.boards.diagnosis import modem_manager_suspected, second_readers
from hil.boards.raw_repl import RawRepl
from hil.model.errors import BoardBrokenError, BoardTimeoutError, RemoteCodeError, TransportError

from .conftest import FakeBoard, Habits

LOG_LINE = b"\x1b[0;32mI (4711) wifi:state: run -> init (0x3c0)\x1b[0m\r\n"
NO_NAME = (
    b'OK\x04Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\n'
    b"NameError: name 'AT' isn't defined\r\n\x04>"
)
SHORT = AttachLimits(first_answer_s=1.0, prompt_s=1.0, reboot_s=1.0, boot_s=1.0)


class LoggingBoard(FakeBoard):
    """Writes a line of its chip's log somewhere into everything it says, until told not to."""

    def __init__(self, **habits):
        self.chance = random.Random(1)
        self.logs = True
        self.obeys = False
        super().__init__(Habits(**habits))

    def _say(self, text):
        if self.logs and text:
            at = self.chance.randrange(len(text) + 1)
            super()._say(text[:at] + LOG_LINE[:20])
            text = LOG_LINE[20:] + text[at:]
        super()._say(text)

    def _execute(self, prefix):
        if b"osdebug" in self._code and self.obeys:
            self.logs = False
            self.executed.append(bytes(self._code))
            self._code.clear()
            self._say(prefix + b"hil:quiet\r\n\x04\x04>")
        else:
            super()._execute(prefix)


class Once(FakeBoard):
    """Something happens to the answer of each program that is marked ``'fragile'``, so often."""

    times = 1
    strikes = 0

    def answer_instead(self, prefix):
        raise NotImplementedError

    def _execute(self, prefix):
        if b"fragile" in self._code and self.strikes < self.times:
            self.strikes += 1
            self.executed.append(bytes(self._code))
            self._code.clear()
            self.answer_instead(prefix)
        else:
            super()._execute(prefix)


class CutLog(Once):
    """A log line that is cut to pieces takes a part of the answer with it."""

    def answer_instead(self, prefix):
        self._say(LOG_LINE[:-12] + prefix + b"\r\n\x04")


class HearsModemCommands(Once):
    """An AT command stood on its line before the code."""

    def answer_instead(self, prefix):
        self._say(NO_NAME)


@contextlib.contextmanager
def connected(board):
    connection = Connection(parse_board(board.port), limits=SHORT)
    try:
        connection.open()
        yield connection
    finally:
        connection.close()


@pytest.fixture(autouse=True)
def nothing_attached(attached):
    return attached


@pytest.mark.parametrize("window", [0, 32], ids=["plain", "raw paste"])
def test_log_lines_anywhere_in_answers_are_taken_out(window):
    with LoggingBoard(window=window) as board, connected(board) as connection:
        code = "print(6*7)\n" + "# what is sent in several parts\n" * 8
        for _ in range(20):
            assert connection.repl.exec(code) == b"42\r\n"
        assert board.soft_resets == 1
        assert board.executed.count(code.encode()) == 20  # none was sent again
        (warning,) = connection.link_warnings
        assert "esp.osdebug(None)" in warning
        assert "switched off" not in warning  # it went on


def test_the_log_is_switched_off_where_that_works():
    with LoggingBoard(window=32) as board:
        board.obeys = True
        with connected(board) as connection:
            assert sum(b"osdebug" in code for code in board.executed) == 1
            assert connection.repl.exec("print(6*7)") == b"42\r\n"
            (warning,) = connection.link_warnings
            assert "switched off" in warning


def test_a_board_that_logs_nothing_is_asked_nothing(fake):
    board = fake(window=32)
    with connected(board) as connection:
        connection.repl.exec("print(6*7)")
        connection.board.silence_log()
        assert not any(b"osdebug" in code for code in board.executed)
        assert connection.link_warnings == ()


@pytest.mark.parametrize(
    ("kind", "error", "remedy"),
    [
        (CutLog, TransportError, "esp.osdebug"),
        (HearsModemCommands, RemoteCodeError, "ID_MM_DEVICE_IGNORE"),
    ],
)
def test_a_step_is_tried_once_more_and_no_more(kind, error, remedy):
    code = "print('fragile')"
    with kind() as board, connected(board) as connection:
        assert connection.repl.exec(code, timeout_s=0.5) == b"fragile\r\n"
        assert board.executed.count(code.encode()) == 2
        assert remedy in connection.link_warnings[0]
        board.times = 100
        with pytest.raises(error, match=remedy), connection.stage("tried"):
            connection.repl.exec(code, timeout_s=0.5)
        assert board.executed.count(code.encode()) == 4
        assert board.soft_resets == 1


def test_an_error_of_the_code_itself_is_not_tried_again():
    class Raises(HearsModemCommands):
        def answer_instead(self, prefix):
            self._say(prefix + NO_NAME[2:].replace(b"'AT'", b"'ticks'"))

    with Raises() as board, connected(board) as connection:
        with pytest.raises(RemoteCodeError, match="'ticks'"), connection.stage("tried"):
            connection.repl.exec("print('fragile')")
        assert board.strikes == 1
        assert connection.link_warnings == ()


def test_a_command_on_the_line_takes_the_place_of_a_reset_once():
    class RunsTheLine(FakeBoard):
        ran = 0

        def _reboot(self):
            if self._mode == "raw" and not self.ran:
                self.ran += 1
                self._say(NO_NAME)
            else:
                super()._reboot()

    with RunsTheLine() as board, RawRepl(board.port, limits=SHORT) as repl:
        repl.enter()
        assert (board.ran, board.soft_resets) == (1, 1)
        assert repl.exec("print(6*7)") == b"42\r\n"


def test_a_line_that_echoes_is_named():
    class Echoes(FakeBoard):
        def _take(self, byte):
            self._say(byte)
            super()._take(byte)

    with (
        Echoes(Habits(window=32)) as board,
        connected(board) as connection,
        pytest.raises(BoardTimeoutError, match="local echo"),
        connection.stage("asked"),
    ):
        connection.repl.exec("print(6*7)")


@pytest.fixture
def reader():
    """Another process that has a port open."""
    with contextlib.ExitStack() as stack:

        def start(code, *words):
            program = [sys.executable, "-c", f"import os, sys, time\n{code}", *words]
            process = stack.enter_context(
                subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            stack.callback(process.terminate)
            assert process.stdout.readline() == b"ready\n"
            return process

        yield start


READS = "f = open(sys.argv[1], 'rb')\nprint('ready', flush=True)\ntime.sleep(60)"
HAS_BOTH_ENDS = """
master, slave = os.openpty()
os.symlink(os.ttyname(slave), sys.argv[1])
print('ready', flush=True)
time.sleep(60)
"""


def test_another_reader_of_the_port_is_named_with_its_command(fake, reader, tmp_path):
    board = fake()
    link = tmp_path / "board"
    link.symlink_to(board.port)
    assert second_readers(str(link)) == ""
    process = reader(READS, board.port)
    said = second_readers(str(link))
    assert f"pid {process.pid} (`" in said
    assert board.port in said
    assert "has the port open too" in said
    assert "end it" in said
    with connected(board) as connection:
        assert connection.link_warnings == (said,)  # told before it does harm
        board.habits.runs_code = False
        with pytest.raises(TransportError, match=f"pid {process.pid} "), connection.stage("asked"):
            connection.repl.exec("print(1)", timeout_s=0.3)


def test_what_offers_a_pseudo_terminal_is_no_second_reader(reader, tmp_path):
    link = tmp_path / "board"
    reader(HAS_BOTH_ENDS, str(link))
    handle = os.open(link, os.O_RDWR | os.O_NOCTTY)
    try:
        assert second_readers(str(link)) == ""
    finally:
        os.close(handle)


def test_a_second_reader_that_takes_everything_is_the_first_thing_said(reader, fake):
    board = fake(deaf_to=-1)
    process = reader(READS, board.port)
    with pytest.raises(BoardBrokenError) as caught, connected(board):
        pass
    assert str(caught.value).startswith(f"{board.port}: pid {process.pid} (")


def test_modem_manager_is_suspected_at_usb_ports_where_it_runs(monkeypatch):
    monkeypatch.setattr(diagnosis, "_modem_manager", lambda: True)
    assert "systemctl" in modem_manager_suspected("/dev/ttyACM0")
    assert modem_manager_suspected("/dev/pts/3") == ""
    monkeypatch.setattr(diagnosis, "_modem_manager", lambda: False)
    assert modem_manager_suspected("/dev/ttyACM0") == ""
