# hil: period_ms=20
"""Every second release is never served, and each of the others is stamped twice."""

import time

from hil_agent import asked, stamp

asked(0, 20_000)
due = time.ticks_add(time.ticks_us(), 20_000)
while True:
    while time.ticks_diff(due, time.ticks_us()) > 0:
        time.sleep_us(100)
    stamp()
    stamp()
    due = time.ticks_add(due, 40_000)
