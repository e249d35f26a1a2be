from types import SimpleNamespace

from hil.experiments.workload_hints import tell_error, tell_refusal
from hil.model.errors import BoardResetError, BoardTimeoutError, RemoteCodeError

RESET = "the board was reset, it said 'MicroPython v1.28; RP2040'; look at main.py for a watchdog"


def job(hint="", refusal=""):
    workload = SimpleNamespace(hint=lambda error, plan: hint, refusal=lambda error, files: refusal)
    return SimpleNamespace(workloads=[(workload, {})], plan=None, files=())


def test_an_error_without_a_hint_is_told_whole():
    error = BoardResetError(RESET, cause="boot")
    assert tell_error(error, job(), "; it came back") == f"error: {RESET}; it came back"
    assert str(error) == f"{RESET}; it came back"


def test_a_hint_comes_first_and_takes_the_place_of_other_advice():
    error = BoardResetError(RESET, cause="boot")
    status = tell_error(error, job("line 7 resets it"), "; it came back")
    assert str(error) == (
        "line 7 resets it; the board was reset, it said 'MicroPython v1.28; RP2040'; it came back"
    )
    assert status == f"error: line 7 resets it; {RESET}; it came back"


def test_the_bytes_that_came_are_in_the_capture_only():
    error = BoardTimeoutError("nothing came", expected="the end", received=b"n=98;rx=4")
    status = tell_error(error, job("line 8 catches it"), "")
    assert str(error) == "line 8 catches it; nothing came"
    assert status.endswith("nothing came; expected the end, received b'n=98;rx=4'")


def test_a_refusal_is_told_in_the_place_of_what_the_board_raised():
    error = RemoteCodeError("raised ValueError: hil:free 7")
    tell_refusal(error, job(refusal="too little memory"), "; it came back")
    assert str(error) == "too little memory; it came back"
    tell_refusal(error, job(), "")
    assert str(error) == "too little memory; it came back"
