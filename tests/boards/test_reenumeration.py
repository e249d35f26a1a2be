"""Boards whose USB goes away at each soft reset, as run-time USB devices do, and comes back."""

from __future__ import annotations

import contextlib
import os
import tty
from pathlib import Path

import pytest

from hil.boards.attach import AttachLimits
from hil.boards.backends.registry import parse_board
from hil.boards.connection import Connection
from hil.boards.port_board import LEAVES_AT_RESET
from hil.model.errors import BoardBrokenError

from .conftest import FakeBoard, Habits

LIMITS = AttachLimits(prompt_s=2.0, reboot_s=2.0, boot_s=2.0)


class LeavingBoard(FakeBoard):
    """``port`` is a name that goes away with the board's terminal, and comes back with another.

    ``silent``: the old terminal stays open and says nothing any more. ``not_ready_s``: the name is
    there that long before it can be opened. ``again``: so often it goes away once more, when it is
    spoken to. ``names``: where it comes back, after the first.
    """

    def __init__(self, folder, *, away_s=0.05, silent=False, not_ready_s=0.0, again=0, names=()):
        self._silent, self._not_ready_s, self._again = silent, not_ready_s, again
        self._away_s, self._names = away_s, [folder / name for name in names]
        self._held: list[int] = []
        self._leave_now = False
        self.left = 0
        super().__init__(Habits(mode="friendly"))
        self._link = folder / "board"
        self._link.symlink_to(self.port)
        self.port = str(self._link)

    def stop(self):
        super().stop()
        for fd in self._held:
            with contextlib.suppress(OSError):
                os.close(fd)
        self._link.unlink(missing_ok=True)

    def _take(self, byte):
        if self._leave_now:
            self._leave_now = False
            self._leave()
        else:
            super()._take(byte)

    def _say(self, text):
        with contextlib.suppress(OSError):
            super()._say(text)

    def _reboot(self):
        self.soft_resets += 1
        self._leave()
        self._leave_now = self.soft_resets <= self._again

    def _leave(self):
        self.left += 1
        mode = self._mode
        self._link.unlink()
        ends = [self._master, self._slave]
        if self._silent:
            self._held += ends
        else:
            for fd in ends:
                os.close(fd)
        self._stopping.wait(self._away_s)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        if self._names:
            self._link = self._names.pop(0)
        if self._not_ready_s:
            self._link.touch()
            self._stopping.wait(self._not_ready_s)
            self._link.unlink()
        self._link.symlink_to(os.ttyname(self._slave))
        self._mode, self._code = mode, bytearray()


@pytest.fixture
def leaving(tmp_path, attached):
    with contextlib.ExitStack() as stack:
        yield lambda **habits: stack.enter_context(LeavingBoard(tmp_path, **habits))


@contextlib.contextmanager
def opened(port):
    connection = Connection(parse_board(f"port:{port}"), limits=LIMITS)
    try:
        connection.open()
        yield connection
    finally:
        connection.close()


@pytest.mark.parametrize(
    "habits",
    [{}, {"silent": True}, {"not_ready_s": 0.3}, {"again": 1}],
    ids=["error", "silence", "refused at first", "away twice"],
)
def test_a_board_that_leaves_at_its_reset_is_used_without_another_one(leaving, habits):
    board = leaving(**habits)
    with opened(board.port) as connection:
        assert board.soft_resets == 1
        assert connection.repl.exec("print(6*7)") == b"42\r\n"
        assert connection.link_warnings == (LEAVES_AT_RESET,)
        connection.start_afresh()  # between captures it does the same
        assert board.soft_resets == 2
        assert connection.repl.exec("print(6*8)") == b"48\r\n"
        assert connection.link_warnings == (LEAVES_AT_RESET,)  # told once
    assert board.left == 2 + habits.get("again", 0)


def test_it_is_found_at_another_name_by_its_usb_number(leaving, attached, tmp_path):
    board = leaving(names=["elsewhere"])
    attached.plug(str(tmp_path / "board"), "E66")
    attached.plug(str(tmp_path / "elsewhere"), "E66")
    with opened(board.port) as connection:
        assert connection.port == str(tmp_path / "elsewhere")
        assert connection.repl.exec("print(6*7)") == b"42\r\n"
    assert board.soft_resets == 1


def test_a_blind_reset_that_takes_the_port_away_brings_the_board_back(leaving):
    board = leaving()
    with opened(board.port) as connection:
        _, soft_reset, *_ = connection.board.recovery_steps()
        soft_reset.attempt()
        assert board.soft_resets == 2
        assert connection.repl.exec("print(6*7)") == b"42\r\n"


def test_a_usual_board_is_told_nothing_of(fake):
    board = fake()
    with opened(board.port) as connection:
        assert connection.link_warnings == ()


def test_a_board_that_does_not_come_back_is_told(leaving, monkeypatch):
    monkeypatch.setattr("hil.boards.port_board._REAPPEAR_S", 0.3)
    board = leaving(away_s=60.0)
    with (
        pytest.raises(BoardBrokenError, match=r"no such port.*without a serial port"),
        opened(board.port),
    ):
        pass
    assert not Path(board.port).exists()
