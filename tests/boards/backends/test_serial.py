"""Finding boards: the system's list of ports is made up, the boards behind them are real."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest
import serial

from hil.boards.backends.registry import expand_boards, parse_board
from hil.boards.backends.serial import (
    answering_ports,
    attached_ports,
    find_port,
    holder_text,
    port_lock_names,
)
from hil.boards.backends.sim import VirtualBoard
from hil.boards.diagnosis import open_error, port_holders
from hil.boards.locks import BoardLock
from hil.model.errors import BoardNotFoundError, ConfigurationError

pytestmark = pytest.mark.usefixtures("attached")


@pytest.fixture
def boards():
    with VirtualBoard() as first, VirtualBoard() as second:
        yield first, second


def test_auto_means_every_board_that_answers(attached, boards, silent):
    attached.plug(boards[1].port, "E66")
    attached.plug(silent, "GPS")
    attached.plug(boards[0].port)
    attached.plug("/dev/ttyS0", vid=None)
    answering = answering_ports()
    assert {p.port for p in answering} == {boards[0].port, boards[1].port}
    texts = {spec.text for spec in expand_boards([parse_board("auto")])}
    assert texts == {"id:E66", f"port:{boards[0].port}"}


def test_auto_leaves_a_busy_board_alone(attached, boards):
    attached.plug(boards[0].port, "A")
    attached.plug(boards[1].port, "B")
    with BoardLock("x", port_lock_names(boards[0].port)):
        assert [p.port for p in answering_ports()] == [boards[1].port]


def test_auto_tells_what_each_port_said(attached, silent):
    with pytest.raises(BoardNotFoundError, match="no USB serial port is attached"):
        expand_boards([parse_board("auto")])
    attached.plug(silent, "GPS")
    attached.plug("/dev/ttyACM99", "X")
    with pytest.raises(BoardNotFoundError) as caught:
        expand_boards([parse_board("auto")])
    assert "nothing came at all" in str(caught.value)
    assert "/dev/ttyACM99: there is no such port" in str(caught.value)


def test_the_serial_number_finds_a_board_at_its_new_port(attached):
    attached.plug("/dev/ttyACM0", "E66")
    assert find_port("E66") == "/dev/ttyACM0"
    before = port_lock_names("/dev/ttyACM0")
    attached.clear()
    attached.plug("/dev/ttyACM0", "other")
    attached.plug("/dev/ttyACM3", "E66")
    assert find_port("E66") == "/dev/ttyACM3"
    assert set(before) & set(port_lock_names("/dev/ttyACM3"))
    attached.clear()
    with pytest.raises(BoardNotFoundError, match="E66"):
        find_port("E66")


def test_one_board_under_two_names_is_refused(attached):
    attached.plug("/dev/ttyACM0", "E66")
    with pytest.raises(ConfigurationError, match="same board"):
        expand_boards([parse_board("id:E66"), parse_board("a0")])
    assert len(expand_boards([parse_board("sim"), parse_board("sim:ppm=40")])) == 2


def test_attached_ports_are_ordered_and_usb_only(attached):
    attached.plug("/dev/ttyUSB1", "b")
    attached.plug("/dev/ttyS0", vid=None)
    attached.plug("/dev/ttyUSB0")
    assert [p.port for p in attached_ports()] == ["/dev/ttyUSB0", "/dev/ttyUSB1"]
    assert attached_ports()[0].identity == ""
    assert attached_ports()[1].identity == "2e8a:0005:b"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_who_holds_a_port_is_named(silent):
    assert holder_text(silent) == ""
    code = (
        "import serial, sys, time\n"
        "s = serial.Serial(sys.argv[1], exclusive=True)\nprint('open', flush=True)\ntime.sleep(60)"
    )
    command = [sys.executable, "-c", code, silent]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "open\n"
            assert [h.pid for h in port_holders(silent)] == [process.pid]
            assert f"pid {process.pid}" in holder_text(silent)
            assert silent in holder_text(silent)
            error = open_error(silent, "taken")
            assert f"pid {process.pid}" in str(error)
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_opener_without_a_lock_is_found_too(silent):
    own = serial.Serial(silent)  # this process does not count
    with contextlib.closing(own):
        code = "import sys, time\nf = open(sys.argv[1], 'rb', 0)\nprint('open', flush=True)\n"
        command = [sys.executable, "-c", code + "time.sleep(60)", silent]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout.readline() == "open\n"
                assert [h.pid for h in port_holders(silent)] == [process.pid]
            finally:
                process.kill()


def test_a_port_that_is_none_is_explained(tmp_path):
    (tmp_path / "file").touch()
    assert "not a serial port" in str(open_error(str(tmp_path / "file"), ""))
    assert "no such port" in str(open_error("/dev/ttyUSB99", ""))
