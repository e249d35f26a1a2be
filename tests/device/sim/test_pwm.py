"""machine.PWM: a waveform on the board's clock, which a jumper carries and an interrupt sees."""

from __future__ import annotations

EDGES = """
import time
from machine import PWM, Pin
pwm, q = PWM(Pin(4)), Pin(5, Pin.IN)
times = []
def h(p):
    if len(times) < 50:
        times.append((time.ticks_us(), p.value()))
def edges(hz, duty, ms):
    times.clear()
    q.irq(h, Pin.IRQ_RISING | Pin.IRQ_FALLING)
    pwm.freq(hz)
    pwm.duty_u16(duty)
    time.sleep_ms(ms)
    q.irq(None)
    first = [t for t, v in times if v][0]
    return [(t - first, v) for t, v in times]
"""


def test_period_and_duty(board):
    code = EDGES + "out = edges(200, 16384, 13)"
    assert board.eval(code, "out") == [
        (0, 1),
        (1250, 0),
        (5000, 1),
        (6250, 0),
        (10_000, 1),
        (11_250, 0),
    ]


def test_a_period_of_no_whole_microseconds_does_not_drift(board):
    code = EDGES + "out = [t for t, v in edges(300, 32768, 31) if v]"
    late = [time - k * 10_000 / 3 for k, time in enumerate(board.eval(code, "out"))]
    assert len(late) == 10
    assert max(late) - min(late) < 1


def test_all_low_and_all_high_have_no_edges(board):
    code = """
import time
from machine import PWM, Pin
pwm, q = PWM(Pin(4), freq=1000, duty_u16=0), Pin(5, Pin.IN)
seen = []
n = 0
def h(p):
    global n
    n += 1
q.irq(h, hard=True)
for duty in (0, 65535, 0):
    pwm.duty_u16(duty)
    n = 0
    time.sleep_ms(5)
    seen.append((n, q.value()))
pwm.duty_ns(250000)
seen.append((pwm.duty_u16(), pwm.duty_ns(), pwm.freq()))
"""
    assert board.eval(code, "seen") == [(0, 0), (0, 1), (0, 0), (16_384, 250_000, 1000)]


def test_nothing_comes_after_deinit(board):
    code = (
        EDGES
        + """
seen = len(edges(1000, 32768, 3))
times.clear()
q.irq(h, Pin.IRQ_RISING)
pwm.deinit()
time.sleep_ms(5)
out = (seen, len(times), q.value())
q.irq(None)
"""
    )
    assert board.eval(code, "out") == (7, 0, 0)


def test_a_frequency_that_is_none_is_refused(board):
    code = """
from machine import PWM, Pin
pwm, said = PWM(Pin(4)), []
for hz in (0, -1, 1000000):
    try:
        pwm.freq(hz)
    except ValueError as e:
        said.append(str(e))
"""
    assert board.eval(code, "len(said)") == 3
