# hil: needs=timer,pin_irq,schedule,loopback
"""Interrupt latency: many events at random distances, so that no beat hides a phase.

Hard and soft handlers apart, deferred by micropython.schedule, and once more by a ThreadSafeFlag
where there is one. Beside a load the stimulus comes from a one-shot timer while the load runs
(methods loopback-timer/..); else from the main program, which then waits for the deferred code.
isr_events=N is how many events of each kind; with variant=hard or soft there is one kind only.
"""

import gc
import time
from array import array

from lib.background import no_turn
from lib.event_chain import EventChain
from lib.isr_spacing import (
    LOST_AFTER_US,
    gap_us,
    gives_up,
    next_random,
    wait_deferred,
    wait_us,
)
from lib.pins import loop_pins
from lib.timers import HilTimer
from workloads.isr_flag import measure_flag


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
            job.set_counter("gave_up", i + 1)
            break
    if timer:
        timer.stop()


HIL_ISR_ARRAYS = 12


def hil_has_room(count):
    """Whether the arrays for so many events fit; they are given back."""
    try:
        [array("l", range(count)) for _ in range(HIL_ISR_ARRAYS)]
    except MemoryError:
        return False
    return True


def hil_isr_events(job):
    """How many events there is room for: free memory may be in pieces, so it is tried."""
    count = job.fit(job.cfg["isr_events"], HIL_ISR_ARRAYS)
    while count > 16 and not hil_has_room(count):
        count -= count // 8 + 1
    gc.collect()
    return count


def measure_isr(job, pins, kinds):
    """One set of channels for each of kinds, True for hard handlers, where the port has them."""
    count = hil_isr_events(job)
    method = "loopback-timer" if job.step else "loopback"
    for hard in kinds:
        chain = EventChain(job, pins, hard, method)
        if chain.hard != hard:
            job.set_counter("no_hard_irq", 1)
            continue
        chain.record(count)
        chain.bind()
        spread_events(job, chain, count)
        chain.stop()
    measure_flag(job, pins, kinds[0], method, count)


def after(job, run):
    variant = job.cfg.get("variant")
    measure_isr(job, loop_pins(job), (variant == "hard",) if variant else (True, False))
