"""The plan of one job of schedule.py: what every(10).seconds or .day.at("10:30") mean in time."""

import sys
import time

SCHEDULE_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
SCHEDULE_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
SCHEDULE_KEYS = ("name", "n", "unit", "weekday", "at_s", "tags", "args", "kwargs", "due")


def wall_ms():
    """The wall clock in ms; in whole seconds where the port has no finer clock in step with it."""
    now = time.time()
    try:
        ns = time.time_ns()
        if -1 <= ns // 1000000000 - now <= 1:
            return ns // 1000000
    except AttributeError:
        pass
    return int(now) * 1000


def early_year(ms):
    """Whether a wall clock that shows this was never set."""
    return time.localtime(ms // 1000)[0] < 2020


class PlannedJob:
    """One job: the words of its plan, then do(); unit 0 counts ms of the ticks, others seconds."""

    def __init__(self, scheduler, n):
        if not isinstance(n, int) or n < 1:
            raise ValueError("every() takes a whole number from 1 on")
        self.scheduler = scheduler
        self.n = n
        self.unit = self.weekday = self.at_s = -1
        self.name = self.fn = self.task = None
        self.tags = []
        self.release = self.due = self.runs = self.missed = self.failed = self.late_ms = 0

    def __getattr__(self, word):
        unit = word[:-1] if word.endswith("s") else word
        if unit in SCHEDULE_DAYS:
            self.unit = 604800
            self.weekday = SCHEDULE_DAYS.index(unit)
        elif unit == "millisecond":
            self.unit = 0
        elif unit in SCHEDULE_UNITS:
            self.unit = SCHEDULE_UNITS[unit]
        else:
            raise AttributeError(word)
        return self

    def at(self, text):
        """The time in the day "HH:MM[:SS]", in the hour ":MM" or "MM:SS", in the minute ":SS"."""
        parts = [int(part or "0") for part in text.split(":")]
        if self.unit == 3600 and text[0] == ":":
            parts = [0, parts[1], 0]
        elif self.unit >= 86400 and len(parts) == 2:
            parts.append(0)
        parts = [0] * (3 - len(parts)) + parts
        h, m, s = parts
        unit = min(self.unit, 86400)
        self.at_s = h * 3600 + m * 60 + s
        if unit < 60 or not (0 <= m < 60 and 0 <= s < 60 and 0 <= self.at_s < unit):
            raise ValueError("at(%r) does not fit this job's unit" % text)
        return self

    def tag(self, *tags):
        """Words by which clear() finds the job."""
        self.tags += [t for t in tags if t not in self.tags]
        return self

    def do(self, fn, *args, name=None, **kwargs):
        """Plan the job; fn may be a coroutine function. It is stored and found by its name."""
        if self.unit < 0:
            raise ValueError("say the unit: every(10).seconds.do(job)")
        name = name or getattr(fn, "__name__", "<")
        if name[0] == "<":
            raise ValueError("this function has no name: give do() a name=")
        if name in self.scheduler.jobs:
            raise ValueError("there is a job %r: cancel it, or give do() another name=" % name)
        self.name = name
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        if self.weekday >= 0 and self.at_s < 0:
            self.at_s = 0
        self.plan(self.now())
        self.scheduler.functions[name] = fn
        self.scheduler.jobs[name] = self
        return self

    def now(self):
        return wall_ms() if self.unit else time.ticks_ms()

    def plan(self, now):
        """The first run after now."""
        if not self.unit:
            self.due = time.ticks_add(now, self.n)
        elif self.at_s < 0:
            self.due = now + self.n * self.unit * 1000
        else:
            s = now // 1000
            h, m, second, weekday = time.localtime(s)[3:7]
            unit = min(self.unit, 86400)
            due = s - (h * 3600 + m * 60 + second) % unit + self.at_s
            if self.weekday >= 0:
                due += (self.weekday - weekday) % 7 * 86400
            while due * 1000 <= now:
                due += 604800 if self.weekday >= 0 else unit
            self.due = due * 1000

    def left_ms(self):
        """Until the next run; negative when it is late."""
        return self.due - wall_ms() if self.unit else time.ticks_diff(self.due, time.ticks_ms())

    def advance(self):
        """On to the next run of the plan; drifting: a period after this late start.

        release stays the time that the run now due was planned for.
        """
        self.release = self.due
        self.late_ms = late = -self.left_ms()
        step = self.n * (self.unit * 1000 or 1)
        if self.scheduler.drifting:
            step += late
        elif late >= step:
            self.missed += late // step
            step += late // step * step
        self.due = self.due + step if self.unit else time.ticks_add(self.due, step)

    async def run(self):
        """Run it now; what it raises is reported and counted."""
        self.runs += 1
        try:
            result = self.fn(*self.args, **self.kwargs)
            if hasattr(result, "send"):
                await result
        except Exception as error:
            self.failed += 1
            self.scheduler.report("job %s failed:" % self.name)
            sys.print_exception(error)
        self.task = None
