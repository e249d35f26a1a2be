"""A board that goes away in mid-run and comes back as another port is found again, or told."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hil.boards.backends.registry import parse_board
from hil.boards.backends.serial import PortHistory
from hil.boards.backends.sim import VirtualBoard
from hil.boards.identity import probe_board
from hil.boards.lock_names import device_lock_names
from hil.boards.locks import BoardLock
from hil.experiments.plan import Case, calibration_plan, capture_job
from hil.experiments.session import Session
from hil.model.errors import BoardBrokenError, BoardBusyError, BoardNotFoundError, HilError
from hil.recording.capture_reader import read_capture
from hil.recording.validity import require_valid


@pytest.fixture(autouse=True)
def impatient(attached, monkeypatch):
    monkeypatch.setattr("hil.boards.port_board._REAPPEAR_S", 4.0)


class Cable:
    """A board on a port; unplugging it and plugging it in elsewhere are one motion."""

    def __init__(self, attached, number, knobs):
        self.attached, self.number, self.knobs = attached, number, knobs
        self.board = VirtualBoard(knobs)
        self._held: list[int] = []
        attached.plug(self.board.port, number)

    def move(self, knobs=None):
        """Unplug; some time later the board (or another) is at another port."""
        after = VirtualBoard(self.knobs if knobs is None else knobs)
        before, self.board = self.board, after
        self.attached[:] = [p for p in self.attached if p.device != before.port]
        # while its other side is open, no board of another test gets a terminal of this name
        self._held.append(os.open(before.port, os.O_RDWR | os.O_NOCTTY))
        before.stop()
        timer = threading.Timer(0.5, self.attached.plug, (after.port, self.number))
        timer.start()
        return timer

    def stop(self):
        self.board.stop()
        for descriptor in self._held:
            os.close(descriptor)


@pytest.fixture
def plug(attached):
    cables = []

    def plug(number=None, knobs="seed=7"):
        cables.append(Cable(attached, number, knobs))
        return cables[-1]

    yield plug
    for cable in cables:
        cable.stop()


def take(session, path):
    session.capture(capture_job(Case(calibration_plan()), session.board), path)
    require_valid(read_capture(path))


@pytest.mark.parametrize("number", ["E66", None], ids=["USB number", "unique id"])
def test_a_board_at_another_port_is_measured_there(plug, tmp_path, number):
    cable = plug(number)
    first = cable.board.port
    with Session(parse_board(f"port:{first}")) as session:
        take(session, tmp_path / "1.hilcap")
        timer = cable.move()
        second = cable.board.port
        assert second != first
        with pytest.raises(HilError, match=f"came back at {second}"):
            take(session, tmp_path / "2.hilcap")
        timer.join()
        with pytest.raises(HilError, match="invalid"):  # and what it was doing is not a figure
            require_valid(read_capture(tmp_path / "2.hilcap"))
        take(session, tmp_path / "3.hilcap")
        assert session.identity.port == second
        assert read_capture(tmp_path / "3.hilcap").board.port == second
        with pytest.raises(BoardBusyError):  # the lock went with it
            BoardLock("other", device_lock_names(second))
    BoardLock("other", device_lock_names(second)).release()


@pytest.mark.parametrize("number", ["E66", None], ids=["USB number", "no number"])
def test_another_board_at_the_new_port_is_not_measured(plug, tmp_path, number):
    cable = plug(number)
    with Session(parse_board(f"port:{cable.board.port}")) as session:
        take(session, tmp_path / "1.hilcap")
        cable.move("seed=8").join()
        with pytest.raises(HilError, match="another board"):
            take(session, tmp_path / "2.hilcap")
        with pytest.raises(BoardBrokenError, match="another board"):
            take(session, tmp_path / "3.hilcap")


def test_a_board_without_any_number_is_not_guessed(plug, tmp_path, monkeypatch):
    def probe_without(repl):
        return {k: v for k, v in probe_board(repl).items() if k != "uid"}

    for module in ("hil.boards.identity", "hil.experiments.session"):
        monkeypatch.setattr(f"{module}.probe_board", probe_without)
    cable = plug(None)
    with Session(parse_board(f"port:{cable.board.port}")) as session:
        take(session, tmp_path / "1.hilcap")
        cable.move().join()
        with pytest.raises(HilError, match="run again with its new port"):
            take(session, tmp_path / "2.hilcap")
        with pytest.raises(BoardBrokenError, match="run again with its new port"):
            take(session, tmp_path / "3.hilcap")


def test_a_board_that_stays_away_is_told(plug, attached, tmp_path, monkeypatch):
    monkeypatch.setattr("hil.boards.port_board._REAPPEAR_S", 0.3)
    cable = plug("E66")
    with Session(parse_board(f"port:{cable.board.port}")) as session:
        take(session, tmp_path / "1.hilcap")
        attached.clear()
        attached.plug(cable.board.port, "another")
        cable.stop()
        with pytest.raises(HilError, match="no port has the board's USB serial number E66"):
            take(session, tmp_path / "2.hilcap")
        with pytest.raises(BoardBrokenError, match="given up earlier"):
            take(session, tmp_path / "3.hilcap")


def test_where_a_board_is_looked_for(attached):
    attached.plug("/dev/ttyUSB0", "E66")
    attached.plug("/dev/ttyUSB1")
    attached.plug("/dev/ttyUSB2")
    numbered = PortHistory.of("u0", "/dev/ttyUSB0")
    plain = PortHistory.of("u1", "/dev/ttyUSB1")
    attached.clear()
    attached.plug("/dev/ttyUSB2")
    attached.plug("/dev/ttyUSB3", vid=1)
    attached.plug("/dev/ttyUSB4")
    attached.plug("/dev/ttyUSB5", "E66")
    assert numbered.candidates() == ("/dev/ttyUSB5",)
    # its old port, and one of its kind that was not there before
    assert plain.candidates() == ("/dev/ttyUSB1", "/dev/ttyUSB4")
    attached.clear()
    assert numbered.candidates() == ("/dev/ttyUSB0",)
    attached.plug("/dev/ttyUSB0", "other")
    with pytest.raises(BoardNotFoundError, match="another device is at this port"):
        numbered.candidates()
    attached.clear()
    attached.plug("/dev/ttyUSB6", "E66", pid=0x4155)  # a run-time USB device changed its product
    attached.plug("/dev/ttyUSB7", "E66", vid=1)
    assert numbered.candidates() == ("/dev/ttyUSB6",)
    unknown_to_usb = PortHistory.of("/dev/ttyS0", "/dev/ttyS0")
    assert unknown_to_usb.candidates() == ("/dev/ttyS0",)


def test_a_symbolic_name_is_the_same_port(attached, tmp_path):
    link = tmp_path / "board"
    link.symlink_to("/dev/ttyUSB7")
    attached.plug("/dev/ttyUSB7", "E66")
    where = PortHistory.of(f"port:{link}", str(link))
    assert where.has_number
    assert where.candidates() == ("/dev/ttyUSB7",)
    assert Path(link).is_symlink()
