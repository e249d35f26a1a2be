"""Times that calibration takes on any board: batches of calls, and a step of the clock.

A batch makes 16 calls a round, in statements of the form that the recorders have, so that it costs
what theirs cost. It also contains what its loop costs, timed by hil_rounds_alone, and one more
read of the clock.
"""

import time


def hil_batch(f, rounds):
    """Calls whose result goes to a variable, in us."""
    us = time.ticks_us
    start = us()
    for _ in range(rounds):
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
        _ = f()
    return time.ticks_diff(us(), start)


def hil_rounds_alone(rounds):
    """What the loop of a batch costs, in us."""
    us = time.ticks_us
    start = us()
    for _ in range(rounds):
        pass
    return time.ticks_diff(us(), start)


def hil_step():
    """The next step of the clock, in us."""
    us = time.ticks_us
    start = now = us()
    while now == start:
        now = us()
    return time.ticks_diff(now, start)


def hil_uneven_reads(put, count):
    """Read the clock at distances that no loop has in common; put us from the first reading on."""
    us, diff, sleep = time.ticks_us, time.ticks_diff, time.sleep_us
    start = us()
    x = 1
    for _ in range(count):
        x = (x * 75 + 74) % 65537
        sleep(x & 31)
        for _ in range(x >> 8 & 7):
            pass
        put(diff(us(), start))
