# hil: needs=
"""One endless loop calls every task in turn, then sleeps a fixed delay (lib/task_loop.py)."""

from lib.periods import common_us
from lib.task_loop import hil_task_loop


def run(job):
    delay_us = common_us(job.periods_us + job.phases_us)
    hil_task_loop(job, range(job.n), delay_us, job.begin_all, job.running)
