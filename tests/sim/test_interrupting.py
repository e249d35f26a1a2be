"""Ctrl-C at any moment of a program that allocates, with timers running, leaves a whole board."""

from __future__ import annotations

import random
import time

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
        board.link.exec_raw_no_follow(PROGRAM)
        time.sleep(moments.random() * 0.03)
        board.link.serial.write(b"\x03")
        _, error = board.link.follow(5)
        assert b"KeyboardInterrupt" in error
        went_on = "import time\na = n\ntime.sleep_ms(30)\nd = n - a\nt.deinit(); u.deinit()"
        assert board.eval(went_on, "d") >= 5, "timers go on at the prompt until deinit"


@pytest.mark.parametrize(
    "wait", ["time.sleep(60)", "select.poll().poll(60000)", "sys.stdin.read(1)", "nap()"]
)
def test_ctrl_c_of_a_program_that_waits(board, wait):
    code = "import asyncio, select, sys, time\ndef nap(): asyncio.run(asyncio.sleep_ms(60000))\n"
    code = code.replace("asyncio.sleep_ms(60000)", "long()")
    code += "async def long(): await asyncio.sleep_ms(60000)\n"
    board.link.exec_raw_no_follow(code + wait)
    time.sleep(0.15)
    board.link.serial.write(b"\x03")
    _, error = board.link.follow(5)
    assert b"KeyboardInterrupt" in error
    assert board.exec("print('alive')").strip() == "alive"
