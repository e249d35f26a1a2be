# hil: period_ms=20
"""A program as one finds it on boards: a timer blinks a LED, the main program does something else.

Measured by `pytest --board=/dev/ttyUSB0 --hil-agent=examples/blink_timer.py`: the first line and
those with stamp and asked are all that it takes.
"""

from machine import Timer
from hil_agent import stamp, asked

state = 0


def blink(timer):
    global state
    stamp()
    state ^= 1


timer = Timer(-1)  # an RP2 collects a timer that no name refers to
asked(0, 20_000)  # the first activation is due 20,000 us after this line
timer.init(mode=Timer.PERIODIC, period=20, callback=blink)

total = 0
while True:
    total += 1
