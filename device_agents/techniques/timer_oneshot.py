# hil: needs=timer
"""A one-shot timer a task; its callback runs the task and re-arms the timer to the next deadline.

Deadlines are absolute, so what a callback is late is taken off the next delay. A deadline that has
passed already is not skipped: the timer fires again at once.
"""

from time import ticks_add

from lib.rearming import hil_rearming
from lib.timers import HilTimer


def run(job):
    timers = [HilTimer(job) for _ in range(job.n)]
    job.answers = [";answers=numbered"] * job.n
    zero = job.begin_all(after_period=True)
    for k in range(job.n):
        first = ticks_add(zero, job.periods_us[k] + job.phases_us[k])
        start, callback = hil_rearming(job, job.activate[k], job.periods_us[k], first)
        start(timers[k].one_shot(callback))
    job.wait()
