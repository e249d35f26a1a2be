# hil: needs=
# lib/calibrate.py for a board with little heap: the same figures from fewer repeats.
import time
from array import array

from lib.small_job import hil_task


def hil_batch(f):
    # the time of 16 calls, and of one read of the clock
    us = time.ticks_us
    t = us()
    for _ in b"..":
        f()
        f()
        f()
        f()
        f()
        f()
        f()
        f()
    return time.ticks_diff(us(), t)


def hil_step():
    us = time.ticks_us
    t = n = us()
    while n == t:
        n = us()
    return time.ticks_diff(n, t)


def run(job):
    c = array("l", (0, 0, 16, 0))
    stamp = hil_task(array("l", range(16)), c, time.ticks_us, abs)
    a = []
    for s in ("read", "stamp", "step"):
        a.append(job.channel("cal.%s;kind=value" % s, 20))
    job.open()
    for i in range(20):
        c[0] = 0
        a[0][0][i] = hil_batch(time.ticks_us)
        a[1][0][i] = hil_batch(stamp)
        a[2][0][i] = hil_step()
    for v in a:
        v[1][0] = 20
    job.note("read_batch", 16)
    job.note("stamp_batch", 16)
    job.busy = True
    job.wait()
