"""Periodic and one-shot timers in the forms that ports have; which form fits is tried."""

import time

try:
    from machine import Timer
except ImportError:
    Timer = None


class NoTimer(Exception):
    """The board has no timer of the kind asked for."""


def free_id(job):
    """An id for one more timer: virtual if these are separate objects, else the next known id."""
    known = job.cfg.get("timers") or ()
    if -1 in known:
        return -1
    if not known:
        try:
            first = Timer(-1)
            if Timer(-1) is not first:  # some ports give the same timer again
                return -1
        except Exception:
            pass
        known = (0, 1, 2, 3)
    job.timers_used += 1
    if job.timers_used > len(known):
        raise NoTimer("no timer left after %d; name more in the wiring" % len(known))
    return known[job.timers_used - 1]


def plain_function(fn):
    """A function that is no closure and no method: one port takes nothing else."""

    def call(timer, fn=fn):
        fn(timer)

    return call


def in_ticks(us):
    """init() arguments for a period: whole ms where that is exact, as people write it."""
    if us % 1000:
        return {"tick_hz": 1000000, "period": us}
    return {"period": us // 1000}


class HilTimer:
    """One timer; keeps the reference that some ports do not, and stops at the end of the job."""

    timer = None

    def __init__(self, job):
        if Timer is None:
            raise NoTimer("no machine.Timer")
        self.id = free_id(job)
        job.at_exit(self.stop)

    def periodic(self, us, callback, hard=False):
        """Call back every us microseconds, first after one period."""
        timer = self.timer = Timer(self.id)
        if not hasattr(timer, "init"):
            self.start_plain(us, Timer.PERIODIC, callback)
            return
        options = {"hard": True} if hard else {}
        options.update(in_ticks(us))
        try:
            timer.init(mode=Timer.PERIODIC, callback=callback, **options)
        except (TypeError, ValueError):
            if hard:
                raise NoTimer("no hard timers")
            raise

    def one_shot(self, callback, hard=False):
        """arm(us): call back once after us microseconds, or at once; allocation-free."""
        timer = self.timer = Timer(self.id)
        if not hasattr(timer, "init"):
            return lambda us: self.start_plain(max(us, 100), Timer.ONESHOT, callback)
        init = timer.init
        mode = Timer.ONE_SHOT

        def arm(us):
            init(mode=mode, tick_hz=1000000, period=max(us, 100), callback=callback)

        def arm_hard(us):
            init(mode=mode, tick_hz=1000000, period=max(us, 100), callback=callback, hard=True)

        try:
            if hard:
                arm_hard(1000000)
                self.stop()
                return arm_hard
        except Exception:
            pass
        return arm

    def start_plain(self, us, mode, callback):
        """The form without init(): a period in us, then start(); calls back in the interrupt."""
        self.stop()
        self.timer = Timer(self.id, period=us, mode=mode, callback=plain_function(callback))
        self.timer.start()

    def stop(self):
        """Stop, if it ever started."""
        if self.timer:
            self.timer.deinit()


def start_timers(job, callbacks, hard=False):
    """A periodic timer for every task, each started at its phase; one grid for all of them."""
    timers = [HilTimer(job) for _ in callbacks]
    order = sorted(range(job.n), key=lambda k: job.phases_us[k])
    zero = job.begin_all(after_period=True)
    for k in order:
        while time.ticks_diff(time.ticks_us(), zero) < job.phases_us[k]:
            pass
        timers[k].periodic(job.periods_us[k], callbacks[k], hard)
