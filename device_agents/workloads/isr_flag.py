"""Interrupt latency with a ThreadSafeFlag as the deferral: the methods ../tsf."""

import time

from lib.aio import asyncio
from lib.event_chain import EventChain
from lib.isr_spacing import LOST_AFTER_US, gap_us, gives_up, next_random


async def hil_flag_events(job, chain, flag, count):
    """Make events; between them the loop runs, with the load's steps if there is a load."""
    state = chain.state
    us = time.ticks_us
    diff = time.ticks_diff

    async def deferred():
        while True:
            await flag.wait()
            chain.deferred(state[1])

    task = asyncio.create_task(deferred())
    x = 1
    lost = 0
    begun = time.ticks_ms()
    for _ in range(count):
        x = next_random(x)
        start = us()
        while diff(us(), start) < gap_us(x):
            if job.step:
                job.step()
            await asyncio.sleep_ms(0)
        chain.stimulus()
        start = us()
        while state[2] != state[0] and diff(us(), start) < LOST_AFTER_US:
            await asyncio.sleep_ms(0)
        lost = 0 if state[2] == state[0] else lost + 1
        if gives_up(lost, begun, count):
            break
    task.cancel()


def make_flagged(state, set_flag):
    """Defer by the flag, stamped before it is set."""

    def defer(i, us=time.ticks_us, state=state):
        k = 5 + (i & 7)
        state[k] = us()
        set_flag()

    return defer


def measure_flag(job, pins, hard, method, count):
    """The channels of one kind of handler, if the board has a ThreadSafeFlag at all."""
    if not hasattr(asyncio, "ThreadSafeFlag"):
        return
    flag = asyncio.ThreadSafeFlag()
    chain = EventChain(job, pins, hard, method.replace("-timer", ""), "/tsf")
    chain.record(count)
    chain.bind(defer=make_flagged(chain.state, flag.set))
    try:
        asyncio.run(hil_flag_events(job, chain, flag, count))
    finally:
        asyncio.new_event_loop()
    chain.stop()
