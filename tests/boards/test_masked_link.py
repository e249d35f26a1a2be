"""What a port gives out has no secret of this process in it."""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Callable, Iterator

import pytest
import serial

from hil.boards.fault_injection import LinkFaults, parse_faults
from hil.boards.serial_port import BufferedPort
from hil.model.secrets import KNOWN_SECRETS, Secret

KEY = "pl4nted-canary"


@pytest.fixture
def line() -> Iterator[tuple[BufferedPort, Callable[[bytes], None], Callable[[], None]]]:
    """A port, what sends to it, and what takes the other end away."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    port = BufferedPort(serial.Serial(os.ttyname(slave), timeout=0.05))
    ends = [master]

    def send(data: bytes) -> None:
        os.write(master, data)

    def hang_up() -> None:
        os.close(ends.pop())

    yield port, send, hang_up
    port.lines.close()
    os.close(slave)
    for end in ends:
        os.close(end)


def test_each_way_to_read_masks(line):
    port, send, _ = line
    KNOWN_SECRETS.add(Secret(KEY))
    send(b"one " + KEY.encode() + b"\n")
    assert port.read_some(1.0) == b"one **************\n"
    send(b"two " + KEY.encode() + b"\n")
    assert port.inWaiting() == 19
    assert port.read(19) == b"two **************\n"
    send(KEY[:9].encode())
    assert port.read_some(1.0) == b""
    send(KEY[9:].encode() + b"!")
    assert port.read_some(1.0) == b"**************!"


def test_what_came_before_a_secret_was_known_stays_and_what_is_held_is_not_lost(line):
    port, send, _ = line
    KNOWN_SECRETS.add(Secret(KEY))
    send(b"pl4nted and ")
    assert port.read_some(1.0) == b"pl4nted and "
    send(KEY[:9].encode())
    assert port.read_some(1.0) == b""
    KNOWN_SECRETS.add(Secret("another-one"))
    send(b"another-one\n")
    assert port.read_some(1.0) == b"********************\n"


def test_a_port_that_goes_away_in_the_middle_of_a_secret_gives_its_mask_then_fails(line):
    port, send, hang_up = line
    KNOWN_SECRETS.add(Secret(KEY))
    send(KEY[:9].encode())
    assert port.read_some(1.0) == b""
    hang_up()
    assert port.read_some(1.0) == b"*********"
    with pytest.raises(OSError, match=r"error|closed|away"):
        port.read_some(1.0)


def test_an_echo_on_the_link_is_masked_too(line):
    port, send, _ = line
    KNOWN_SECRETS.add(Secret(KEY))
    port.faults = LinkFaults(parse_faults("echo=1"))
    port.faults.follow(port.clock)
    port.faults.arm()
    port.write(KEY.encode() + b"\n")
    send(b".")
    came = b"".join(port.read_some(0.05) for _ in range(5))
    assert sorted(came) == sorted(b"**************\n.")
