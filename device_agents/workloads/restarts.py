# hil: needs=timer
"""How a wrapped timer stops and starts again: many times, at many phases of its period.

restarts=N is how many times.
Values per cycle: op.stop, us from the call of stop() to the last callback (0: none came after it);
op.phase, us from a start's intended first callback to the actual one. Counters: op_stops,
op_after (callbacks after stop() had returned), op_timer (what the timer still delivered then) and
op_flag (the same for a stop that only sets a flag and lets the timer run on), op_flag_stops.
"""

import time
from array import array

from lib.isr_spacing import next_random
from lib.periodic_operator import PeriodicOperator
from lib.raw_timer import raw_timer
from lib.timers import HilTimer

CYCLE_US = 5000


class WatchedTimer:
    """A timer that counts what it delivers, whether anybody wants it or not."""

    def __init__(self, timer):
        self.timer = timer
        self.PERIODIC = timer.PERIODIC
        self.deinit = timer.deinit
        self.fired = bytearray(1)

    def init(self, callback, **options):
        fired = self.fired

        def deliver(timer):
            fired[0] = (fired[0] + 1) & 127
            callback(timer)

        self.timer.init(callback=deliver, **options)


class FlagOnly:
    """The wrapper that people copy: stop() sets a flag, the timer runs on."""

    def __init__(self, timer, period, callback):
        self.stopped = False
        self.callback = callback
        timer.init(mode=timer.PERIODIC, period=period, callback=self.fire)

    def fire(self, timer):
        if not self.stopped:
            self.callback(timer)

    def stop(self):
        self.stopped = True


def hil_last(last):
    """A callback that keeps count and the time of its last call, in small ints."""

    def callback(_=None, us=time.ticks_us):
        last[1] = us()
        last[0] = (last[0] + 1) & 127

    return callback


def hil_pause(us):
    start = time.ticks_us()
    while time.ticks_diff(time.ticks_us(), start) < us:
        time.sleep_ms(1)


def after(job, run):
    """Start, let run, stop at a random phase, watch for two periods; then the flag-only stop."""
    count = job.cfg["restarts"]
    last = array("l", (0, 0))
    stops, phases = [job.channel(name, "value", count).put for name in ("op.stop", "op.phase")]
    watched = WatchedTimer(raw_timer(HilTimer(job)))
    operator = PeriodicOperator(watched, CYCLE_US // 1000, hil_last(last))
    fired = watched.fired
    us, diff = time.ticks_us, time.ticks_diff
    x = 1
    after = late = 0
    for _ in range(count):
        x = next_random(x)
        last[0] = 0
        began = us()
        operator.start()
        while last[0] == 0 and diff(us(), began) < 20 * CYCLE_US:
            pass
        if last[0]:
            phases(diff(last[1], began) - CYCLE_US)
        hil_pause(x % CYCLE_US)
        called = us()
        operator.stop()
        n, m = last[0], fired[0]
        stops(max(0, diff(last[1], called)))
        hil_pause(2 * CYCLE_US)
        after += (last[0] - n) & 127
        late += (fired[0] - m) & 127
    flags = 0
    for _ in range(count // 8 + 1):
        wrapper = FlagOnly(watched, CYCLE_US // 1000, hil_last(last))
        hil_pause(2 * CYCLE_US)
        wrapper.stop()
        m = fired[0]
        hil_pause(2 * CYCLE_US)
        flags += (fired[0] - m) & 127
        watched.deinit()
    for name, value in (("stops", count), ("after", after), ("timer", late), ("flag", flags)):
        job.set_counter("op_" + name, value)
    job.set_counter("op_flag_stops", count // 8 + 1)
