# hil: needs=asyncio
"""A coroutine a task, which runs it and awaits sleep_ms(period).

Naive on purpose: the sleep begins when the work is done and the other coroutines let it.
"""

from lib.aio import asyncio, run_coroutines


async def hil_sleeper(activate, phase_ms, period_ms):
    if phase_ms:
        await asyncio.sleep_ms(phase_ms)
    while True:
        activate()
        await asyncio.sleep_ms(period_ms)


def run(job):
    tasks = [
        hil_sleeper(job.activate[k], job.phases_us[k] // 1000, job.periods_us[k] // 1000)
        for k in range(job.n)
    ]
    job.begin_all()
    run_coroutines(job, tasks)
