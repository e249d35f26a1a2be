# hil: period_ms=20
"""A program as one finds it on boards: a timer blinks a LED, the main program does something else.

Measured by `pytest --board=/dev/ttyUSB0 --hil-agent=examples/blink_timer.py`: the two lines with
hil_agent are all that it takes.
"""

from machine import Timer
from hil_agent import stamp, asked

state = 0


def blink(timer):
    global state
    stamp()
    state ^= 1


asked(0, 20_000)  # optional: the first activation is due 20 ms after this line
Timer(-1).init(mode=Timer.PERIODIC, period=20, callback=blink)

total = 0
while True:
    total += 1
