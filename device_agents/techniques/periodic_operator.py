# hil: needs=timer
"""A periodic operator a task: a wrapper that the main program starts and stops."""

import time

from lib.periodic_operator import PeriodicOperator
from lib.raw_timer import raw_timer
from lib.timers import HilTimer


def run(job):
    timers = [HilTimer(job) for _ in range(job.n)]
    operators = []
    for k in range(job.n):
        period, tick_hz = job.periods_us[k], 1000000
        if period % 1000 == 0:
            period, tick_hz = period // 1000, 1000
        operator = PeriodicOperator(raw_timer(timers[k]), period, job.activate[k], tick_hz)
        job.at_exit(operator.stop)
        operators.append(operator)
    phased = sorted(range(job.n), key=lambda k: job.phases_us[k])
    zero = job.begin_all(after_period=True)
    for k in phased:
        while time.ticks_diff(time.ticks_us(), zero) < job.phases_us[k]:
            pass
        operators[k].start()
    job.wait()
    for operator in operators:
        operator.stop()
