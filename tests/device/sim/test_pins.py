"""machine.Pin: levels, the jumper, interrupts by edges and by the host."""

from __future__ import annotations


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
    """Out of the write, up to where main may be interrupted."""
    code = """
import time
from machine import Pin
o, i = Pin(4, Pin.OUT, value=0), Pin(5, Pin.IN)
got = []
i.irq(lambda p: got.append(p()), Pin.IRQ_RISING)
o(1)
seen = [len(got)]
time.sleep_us(1)
seen.append(len(got))
"""
    assert board.eval(code, "(seen, got)") == ([0, 1], [1])


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
time.sleep_ms(407)
t.deinit()
"""
    # 81 toggles, every other one a rising edge
    assert board.eval(code, "(hard, soft)") == (41, 41)


WATCH = """
import time
from machine import Pin
i = Pin(9, Pin.IN, Pin.PULL_DOWN)
edges = []
def h(p):
    edges.append((p.value(), time.ticks_us()))
i.irq(h)
"""


def test_stimulus_from_the_host(board):
    """It comes at the virtual moment at which the host put it there."""
    board.exec(WATCH)
    moments = []
    for level in (1, 0, 1, None):
        board.virtual.drive_pin(9, level)
        moments.append(board.clock.now_ns() // 1000)
        board.sleep(0.02)
    edges = board.eval("", "edges")
    assert [value for value, _ in edges] == [1, 0, 1, 0]
    # entering the controller's own handler, then the callback, then its read: 1 us each
    assert [at for _, at in edges] == [moment + 3 for moment in moments]


def test_a_stimulus_interrupts_a_program_that_counts(board):
    """In the middle of a jump, as hard as the handler."""
    code = """
import time
from array import array
from machine import Pin
at = array("l", [0, 0])
k = 0
us = time.ticks_us
def h(p):
    global k
    at[k] = us()
    k += 1
Pin(9, Pin.IN, Pin.PULL_DOWN).irq(h, hard=True)
while k < 2: pass
print(list(at))
"""
    board.start(code)
    moments = []
    for level in (1, 0):
        board.sleep(0.010_001)
        moments.append(board.clock.now_ns() // 1000)
        board.virtual.drive_pin(9, level)
    out, _ = board.ended()
    # the controller's own handler is entered, then this one, which reads the clock
    assert eval(out) == [moment + 3 for moment in moments]
