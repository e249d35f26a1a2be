"""machine.Pin: levels, the jumper, interrupts by edges and by the host."""

from __future__ import annotations

import time


def test_levels_and_pulls(board):
    code = """
from machine import Pin, Signal
p = Pin(0, Pin.OUT, value=1)
out = [p.value(), p(), Pin(0) is p]
p.off(); out.append(p.value()); p.toggle(); out.append(p()); p(0); out.append(p.value())
q = Pin(7, Pin.IN, Pin.PULL_UP); out.append(q.value())
q.init(pull=Pin.PULL_DOWN); out.append(q.value())
s = Signal(p, invert=True); s.on(); out.append(p.value()); out.append(s.value())
"""
    assert board.eval(code, "out") == [1, 1, True, 0, 1, 0, 1, 0, 0, 1]


def test_jumper_carries_levels(board):
    code = """
from machine import Pin
o, i, far = Pin(4, Pin.OUT), Pin(5, Pin.IN), Pin(6, Pin.IN)
out = []
for v in (1, 0, 1):
    o(v); out.append((i(), far()))
"""
    assert board.eval(code, "out") == [(1, 0), (0, 0), (1, 0)]


def test_wires_by_knob(start):
    board = start("wires=1-2+1-3").enter()
    code = """
from machine import Pin
o = Pin(1, Pin.OUT); o(1)
out = [Pin(n, Pin.IN)() for n in (2, 3, 5)]
"""
    assert board.eval(code, "out") == [1, 1, 0]


def test_hard_interrupt_runs_within_the_write(board):
    code = """
from machine import Pin
o, i = Pin(4, Pin.OUT, value=0), Pin(5, Pin.IN)
seen = []
n = 0
def h(p):
    global n
    n += 1
i.irq(h, Pin.IRQ_RISING, hard=True)
for v in (1, 0, 1, 1, 0):
    o(v); seen.append(n)
i.irq(h, Pin.IRQ_FALLING | Pin.IRQ_RISING, hard=True)
o(1); o(0); seen.append(n)
i.irq(None)
o(1); seen.append(n)
"""
    assert board.eval(code, "seen") == [1, 1, 2, 2, 2, 4, 4]


def test_hard_interrupt_has_the_heap_locked(board):
    code = """
from machine import Pin
o, i = Pin(4, Pin.OUT, value=0), Pin(5, Pin.IN)
def h(p):
    [1.5 * p()]
i.irq(h, hard=True)
o(1)
x = [2.5 * o()]
print("free again", x)
"""
    out = board.exec(code)
    assert "MemoryError" in out
    assert "free again [2.5]" in out


def test_soft_interrupt_is_deferred(board):
    code = """
import time
from machine import Pin
o, i = Pin(4, Pin.OUT, value=0), Pin(5, Pin.IN)
got = []
i.irq(lambda p: got.append(p()), Pin.IRQ_RISING)
o(1)
time.sleep_ms(5)
"""
    assert board.eval(code, "got") == [1]


def test_timer_drives_the_jumper_into_a_deferred_callback(board):
    """Hard timer -> pin edge -> hard interrupt -> micropython.schedule, with main asleep."""
    code = """
import machine, micropython, time
from machine import Pin
o, i = Pin(4, Pin.OUT, value=0), Pin(5, Pin.IN)
hard = soft = 0
def later(_):
    global soft
    soft += 1
def h(p):
    global hard
    hard += 1
    micropython.schedule(later_ref, 0)
later_ref = later
toggle = o.toggle
def tick(t):
    toggle()
i.irq(h, Pin.IRQ_RISING, hard=True)
t = machine.Timer(-1, period=5, callback=tick, hard=True)
time.sleep_ms(405)
t.deinit()
time.sleep_ms(5)
"""
    hard, soft = board.eval(code, "(hard, soft)")
    assert hard >= 36
    assert hard == soft


def test_stimulus_from_the_host(board):
    board.exec("""
from machine import Pin
i = Pin(9, Pin.IN, Pin.PULL_DOWN)
edges = 0
def h(p):
    global edges
    edges += 1
i.irq(h, hard=True)
""")
    for level in (1, 0, 1):
        board.virtual.drive_pin(9, level)
        time.sleep(0.02)
    assert board.eval("", "(edges, i.value())") == (3, 1)
    board.virtual.drive_pin(9, None)
    time.sleep(0.02)
    assert board.eval("", "(edges, i.value())") == (4, 0)
