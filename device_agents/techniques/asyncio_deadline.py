# hil: needs=asyncio
"""A coroutine a task, which runs it and sleeps to an absolute deadline, one period after the last.

asyncio counts whole milliseconds: the rest of the delay is rounded up.
"""

import time

from lib.aio import asyncio, run_coroutines


async def hil_deadlines(activate, deadline, period_us):
    us = time.ticks_us
    diff = time.ticks_diff
    add = time.ticks_add
    while True:
        left_us = diff(deadline, us())
        await asyncio.sleep_ms((left_us + 999) // 1000 if left_us > 0 else 0)
        activate()
        deadline = add(deadline, period_us)


def run(job):
    job.answers = [";answers=numbered"] * job.n
    zero = job.begin_all()
    tasks = [
        hil_deadlines(job.activate[k], time.ticks_add(zero, job.phases_us[k]), job.periods_us[k])
        for k in range(job.n)
    ]
    run_coroutines(job, tasks)
