"""Each knob is put in and found again, by its closed form.

Entering a handler, a read of the clock and a write of a pin take 1 us each, unless said otherwise.
"""

from __future__ import annotations

from itertools import islice
from statistics import NormalDist

import pytest

COSTS = "read_us=1,pin_us=1,entry_us=1"
LATE_US = 2
"""Of a stamp that a callback takes first: its entry, and the read."""


def skewed(host_us: int, ppm: int) -> int:
    """The board's clock at a moment since it was switched on."""
    return host_us + (host_us * round(ppm * 1e-6 * 2**36) >> 36)


@pytest.mark.parametrize("ppm", [-300, 300, 1000])
def test_ppm_against_the_host_clock(start, ppm):
    board = start(f"ppm={ppm},tick_bits=40,{COSTS}").enter()
    code = "import time, sim_now\nticks = time.ticks_us()"
    first = board.eval(code, "(sim_now.ns // 1000, ticks)")
    board.sleep(10.0)
    second = board.eval(code, "(sim_now.ns // 1000, ticks)")
    # between the read and the look at the overlay's own number no time passes
    for host_us, ticks in (first, second):
        assert ticks == skewed(host_us, ppm)
    assert 10_000_000 <= second[0] - first[0] < 10_000_100
    assert second[1] - first[1] == pytest.approx((second[0] - first[0]) * (1 + ppm / 1e6), abs=1)


@pytest.mark.parametrize("ppm", [-300, 300, 1000])
def test_timers_run_on_the_skewed_clock(start, ppm):
    """One clock: a timer keeps its grid on the board's ticks whatever the skew."""
    late = start(f"ppm={ppm},{COSTS}").enter().late(300)
    # the clock may skip a value within the 2 us
    assert set(late) <= {LATE_US, LATE_US + 1}
    assert late.count(LATE_US) > 290
    # 299 periods of 3 ms by the host would be 270 us away at 300 ppm
    assert abs(late[-1] - late[0]) <= 1


@pytest.mark.parametrize("bits", [16, 20])
def test_tick_bits(start, bits):
    board = start(f"tick_bits={bits},{COSTS},turn_us=2").enter()
    code = f"""
import time
P = 1 << {bits}
top = 0
apart = set()
a = time.ticks_us()
for _ in range(1200):
    time.sleep_us(1000)
    b = time.ticks_us()
    apart.add(time.ticks_diff(b, a))
    a = b
    top = max(top, b)
out = (top < P, top > P - 1100, sorted(apart)[-1], time.ticks_add(P - 1, 5),
       time.ticks_diff(2, P - 3), time.ticks_ms() < P)
"""
    longest = 1000 + 1 + 2 + 2  # the sleep, the read, and the jumps before the first turn
    assert board.eval(code, "out") == (True, True, longest, 4, 5, True)
    assert board.eval("", "sorted(apart)") == [longest - 2, longest]


@pytest.mark.parametrize("step", [30.5, 1000])
def test_tick_us(start, step):
    """Every value is the last step that was reached, in whole microseconds."""
    board = start(f"tick_us={step},{COSTS}").enter()
    code = """
import time, sim_now
seen = []
for _ in range(1500):
    ticks = time.ticks_us()
    seen.append((sim_now.ns // 1000, ticks))
"""
    step_ns = round(step * 1000)
    for host_us, ticks in board.eval(code, "seen"):
        assert ticks == host_us * 1000 // step_ns * step_ns // 1000


def noise_us(seed: int, jitter_us: float):
    """The draws of a board's timers, one for each deadline."""
    normal = NormalDist(0.0, jitter_us * 1000.0)
    table = [round(normal.inv_cdf((k + 0.5) / 4096)) for k in range(4096)]
    state = seed * 2654435761 % 4294967291 + 1
    while True:
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        yield (table[state % 4096] + 500) // 1000


def test_jitter_is_drawn_from_the_seed_and_does_not_accumulate(start):
    late = start(f"jitter_us=400,seed=3,{COSTS}").enter().late(500)
    assert late == [LATE_US + draw for draw in islice(noise_us(3, 400), 500)]
    other = start(f"jitter_us=400,seed=4,{COSTS}").enter().late(20)
    assert other == [LATE_US + draw for draw in islice(noise_us(4, 400), 20)]
    assert other != late[:20]


@pytest.mark.parametrize("hard", [True, False])
def test_latency_of_timers(start, hard):
    assert start(f"latency_us=700,{COSTS}").enter().late(50, hard=hard) == [700 + LATE_US] * 50


@pytest.mark.parametrize("latency", [0, 700])
def test_latency_of_pins(start, latency):
    board = start(f"latency_us={latency},{COSTS}").enter()
    pin = """
import time
from machine import Pin
o, i = Pin(4, Pin.OUT, value=0), Pin(5, Pin.IN)
at = 0
def h(p):
    global at
    at = time.ticks_us()
i.irq(h, Pin.IRQ_RISING, hard=True)
all = []
for _ in range(50):
    o(0)
    a = time.ticks_us(); o(1)
    all.append((time.ticks_diff(at, a), time.ticks_diff(time.ticks_us(), a)))
"""
    # the write, the latency, the entry, the handler's read; then main's own
    assert board.eval(pin, "all") == [(latency + 3, latency + 4)] * 50


def test_pauses_hit_main_and_soft_callbacks_but_not_hard_ones(start):
    """15 of every 50 ms: what falls due within is kept and follows at once."""
    board = start(f"gc_ms=15,gc_every_ms=50,{COSTS}").enter()
    late = board.late(60, 4, hard=False)
    pauses = "[s for s in sim_now.slots if s is not None]"
    origin, pause = board.eval("import sim_now", f"(origin, {pauses}[0]._due)")
    assert pause % 50_000 < 100, "from power-on, but for the start of the board's own code"
    expected, free = [], 0
    for n in range(1, 61):
        due = origin + 4000 * n
        within = (due - pause) % 50_000
        if due > 50_000 and within < 15_000:
            free = max(free, due - within + 1 + 15_000)  # entered like any soft callback
        free = max(free, due) + LATE_US
        expected.append(free - due)
    assert late == expected
    assert max(late) > 10_000
    assert board.late(60, 4, hard=True) == [LATE_US] * 60


def test_board_without_features(start):
    board = start("timer=0,thread=0,asyncio=0,heap=512").enter()
    code = """
import gc, machine
def there(name):
    try:
        __import__(name)
        return True
    except ImportError:
        return False
gc.collect()
out = (hasattr(machine, "Timer"), [there(n) for n in ("_thread", "asyncio", "uasyncio", "time")],
       gc.mem_free() + gc.mem_alloc() < 520_000)
"""
    assert board.eval(code, "out") == (False, [False, False, False, True], True)


def test_board_without_hard_interrupts(start):
    board = start("irq_hard=0").enter()
    code = """
import machine
def name(f, **kw):
    try:
        f(**kw)
    except Exception as e:
        return type(e).__name__
out = (name(machine.Timer(-1).init, period=5, callback=print, hard=True),
       name(machine.Pin(5).irq, handler=print, hard=True), name(machine.Pin(5).irq, handler=None))
"""
    assert board.eval(code, "out") == ("ValueError", "TypeError", None)


@pytest.mark.parametrize("jump", [20_000_000, -20_000_000])
def test_the_clock_jumps_there_and_back(start, jump):
    board = start(f"step_us={jump},step_every_ms=300,tick_bits=40,turn_us=2,{COSTS}").enter()
    code = """
import time, sim_now
jumps = []
ms = set()
a = time.ticks_us()
while len(jumps) < 4:
    b = time.ticks_us()
    at = sim_now.ns // 1000
    if abs(time.ticks_diff(b, a)) > 10000000:
        jumps.append((at // 300_000, time.ticks_diff(b, a)))
        ms.add(time.ticks_diff(time.ticks_ms(), 0) - time.ticks_diff(b, 0) // 1000 in (0, 1))
    a = b
"""
    jumps, agree = board.eval(code, "(jumps, ms)")
    turn = 1 + 2 * 2  # a read, and two jumps a turn
    assert jumps == [(n, (jump if n % 2 else -jump) + turn) for n in range(1, 5)]
    assert agree == {True}


@pytest.mark.parametrize("hard", [True, False])
def test_timers_go_on_evenly_while_the_clock_jumps(start, hard):
    board = start(f"step_us=20000000,step_every_ms=300,tick_bits=40,{COSTS}").enter()
    late = board.late(250, 4, hard)
    assert {time_ns % 20_000_000 for time_ns in late} == {LATE_US}
    assert {time_ns // 20_000_000 for time_ns in late} == {0, 1}
