"""Attaching to the embedded board in the states that users leave boards in."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.boards.attach import AttachLimits
from hil.boards.backends.sim import VirtualBoard
from hil.boards.raw_repl import RawRepl
from hil.model.errors import BoardTimeoutError

SHORT = AttachLimits(first_answer_s=1.5)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Callable[..., RawRepl]]:
    """Start a board with this ``main.py``, which runs before anybody attaches: its port, opened.

    Half a second of the board's time has passed then.
    """
    with contextlib.ExitStack() as stack:

        def start(main: str = "", limits: AttachLimits | None = None) -> RawRepl:
            if main:
                (tmp_path / "main.py").write_text(main)
            virtual = stack.enter_context(VirtualBoard("clock=virtual", root=tmp_path))
            repl = stack.enter_context(virtual.open_repl(limits))
            repl.clock.sleep(0.5)
            return repl

        yield start


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
    repl = board(PROGRAMS[program])
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
    repl = board()
    repl.write(STATES[state])
    repl.clock.sleep(0.1)
    repl.enter()
    assert repl.exec("print(6*7)") == b"42\n"
    assert not (tmp_path / "touched").exists()


def test_a_healthy_board_is_entered_at_once(board):
    repl = board()
    for _ in range(3):
        begin_ns = repl.clock.now_ns()
        repl.enter()
        assert repl.clock.now_ns() - begin_ns < 20_000_000
    assert repl.slowness == 1


def test_ctrl_c_switched_off_ends_in_the_next_thing_to_try(board):
    main = "import micropython\nmicropython.kbd_intr(-1)\nwhile True: pass\n"
    with pytest.raises(BoardTimeoutError) as caught:
        board(main, SHORT).enter()
    assert "reset button" in str(caught.value)
    assert "Ctrl-C off" in str(caught.value)


def test_a_program_that_catches_every_interrupt_works_or_is_explained(board):
    """A second Ctrl-C may hit the handler itself; if none does, the error says what to do."""
    main = "while True:\n try:\n  while True: pass\n except KeyboardInterrupt: print('no')\n"
    repl = board(main, SHORT)
    said = ""
    try:
        repl.enter()
    except BoardTimeoutError as error:
        said = str(error)
    assert "reset" in said if said else repl.exec("print(6*7)") == b"42\n"


def test_main_py_does_not_run_again_when_the_board_is_reset_for_a_run(board):
    repl = board("started = 1\n")
    repl.enter(soft_reset=False)
    assert repl.exec("print('started' in globals())") == b"True\n"
    repl.enter()
    assert repl.exec("print('started' in globals())") == b"False\n"


def test_a_boot_py_without_end_is_interrupted(board, tmp_path):
    (tmp_path / "boot.py").write_text("import time\ntime.sleep(1000)\n")
    repl = board(limits=AttachLimits(boot_s=0.5))
    repl.enter()
    assert repl.exec("print(6*7)") == b"42\n"


def test_the_rest_of_a_wait_in_virtual_time_is_never_too_short_to_pass(board):
    """A deadline in seconds may lie less than a nanosecond away."""
    repl = board()
    before_ns = repl.clock.now_ns()
    repl.read(1e-16)
    assert repl.clock.now_ns() > before_ns
