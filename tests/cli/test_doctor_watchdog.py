"""`hil doctor` leaves a board alone for longer than a watchdog waits, and names its reset."""

from __future__ import annotations

import pytest

from hil.cli import doctor
from hil.cli.main import main
from tests.boards.scripted import BOOT, ScriptedBackend, ScriptedBoard


def walk(board: ScriptedBoard, watch_s: float = doctor.WATCH_S) -> dict[str, object]:
    findings = doctor.examine(ScriptedBackend(board).spec, watch_s=watch_s)
    return {finding.step: finding for finding in findings}


def board_with_watchdog(after_s: float, text: bytes = BOOT) -> ScriptedBoard:
    """Its main.py started one, and is stopped when the board is opened."""
    board = ScriptedBoard()
    board.watchdog_at_s = board.clock.now_s + after_s
    board.boot_text = text
    return board


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(doctor, "_clock", lambda _: doctor.Finding("clock", "ok", "not asked"))


def test_it_watches_longer_than_the_longest_watchdog_of_an_rp2():
    assert doctor.WATCH_S > 8.388
    finding = walk(ScriptedBoard())["watchdog"]
    assert finding.state == "ok"
    assert "9 s" in finding.text


@pytest.mark.parametrize("after_s", [2.0, 5.0, 8.388])
def test_the_reset_is_named_with_its_cause_and_what_to_do(after_s):
    board = board_with_watchdog(after_s)
    finding = walk(board)["watchdog"]
    assert finding.state == "wrong"
    assert "TG1WDT_SYS_RESET" in finding.text
    assert "take it out there" in finding.text
    assert board.clock.now_s - 1000 < after_s + 4


def test_a_reset_without_a_word_is_found_by_the_board_s_own_time():
    finding = walk(board_with_watchdog(5.0, b""))["watchdog"]
    assert finding.state == "wrong"
    assert "it was reset meanwhile without a word" in finding.text
    assert "main.py" in finding.text


def test_what_follows_a_reset_is_not_tried(monkeypatch):
    board = ScriptedBoard()

    def reset_while_asked(session):
        board.reset(runs=b"fed\r\n")
        return doctor.Finding("clock", "ok", session.run("print(1)").decode())

    monkeypatch.setattr(doctor, "_clock", reset_while_asked)
    findings = walk(board)
    assert findings["clock"].state == "wrong"
    assert "TG1WDT_SYS_RESET" in findings["clock"].text
    assert findings["watchdog"].state == "not tried"


def test_it_can_be_left_out_and_a_wrong_time_is_refused(capsys):
    board = board_with_watchdog(5.0)
    assert walk(board, 0.0)["watchdog"].state == "ok"
    for wrong in ("-1", "long", "1e9", "nan"):
        with pytest.raises(SystemExit) as caught:
            main(["doctor", "--board=sim", f"--watch-s={wrong}"])
        assert caught.value.code == 2
        assert "give seconds, 0 to 3600" in capsys.readouterr().err
