# hil: needs=small_heap
# What stays on a board with little heap while the parts of a capture come and go: first a clock
# exchange, then the technique, then another exchange and the record.
import gc
import time


class Job:
    # used as it is, never made an object of: its functions take no self
    # all names from the start: a table that grows later leaves a hole
    seq = pongs = us0 = us1 = ms0 = ms1 = last = left_ms = room = n = timers_used = 0
    cfg = activate = channels = grids = exits = at_exit = counters = step = failure = keep = None
    periods_us = phases_us = None
    busy = streaming = False


def hil_now():
    # ticks_us and ticks_ms of one moment, each confirmed by another reading: one old port's clock
    # is sometimes 65 ms off, and an emulator may stand still in between
    while True:
        a = time.ticks_us()
        b = time.ticks_ms()
        c = time.ticks_diff(time.ticks_ms(), b)
        if 0 <= c < 5 and 0 <= time.ticks_diff(time.ticks_us(), a) < 4000:
            return a, b


def hil_forget():
    # forget the code that came since, without having to compile a statement for it
    Job.keep = None  # first: the list of names needs room
    g = globals()
    for k in list(g):
        if k[:1] != "_" and k not in ("Job", "hil_now", "hil_forget", "gc", "time"):
            del g[k]
    gc.collect()
