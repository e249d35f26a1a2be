"""Stimulus, interrupt handler, deferred code over the loopback: each stamps first, by event number.

The handler stamps once more where it schedules, in the statement before, so that a deferral counts
from there and none of the handler's own bookkeeping lies in between. That stamp waits in one of
eight places of state until the deferred code has run and stores it. Clock and pin are local
variables, as in calibration, so that they cost what they cost there.

The stimulus numbers the events. A handler or deferred code that never came leaves -1 in its slot;
a second handler for one event is counted as phantom, a full schedule queue as sched_full.
"""

from array import array
from time import ticks_us

import micropython
from lib.edge_handler import listen


def hil_nothing(i, tick=0):
    """Deferred code with nothing to do, and where stamps go that are not recorded."""


class EventChain:
    """One handler on the loopback.

    state: last event made, handled, deferred; phantoms, full; from 5 on: when was scheduled.
    """

    def __init__(self, job, pins, hard, method, suffix=""):
        self.job = job
        self.set_pin = pins[0].value
        self.pin = pins[1]
        self.state = array("l", (-1, -1, -1, 0, 0) + (-1,) * 8)
        self.hard = hard and listen(self.pin, hil_nothing)
        self.method = "%s/%s%s" % (method, "hard" if self.hard else "soft", suffix)
        self.slots = (hil_nothing,) * 4
        job.at_exit(self.silence)

    def record(self, events):
        """Channels with room for so many events; without them only the tasks stamp."""
        self.slots = [
            self.job.channel("%s.%s" % (stage, self.method), "slots", events).slot
            for stage in ("stim", "isr", "sched", "defer")
        ]

    def bind(self, rest=hil_nothing, defer=None):
        """Make stimulus and handlers, and listen; defer(i) replaces schedule, and stamps too."""
        stim, isr, sched, late = self.slots
        self.stimulus = make_stimulus(self.state, self.set_pin, stim)
        self.deferred = make_deferred(self.state, late, (rest, sched))
        defer = defer or make_scheduled(self.state, self.deferred)
        self.handler = make_handler(self.state, isr, defer)
        listen(self.pin, self.handler, self.hard)

    def silence(self):
        """No more interrupts."""
        self.pin.irq(handler=None)

    def stop(self):
        """The end of this chain's events; tells what was lost on the way."""
        self.silence()
        for name, at in (("events", 0), ("phantom", 3), ("sched_full", 4)):
            count = self.state[at] + (at == 0)
            self.job.set_counter(name, self.job.counters.get(name, 0) + count)


def make_stimulus(state, set_pin, store):
    """The rising edge: stamped just before the pin is written."""

    def stimulus(_=None, us=ticks_us, set_pin=set_pin):
        set_pin(0)
        i = state[0] + 1
        state[0] = i
        t = us()
        set_pin(1)
        store(i, t)

    return stimulus


def make_handler(state, store, defer):
    """The interrupt handler: stamp, store, defer."""

    def handler(_=None, us=ticks_us):
        t = us()
        i = state[0]
        if i == state[1]:
            state[3] += 1
            return
        state[1] = i
        store(i, t)
        defer(i)

    return handler


def make_scheduled(state, deferred):
    """Defer by micropython.schedule, which raises when its queue is full."""

    def defer(i, us=ticks_us, state=state, schedule=micropython.schedule):
        k = 5 + (i & 7)
        try:
            state[k] = us()
            schedule(deferred, i)
        except RuntimeError:
            state[4] += 1

    return defer


def make_deferred(state, store, then):
    """The deferred code: stamp, store, then the work, then the stamp of its scheduling."""

    def deferred(i, us=ticks_us):
        t = us()
        store(i, t)
        state[2] = i
        then[0](i)
        then[1](i, state[5 + (i & 7)])

    return deferred
