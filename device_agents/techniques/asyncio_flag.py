# hil: needs=asyncio,tsf,timer
"""A coroutine a task, which waits for a ThreadSafeFlag that a periodic timer sets."""

from lib.aio import asyncio, run_coroutines
from lib.timers import start_timers


def hil_flag_setter(flag):
    """The timer's callback."""
    set_flag = flag.set

    def callback(_=None):
        set_flag()

    return callback


async def hil_flag_waiter(activate, flag):
    while True:
        await flag.wait()
        activate()


def run(job):
    flags = [asyncio.ThreadSafeFlag() for _ in range(job.n)]
    start_timers(job, [hil_flag_setter(flag) for flag in flags])
    run_coroutines(job, [hil_flag_waiter(job.activate[k], flags[k]) for k in range(job.n)])
