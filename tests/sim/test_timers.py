"""machine.Timer: forms, absolute deadlines, hard callbacks under a locked heap."""

from __future__ import annotations

from statistics import median

import pytest


def test_periods_in_every_form(board):
    code = """
import machine, time
from machine import Timer
out = []
def count(**kw):
    n = [0]
    def cb(t): n[0] += 1
    t = Timer(-1)
    t.init(callback=cb, **kw)
    time.sleep_ms(205)
    t.deinit()
    out.append(n[0])
count(period=20)
count(freq=50)
count(period=200, tick_hz=10000)
count(period=20, mode=Timer.PERIODIC, hard=True)
count(period=20, mode=Timer.ONE_SHOT)
"""
    *periodic, once = board.eval(code, "out")
    assert once == 1
    assert all(9 <= n <= 10 for n in periodic), periodic


@pytest.mark.parametrize("hard", [True, False])
def test_deadlines_are_absolute(board, hard):
    """The lateness of the second 50 is that of the first 50: nothing adds up."""
    late = board.late(101, 3, hard)
    step = median(late[51:]) - median(late[1:51])
    assert (
        abs(step) < 1000
    )  # a re-based timer loses some 50 us a period: 2500 us between the halves


def test_late_ones_catch_up(board):
    code = """
import machine, time
n = 0
def cb(t):
    global n
    n += 1
    if n == 1:
        time.sleep_us(50000)
t = machine.Timer(-1, period=5, callback=cb, hard=True)
time.sleep_ms(203)
t.deinit()
"""
    assert board.eval(code, "n") >= 38


def test_hard_callback_that_allocates_gets_memory_error(board):
    code = """
import machine, time
n = 0
def cb(t):
    global n
    n += 1
    [n]
t = machine.Timer(-1, period=5, callback=cb, hard=True)
time.sleep_ms(60)
print("ran", n)
"""
    out = board.exec(code)
    assert "MemoryError" in out
    assert out.rstrip().endswith("ran 1"), "a hard timer that raised is stopped"


@pytest.mark.parametrize("expression", ["1.5 * n", "2 ** 70 + n", "n.to_bytes", "bytes(n)"])
def test_what_allocates_on_silicon_does_here(board, expression):
    code = f"""
import machine, time
n = 1
error = None
def cb(t):
    global error
    try:
        x = {expression}
    except MemoryError:
        error = 1
t = machine.Timer(-1, period=5, mode=machine.Timer.ONE_SHOT, callback=cb, hard=True)
time.sleep_ms(30)
"""
    assert board.eval(code, "error") == 1


def test_main_allocates_while_hard_callbacks_run(board):
    code = """
import machine, time
n = 0
def cb(t):
    global n
    n += 1
t = machine.Timer(-1, period=1, callback=cb, hard=True)
kept = 0
end = time.ticks_add(time.ticks_ms(), 300)
while time.ticks_diff(end, time.ticks_ms()) > 0:
    kept += len([0.5 * i for i in range(100)])
t.deinit()
"""
    assert board.eval(code, "n") > 150


def test_init_again_and_deinit(board):
    code = """
import machine, time
a = b = 0
def fa(t):
    global a
    a += 1
def fb(t):
    global b
    b += 1
t = machine.Timer(0)
t.init(period=5, callback=fa)
time.sleep_ms(52)
t.init(period=20, callback=fb, hard=True)
time.sleep_ms(2)
at = a
time.sleep_ms(102)
t.deinit(); t.deinit()
stopped = b
time.sleep_ms(60)
result = (a == at, at, stopped, b)
"""
    same, first, second, after = board.eval(code, "result")
    assert same
    assert 9 <= first <= 10
    assert 4 <= second <= 5
    assert after == second


def test_one_shot_rearms_itself_hard_without_allocating(board):
    code = """
import machine, time
n = 0
t = machine.Timer(-1)
def cb(x):
    global n
    n += 1
    x.init(mode=0, period=4, callback=cb_ref, hard=True)
cb_ref = cb
t.init(mode=0, period=4, callback=cb, hard=True)
begun = time.ticks_ms()
while n < 18 and time.ticks_diff(time.ticks_ms(), begun) < 5000:
    time.sleep_ms(1)
t.deinit()
"""
    assert board.eval(code, "n") >= 18


def test_bad_arguments(board):
    code = """
import machine
def name(**kw):
    try:
        machine.Timer(kw.pop("id", -1)).init(**kw)
    except Exception as e:
        return type(e).__name__
out = [name(period=0), name(period=5, callback=3), name(id=9, period=5), name(period=-1),
       name(speed=3)]
"""
    assert board.eval(code, "out") == ["ValueError"] * 4 + ["TypeError"]


def test_disable_irq_holds_hard_callbacks_off(board):
    code = """
import machine, time
n = 0
def cb(t):
    global n
    n += 1
t = machine.Timer(-1, period=2, callback=cb, hard=True)
state = machine.disable_irq()
inner = machine.disable_irq()
before = n
time.sleep_us(30000)
during = n - before
machine.enable_irq(inner)
time.sleep_us(5000)
during += n - before
machine.enable_irq(state)
time.sleep_us(5000)
after = n - before
t.deinit()
"""
    during, after = board.eval(code, "(during, after)")
    assert during == 0
    assert after >= 15, "the missed ones come in a burst"
