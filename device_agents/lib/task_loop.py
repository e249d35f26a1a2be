"""The endless loop of the round-robin techniques: every task in turn, then a fixed delay.

Naive on purpose: what the tasks, the loop and the sleep cost is added to every period.
"""

from lib.periods import napper


def hil_task_loop(job, tasks, delay_us, start, running):
    """Run tasks from start() on for as long as running(), which is asked before each pass."""
    nap, delay = napper(delay_us)
    passes = [period // delay_us for period in job.periods_us]
    waits = [phase // delay_us for phase in job.phases_us]
    start()
    while running():
        for k in tasks:
            if waits[k] == 0:
                job.activate[k]()
                waits[k] = passes[k]
            waits[k] -= 1
        job.idle_step()
        nap(delay)
