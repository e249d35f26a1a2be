# hil: period_ms=20
"""A timer that does what was asked for."""

from hil_agent import asked, stamp
from machine import Timer

timer = Timer(-1)
asked(0, 20_000)
timer.init(mode=Timer.PERIODIC, period=20, callback=stamp)
while True:
    pass
