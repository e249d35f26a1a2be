"""Soft callbacks reach the main program wherever it waits, as they do on a board."""

from __future__ import annotations

import time

import pytest

SETUP = """
import micropython, time, machine, select, asyncio, sys
hits = 0
def hit(t):
    global hits
    hits += 1
tim = machine.Timer(-1)
async def nap():
    await asyncio.sleep_ms(300)
def begin():
    global hits
    hits = 0
    tim.init(period=5, mode=machine.Timer.PERIODIC, callback=hit)
"""

WAITS = {
    "busy": "end = time.ticks_add(time.ticks_ms(), 300)\n"
    "while time.ticks_diff(end, time.ticks_ms()) > 0: pass",
    "sleep": "time.sleep(0.3)",
    "sleep_ms": "time.sleep_ms(300)",
    "sleep_us": "time.sleep_us(300_000)",
    "asyncio": "asyncio.run(nap())",
    "poll": "p = select.poll(); p.register(sys.stdin, select.POLLIN); p.poll(300)",
    "lightsleep": "machine.lightsleep(300)",
}


@pytest.mark.parametrize("wait", WAITS)
def test_arrive_while_main_waits(board, wait):
    hits = board.eval(f"{SETUP}\nbegin()\n{WAITS[wait]}\nn = hits\ntim.deinit()", "n")
    assert hits >= 45, f"60 were due in 300 ms, {hits} ran before the wait was over"


def test_short_sleeps_do_not_hold_them_back(board):
    """Sleeps of 1 ms, which never reach the part that can be woken."""
    code = f"{SETUP}\nbegin()\nfor _ in range(200): time.sleep_ms(1)\nn = hits\ntim.deinit()"
    assert board.eval(code, "n") >= 30


def test_arrive_at_the_prompt(board):
    board.exec(SETUP + "\nbegin()")
    time.sleep(0.5)  # main reads the next command
    assert board.eval("n = hits; tim.deinit()", "n") >= 75


def test_arrive_while_main_reads_stdin(board):
    board.link.exec_raw_no_follow(
        f"{SETUP}\nbegin()\nc = sys.stdin.read(1)\nn = hits\ntim.deinit()\nprint(c, n)"
    )
    time.sleep(0.5)
    board.link.serial.write(b"x")
    out, err = board.link.follow(5)
    assert not err
    letter, hits = out.split()
    assert letter == b"x"
    assert int(hits) >= 75


def test_from_a_thread_of_the_user(board):
    code = """
import _thread, micropython, time
got = 0
def run(_):
    global got
    got += 1
def other():
    for _ in range(20):
        time.sleep_ms(10)
        micropython.schedule(run, None)
_thread.start_new_thread(other, ())
time.sleep_ms(400)
n = got
"""
    assert board.eval(code, "n") == 20


def test_sleeps_never_end_early(board):
    code = """
import time
worst = 10**9
for us in (1, 50, 200, 900, 1499, 1501, 2500, 7777, 20000):
    for _ in range(5):
        a = time.ticks_us(); time.sleep_us(us); d = time.ticks_diff(time.ticks_us(), a)
        worst = min(worst, d - us)
"""
    assert board.eval(code, "worst") >= 0


def test_overflow_is_lost_without_a_word_and_counted(board):
    """The queue holds four; while main is deaf the rest is lost, as on silicon."""
    code = f"""{SETUP}
import utime
irq = __import__("sim_irq")
before = irq.lost
begin()
utime.sleep_us(100_000)  # the VM's own sleep is deaf
tim.deinit()
time.sleep_ms(5)
result = (hits, irq.lost - before)
"""
    hits, lost = board.eval(code, "result")
    assert 4 <= hits <= 6
    assert lost >= 10
    assert hits + lost >= 16


def test_schedule_raises_when_full(board):
    code = """
import micropython
def f(_): pass
def fill(_):
    global text
    try:
        for _ in range(10): micropython.schedule(f, 0)
    except RuntimeError as e:
        text = str(e)
micropython.schedule(fill, 0)
for _ in range(10): pass
"""
    assert board.eval(code, "text") == "schedule queue full"


def test_soft_exception_is_printed_and_the_timer_goes_on(board):
    code = """
import machine, time
n = 0
def bad(t):
    global n
    n += 1
    if n == 2: raise ValueError("in the callback")
t = machine.Timer(-1, period=5, callback=bad)
time.sleep_ms(60)
t.deinit()
print("ran", n)
"""
    out = board.exec(code)
    assert "ValueError: in the callback" in out
    assert int(out.split("ran ")[1]) >= 6
