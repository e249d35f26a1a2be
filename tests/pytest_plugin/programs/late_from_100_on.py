# hil: period_ms=20
"""In time up to activation 99, 19 ms late from activation 100 on."""

import time

from hil_agent import asked, stamp

asked(0, 20_000)
due = time.ticks_add(time.ticks_us(), 20_000)
n = 0
while True:
    late_us = 19_000 if n >= 100 else 0
    while time.ticks_diff(time.ticks_add(due, late_us), time.ticks_us()) > 0:
        time.sleep_us(100)
    stamp()
    n += 1
    due = time.ticks_add(due, 20_000)
