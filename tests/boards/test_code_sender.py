"""Code on its way to the prompt: raw paste, what disturbs its beginning, and boards without it."""

from __future__ import annotations

import pytest

from hil.boards.raw_repl import RawRepl
from hil.model.errors import BoardTimeoutError

LONG = "print(" + "1+" * 400 + "1)"


@pytest.mark.parametrize("window", [0, 1, 32, 128, 4096])
def test_code_of_any_length_arrives(fake, window):
    board = fake(window=window)
    with RawRepl(board.port) as repl:
        repl.enter()
        assert repl.exec("print(6*7)") == b"42\r\n"
        assert repl.exec(LONG) == b"401\r\n"
    assert board.executed[-2:] == [b"print(6*7)", LONG.encode()]
    assert board.pastes == (2 if window else 0)


@pytest.mark.parametrize("window", [0, 128])
def test_a_byte_that_came_too_late_for_the_last_program_ends_no_raw_paste(fake, window):
    """A clock exchange's byte behind the program's end stands on the line at the prompt."""
    board = fake(window=window)
    with RawRepl(board.port) as repl:
        repl.enter()
        for number in range(3):
            repl.write(b"!")
            if window:
                assert repl.exec(f"print({number})") == b"%d\r\n" % number
        pastes = board.pastes
        assert repl.exec(LONG) == b"401\r\n"
    assert board.pastes == (pastes + 1 if window else 0)
    assert not [code for code in board.executed if b"!" in code]


def test_a_window_of_nothing_is_refused_at_once(fake, monkeypatch):
    monkeypatch.setattr("hil.boards.code_sender.struct.unpack", lambda *_: (0,))
    board = fake(window=64)
    with RawRepl(board.port) as repl:
        repl.enter()
        with pytest.raises(BoardTimeoutError, match="expected a window"):
            repl.exec("print(1)")


def test_a_board_that_takes_nothing_is_not_waited_for_without_end(fake):
    board = fake(window=64)
    with RawRepl(board.port) as repl:
        repl.enter()
        board.habits.stops_reading = True
        with pytest.raises(BoardTimeoutError, match="while code was sent: nothing came for 1 s"):
            repl.exec(LONG)
