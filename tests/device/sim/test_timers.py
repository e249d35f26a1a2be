"""machine.Timer: forms, absolute deadlines, hard callbacks under a locked heap.

On ``board`` entering a handler, a read of the clock and a write of a pin take 1 us each.
"""

from __future__ import annotations

import pytest

ENTRY_US = READ_US = 1
LATE_US = ENTRY_US + READ_US
"""From the deadline to the value of a stamp that the callback takes first."""


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
    assert board.eval(code, "out") == [10, 10, 10, 10, 1]


@pytest.mark.parametrize("hard", [True, False])
def test_deadlines_are_absolute(board, hard):
    """Nothing adds up: the last of a hundred is as late as the first."""
    assert board.late(101, 3, hard) == [LATE_US] * 101


def test_late_ones_catch_up(board):
    """The second to the tenth were due while the first one slept: they come one after another."""
    code = """
import machine, time
at = []
def cb(t):
    micropython.heap_unlock()
    at.append(time.ticks_us())
    micropython.heap_lock()
    if len(at) == 1:
        time.sleep_us(50000)
import micropython
begin = time.ticks_us()
t = machine.Timer(-1, period=5, callback=cb, hard=True)
time.sleep_ms(203)
t.deinit()
"""
    at = board.eval(code, "[time.ticks_diff(a, begin) for a in at]")
    first = 5000 + LATE_US
    burst = [first + 50_000 + LATE_US * n for n in range(1, 11)]
    assert at == [first, *burst, *(5000 * n + LATE_US for n in range(12, 41))]


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
begin = time.ticks_us()
t = machine.Timer(-1, period=1, callback=cb, hard=True)
kept = 0
while time.ticks_diff(time.ticks_us(), begin) < 300_500:
    kept += len([0.5 * i for i in range(100)])
t.deinit()
"""
    assert board.eval(code, "n") == 300


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
"""
    assert board.eval(code, "(at, a, stopped, b)") == (10, 10, 5, 5)


def test_one_shot_rearms_itself_hard_without_allocating(board):
    """Each run is armed by the one before it: what that took is added to the period."""
    code = """
import machine, time
from array import array
n = 0
at = array("l", [0] * 20)
us = time.ticks_us
t = machine.Timer(-1)
def cb(x):
    global n
    at[n] = us()
    n += 1
    if n < 18:
        x.init(mode=0, period=4, callback=cb_ref, hard=True)
cb_ref = cb
t.init(mode=0, period=4, callback=cb, hard=True)
time.sleep_ms(100)
"""
    apart = board.eval(code, "[time.ticks_diff(at[i + 1], at[i]) for i in range(n - 1)]")
    assert apart == [4000 + LATE_US] * 17


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
counts = [n]
time.sleep_us(31000)
counts.append(n)
machine.enable_irq(inner)
time.sleep_us(6000)
counts.append(n)
machine.enable_irq(state)
counts.append(n)  # the missed ones come at once
time.sleep_us(4000)
counts.append(n)
t.deinit()
"""
    assert board.eval(code, "counts") == [0, 0, 0, 18, 20]
