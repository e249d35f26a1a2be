# hil: needs=timer,pin_irq,schedule,loopback
"""A pin interrupt runs the tasks, deferred by micropython.schedule; a timer makes the events.

The timer drives the loopback output; the edge on the input is the event. Beside the tasks' stamps,
a buffered capture records each event's stimulus, handler and deferred code. With isr_events=N more
events follow, spread over phases (lib/isr_latency.py); variant=hard or soft runs only these.
"""

import time

from lib.event_chain import EventChain
from lib.isr_latency import measure_isr
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


def run_periodic(job, pins, more):
    """The technique itself: a periodic timer makes the events until the window ends.

    They are not recorded where more of the same name follow (beside a load).
    """
    base_us = common_us(job.periods_us + job.phases_us)
    every = [period // base_us for period in job.periods_us]
    first = [(job.periods_us[k] + job.phases_us[k]) // base_us - 1 for k in range(job.n)]
    chain = EventChain(job, pins, True, "loopback-timer")
    if not (job.streaming or job.step and more):
        chain.record(job.fit(job.duration_us // base_us + 16, 3))
    chain.bind(hil_due_tasks(job.act, first, every))
    timer = HilTimer(job)
    job.begin_all(after_period=True)
    timer.periodic(base_us, chain.stimulus)
    job.wait()
    timer.stop()
    time.sleep_ms(2)
    chain.stop()


def run(job):
    pins = loop_pins(job)
    variant = job.cfg.get("variant")
    events = job.cfg.get("isr_events")
    if not variant:
        run_periodic(job, pins, events)
    if events:
        measure_isr(job, pins, (variant == "hard",) if variant else (True, False))
