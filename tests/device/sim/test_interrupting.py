"""Ctrl-C at any moment of a program leaves a whole board, and lands at that very moment."""

from __future__ import annotations

import random

import pytest

PROGRAM = """
import machine
n = 0
def cb(t):
    global n
    n += 1
t = machine.Timer(-1, period=1, callback=cb, hard=True)
u = machine.Timer(-1, period=2, callback=cb)
while True:
    x = [i * 1.5 for i in range(50)]
"""


def test_ctrl_c_of_a_program_that_collects(board):
    moments = random.Random(4)
    for _ in range(25):
        board.start(PROGRAM)
        board.sleep(moments.random() * 0.03)
        board.type(b"\x03")
        _, error = board.ended()
        assert error.endswith("KeyboardInterrupt:") or error.endswith("KeyboardInterrupt: ")
        went_on = "import time\na = n\ntime.sleep_ms(30)\nd = n - a\nt.deinit(); u.deinit()"
        assert board.eval(went_on, "d") in (45, 46), "timers go on at the prompt until deinit"


WAITS = {
    "sleep": "time.sleep(60)",
    "poll": "select.poll().poll(60000)",
    "poll stdin": "p = select.poll(); p.register(sys.stdin, 1); p.poll(60000)",
    "stdin": "sys.stdin.read(1)",
    "asyncio": "asyncio.run(long())",
    "idle": "while True: machine.idle()",
    "lock": "l = _thread.allocate_lock(); l.acquire(); l.acquire()",
    "counting": "while True: n += 1",
    "counting in a function": "count()",
    "reading the clock": "while True: time.ticks_us()",
}
MODULES = """
import asyncio, machine, select, sys, time, _thread
async def long(): await asyncio.sleep_ms(60000)
def count():
    global n
    while True: n += 1
ticks = n = 0
def cb(t):
    global ticks
    if t: ticks += 1  # jumps
t = machine.Timer(-1, period=1, callback=cb)
begin = time.ticks_us()
"""


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_lands_at_the_same_moment(start, wait):
    """Whatever the program does, and never in a callback, which would swallow it."""
    outcomes = []
    for _ in range(2):
        board = start("read_us=1").enter()
        board.start(MODULES + "try:\n " + WAITS[wait] + "\nfinally: end = time.ticks_us()")
        board.sleep(0.1505)
        board.type(b"\x03")
        _, error = board.ended()
        assert "KeyboardInterrupt" in error
        outcomes.append((*board.eval("", "(end - begin, n)"), board.clock.now_ns()))
        assert board.exec("t.deinit()\nprint('alive')").strip() == "alive"
        board.close()
    assert outcomes[0] == outcomes[1]
    assert 150_400 <= outcomes[0][0] <= 150_510, "from the start to the Ctrl-C, no sleep's end"


def test_every_ctrl_c_beside_busy_callbacks_reaches_the_program(board):
    """Callbacks take most of the time and have jumps of their own."""
    code = MODULES + "def cb2(t):\n for _ in range(20): time.ticks_us()\n"
    code += "u = machine.Timer(-1, period=50, tick_hz=1000000, callback=cb2)\n"
    for n in range(40):
        board.start(code + "while True: n += 1")
        board.sleep(0.003 + n * 0.000_007)
        board.type(b"\x03")
        out, error = board.ended(5)
        assert error.count("KeyboardInterrupt") == 1
        assert "KeyboardInterrupt" not in out
        board.exec("t.deinit(); u.deinit()")
