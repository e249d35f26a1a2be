"""The lock across processes, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from hil.boards.locks import (
    BoardLock,
    address_lock_names,
    device_lock_names,
    lock_file,
    lock_holder,
)
from hil.model.errors import BoardBusyError, ConfigurationError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="flock")

HOLD = """
import sys, time
from hil.boards.locks import BoardLock, device_lock_names
lock = BoardLock(sys.argv[1], device_lock_names(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "locks"))


@pytest.fixture
def other():
    """Another process that holds a board."""
    started = []

    def hold(port: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, port], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_second_run_is_told_who_holds_the_board(other):
    process = other("/dev/ttyUSB7")
    with pytest.raises(BoardBusyError) as caught:
        BoardLock("/dev/ttyUSB7", device_lock_names("/dev/ttyUSB7"))
    assert f"pid {process.pid}" in str(caught.value)
    assert "-c /dev/ttyUSB7" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert lock_holder(device_lock_names("/dev/ttyUSB7")).pid == process.pid


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_ends_with_its_holder_however_it_ends(other, signum):
    process = other("socket://bench:4000")
    process.send_signal(signum)
    process.wait()
    with BoardLock("socket://bench:4000", address_lock_names("socket://bench:4000")):
        pass
    assert lock_holder(address_lock_names("socket://bench:4000")) is None


def test_it_ends_although_a_child_of_the_holder_goes_on(other):
    names = device_lock_names("/dev/ttyUSB1")
    with BoardLock("a", names):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        BoardLock("b", names).release()
    finally:
        child.kill()
        child.wait()


def test_one_run_can_take_several_boards_but_none_twice():
    first, second = device_lock_names("/dev/ttyUSB1"), device_lock_names("/dev/ttyUSB2")
    with BoardLock("a", first), BoardLock("b", second), pytest.raises(BoardBusyError):
        BoardLock("a", first)
    BoardLock("a", device_lock_names("/dev/ttyUSB1")).release()


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("socket://Bench:4000", "rfc2217://bench:4000?ign_set_control"),
        ("socket://localhost:4000", "socket://127.0.0.1:4000"),
    ],
)
def test_an_address_has_one_name_however_it_is_written(url, other):
    assert address_lock_names(url) == address_lock_names(other)
    assert address_lock_names(url) != address_lock_names("socket://bench:4001")


def test_a_link_and_its_device_are_one_board(tmp_path):
    device = tmp_path / "ttyACM0"
    device.touch()
    by_id = tmp_path / "usb-MicroPython_Board"
    by_id.symlink_to(device)
    assert device_lock_names(str(by_id)) == device_lock_names(str(device))


def test_the_usb_identity_keeps_the_lock_when_the_port_changes_its_name():
    identity = "2e8a:0005:E66"
    with BoardLock("a", device_lock_names("/dev/ttyACM0", identity)):
        with pytest.raises(BoardBusyError):
            BoardLock("a", device_lock_names("/dev/ttyACM1", identity))
        # nothing of the refused attempt stays behind
        BoardLock("b", device_lock_names("/dev/ttyACM1")).release()


def test_what_stands_in_the_file_is_data():
    names = device_lock_names("/dev/ttyUSB3")
    with BoardLock("a", names):
        for text in ("", "[1]", '{"pid": "x"}', '{"pid": 1, "command": "a\\nb\\u001b[2J"}'):
            lock_file(names[0]).write_text(text)
            holder = str(lock_holder(names))
            assert holder.isprintable()
            assert "\n" not in holder


def test_a_folder_that_cannot_be_made_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HIL_LOCK_DIR", str(tmp_path / "file" / "locks"))
    with pytest.raises(ConfigurationError, match="HIL_LOCK_DIR"):
        BoardLock("a", device_lock_names("/dev/ttyUSB3"))
