# hil: needs=timer
"""Interrupt latency from a timer's own counter, where timers have a counter (pyb.Timer).

The counter runs in microseconds and begins anew at each update event, which is the stimulus; the
handler's first statement reads it. counter_events=N is how many events. The period is a prime, so
that the events beat neither with the system tick nor with the tasks. The counters counter_us and
counter_calls tell what a read of it costs.
"""

import time

from lib.batches import hil_batch, hil_rounds_alone

COUNTER_PERIOD_US = 1009
COUNTER_TIMERS = (7, 4, 8, 10, 11, 12, 13, 14, 2)


def hil_counter_timer():
    """A free timer that counts microseconds, or None."""
    try:
        from pyb import Timer
    except ImportError:
        return None
    for number in COUNTER_TIMERS:
        try:
            timer = Timer(number)
            prescaler = timer.source_freq() // 1000000 - 1
            timer.init(prescaler=prescaler, period=COUNTER_PERIOD_US - 1)
            return timer
        except (ValueError, OSError, AttributeError, TypeError):
            pass
    return None


def hil_counter_reader(counter, put):
    """The handler: reads the counter first, then keeps it."""

    def read_counter(_):
        put(counter())

    return read_counter


def after(job, run):
    timer = hil_counter_timer()
    if timer is None:
        return
    events = job.fit(job.cfg["counter_events"], 1)
    channel = job.channel("count.timer-counter/hard", "value", events)
    job.at_exit(timer.deinit)
    handler = hil_counter_reader(timer.counter, channel.put)
    job.set_counter("counter_us", hil_batch(timer.counter, 8) - hil_rounds_alone(8))
    job.set_counter("counter_calls", 128)
    most_ms = events * COUNTER_PERIOD_US // 500 + 100
    start = time.ticks_ms()
    timer.callback(handler)
    while channel.n < events and time.ticks_diff(time.ticks_ms(), start) < most_ms:
        if job.step:
            job.step()
        else:
            time.sleep_ms(1)
    timer.callback(None)
    timer.deinit()
