# hil: needs=asyncio,fs
"""A board that keeps a plan of lib/schedule.py from one reset to the next; the host resets it.

Every line goes out as a frame of kind L, so that what was said before a reset can
be told from noise.
"""

import os
import sys
import time

from lib.aio import asyncio
from lib.console import stdout_write
from lib.lines import LineWriter
from lib.schedule import Scheduler
from lib.schedule_plan import wall_ms
from schedule_store import load, save


class HilStore:
    """The module that the scheduler imports by name; here all is one namespace."""

    save = staticmethod(save)
    load = staticmethod(load)


class HilTeller:
    """Says what happens, one frame each."""

    def __init__(self):
        self.writer = LineWriter(stdout_write())

    def say(self, text):
        self.writer.text("L", text)

    def report(self, _):
        self.say("report=1")


def hil_fast_clock(base, speed):
    """The plan's wall clock from base ms on, faster: more is due between two resets."""
    global wall_ms
    real = wall_ms

    def wall_ms():
        return base + (real() - base) * speed


def hil_boot_us():
    """The wall clock when the ticks were zero, in us; -1 without fine ones that count so far."""
    try:
        ns = time.time_ns()
    except AttributeError:
        return -1
    if not -1 <= ns // 1000000000 - time.time() <= 1 or time.ticks_add(0, -1) < 1 << 27:
        return -1
    return ns // 1000 - time.ticks_us()


def hil_stored_job(plan, name, teller):
    """A job that says what it was planned for, when it is due next, and how late it is."""

    def job():
        planned = plan.jobs[name]
        text = "run=%s;release=%d;due=%d;late=%d"
        teller.say(text % (name, planned.release, planned.due, planned.late_ms))

    return job


def hil_free_prefix():
    """A prefix that no file's name begins with."""
    names = os.listdir()
    i = 0
    while [n for n in names if n.startswith("_hil%d." % i)]:
        i += 1
    return "_hil%d" % i


def hil_forget(path):
    """Remove what a plan left."""
    for name in os.listdir():
        if name in (path + ".0", path + ".1", path + ".new"):
            os.remove(name)


def hil_sleep(plan, speed, teller):
    """Sleep deeply to the next run; 0 would be for ever on some ports."""
    import machine

    due = min([job.due for job in plan.jobs.values()])
    teller.say("sleep=%d;due=%d" % (max(1, -(-plan.left_ms() // speed)), due))
    time.sleep_ms(20)  # until the line is out
    machine.deepsleep(max(1, -(-plan.left_ms() // speed)))


def hil_run_plan(path, jobs, speed, base, sleeps):
    """Take the plan over, or begin one, then run what is due and save, until the end."""
    woke = hil_boot_us()
    sys.modules["schedule_store"] = HilStore
    if speed > 1:
        hil_fast_clock(base, speed)
        if woke >= 0:
            woke = base * 1000 + (woke - base * 1000) * speed
    teller = HilTeller()
    plan = Scheduler(report=teller.report)
    for k in range(jobs):
        plan.register(str(k), hil_stored_job(plan, str(k), teller))
    unfinished = path + ".new" in os.listdir()
    restored = plan.load_flash(path)
    teller.say("boot=%d;unfinished=%d;woke=%d" % (restored, unfinished, woke))
    if not restored:
        for k in range(jobs):
            plan.every(k + 1).seconds.do(plan.functions[str(k)], name=str(k))
        plan.save_flash(path)
        teller.say("planned=%d" % len(plan.jobs))
    while True:
        ran = asyncio.run(plan.run_due())
        if ran or speed > 1:  # a chip's flash is written when there is something to write
            plan.save_flash(path)
        if sleeps:
            hil_sleep(plan, speed, teller)
        elif speed == 1:
            time.sleep_ms(max(0, min(20, plan.left_ms())))
