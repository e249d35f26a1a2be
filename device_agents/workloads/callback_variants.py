# hil: needs=timer
"""Callbacks compared, side by side: series of 2 ms periods, those of a group at the same time.

callback/..  where the state is; timer/..  which timer; critical/..  what the main program's
critical sections (interrupts off) do to a callback. callbacks=N is the length of a series.
"""

import time

from lib.isr_spacing import next_random
from lib.pins import null_set, pin_setter
from lib.raw_timer import raw_timer
from lib.rearming import hil_rearming
from lib.recorder import Channel
from lib.series import Series
from lib.timers import HilTimer, Timer, in_ticks
from workloads.callback_cost import count_cost
from workloads.callback_state import Allocating, make_bound, make_closure, make_global

PERIOD_US = 2000


class Variants:
    """The series of one kind of timer callback, hard or soft."""

    def __init__(self, job):
        self.job = job
        self.hard = {"hard": True} if job.cfg["technique"] == "timer_hard" else {}
        self.length_us = job.cfg["callbacks"] * PERIOD_US
        self.setters = [pin_setter(pin) for pin in job.out] + [null_set] * 6

    def start(self, names, periods=None):
        """A group of series."""
        periods = periods or (PERIOD_US,) * len(names)
        self.series = Series(self.job, names, periods, self.length_us)

    def make(self, k, make):
        """The callback of series k."""
        return make(self.series.stamper(k), self.setters[k])

    def timer(self):
        return raw_timer(HilTimer(self.job))

    def go(self, k, timer, callback):
        """Start series k on a timer, away from the others' phase."""
        time.sleep_us(300)
        self.series.begin(k)
        options = in_ticks(self.series.periods_us[k])
        timer.init(mode=timer.PERIODIC, callback=callback, **self.hard, **options)

    def wait(self, parts=1, turn=None):
        """The main program while a series runs."""
        us, diff = time.ticks_us, time.ticks_diff
        turn = turn or self.job.step
        start = us()
        while diff(us(), start) < self.length_us // parts:
            if turn:
                turn()
            else:
                time.sleep_ms(1)

    def end(self):
        """Stop everything and send it."""
        for k in range(len(self.series.names)):
            if len(self.series.grids[k]) == 5:
                self.series.end(k)
        self.job.clean_up(self.job.load_exits)
        self.job.timers_used = self.job.load_timers
        self.series.send()

    def states(self):
        """Where a callback finds its state; two objects of one class have two pins and rates."""
        names = ["global", "closure", "bound_method", "bound_method", "allocating"]
        makers = (make_global, make_closure, make_bound, make_bound)
        periods = [PERIOD_US] * 5
        periods[3] = 2 * PERIOD_US
        self.start(["callback/%s:%d" % (names[k], k == 3) for k in range(5)], periods)
        calls = [self.make(k, makers[k]) for k in range(4)]
        taker = self.make(4, Allocating)
        for k in range(5):
            self.go(k, self.timer(), (calls + [taker.bound])[k])
        self.wait()
        self.end()
        method = "callback/allocating"
        count = self.series.count(4)
        taker.tell(method, count)
        self.job.set_counter("errors." + method, taker.errors)
        self.job.set_counter("errors_of." + method, count)
        stamp = Channel("", "ticks", 200).stamper()
        for k in range(3):
            count_cost(self.job, "callback/" + names[k], makers[k](stamp, self.setters[0]))
        taker = Allocating(stamp, null_set)
        count_cost(self.job, method, taker.bound, lambda: taker.errors)

    def timers(self):
        """Virtual, numbered, one-shot, and a timer given another callback half-way."""
        names = ["timer/virtual:0", "timer/one_shot:0", "callback/swapped:0", "callback/swapped:1"]
        numbered = None
        try:
            numbered = Timer(self.job.timers_used + 2)
            names.append("timer/numbered:0")
        except (ValueError, TypeError, OSError):
            self.job.set_counter("refused.timer/numbered", 1)
        self.start(names)
        closures = [self.make(k, make_closure) for k in range(len(names))]
        self.go(0, self.timer(), closures[0])
        if numbered:
            self.job.at_exit(numbered.deinit)
            self.go(4, numbered, closures[4])
        shot = HilTimer(self.job)
        first = time.ticks_add(self.series.begin(1), PERIOD_US)
        start, callback = hil_rearming(self.job, lambda: closures[1](None), PERIOD_US, first)
        start(shot.one_shot(callback, bool(self.hard)))
        timer = self.timer()
        self.go(2, timer, closures[2])
        self.wait(2)
        self.series.end(2)
        self.go(3, timer, closures[3])
        old = self.series.count(2)
        self.wait(2)
        self.job.set_counter("after.callback/swapped", self.series.count(2) - old)
        self.end()

    def critical(self, us, turn):
        """One timer beside a main program with critical sections."""
        self.start(["critical/%dus:0" % us])
        self.go(0, self.timer(), self.make(0, make_closure))
        self.wait(1, turn)
        self.end()


def hil_section(us):
    """A turn of a main program that switches interrupts off for us, then rests a random while."""
    from machine import disable_irq, enable_irq

    x = 1

    def turn():
        nonlocal x
        state = disable_irq()
        start = time.ticks_us()
        while time.ticks_diff(time.ticks_us(), start) < us:
            pass
        enable_irq(state)
        x = next_random(x)
        time.sleep_us(500 + x % 1000)

    return turn


def after(job, run):
    variants = Variants(job)
    variants.states()
    variants.timers()
    try:
        turns = [(us, hil_section(us)) for us in (10, 100, 1000)]
    except ImportError:
        job.set_counter("refused.critical", 1)
        return
    for us, turn in turns:
        variants.critical(us, turn)
