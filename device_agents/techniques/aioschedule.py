# hil: needs=asyncio
"""Each task is a job every(n).milliseconds of the asynchronous scheduler lib/schedule.py.

With the option usual=1 as the usual library does it: whole seconds at best, the next run a period
after the end of the last one, one job after the other.
"""

import time

from lib.aio import run_coroutines
from lib.schedule import Scheduler


def hil_schedule_act(activate):
    """A job's function: it has a name and no arguments, as users write it."""

    def job():
        activate()

    return job


def hil_whole_ms():
    """Wait for the clock's next millisecond, which is where asyncio's own begin."""
    ms = time.ticks_ms()
    while time.ticks_ms() == ms:
        pass
    return time.ticks_ms()


def run(job):
    usual = bool(job.cfg.get("usual"))
    schedule = Scheduler(usual, usual, 1 if usual else None)
    for k in range(job.n):
        ms = job.periods_us[k] // 1000
        schedule.every(ms).milliseconds.do(hil_schedule_act(job.activate[k]), name=str(k))
    job.open()
    now = hil_whole_ms()
    zero = time.ticks_us()
    for planned in schedule.jobs.values():
        k = int(planned.name)
        job.begin(k, job.phases_us[k] + job.periods_us[k], zero)
        planned.due = time.ticks_add(now, job.phases_us[k] // 1000 + planned.n)
    run_coroutines(job, [schedule.run_forever()])
    for planned in schedule.jobs.values():
        if planned.failed:
            raise RuntimeError("the job of task %s failed" % planned.name)
