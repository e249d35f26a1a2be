"""Unmodified mpremote, as a user runs it, against the embedded board."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from hil.boards.backends.sim import VirtualBoard

Mpremote = Callable[..., str]


@pytest.fixture
def port() -> Iterator[str]:
    with VirtualBoard() as board:
        yield board.port


@pytest.fixture
def mpremote(port: str) -> Mpremote:
    def run(*words: str | Path, expect: int = 0) -> str:
        command = [sys.executable, "-m", "mpremote", "connect", port, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout

    return run


def read_until(line: serial.Serial, *texts: bytes) -> None:
    """Read until ``texts`` came one after the other."""
    seen = b""
    end = time.monotonic() + 60
    at = -1
    while at < 0:
        assert time.monotonic() < end, seen
        seen += line.read(256)
        at = 0
        for text in texts:
            at = seen.find(text, at) if at >= 0 else at


def test_exec_and_eval_again_and_again(mpremote):
    for n in range(4):
        assert mpremote("exec", f"print({n} + 1)").split() == [str(n + 1)]
    assert mpremote("eval", "6 * 7").split() == ["42"]
    assert mpremote("resume", "exec", "print('kept')").split() == ["kept"]


def test_error_on_the_board_is_an_exit_status(mpremote):
    mpremote("exec", "1 / 0", expect=1)


def test_run_a_file(mpremote, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint('from', sys.implementation.name)\n")
    assert mpremote("run", script).split() == ["from", "micropython"]


def test_file_system(mpremote, tmp_path):
    local = tmp_path / "data.bin"
    local.write_bytes(bytes(range(256)) * 8)
    mpremote("fs", "mkdir", "folder")
    mpremote("fs", "cp", local, ":folder/data.bin")
    assert "data.bin" in mpremote("fs", "ls", "folder")
    back = tmp_path / "back.bin"
    mpremote("fs", "cp", ":folder/data.bin", back)
    assert back.read_bytes() == local.read_bytes()
    assert mpremote("exec", "import os; print(os.listdir('/'))").split() == ["['folder']"]
    mpremote("fs", "rm", "folder/data.bin")
    mpremote("fs", "rmdir", "folder")
    assert mpremote("exec", "import os; print(os.listdir('/'))").split() == ["[]"]


def test_mount_a_local_folder(mpremote, tmp_path):
    (tmp_path / "helper.py").write_text("VALUE = '" + "\x03 and \x04 " * 20 + "'\n")
    out = mpremote("mount", tmp_path, "exec", "import helper; print(len(helper.VALUE))")
    # mpremote's own line about the folder comes first or last, as its output is buffered
    assert "160" in out.splitlines(), out


def test_soft_reset_forgets(mpremote):
    mpremote("exec", "remembered = 1")
    mpremote("soft-reset")
    assert mpremote("resume", "eval", "'remembered' in globals()").split() == ["False"]


def test_ctrl_c_of_a_running_program(mpremote, port):
    command = [sys.executable, "-m", "mpremote", "connect", port]
    command += ["exec", "print('on')\nwhile True: pass"]
    # A shell's background job ignores SIGINT, and so would mpremote then.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)
    with running:
        assert running.stdout is not None
        assert running.stdout.readline().strip() == b"on"
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    assert mpremote("exec", "print('alive')").split() == ["alive"]


def test_repl_session(port):
    """The friendly REPL: typed ahead text is kept, Ctrl-C ends a loop, Ctrl-D reboots."""
    with serial.Serial(port, timeout=0.1) as line:
        line.write(b"\r\x03\x02")
        read_until(line, b">>> ")
        line.write(b"x = 5\rprint(x * 2)\rprint('third', x * 3)\r")
        read_until(line, b"\n10\n", b"\nthird 15\n", b">>> ")
        line.write(b"while True: print('on', 6 * 7)\r\r\r")
        read_until(line, b"\non 42")
        line.write(b"\x03")
        read_until(line, b"KeyboardInterrupt", b">>> ")
        line.write(b"\x04")
        read_until(line, b"MPY: soft reboot\r\n", b">>> ")
