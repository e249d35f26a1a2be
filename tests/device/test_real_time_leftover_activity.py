"""What a session finds left running on a board at a port: on the host's clock, and only whether.

A board in virtual time can be followed only by the run that starts it.
"""

import json

import pytest

from hil.boards.backends.registry import parse_board
from hil.boards.backends.sim import VirtualBoard
from hil.boards.raw_repl import RawRepl
from hil.experiments.plan import Case, calibration_plan, capture_job
from hil.experiments.session import Session

LEFT = {
    "a global variable": "n = 0\ndef f(t):\n global n\n n += 1\n",
    "an attribute": (
        "class Blinker:\n def __init__(self):\n  self.on = 0\n"
        " def f(self, t):\n  self.on += 1\nb = Blinker()\nf = b.f\n"
    ),
    "a pin": (
        "from machine import Pin\nled = Pin(9, Pin.OUT)\ndef f(t):\n led.value(1 - led.value())\n"
    ),
    "printing": "def f(t):\n print('tick')\n",
}
SEEN = {
    "a global variable": "n went on changing",
    "an attribute": "b.on went on changing",
    "a pin": "led went on changing",
    "printing": "it went on printing, first 'tick'",
}
START = "from machine import Timer\nt = Timer(-1)\nt.init(period=7, callback=f)\n"


def program(board, code):
    """What a user's own program leaves: run at the prompt, interrupted, gone."""
    with RawRepl(board.port) as repl:
        repl.enter()
        repl.exec(code)


@pytest.mark.parametrize("what", LEFT)
def test_a_session_shows_what_a_user_left_running_and_stops_it(what):
    with VirtualBoard() as board:
        program(board, LEFT[what] + START)
        with Session(parse_board(board.port)) as session:
            assert any(SEEN[what] in line for line in session.leftover_activity), (
                session.leftover_activity
            )
        with Session(parse_board(board.port)) as session:  # the soft reset stopped it
            assert session.leftover_activity == ()


def test_a_session_leaves_nothing_of_its_own_on_the_board(tmp_path):
    with VirtualBoard() as board:
        with Session(parse_board(board.port)) as session:
            session.capture(
                capture_job(Case(calibration_plan()), session.board), tmp_path / "capture"
            )
            assert b"hil_main" in session.run("print(dir())")
        with RawRepl(board.port) as repl:
            repl.enter(soft_reset=False)
            assert b"hil" not in repl.exec("print(dir())")


def test_a_thread_is_seen_too():
    code = (
        "import _thread, time\nturns = [0]\ndef body():\n while True:\n  turns.append(0)\n"
        "  time.sleep_ms(5)\n_thread.start_new_thread(body, ())\n"
    )
    with VirtualBoard() as board:
        program(board, code)
        with Session(parse_board(board.port)) as session:
            assert "turns went on changing" in session.leftover_activity


def test_a_quiet_board_has_nothing_to_show():
    code = "x = 5\nfrom machine import Pin, Timer\np = Pin(9, Pin.OUT)\nt = Timer(-1)\nl = [1, 2]\n"
    with VirtualBoard() as board:
        program(board, code)
        with Session(parse_board(board.port)) as session:
            assert session.leftover_activity == ()


def test_the_run_tells_what_was_left(pytester):
    pytester.makepyfile("def test_late(figures): figures.check('missed')")
    with VirtualBoard() as board:
        program(board, LEFT["a global variable"] + START)
        result = pytester.runpytest_subprocess(
            f"--board={board.port}",
            "--hil-technique=timer_hard",
            "--hil-duration-s=0.3",
            "--hil-out=out",
        )
    result.assert_outcomes(passed=1)
    results = json.loads((pytester.path / "out" / "latest" / "results.json").read_text())
    (told,) = [skip for skip in results["skipped"] if "left something running" in skip["reason"]]
    assert "n went on changing" in told["reason"]
    assert "left something running" in (pytester.path / "out/latest/report.html").read_text()
