# hil: period_ms=20
"""Every activation comes 19 ms late: its timer is started 19 ms after it was asked for."""

import time

from hil_agent import asked, stamp
from machine import Timer

timer = Timer(-1)
asked(0, 20_000)
time.sleep_ms(19)
timer.init(mode=Timer.PERIODIC, period=20, callback=stamp)
while True:
    time.sleep_ms(1)
