"""Interrupt latency with a ThreadSafeFlag as the deferral: the methods ../tsf."""

import time

from lib.aio import asyncio
from lib.event_chain import EventChain
from lib.isr_spacing import GIVE_UP_AFTER, LOST_AFTER_US, gap_us, next_random


def make_flag_setter(flag):
    """What the handler calls to defer."""
    set_flag = flag.set

    def defer(i):
        set_flag()

    return defer


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
        if lost > GIVE_UP_AFTER:
            break
    task.cancel()


def measure_flag(job, pins, hard, method, count):
    """The channels of one kind of handler, if the board has a ThreadSafeFlag at all."""
    if not hasattr(asyncio, "ThreadSafeFlag"):
        return
    flag = asyncio.ThreadSafeFlag()
    chain = EventChain(job, pins, hard, method.replace("-timer", ""), "/tsf")
    chain.record(count)
    chain.bind(defer=make_flag_setter(flag))
    try:
        asyncio.run(hil_flag_events(job, chain, flag, count))
    finally:
        asyncio.new_event_loop()
    chain.stop()
