# hil: needs=
"""A task table driven by one tick: the tick counts every task down, the main loop runs what is due.

The tick is a periodic timer, and between ticks the loop idles until the next interrupt. Where the
board has no timer the loop polls its clock instead (polled_tick in the end frame).
"""

import time

from lib.periods import common_us
from lib.timers import HilTimer, NoTimer


def hil_ticker(left, every, due):
    """The tick's callback: count down, mark what is due."""
    tasks = range(len(left))

    def tick(_=None):
        for k in tasks:
            n = left[k] - 1
            if n == 0:
                due[k] += 1
                n = every[k]
            left[k] = n

    return tick


MOST_AT_ONCE = 1000


def hil_polled_tick(tick, tick_us, zero):
    """A function for the main loop that ticks as often as the clock says.

    Its own ticks are not waited for: a tick shorter than what it costs must not hold the loop.
    """
    next_us = time.ticks_add(zero, tick_us)

    def poll():
        nonlocal next_us
        behind_us = time.ticks_diff(time.ticks_us(), next_us)
        left = MOST_AT_ONCE
        while behind_us >= 0 and left:
            tick()
            next_us = time.ticks_add(next_us, tick_us)
            behind_us -= tick_us
            left -= 1

    return poll


def hil_idle():
    """The port's way to wait for an interrupt, or None."""
    import machine

    return getattr(machine, "idle", None)


def hil_serve(job, due, poll, idle):
    """The main loop: runs what is due until the window ends."""
    tasks = range(job.n)
    turns = 0
    while job.running():
        if poll:
            poll()
        for k in tasks:
            if due[k]:
                due[k] -= 1
                job.activate[k]()
        job.idle_step()
        turns += 1
        if idle:
            idle()
    if job.busy:
        job.set_counter("background", turns)


def run(job):
    tick_us = common_us(job.periods_us + job.phases_us)
    every = [period // tick_us for period in job.periods_us]
    left = [(job.periods_us[k] + job.phases_us[k]) // tick_us for k in range(job.n)]
    due = bytearray(job.n)
    tick = hil_ticker(left, every, due)
    poll = None
    try:
        timer = HilTimer(job)
    except NoTimer:
        timer = None
    zero = job.begin_all(after_period=True)
    if timer:
        timer.periodic(tick_us, tick)
    else:
        poll = hil_polled_tick(tick, tick_us, zero)
        job.set_counter("polled_tick", 1)
    idle = None if poll or job.busy else hil_idle()
    hil_serve(job, due, poll, idle)
