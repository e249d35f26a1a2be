# hil: needs=small_heap
# The begin of a capture and the clock exchanges, for a board with little heap.
import time

from staged.frames import hil_text
from staged.state import Job, hil_now


def hil_console():
    # (true when a character waits, take it)
    try:
        import select
        import sys

        p = select.poll()
        p.register(sys.stdin, select.POLLIN)
        return lambda: p.poll(0), sys.stdin.read
    except (ImportError, AttributeError):
        import microbit

        return microbit.uart.any, microbit.uart.read


def hil_exchange(n):
    # n pings from the host; gives up when none comes for two seconds
    hil_text("R..n=%d" % n)
    a, b = hil_console()
    while n:
        t = time.ticks_ms()
        while not a():
            if time.ticks_diff(time.ticks_ms(), t) > 2000:
                return
        t = hil_now()[0]
        b(1)
        t = (Job.pongs, t, hil_now()[0])
        hil_text("P..n=%d;rx=%d;tx=%d" % t)
        Job.pongs += 1
        n -= 1
    hil_text("R..n=0")


def hil_hello(d):
    s = (d["technique"], d["load"], time.ticks_add(0, -1) + 1, len(d["periods"]))
    hil_text("H..v=1;technique=%s;load=%s;tp=%d;tasks=%d;mode=buffered" % s)
