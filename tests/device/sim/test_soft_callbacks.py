"""Soft callbacks reach the main program wherever it waits, as they do on a board."""

from __future__ import annotations

import pytest

SETUP = """
import micropython, time, machine, select, asyncio, sys
hits = 0
def hit(t):
    global hits
    hits += 1
tim = machine.Timer(-1)
async def nap():
    await asyncio.sleep_ms(302)
def begin():
    global hits
    hits = 0
    tim.init(period=5, mode=machine.Timer.PERIODIC, callback=hit)
"""

WAITS = {
    "busy": "end = time.ticks_add(time.ticks_us(), 302_000)\n"
    "while time.ticks_diff(end, time.ticks_us()) > 0: pass",
    "counting": "i = 0\nwhile i < 151_000: i += 1",  # a jump of 2 us a turn
    "sleep": "time.sleep(0.302)",
    "sleep_ms": "time.sleep_ms(302)",
    "sleep_us": "time.sleep_us(302_000)",
    "asyncio": "asyncio.run(nap())",
    "poll": "p = select.poll(); p.register(sys.stdin, select.POLLIN); p.poll(302)",
    "select": "select.select([sys.stdin], [], [], 0.302)",
    "lightsleep": "machine.lightsleep(302)",
}


@pytest.mark.parametrize("wait", WAITS)
def test_arrive_while_main_waits(board, wait):
    """All 60 that are due within 302 ms have run when the wait is over."""
    hits = board.eval(f"{SETUP}\nbegin()\n{WAITS[wait]}\nn = hits\ntim.deinit()", "n")
    assert hits == 60


def test_wait_while_main_waits_for_a_lock(board):
    """As on boards with threads: the queue keeps four, which run when the lock is had."""
    code = f"""{SETUP}
import _thread
lock = _thread.allocate_lock()
lock.acquire()
begin()
lock.acquire(1, 0.302)
counts = [hits]
tim.deinit()
time.sleep_ms(1)
counts.append(hits)
"""
    assert board.eval(code, "counts") == [0, 4]


def test_short_sleeps_do_not_hold_them_back(board):
    code = f"{SETUP}\nbegin()\nfor _ in range(201): time.sleep_ms(1)\nn = hits\ntim.deinit()"
    assert board.eval(code, "n") == 40


def test_arrive_at_the_prompt(board):
    board.exec(SETUP + "\nbegin()")
    board.sleep(0.502)  # main reads the next command
    assert board.eval("n = hits; tim.deinit()", "n") == 100


def test_arrive_while_main_reads_stdin(board):
    board.start(f"{SETUP}\nbegin()\nc = sys.stdin.read(1)\nn = hits\ntim.deinit()\nprint(c, n)")
    board.sleep(0.502)
    board.type(b"x")
    assert board.ended() == ("x 100\n", "")


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


def test_sleeps_last_exactly_as_long_as_asked(board):
    code = """
import time
more = []
for us in (1, 50, 200, 900, 1499, 1501, 2500, 7777, 20000):
    for _ in range(5):
        a = time.ticks_us(); time.sleep_us(us); d = time.ticks_diff(time.ticks_us(), a)
        more.append(d - us)
"""
    assert board.eval(code, "more") == [1] * 45, "1 us is the read at the end"


def test_overflow_is_lost_without_a_word_and_counted(board):
    """The queue holds four; while a callback keeps main busy the rest is lost, as on silicon."""
    code = f"""{SETUP}
irq = __import__("sim_irq")
before = irq.lost_count()
def deaf(_):
    time.sleep_us(102_000)
begin()
micropython.schedule(deaf, 0)
time.sleep_ms(1)
tim.deinit()
time.sleep_ms(5)
"""
    assert board.eval(code, "(hits, irq.lost_count() - before)") == (4, 16)


def test_schedule_raises_when_full(board):
    code = """
import micropython
ran = 0
def f(_):
    global ran
    ran += 1
def fill(_):
    global text, sent
    sent = 0
    try:
        for _ in range(10):
            micropython.schedule(f, 0)
            sent += 1
    except RuntimeError as e:
        text = str(e)
micropython.schedule(fill, 0)
for _ in range(10): pass
"""
    assert board.eval(code, "(text, sent, ran)") == ("schedule queue full", 4, 4)


def test_soft_exception_is_printed_and_the_timer_goes_on(board):
    code = """
import machine, time
n = 0
def bad(t):
    global n
    n += 1
    if n == 2: raise ValueError("in the callback")
t = machine.Timer(-1, period=5, callback=bad)
time.sleep_ms(62)
t.deinit()
print("ran", n)
"""
    out = board.exec(code)
    assert "ValueError: in the callback" in out
    assert out.endswith("ran 12\n")
