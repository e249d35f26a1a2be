"""The board on the host's clock: that it works at all, and never sooner than it says."""

from __future__ import annotations

import time

import pytest


def value_at_last(board, expression, wanted):
    """Ask at the prompt until the value is there, for as long as a busy machine may need."""
    end = time.monotonic() + 60
    while not wanted(value := board.eval("", expression)):
        assert time.monotonic() < end, value
        time.sleep(0.02)
    return value


TIMER = """
import machine, time
n = 0
def cb(t):
    global n
    n += 1
t = machine.Timer(-1, period=5, callback=cb, hard={hard})
"""


@pytest.mark.parametrize("hard", [True, False])
def test_timers_fire_while_main_sleeps_and_at_the_prompt(real_board, hard):
    real_board.exec(TIMER.format(hard=hard) + "while n < 10: time.sleep_ms(5)")
    seen = real_board.eval("", "n")
    value_at_last(real_board, "n", lambda n: n >= seen + 10)
    stopped = real_board.eval("t.deinit()\ntime.sleep_ms(5)", "n")
    assert real_board.eval("time.sleep_ms(60)", "n") == stopped


def test_a_timer_never_fires_before_its_time(real_board):
    assert min(real_board.late(60)) >= 0


@pytest.mark.parametrize("us", [1, 900, 1501, 20_000])
def test_sleeps_never_end_early(real_board, us):
    code = f"""
import time
worst = 1 << 29
for _ in range(10):
    a = time.ticks_us(); time.sleep_us({us}); d = time.ticks_diff(time.ticks_us(), a)
    worst = min(worst, d - {us})
"""
    assert real_board.eval(code, "worst") >= 0


@pytest.mark.parametrize(
    "program",
    ["while True: n += 1", "time.sleep(600)", "select.poll().poll(600000)", "sys.stdin.read(1)"],
)
def test_ctrl_c_ends_a_program(real_board, program):
    real_board.start(f"import select, sys, time\nn = 0\nprint('go')\n{program}")
    said = b""
    end = time.monotonic() + 60
    while b"go" not in said:
        assert time.monotonic() < end
        said += real_board.repl.read(0.2)
    time.sleep(0.1)
    real_board.type(b"\x03")
    _, error = real_board.ended()
    assert "KeyboardInterrupt" in error
    assert real_board.exec("print('alive')") == "alive\n"


def test_pins_wires_and_stimuli(real_board):
    real_board.exec(
        "from machine import Pin\no, i = Pin(4, Pin.OUT, value=0), Pin(5, Pin.IN)\n"
        "p = Pin(9, Pin.IN, Pin.PULL_DOWN)\nedges = 0\n"
        "def h(_):\n global edges\n edges += 1\n"
        "i.irq(h, Pin.IRQ_RISING, hard=True)\np.irq(h, Pin.IRQ_RISING)\no(1)"
    )
    assert real_board.eval("", "(edges, i())") == (1, 1)
    real_board.virtual.drive_pin(9, 1)
    value_at_last(real_board, "edges", lambda edges: edges == 2)


def test_threads_run_beside_the_main_program(real_board):
    code = """
import _thread, time
n = 0
done = _thread.allocate_lock()
done.acquire()
def body():
    global n
    for _ in range(20):
        time.sleep_ms(1)
        n += 1
    done.release()
_thread.start_new_thread(body, ())
done.acquire()
"""
    assert real_board.eval(code, "n") == 20


def test_soft_callbacks_that_find_no_room_are_counted(real_board):
    """Main is deaf in a native loop: of all that were due four are kept."""
    code = """
import machine, micropython, time
from sim_irq import lost_count
hits = 0
def hit(t):
    global hits
    hits += 1
@micropython.native
def deaf(us, diff):
    a = us()
    while diff(us(), a) < 100000: pass
before = lost_count()
t = machine.Timer(-1, period=5, callback=hit)
deaf(time.ticks_us, time.ticks_diff)
t.deinit()
time.sleep_ms(5)
"""
    hits, lost = real_board.eval(code, "(hits, lost_count() - before)")
    assert 4 <= hits <= 6
    assert lost > 0


def test_streams_over_sockets(real_board):
    code = """
import asyncio
out = []
async def client():
    r, w = await asyncio.open_connection("127.0.0.1", port)
    w.write(b"hello\\n"); await w.drain()
    out.append(await r.readline())
    w.close()
async def serve(r, w):
    w.write((await r.readline()).upper()); await w.drain()
    w.close(); await w.wait_closed()
async def main():
    global port
    for port in range(42000, 42200):
        try:
            server = await asyncio.start_server(serve, "127.0.0.1", port)
            break
        except OSError:
            pass
    await asyncio.sleep_ms(0)
    await client()
    server.close(); await server.wait_closed()
asyncio.run(main())
"""
    assert real_board.eval(code, "out") == [b"HELLO\n"]
