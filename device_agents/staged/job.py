# hil: needs=small_heap
# lib/job.py for a board with some 8 KB of heap: buffered only, and the window is as long as the
# stamps of all tasks fit into the memory that is left. The record is sent by other code.
import gc
import time
from array import array

from staged.pin import hil_output
from staged.state import Job, hil_now


def hil_task(b, c, t, f):
    # c: stamps, dropped, capacity, level of the output
    def activate(_=None):
        v = t()
        i = c[0]
        if i < c[2]:
            b[i] = v
            c[0] = i + 1
        else:
            c[1] += 1
        c[3] ^= 1
        f(c[3])

    return activate


def hil_channel(s, n, v=0):
    a = (array("l", range(n)), array("l", (0, 0, n, v)))
    Job.channels.append((s, a))
    return a


def hil_open():
    Job.us0, Job.ms0 = hil_now()
    Job.last = Job.us0


def hil_running():
    # by the clock of the stamps: one old port's ticks_ms loses a quarter of a busy window and more
    t = time.ticks_diff(time.ticks_us(), Job.last) // 1000
    Job.left_ms -= t
    Job.last = time.ticks_add(Job.last, t * 1000)
    if Job.left_ms > 0 and not Job.failure:
        return True
    Job.us1, Job.ms1 = hil_now()
    return False


def hil_idle_step():
    if Job.step:
        Job.step()


def hil_wait():
    n = 0
    while hil_running():
        hil_idle_step()
        n += 1
        if not Job.busy:
            time.sleep_ms(1)
    if Job.busy:
        hil_set_counter("background", n)


def hil_begin(k, offset_us, origin):
    Job.grids.append((k, origin, offset_us, Job.periods_us[k]))


def hil_begin_all(after_period=False):
    hil_open()
    t = hil_now()[0]
    for k in range(Job.n):
        hil_begin(k, Job.phases_us[k] + (Job.periods_us[k] if after_period else 0), t)
    return t


def hil_set_counter(s, v):
    Job.counters[s] = v


def hil_stop(e):
    Job.failure = e


def hil_set(d):
    Job.cfg = d
    Job.channels = []
    Job.grids = []
    Job.exits = []
    Job.activate = []
    Job.counters = {}
    Job.at_exit = Job.exits.append
    Job.periods_us = d["periods"]
    Job.phases_us = d["phases"]
    Job.n = len(Job.phases_us)
    Job.left_ms = d["duration"] // 1000


def hil_prepare(d):
    # the window is no longer than the stamps last
    hil_set(d)
    for k in range(Job.n):
        v = 1 - k % 2
        f = hil_output(d["pins"][k], v) if k < len(d["pins"]) else abs
        p = Job.periods_us[k]
        n = min(Job.left_ms * 1100 // p + 16, Job.room // Job.n)
        b, c = hil_channel("task%d;kind=ticks" % k, n, v)
        Job.left_ms = min(Job.left_ms, (n - n // 8 - 1) * p // 1000)
        Job.activate.append(hil_task(b, c, time.ticks_us, f))


def hil_room():
    # Job.keep holds two pieces of memory from before the code came: for stamps, and for the
    # compiler, which has to go on afterwards
    Job.room = (len(Job.keep[0]) - 50) // 4
    Job.keep[0] = None
    gc.collect()


def hil_main(run, d, load_start):
    try:
        hil_prepare(d)
        Job.step = load_start(Run)
        Job.busy = bool(Job.step or d.get("background"))
        run(Run)
    except BaseException as e:
        hil_stop(e)
        Job.us1, Job.ms1 = hil_now()
    while Job.exits:
        Job.exits.pop()()
    Job.cfg = Job.activate = Job.exits = Job.step = Job.at_exit = None


class Run(Job):
    # what a technique is given
    begin = hil_begin
    begin_all = hil_begin_all
    channel = hil_channel
    set_counter = hil_set_counter
    open = hil_open
    running = hil_running
    idle_step = hil_idle_step
    stop = hil_stop
    wait = hil_wait
