# hil: period_ms=sensor:20,motor:50
"""Two tasks with names, in a program of several files: a timer samples, a coroutine drives.

Measured by `hil run /dev/ttyUSB0 examples/sensor_and_motor`: the folder goes to the board's RAM.
"""

import asyncio

from filters import Average
from hil_agent import asked, stamp, stamps
from machine import Timer

mark = stamps["sensor"]  # taken once: nothing is looked up in the callback
average = Average(8)


def sample(timer):
    mark()
    average.add(21)


async def drive():
    asked("motor")  # the first activation is due now
    while True:
        stamp("motor")
        await asyncio.sleep_ms(50)


timer = Timer(-1)
asked("sensor", 20_000)  # and of this one 20,000 us after this line
timer.init(mode=Timer.PERIODIC, period=20, callback=sample)
asyncio.run(drive())
