# hil: needs=
"""One endless loop calls every task in turn, then sleeps a fixed delay.

Naive on purpose: what the tasks, the loop and the sleep cost is added to every period.
"""

from lib.periods import common_us, napper


def run(job):
    delay_us = common_us(job.periods_us + job.phases_us)
    nap, delay = napper(delay_us)
    passes = [period // delay_us for period in job.periods_us]
    waits = [phase // delay_us for phase in job.phases_us]
    order = range(job.n)
    job.begin_all()
    while job.running():
        for k in order:
            if waits[k] == 0:
                job.act[k]()
                waits[k] = passes[k]
            waits[k] -= 1
        job.spare()
        nap(delay)
