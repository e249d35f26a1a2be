# hil: needs=timer,pin_irq,schedule,loopback
"""A pin interrupt runs the tasks, deferred by micropython.schedule; a timer makes the events.

The timer drives the loopback output; the edge on the input is the event. Beside the tasks' stamps,
a buffered capture records each event's stimulus, handler and deferred code. variant=hard or soft
leaves all that to the events that may follow the window.
"""

import time

from lib.event_chain import EventChain
from lib.periods import common_us
from lib.pins import loop_pins
from lib.timers import HilTimer


def hil_due_tasks(acts, first, every):
    """What the deferred code runs: the tasks whose event this is."""
    tasks = range(len(acts))

    def run_due(i):
        for k in tasks:
            n = i - first[k]
            if n >= 0 and n % every[k] == 0:
                acts[k]()

    return run_due


def run(job):
    pins = loop_pins(job)
    if job.cfg.get("variant"):
        job.open()
        return
    base_us = common_us(job.periods_us + job.phases_us)
    every = [period // base_us for period in job.periods_us]
    first = [(job.periods_us[k] + job.phases_us[k]) // base_us - 1 for k in range(job.n)]
    chain = EventChain(job, pins, True, "loopback-timer")
    more = job.step and job.cfg.get("isr_events")  # of the same name follow
    if not (job.streaming or more):
        chain.record(job.fit(job.duration_us // base_us + 16, 4))
    chain.bind(hil_due_tasks(job.activate, first, every))
    timer = HilTimer(job)
    job.begin_all(after_period=True)
    timer.periodic(base_us, chain.stimulus)
    job.wait()
    timer.stop()
    time.sleep_ms(2)
    chain.stop()
