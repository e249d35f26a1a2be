"""Virtual time itself: what takes how long, what happens when, and that it happens again."""

from __future__ import annotations

import pytest

from hil.boards.backends.sim import VirtualBoard
from hil.model.errors import ConfigurationError

REPEAT = """
import asyncio, gc, machine, micropython, os, random, time, _thread
from array import array
from machine import Pin
log = []
o, i = Pin(4, Pin.OUT, value=0), Pin(5, Pin.IN)
at = array("l", [0] * 300)
n = 0
us = time.ticks_us
def edge(p):
    global n
    if n < 300:
        at[n] = us()
        n += 1
i.irq(edge, hard=True)
toggle = o.toggle
hard = machine.Timer(-1, period=3, callback=lambda t: toggle(), hard=True)
soft = machine.Timer(-1, period=7, callback=lambda t: log.append(us()))
lock = _thread.allocate_lock()
def other():
    for k in range(20):
        with lock:
            log.append(("thread", k, us()))
        time.sleep_us(random.randrange(3000))
_thread.start_new_thread(other, ())
async def task(name, ms):
    for _ in range(10):
        await asyncio.sleep_ms(ms)
        log.append((name, us(), random.random()))
        print(name, gc.mem_free())
async def both():
    await asyncio.gather(task("a", 5), task("b", 8))
asyncio.run(both())
total = 0
while n < 60:
    total += 1
    if total % 100 == 0:
        gc.collect()
hard.deinit(); soft.deinit()
print(log, list(at), total, os.urandom(8), time.time_ns(), hash("x"))
"""


def test_two_boards_say_the_same_bit_for_bit(start):
    knobs = "jitter_us=50,latency_us=3,ppm=20,seed=5"
    first, second = (start(knobs).enter().exec(REPEAT) for _ in range(2))
    assert first == second
    assert len(first) > 2000
    assert start(knobs.replace("seed=5", "seed=6")).enter().exec(REPEAT) != first


JUMPS = {  # jumps a turn, and those besides
    "while i < n: i += 1": (1, 2),
    "while i < n:\n i += 1\n if i < 0: pass": (2, 2),
    "for _ in range(n): pass": (1, 2),
}


@pytest.mark.parametrize("loop", JUMPS)
@pytest.mark.parametrize("turn_us", [2, 5])
def test_each_jump_takes_a_turn(start, loop, turn_us):
    board = start(f"turn_us={turn_us},read_us=1").enter()
    took = {}
    for n in (1000, 3000):
        code = f"import time\nn = {n}\ni = 0\nt = time.ticks_us()\n{loop}\nd = time.ticks_us() - t"
        took[n] = board.eval(code, "d")
    a_turn, besides = JUMPS[loop]
    assert took == {n: 1 + turn_us * (a_turn * n + besides) for n in took}


@pytest.mark.parametrize("read", [0.5, 1.0, 4.5])
def test_a_read_of_the_clock_takes_what_the_knob_says(start, read):
    board = start(f"read_us={read}").enter()
    reads = "; ".join(["us()"] * 100)
    code = f"import time\nus = time.ticks_us\na = us(); {reads}; b = us()"
    assert board.eval(code, "b - a") in (int(101 * read), int(101 * read + 0.5))


@pytest.mark.parametrize("write", ["p(1)", "p.value(0)", "p.on()", "p.off()", "p.toggle()"])
def test_a_write_of_a_pin_takes_what_the_knob_says(start, write):
    board = start("read_us=1,pin_us=7").enter()
    code = "import time\nfrom machine import Pin\np = Pin(0, Pin.OUT)\nus = time.ticks_us\n"
    code += f"a = us(); {write}; b = us(); p.value(); c = us()"
    assert board.eval(code, "(b - a, c - b)") == (8, 1), "to read a pin takes no time"


@pytest.mark.parametrize("hard", [True, False])
def test_entering_a_handler_takes_what_the_knob_says(start, hard):
    assert start("entry_us=9,read_us=1").enter().late(20, hard=hard) == [10] * 20


def test_a_stamp_is_scaled_as_a_whole(start):
    """13.5 us as on a Pico: 4.5 for the read, for the write, and for storing."""
    board = start("stamp_us=13.5,entry_us=1").enter()
    assert board.eval("import sim_now as s", "(s.READ, s.PIN, s.STORE)") == (4500, 4500, 4500)
    late = board.late(40)
    assert set(late) <= {5, 6}, "the entry and 4.5 us"


def test_a_deadline_within_a_step_comes_at_its_moment_and_the_rest_after_it(start):
    """A write of 1 ms, a timer in the middle of it; then the same for a jump and a read."""
    for step, knobs in (
        ("p(1)", "pin_us=1000,read_us=1,turn_us=0.01"),
        ("while i < 1: i += 1", "turn_us=500,read_us=1"),
        ("us()", "read_us=1000,turn_us=0.01"),
    ):
        board = start(f"{knobs},entry_us=3").enter()
        code = f"""
import machine, sim_now, time
from array import array
p = machine.Pin(0, machine.Pin.OUT)
us = time.ticks_us
i = 0
at = array("l", [0])
def cb(t):
    at[0] = sim_now.ns
t = machine.Timer(-1)
t.init(mode=0, period=700, tick_hz=1000000, callback=cb, hard=True)
a = sim_now.ns
{step}
b = sim_now.ns
"""
        at, whole = board.eval(code, "(at[0] - a, b - a)")
        steps_ns = {"p(1)": 1_000_000, "us()": 1_000_000}.get(step, 1_500_000)
        assert 702_000 <= at <= 703_000, "the deadline in whole us, and the entry"
        assert whole == steps_ns + 3_000, "its own time and the handler's"


def test_callbacks_of_the_scheduler_take_no_time_but_what_they_do(start):
    """Their jumps are free; their reads are not."""
    board = start("read_us=1,entry_us=1").enter()
    code = """
import micropython, time
def cb(_):
    for _ in range(500): pass
    for _ in range(5): time.ticks_us()
a = time.ticks_us(); micropython.schedule(cb, 0); time.sleep_us(1); b = time.ticks_us()
"""
    assert board.eval(code, "b - a") == 1 + 5 + 1, "the entry, the reads, main's own"


RECURSION = """
import machine, time
def deep(): deep()
try:
    deep()
except RuntimeError:
    pass
n = ticks = 0
def cb(t):
    global ticks
    ticks += 1
t = machine.Timer(-1, period=5, callback=cb)
"""


def test_the_clock_goes_on_after_a_recursion_to_the_limit(start):
    """It can leave the VM's scheduler locked, and with it what counts the jumps."""
    board = start("read_us=1").enter()
    code = RECURSION + "begin = time.ticks_us()\n"
    code += "while time.ticks_diff(time.ticks_us(), begin) < 52_000: n += 1\nt.deinit()"
    assert board.eval(code, "ticks") == 10
    # with the jumps counted again, a turn is a read and two jumps
    counted = board.eval(
        "a = time.ticks_us()\nn = 0\nwhile n < 1000: n += 1\n", "time.ticks_us() - a"
    )
    assert counted == 1 + 2 * 1002


def test_a_program_that_only_counts_after_a_recursion_can_be_stopped(start):
    board = start("read_us=1").enter()
    board.start(RECURSION + "while True: n += 1")
    board.sleep(0.0515)
    board.type(b"\x03")
    _, error = board.ended()
    assert "KeyboardInterrupt" in error
    assert board.eval("t.deinit()", "ticks >= 9")


def test_threads_give_way_where_they_wait(board):
    code = """
import _thread, time
log = []
lock = _thread.allocate_lock()
def sleeps():
    for k in range(3):
        log.append(("sleeps", time.ticks_us() - begin))
        time.sleep_ms(10)
def locks():
    with lock:
        log.append(("locks", time.ticks_us() - begin))
lock.acquire()
begin = time.ticks_us()
_thread.start_new_thread(sleeps, ())
_thread.start_new_thread(locks, ())
time.sleep_ms(15)
lock.release()
time.sleep_ms(50)
"""
    log = board.eval(code, "log")
    assert [name for name, _ in log] == ["sleeps", "sleeps", "locks", "sleeps"]
    at = [us for _, us in log]
    assert at[1] - at[0] == pytest.approx(10_000, abs=20)
    assert at[2] == pytest.approx(15_000, abs=20)
    assert at[3] - at[1] == pytest.approx(10_000, abs=20)


def test_the_time_of_day_goes_on_over_resets(start):
    board = start().enter()
    begin_ns, epoch_ns = board.clock.now_ns(), 1_767_225_600_000_000_000
    first = board.eval("import time", "time.time_ns()")
    assert first - epoch_ns == pytest.approx(begin_ns, abs=100_000)
    board.sleep(5.0)
    board.enter(soft_reset=True)
    second = board.eval("import time", "time.time_ns()")
    assert 5_000_000_000 < second - first < 5_100_000_000
    board.start("import machine\nmachine.deepsleep(3000)")
    board.sleep(3.1)
    board.enter()
    third = board.eval("import machine, time", "(time.time_ns(), machine.reset_cause())")
    assert third[1] == 4
    assert 3_000_000_000 < third[0] - second < 3_500_000_000
    board.virtual.reset()
    board.enter()
    fourth = board.eval("import machine, time", "(time.time_ns(), machine.reset_cause())")
    assert fourth[1] == 2
    assert 0 <= fourth[0] - third[0] < 1_500_000_000


def test_another_vm_is_refused_in_one_line(monkeypatch, tmp_path):
    other = tmp_path / "micropython"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("HIL_MICROPYTHON", str(other))
    with pytest.raises(ConfigurationError, match="unset HIL_MICROPYTHON") as refused:
        VirtualBoard("clock=virtual")
    assert "\n" not in str(refused.value).strip()


STANDS_STILL = {
    "a loop in native code": "@micropython.native\ndef f():\n while True: pass\nf()",
    "a thread that only counts": (
        "import _thread, time\ndef f():\n n = 0\n while True: n += 1\n"
        "_thread.start_new_thread(f, ())\ntime.sleep(1)"
    ),
}


@pytest.mark.parametrize("what", STANDS_STILL)
def test_a_clock_that_stands_still_ends_by_the_real_limit_with_one_line(start, monkeypatch, what):
    monkeypatch.setenv("HIL_SIM_REAL_LIMIT_S", "3")
    board = start().enter()
    board.start("import micropython\n" + STANDS_STILL[what])
    said = b""
    for _ in range(20):
        said += board.repl.read(0.2)
    (line,) = [line for line in said.splitlines() if b"stood still" in line]
    assert b"stood still for 3 s" in line
    assert b"the board was reset" in line
    assert board.enter().exec("print('alive')") == "alive\n"
