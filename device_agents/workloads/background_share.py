# hil: needs=
"""What a technique leaves for the main program: turns of its loop, with the tasks and without.

After the capture's own window, in pairs of short windows: the technique as it is beside a main
program that never sleeps, then the same loop with nothing else; the order changes every time. The
channels share.with and share.bare hold turns, share.with_us and share.bare_us the time they took.
share=N is the number of pairs, share_us the length of a window.
"""

import gc

from lib.job import Job
from lib.pins import make_task, pin_setter
from lib.recorder import Channel

LONG_US = 100000000


class SharedJob(Job):
    """The technique once more: its stamps go nowhere, the load goes on as it is."""

    def __init__(self, job, bare):
        cfg = dict(job.cfg)
        cfg.update({"mode": "buffered", "background": 1})
        cfg["duration"] = cfg["share_us"]
        if bare:
            cfg["periods"] = (LONG_US,) * job.n
            cfg["phases"] = (0,) * job.n
        Job.__init__(self, cfg, job.writer)
        self.timers_used = job.load_timers
        self.step = job.step
        self.idle_step = job.step or self.idle_step
        self.busy = True
        self.companions = getattr(job, "companions", ())
        self.waited = self.coroutines = False
        self.out = job.out
        for k in range(self.n):
            room = self.duration_us * 2 // job.periods_us[k] + 16
            stamp = self.channel("", "ticks", room).stamper()
            self.activate.append(make_task(stamp, pin_setter(self.out[k]), 0))

    def channel(self, name, kind, capacity):
        """A channel that the host never hears of."""
        return Channel(name, kind, capacity)

    def wait(self):
        self.waited = True
        Job.wait(self)


def hil_window(job, run, bare):
    """(turns, us) of a window, and the loop in which they were counted; 0 where none counts."""
    shared = SharedJob(job, bare)
    gc.collect()
    loop = None
    try:
        if bare and bare is not run:
            shared.open()
            bare(shared)
        else:
            run(shared)
            if shared.coroutines:
                loop = hil_bare_coroutines
            else:
                loop = Job.wait if shared.waited else run
        if shared.stopped:
            raise shared.stopped
    finally:
        shared.clean_up()
        shared.close()
    return shared.counters.get("background", 0), shared.us1 - shared.us0, loop


def hil_bare_coroutines(shared):
    """The event loop with the main program's coroutine alone."""
    run_coroutines(shared, [])  # noqa: F821 - lib.aio is there where a technique has coroutines


def after(job, run):
    pairs = job.cfg["share"]
    turns, us, bare = hil_window(job, run, None)
    if not turns:
        job.set_counter("share_none", 1)
        return
    names = ("with", "with_us", "bare", "bare_us")
    puts = [job.channel("share." + name, "value", pairs).put for name in names]
    for i in range(pairs):
        for late in (i % 2, 1 - i % 2):
            turns, us, _ = hil_window(job, run, bare if late else None)
            puts[2 * late](turns)
            puts[2 * late + 1](us)
