"""Attaching to the embedded board in the states that users leave boards in."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.errors import BoardTimeoutError
from hil.transport.attach import AttachLimits
from hil.transport.raw_repl import RawRepl
from hil.transport.vm import VirtualBoard

SHORT = AttachLimits(first_answer_s=1.5)


@pytest.fixture
def board(tmp_path: Path) -> Callable[[str], VirtualBoard]:
    """Start a board with this ``main.py``; it runs before anybody attaches."""
    started = []

    def start(main: str = "") -> VirtualBoard:
        if main:
            (tmp_path / "main.py").write_text(main)
        started.append(VirtualBoard(root=tmp_path))
        time.sleep(0.15)
        return started[-1]

    yield start
    for one in started:
        one.stop()


PROGRAMS = {
    "busy": "while True: pass\n",
    "sleeping": "import time\ntime.sleep(1000)\n",
    "print storm": "while True: print('temperature', 21.5)\n",
    "timer storm": (
        "from machine import Timer\n"
        "Timer(0).init(period=1, callback=lambda t: print('tick'))\nwhile True: pass\n"
    ),
    "catches once": (
        "import time\nfor n in range(3):\n try: time.sleep(1000)\n"
        " except KeyboardInterrupt: print('no')\n"
    ),
    "cleans up slowly": "import time\ntry: time.sleep(1000)\nfinally: time.sleep(0.5)\n",
    "reads stdin": "import sys\nwhile True: sys.stdin.read(1)\n",
    "raises": "1/0\n",
    "ends": "x = 1\n",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_runs_is_stopped(board, program):
    with RawRepl(board(PROGRAMS[program]).port) as repl:
        repl.enter()
        assert repl.exec("print(6*7)") == b"42\n"


STATES = {
    "half a line": b"import os; os.mkdir('touched')",
    "half a block": b"while True:\r  x = 1",
    "half a string": b"s = '''\rnever",
    "paste mode": b"\x05import os\ros.mkdir('touched')",
    "raw mode": b"\x01",
    "raw mode, half a program": b"\x01import os\nos.mkdir('touched')",
    "raw paste": b"\x01\x05A\x01",
    "raw paste, half a transfer": b"\x01\x05A\x01import os\nos.mkdir('touched')",
    "raw program that runs": b"\x01while True: pass\x04",
}


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_the_repl_is_left_and_nothing_half_done_is_executed(board, state, tmp_path):
    with RawRepl(board().port) as repl:
        repl.write(STATES[state])
        time.sleep(0.1)
        repl.enter()
        assert repl.exec("print(6*7)") == b"42\n"
    assert not (tmp_path / "touched").exists()


def test_a_healthy_board_is_entered_at_once(board):
    with RawRepl(board().port) as repl:
        times = []
        for _ in range(7):
            begin = time.monotonic()
            repl.enter()
            times.append(time.monotonic() - begin)
        # the fastest: this machine's scheduler may stall any single one
        assert min(times) < 0.2
        assert repl.slowness == 1


def test_ctrl_c_switched_off_ends_in_the_next_thing_to_try(board):
    port = board("import micropython\nmicropython.kbd_intr(-1)\nwhile True: pass\n").port
    with RawRepl(port, limits=SHORT) as repl, pytest.raises(BoardTimeoutError) as caught:
        repl.enter()
    assert "reset button" in str(caught.value)
    assert "Ctrl-C off" in str(caught.value)


def test_a_program_that_catches_every_interrupt_works_or_is_explained(board):
    """A second Ctrl-C may hit the handler itself; if none does, the error says what to do."""
    main = "while True:\n try:\n  while True: pass\n except KeyboardInterrupt: print('no')\n"
    with RawRepl(board(main).port, limits=SHORT) as repl:
        said = ""
        try:
            repl.enter()
        except BoardTimeoutError as error:
            said = str(error)
        assert "reset" in said if said else repl.exec("print(6*7)") == b"42\n"


def test_main_py_does_not_run_again_when_the_board_is_reset_for_a_run(board):
    with RawRepl(board("started = 1\n").port) as repl:
        repl.enter(soft_reset=False)
        assert repl.exec("print('started' in globals())") == b"True\n"
        repl.enter()
        assert repl.exec("print('started' in globals())") == b"False\n"


def test_a_boot_py_without_end_is_interrupted(board, tmp_path):
    (tmp_path / "boot.py").write_text("import time\ntime.sleep(1000)\n")
    with RawRepl(board().port, limits=AttachLimits(boot_s=0.5)) as repl:
        repl.enter()
        assert repl.exec("print(6*7)") == b"42\n"
