"""Who lets time pass on a board in virtual time, with a board that is played."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import sys
import time as clock

import pytest

from hil.boards.backends.sim_time import VirtualTime

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="virtual time needs Linux")
RECORD = struct.Struct("<Bq")


class Board:
    """The process's side of the pipes; ``reads`` says that it is blocked reading its input."""

    def __init__(self):
        self.output, self._said = os.pipe()
        self.notice, self._told = os.pipe()
        self._grants, self.grant = os.pipe()
        self.host = self.grant
        for fd in (self.output, self.notice, self._grants):
            os.set_blocking(fd, False)
        self.reads = self.catches_interrupt = False
        self.input = b""
        self.marked = self.woken = 0

    def close(self):
        for fd in (self.output, self._said, self.notice, self._told, self._grants, self.grant):
            os.close(fd)

    @property
    def input_is_empty(self):
        return not self.input

    def waits_for_input(self):
        return self.reads and not self.input

    def wake_prompt(self):
        self.woken += 1

    def mark_interrupt(self):
        self.marked += 1

    def tell(self, kind, now_ns):
        os.write(self._told, RECORD.pack(ord(kind), now_ns))

    def granted(self):
        try:
            answers = list(RECORD.iter_unpack(os.read(self._grants, 900)))
            self.flags = [flags for flags, _ in answers]
            return [until for _, until in answers]
        except BlockingIOError:
            return []


class Line:
    """A terminal that nobody reads."""

    total = 0

    def write(self, data):
        self.total += len(data)

    def forget(self):
        pass

    def close(self):
        pass


@pytest.fixture
def board():
    played = Board()
    yield played
    played.close()


class Asked:
    """In place of memory that is shared with a VM."""

    attention_address = sched_state_address = 0
    asked = False

    def ask(self):
        self.asked = True

    def withdraw(self):
        self.asked = False

    def set_reading(self, reading):
        pass


@pytest.fixture
def time(board, monkeypatch):
    monkeypatch.setattr("hil.boards.backends.sim_time.SharedState", Asked)
    selector = selectors.DefaultSelector()

    def feed(data):
        board.input += data

    keeper = VirtualTime(Line(), selector, feed, lambda kind: None)
    keeper.adopt(board)
    yield keeper
    keeper.close()
    selector.close()


def hear(time, board, kind, now_ns):
    board.tell(kind, now_ns)
    time._notices()


@contextlib.contextmanager
def in_step(board, time):
    """A client that keeps step with the board from its first moment on."""
    client, other = socket.socketpair()
    with client, other:
        client.settimeout(10)
        time.attach(other)
        hear(time, board, "b", 0)
        assert client.recv(100) == b"ok 0 0 0\n"
        yield client


@pytest.mark.parametrize("catches", [False, True], ids=["prompt", "program that reads"])
def test_a_ctrl_c_reaches_a_board_that_was_just_woken_at_its_input(board, time, catches):
    """It stands until it is granted time, so nothing else would ever move it."""
    with in_step(board, time) as client:
        board.reads = True
        client.sendall(b"run 5000 3\n")
        time.client.receive()
        time._woken, board.reads, board.catches_interrupt = True, False, catches
        hear(time, board, "a", 0)
        board.granted()
        time.receive(b"\x03\x03\x01")
        assert board.input == (b"\x01" if catches else b"\x03\x03\x01")
        # it returns to its input, and takes what lies there; a program is interrupted on the way
        assert board.granted() == ([5000] if catches else [0])
        assert board.flags == ([1] if catches else [0])


def test_a_board_that_missed_its_waking_is_woken_again(board, time):
    """It may have left its read for an interrupt that came before, and read again since."""
    with in_step(board, time) as client:
        board.reads = True
        client.sendall(b"run 5000 0\n")
        time.client.receive()
        hear(time, board, "h", 0)
        time._horizon_ns = time.now_ns = 0
        end = clock.monotonic() + 60
        while board.woken < 2 and clock.monotonic() < end:
            time.step()
        assert board.woken == 2
