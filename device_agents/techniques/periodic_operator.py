# hil: needs=timer
"""A periodic operator a task: a wrapper that the main program starts and stops.

With restarts=N the operator is then stopped and started N times (lib/restarts.py).
"""

import time
from array import array

from lib.periodic_operator import PeriodicOperator
from lib.raw_timer import raw_timer
from lib.restarts import measure_restarts
from lib.timers import HilTimer


def run(job):
    timers = [HilTimer(job) for _ in range(job.n)]
    operators = []
    for k in range(job.n):
        period, tick_hz = job.periods_us[k], 1000000
        if period % 1000 == 0:
            period, tick_hz = period // 1000, 1000
        operator = PeriodicOperator(raw_timer(timers[k]), period, job.act[k], tick_hz)
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
    if job.cfg.get("restarts"):
        measure_restarts(job, timers[0], array("l", (0, 0)), job.cfg["restarts"])
