"""Times that calibration takes on any board: batches of calls, and a step of the clock."""

import time


def hil_batch(f, rounds):
    """The time of 16 calls a round, and of one read of the clock, in us."""
    us = time.ticks_us
    start = us()
    for _ in range(rounds):
        f()
        f()
        f()
        f()
        f()
        f()
        f()
        f()
        f()
        f()
        f()
        f()
        f()
        f()
        f()
        f()
    return time.ticks_diff(us(), start)


def hil_step():
    """The next step of the clock, in us."""
    us = time.ticks_us
    start = now = us()
    while now == start:
        now = us()
    return time.ticks_diff(now, start)
