"""Boards that never end, at every step of opening and capturing: each ends within its bound."""

from __future__ import annotations

import pytest

from hil.boards.connection import MOST_RESETS, Connection
from hil.experiments.plan import Case, calibration_plan, capture_job
from hil.experiments.session import Session
from hil.model.errors import BoardBrokenError, BoardResetError, HilError
from tests.boards.scripted import BOOT, ScriptedBackend, ScriptedBoard

BOUND_S = 100.0
"""Attaching with all recovery steps 45 s, identifying 32 s, and what the last wait may overrun."""
FLOOD_S, FLOOD_BYTES = 0.2, 1024


def resets(board):
    return board.reset(runs=b"temp=21.5 ok\r\n", deaf=True)


TROUBLES = {
    "a line a second": lambda board: board.go_on(1.0, b"status ok\r\n"),
    "a flood": lambda board: board.go_on(FLOOD_S, b"A" * FLOOD_BYTES),
    "credits without end": lambda board: board.go_on(0.3, b"\x01"),
    "credits as fast as can be": lambda board: board.go_on(FLOOD_S, b"\x01" * FLOOD_BYTES),
    "ends of output without end": lambda board: board.go_on(FLOOD_S, b"\x04" * FLOOD_BYTES),
    "a byte every nine seconds": lambda board: board.go_on(9.0, b"x"),
    "a prompt a second": lambda board: board.go_on(1.0, b">"),
    "a greeting a second": lambda board: board.go_on(1.0, b"raw REPL; CTRL-B to exit\r\n>"),
    "a boot a second": lambda board: board.go_on(1.0, BOOT),
    "silence": lambda board: board.go_on(1e9, b""),
    "a reset": resets,
}


def open_and_capture(board, tmp_path):
    with Session(ScriptedBackend(board).spec) as session:
        session.capture(capture_job(Case(calibration_plan()), session.board), tmp_path / "1.hilcap")


def attempt(board: ScriptedBoard, tmp_path) -> HilError:
    with pytest.raises(HilError) as caught:
        open_and_capture(board, tmp_path)
    took_s = board.clock.now_s - board.trouble_s
    assert took_s < BOUND_S
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("number", [1, 2, 9, 40])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_board_that_never_ends_while_it_runs_code(trouble, number, tmp_path):
    board = ScriptedBoard(lambda board, at: at >= number and TROUBLES[trouble](board))
    error = attempt(board, tmp_path)
    if trouble == "a reset" and number > 1:
        assert "TG1WDT_SYS_RESET" in str(error)


@pytest.mark.parametrize("number", [1, 12])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_board_that_never_ends_while_code_is_sent(trouble, number, tmp_path):
    board = ScriptedBoard()
    board.begins_paste = lambda board, at: at >= number and TROUBLES[trouble](board)
    error = attempt(board, tmp_path)
    if trouble == "a reset":
        assert "TG1WDT_SYS_RESET" in str(error)


@pytest.mark.parametrize("number", [1, 9])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_board_that_never_ends_in_the_middle_of_a_paste(trouble, number, tmp_path):
    board = ScriptedBoard()

    def begin(board, at):
        if at >= number:
            board.say(b"R\x01\x20\x00\x01")
            TROUBLES[trouble](board)
            return True
        return False

    board.begins_paste = begin
    attempt(board, tmp_path)


def test_a_window_of_nothing_with_credits_for_ever_is_refused(tmp_path):
    board = ScriptedBoard()

    def begin(board, _number):
        board.say(b"R\x01\x00\x00")
        return board.go_on(0.3, b"\x01")

    board.begins_paste = begin
    assert "expected a window to paste into" in str(attempt(board, tmp_path))


@pytest.mark.parametrize("answer_s", [0.5, 0.9])
def test_a_board_that_meets_every_limit_but_only_just_meets_the_overall_one(answer_s, tmp_path):
    board = ScriptedBoard(lambda board, at: at > 6 and setattr(board, "answer_s", answer_s))
    with pytest.raises(HilError, match="its limit over all steps"):
        open_and_capture(board, tmp_path)
    assert board.clock.now_s - board.trouble_s < BOUND_S


def test_a_board_that_gets_slower_with_each_answer_gets_the_cap_and_no_more(tmp_path):
    def slower(board, _number):
        board.answer_s = max(0.5, board.answer_s * 2)

    board = ScriptedBoard(slower)
    begin_s = board.clock.now_s
    with pytest.raises(HilError):
        open_and_capture(board, tmp_path)
    assert board.clock.now_s - begin_s < 3700  # 100 times slower, all steps


@pytest.mark.parametrize("runs", [b"fed\r\n", b""])
def test_a_board_that_is_reset_again_and_again_is_given_up_with_the_reason(runs, tmp_path):
    """Each time it comes back, and is reset while it gets its program."""
    board = ScriptedBoard()
    session = Session(ScriptedBackend(board).spec)
    session.open()
    opened_s = board.clock.now_s

    def reset_soon(board, at):
        return at % 20 == 0 and board.reset(runs=runs)

    board.trouble = reset_soon
    said = []
    for number in range(MOST_RESETS + 3):
        with pytest.raises(HilError) as caught:
            session.capture(
                capture_job(Case(calibration_plan()), session.board), tmp_path / f"{number}.hilcap"
            )
        said.append(caught.value)
    assert all(isinstance(error, BoardResetError) for error in said[:MOST_RESETS])
    assert all("TG1WDT_SYS_RESET" in str(error) for error in said)
    assert "given up" in str(said[MOST_RESETS - 1])
    assert all(isinstance(error, BoardBrokenError) for error in said[MOST_RESETS:])
    assert board.clock.now_s - opened_s < 20.0
    session.close()


def test_a_board_that_boots_without_end_is_named(tmp_path):
    board = ScriptedBoard()
    board.go_on(0.7, BOOT)
    connection = Connection(ScriptedBackend(board).spec)
    with pytest.raises(HilError, match=r"its watchdog \(TG1WDT_SYS_RESET\) again and again"):
        connection.open()
    connection.close()


@pytest.mark.parametrize("by_watchdog", [False, True])
def test_a_reset_without_a_word_in_a_window_is_found_afterwards(by_watchdog, tmp_path):
    """The board's main.py goes on as if nothing had been; its own time tells."""
    board = ScriptedBoard()
    board.by_watchdog = by_watchdog

    def reset_in_window(board, _number):
        if b"'''hil_main(" not in board.code:
            return False
        board.trouble = lambda *_: False
        board.clock.sleep(1.0)
        return board.reset(text=b"", runs=b"temp=21.5\r\n")

    board.trouble = reset_in_window
    with Session(ScriptedBackend(board).spec) as session, pytest.raises(HilError) as caught:
        session.capture(capture_job(Case(calibration_plan()), session.board), tmp_path / "1.hilcap")
    said = str(caught.value)
    if by_watchdog:
        assert "machine.reset_cause() says WDT_RESET" in said
    else:
        assert "it was reset meanwhile without a word" in said
    assert "main.py" in said


def test_a_board_that_forgot_what_it_had_was_reset(tmp_path):
    """Silently, while it got its program: what was sent before is gone."""
    board = ScriptedBoard()
    with Session(ScriptedBackend(board).spec) as session:
        begin = board.executed

        def forget(board, at):
            if at > begin + 12 and board.code.startswith(b"hil_take"):
                board.trouble = lambda *_: False
                board.say(
                    b'\x04Traceback (most recent call last):\r\n  File "<stdin>", line 1\r\n'
                    b"NameError: name 'hil_take' isn't defined\r\n\x04>"
                )
                return True
            return False

        board.trouble = forget
        with pytest.raises(BoardResetError, match="did not say so"):
            session.capture(capture_job(Case(calibration_plan()), session.board), tmp_path / "1")
