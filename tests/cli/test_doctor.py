"""``hil doctor``: each step wrong once."""

from __future__ import annotations

import json
import os
import socket
from types import SimpleNamespace

import pytest

from hil.boards import diagnosis
from hil.boards.backends.serial import port_lock_names
from hil.boards.backends.sim import VirtualBoard
from hil.boards.foreign_bytes import ForeignBytes
from hil.boards.locks import BoardLock
from hil.boards.port_board import LEAVES_AT_RESET
from hil.cli import doctor
from hil.cli.main import main
from hil.model import printable


@pytest.fixture(autouse=True)
def locks(tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))


@pytest.fixture
def board():
    with VirtualBoard() as board:
        yield board


def ask(capsys, board: str) -> tuple[int, dict[str, dict]]:
    status = main(["doctor", f"--board={board}", "--json", "--watch-s=0"])
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] == (status == 0)
    findings = {finding["step"]: finding for finding in said["findings"]}
    assert tuple(findings) == doctor.STEPS
    for finding in findings.values():
        assert finding["fix"] or finding["state"] in ("ok", "not tried"), finding
    return status, findings


@pytest.mark.parametrize("kind", ["sim", "sim:clock=virtual", "port"])
def test_a_healthy_board_passes_every_step(board, capsys, kind):
    status, findings = ask(capsys, board.port if kind == "port" else kind)
    assert status == 0
    assert {finding["state"] for finding in findings.values()} == {"ok"}
    assert "MicroPython 1." in findings["version"]["text"]
    assert "4" in findings["wiring"]["text"]


def test_a_port_that_is_not_there(capsys):
    status, findings = ask(capsys, "/dev/ttyUSB99")
    assert status == 1
    assert findings["port"]["state"] == "wrong"
    assert "hil boards" in findings["port"]["fix"]
    assert findings["wiring"]["state"] == "not tried"


def test_a_serial_number_that_is_not_attached(capsys):
    status, findings = ask(capsys, "id:NOBODY")
    assert status == 1
    assert "NOBODY" in findings["port"]["text"]


def test_a_file_is_no_port(tmp_path, capsys):
    (tmp_path / "file").touch()
    status, findings = ask(capsys, str(tmp_path / "file"))
    assert (status, findings["port"]["state"]) == (1, "wrong")


def test_a_server_that_does_not_answer(capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
    status, findings = ask(capsys, url)
    assert (status, findings["port"]["state"]) == (1, "wrong")
    assert "ser2net" in findings["port"]["fix"]


def test_permission_names_the_group(board, capsys, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests may run as root
    status, findings = ask(capsys, board.port)
    assert (status, findings["permission"]["state"]) == (1, "wrong")
    assert "usermod -aG" in findings["permission"]["fix"]
    assert findings["REPL"]["state"] == "not tried"


def test_a_board_that_is_held_names_the_holder(board, capsys):
    with BoardLock("x", port_lock_names(board.port)):
        status, findings = ask(capsys, board.port)
    assert (status, findings["lock"]["state"]) == (1, "wrong")
    assert f"pid {os.getpid()}" in findings["lock"]["text"]


def test_a_board_without_an_answer(capsys, silent):
    status, findings = ask(capsys, silent)
    assert (status, findings["REPL"]["state"]) == (1, "wrong")
    assert "reset button" in findings["REPL"]["text"]
    assert findings["clock"]["state"] == "not tried"


def test_a_missing_jumper_names_the_pins(capsys):
    status, findings = ask(capsys, "sim:wires=none")
    assert (status, findings["wiring"]["state"]) == (1, "wrong")
    assert "4" in findings["wiring"]["fix"]
    assert "5" in findings["wiring"]["fix"]


def test_a_wiring_file_can_be_given(tmp_path, capsys):
    (tmp_path / "mine.toml").write_text('name = "mine"\noutputs = [8]\nloopback = [6, 7]\n')
    words = ["doctor", "--board=sim:wires=6-7", f"--wiring={tmp_path / 'mine.toml'}"]
    assert main(words) == 0
    assert "mine: outputs 8; a signal comes from 6 to 7" in capsys.readouterr().out


def test_the_lines_for_a_person_hold_state_and_fix(capsys):
    assert main(["doctor", "--board=/dev/ttyUSB99"]) == 1
    said = capsys.readouterr().out
    assert "WRONG  port" in said
    assert "-> `hil boards`" in said


def test_modem_manager_is_named(monkeypatch):
    monkeypatch.setattr(diagnosis, "_modem_manager", lambda: True)
    monkeypatch.setattr("pathlib.Path.exists", lambda self: True)
    monkeypatch.setattr("pathlib.Path.is_char_device", lambda self: True)
    finding = diagnosis.check_device("/dev/ttyACM0")
    assert finding.state == "warning"
    assert "ID_MM_DEVICE_IGNORE" in finding.fix
    assert diagnosis.check_device("/dev/ttyUSB0").state == "ok"


class Host:
    """A clock that only a wait moves."""

    ns = 0

    def now_ns(self):
        return self.ns

    def sleep(self, seconds):
        self.ns += round(seconds * 1e9)


def stand_in(**facts):
    usual = {"micropython": "1.24.1", "machine": "X", "free_bytes": 100_000, "tick_period": 2**30}
    return SimpleNamespace(identity=SimpleNamespace(**{**usual, **facts}))


def test_what_else_is_on_the_link_is_told_with_what_mends_it():
    session = stand_in(slowness=None)
    logs = ForeignBytes()
    logs.watch(b"I (1234) wifi:state: run -> init\r\n")
    session.link_warnings = logs.warnings
    finding = doctor._repl(session, "answers")
    assert finding.state == "warning"
    assert "wifi:state: run -> init" in finding.text
    assert finding.fix == "write `import esp; esp.osdebug(None)` into its boot.py"
    session.link_warnings = (LEAVES_AT_RESET,)
    finding = doctor._repl(session, "answers")
    assert (finding.state, finding.fix) == ("ok", "")
    assert "its USB goes away at each soft reset" in finding.text


@pytest.mark.parametrize(
    ("version", "state"),
    [("1.20.0", "ok"), ("1.29.0-preview", "ok"), ("1.19.1", "warning"), ("unknown", "warning")],
)
def test_an_old_firmware_is_told(version, state):
    assert doctor._version(stand_in(micropython=version)).state == state


@pytest.mark.parametrize(("free", "state"), [(8192, "ok"), (8191, "warning"), (None, "warning")])
def test_little_memory_is_told(free, state):
    assert doctor._memory(stand_in(free_bytes=free)).state == state


@pytest.mark.parametrize(
    ("rate", "state"), [(1.0, "ok"), (1.01, "ok"), (2.0, "wrong"), (0.5, "wrong"), (0.0, "wrong")]
)
def test_a_clock_that_runs_at_another_rate_is_wrong(rate, state):
    session = stand_in()
    # starts just below the wrap: a difference must not be taken for a huge one
    start = 2**30 - 1000
    session.clock = Host()
    session.run = lambda code: b"%d" % ((start + int(session.clock.ns / 1e3 * rate)) % 2**30)
    finding = doctor._clock(session)
    assert finding.state == state, finding


def test_text_from_a_board_cannot_drive_the_terminal():
    assert "\x1b" not in printable.escaped_line("evil\x1b[2J\nname")
    assert "\n" not in printable.escaped_line("evil\x1b[2J\nname")
