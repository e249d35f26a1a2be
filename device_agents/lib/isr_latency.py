"""Interrupt latency: many events at random distances, so that no beat hides a phase.

Hard and soft handlers apart, deferred by micropython.schedule, and once more by a ThreadSafeFlag
where there is one. Beside a load the stimulus comes from a one-shot timer while the load runs
(methods loopback-timer/..); else from the main program, which then waits for the deferred code.
"""

import time

from lib.background import no_turn
from lib.event_chain import EventChain
from lib.isr_flag import measure_flag
from lib.isr_spacing import (
    LOST_AFTER_US,
    gap_us,
    gives_up,
    next_random,
    wait_deferred,
    wait_us,
)
from lib.timers import HilTimer


def spread_events(job, chain, count):
    """Make events at random distances, one after the other."""
    turn = job.step or no_turn
    fire = chain.stimulus
    timer = None
    if job.step:
        timer = HilTimer(job)
        arm = timer.one_shot(fire, chain.hard)
    x = 1
    lost = 0
    begun = time.ticks_ms()
    for i in range(count):
        x = next_random(x)
        if timer:
            arm(gap_us(x))
            start = time.ticks_us()
            while chain.state[0] < i and time.ticks_diff(time.ticks_us(), start) < LOST_AFTER_US:
                turn()
        else:
            wait_us(gap_us(x), turn)
            fire()
        lost = 0 if wait_deferred(chain.state, turn) else lost + 1
        if gives_up(lost, begun, count):
            job.note("gave_up", i + 1)
            break
    if timer:
        timer.stop()


def measure_isr(job, pins, kinds):
    """One set of channels for each of kinds, True for hard handlers, where the port has them."""
    count = job.fit(job.cfg["isr_events"], 9)
    method = "loopback-timer" if job.step else "loopback"
    if not job.us0:
        job.open()
    for hard in kinds:
        chain = EventChain(job, pins, hard, method)
        if chain.hard != hard:
            job.note("no_hard_irq", 1)
            continue
        chain.record(count)
        chain.bind()
        spread_events(job, chain, count)
        chain.stop()
    measure_flag(job, pins, kinds[0], method, count)
