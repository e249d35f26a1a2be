# hil: needs=thread
"""One thread a task, which runs it and sleeps for the period.

Naive on purpose: the sleep begins after the work, so its overhead adds up. Where the board has
fewer threads than tasks, the last task gets the main program as its thread (counted in the end
frame as in_main), and any other is left out (not_started).
"""

import time

from lib.periods import napper


def hil_thread_body(activate, wait_us, period_us, state, k, stop):
    """The thread of task k: runs until state[0] is set, then says in state[k + 1] that it ended."""
    try:
        nap, delay = napper(period_us)
        if wait_us:
            time.sleep_us(wait_us)
        while not state[0]:
            activate()
            nap(delay)
    except BaseException as error:
        stop(error)
    state[k + 1] = 0


def hil_join(job, state):
    """Tell the threads to end and wait for it, at most two periods and a second."""
    state[0] = 1
    left_ms = 2 * max(job.periods_us) // 1000 + 1000
    while any(state[1:]) and left_ms > 0:
        time.sleep_ms(5)
        left_ms -= 5
    job.set_counter("threads_left", sum(state[1:]))


def run(job):
    import _thread

    state = bytearray(job.n + 1)
    job.at_exit(lambda: hil_join(job, state))
    zero = job.begin_all()
    refused = []
    for k in range(job.n):
        wait_us = max(0, job.phases_us[k] - time.ticks_diff(time.ticks_us(), zero))
        try:
            state[k + 1] = 1
            body = (job.activate[k], wait_us, job.periods_us[k], state, k, job.stop)
            _thread.start_new_thread(hil_thread_body, body)
        except OSError:
            state[k + 1] = 0
            refused.append(k)
    job.set_counter("in_main", len(refused[:1]))
    job.set_counter("not_started", len(refused[1:]))
    if not refused:
        job.wait()
        return
    nap, delay = napper(job.periods_us[refused[0]])
    while job.running():
        job.activate[refused[0]]()
        job.idle_step()
        nap(delay)
