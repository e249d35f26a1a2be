# hil: needs=asyncio
"""The scheduler as it is and as the usual library does it, in company that it must bear with.

A job every 20 ms is measured. Another job keeps the processor for 3 ms at the same times, and a
third job sleeps for 30 of every 100 ms. schedules is a list of variants, schedule_us the length of
each.
"""

import time

from lib.aio import asyncio
from lib.schedule import Scheduler
from lib.series import Series

SCHEDULE_WAYS = {
    "planned": (False, False),
    "drifting": (True, False),
    "serial": (False, True),
    "usual": (True, True),
}
SCHEDULE_EVERY_MS = 20


def hil_schedule_busy():
    time.sleep_ms(3)


async def hil_schedule_slow():
    await asyncio.sleep_ms(30)


async def hil_schedule_for(plan, length_us):
    task = asyncio.create_task(plan.run_forever())
    await asyncio.sleep_ms(length_us // 1000)
    plan.stop()
    await task
    for job in plan.jobs.values():
        if job.task:
            await job.task


def hil_schedule_way(job, way):
    """One series."""
    drifting, serial = SCHEDULE_WAYS[way]
    length_us = job.cfg["schedule_us"]
    series = Series(job, ["schedule/%s:0" % way], (SCHEDULE_EVERY_MS * 1000,), length_us)
    plan = Scheduler(drifting, serial, 1 if drifting and serial else None)
    stamp = series.stamper(0)
    plan.every(SCHEDULE_EVERY_MS).milliseconds.do(hil_schedule_busy)
    plan.every(5 * SCHEDULE_EVERY_MS).milliseconds.do(hil_schedule_slow)
    plan.every(SCHEDULE_EVERY_MS).milliseconds.do(lambda: stamp(), name="stamp")
    asyncio.new_event_loop()
    now = time.ticks_ms()
    while time.ticks_ms() == now:
        pass
    now = time.ticks_ms()
    series.begin(0)
    for planned in plan.jobs.values():
        planned.due = time.ticks_add(now, planned.n)
    try:
        asyncio.run(hil_schedule_for(plan, length_us))
    finally:
        asyncio.new_event_loop()
    series.end(0)
    series.send()


def after(job, run):
    for way in job.cfg["schedules"].split(","):
        hil_schedule_way(job, way)
