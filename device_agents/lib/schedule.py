"""Periodic jobs in the friendly syntax, on asyncio: stands alone, for MicroPython >= 1.20.

    schedule = Scheduler()
    schedule.every(10).seconds.do(lights)
    schedule.every().wednesday.at("13:15").do(report, name="weekly").tag("mail")
    asyncio.run(schedule.run_forever())

A job's next run comes from its plan, never from its last late start, and a slow job does not hold
back the others. Runs that were missed are counted and made up for by one run; see
docs/reference/schedule.md.
"""

import time

try:
    import asyncio
except ImportError:
    import uasyncio as asyncio

from schedule_plan import SCHEDULE_KEYS, PlannedJob, early_year, wall_ms


class Scheduler:
    """Jobs by name. drifting and serial switch on what the usual library does, to measure it."""

    def __init__(self, drifting=False, serial=False, poll_ms=None, report=print):
        self.drifting = drifting
        self.serial = serial
        self.poll_ms = poll_ms
        self.report = report
        self.jobs = {}
        self.functions = {}
        self.unknown = []
        self.seen = 0
        self.coarse = wall_ms() % 1000 == 0
        self.before_run = None
        self.running = False

    def every(self, n=1):
        """Begin a job: every(10).seconds, every().day.at("10:30"), every().monday ..."""
        return PlannedJob(self, n)

    def register(self, name, fn):
        """The function that a stored job of this name runs."""
        self.functions[name] = fn

    def cancel(self, job):
        """Take a job away, by itself or by its name; a run that is under way ends by itself."""
        self.jobs.pop(getattr(job, "name", job), None)

    def clear(self, tag=None):
        """Take away all jobs, or those with a tag."""
        for job in list(self.jobs.values()):
            if tag is None or tag in job.tags:
                self.cancel(job)

    def left_ms(self):
        left = [job.left_ms() for job in self.jobs.values()]
        return min(left) if left else None

    def idle_seconds(self):
        """Until the next job is due; negative when it is late, None without jobs."""
        left = self.left_ms()
        return None if left is None else left / 1000

    def check_clock(self):
        """The wall clock was set: intervals keep their distance, times of day are planned anew.

        Seen are steps back, and the first right time of a board that began in an early year.
        """
        jobs = [job for job in self.jobs.values() if job.unit]
        if not jobs:
            return
        now = wall_ms()
        seen = self.seen
        self.seen = now
        step = now - seen
        if not seen or -2000 <= step <= 1000:
            return
        if step > 0 and early_year(seen) <= early_year(now):
            return
        for job in jobs:
            if job.at_s < 0:
                job.due += step
            else:
                job.plan(now)

    async def run_pending(self):
        """Start what is due and go on; a job that still runs is not started again but missed."""
        self.check_clock()
        due = [job for job in self.jobs.values() if job.left_ms() <= 0]
        due.sort(key=lambda job: job.left_ms())
        starts = []
        for job in due:
            job.advance()
            if job.task:
                job.missed += 1
            else:
                starts.append(job)
        if starts and self.before_run:
            self.before_run()
        for job in starts:
            if self.serial:
                await job.run()
                if self.drifting:
                    job.plan(job.now())
            else:
                job.task = asyncio.create_task(job.run())
        return len(starts)

    async def run_due(self):
        """run_pending(), and wait until everything that it started has ended."""
        count = await self.run_pending()
        for job in list(self.jobs.values()):
            if job.task:
                await job.task
        return count

    async def run_forever(self):
        """Run jobs when they are due until stop(); sleeps to the next one, at most a second."""
        self.running = True
        while self.running:
            await self.run_pending()
            await asyncio.sleep_ms(self.nap_ms())

    def nap_ms(self):
        """How long to sleep; a clock of whole seconds is watched closely before it changes."""
        if self.poll_ms:
            return self.poll_ms
        nap = 1000
        for job in self.jobs.values():
            left = job.left_ms()
            if job.unit and self.coarse:
                left = max(left - 1000, 20)
            nap = min(nap, left)
        return max(0, nap)

    def stop(self):
        """End run_forever()."""
        self.running = False

    def save_flash(self, path="schedule"):
        """Store the plan: atomically, with a checksum, the generation before it kept."""
        import schedule_store

        jobs = [{k: getattr(job, k) for k in SCHEDULE_KEYS} for job in self.jobs.values()]
        plan = {"now": wall_ms(), "epoch": time.gmtime(0)[0], "jobs": jobs + self.unknown}
        schedule_store.save(path, plan)

    def load_flash(self, path="schedule"):
        """Take the stored plan over, once the functions have their names; the number of jobs.

        A job that the program has planned in other words keeps the program's plan.
        """
        import schedule_store

        stored = schedule_store.load(path, self.report)
        if not stored:
            return 0
        years = (stored["epoch"] - time.gmtime(0)[0]) // 30
        shift = years * 946684800000  # firmware counts from 1970 or from 2000
        count = 0
        for row in stored["jobs"]:
            count += self.restore(row, shift)
        self.seen = stored["now"] + shift
        self.check_clock()
        return count

    def restore(self, stored, shift):
        name = stored["name"]
        job = self.jobs.get(name)
        if job is None:
            if name not in self.functions:
                self.report("stored job %s: no function has this name yet" % name)
                self.unknown.append(stored)
                return 0
            job = PlannedJob(self, stored["n"])
            for key in SCHEDULE_KEYS:
                setattr(job, key, stored[key])
            job.fn = self.functions[name]
            self.jobs[name] = job
        elif [k for k in SCHEDULE_KEYS[1:5] if getattr(job, k) != stored[k]]:
            self.report("stored job %s: the program plans it otherwise" % name)
            return 0
        if job.unit:
            job.due = stored["due"] + shift
        else:
            job.plan(job.now())
        return 1
