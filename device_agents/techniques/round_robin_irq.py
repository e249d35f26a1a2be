# hil: needs=timer
"""The endless loop for the soft tasks, an interrupt for the urgent one.

Task 0 is urgent: a timer's callback runs it (hard where the board has that, counter hard) and
raises a flag; the loop sees the flag when it comes round and does the rest of the work. The other
tasks run in the loop, with its naive delay.
"""

from lib.periods import common_us
from lib.task_loop import hil_task_loop
from lib.timers import HilTimer, NoTimer


def hil_urgent(activate, flags):
    """The interrupt's callback: run the task, leave the rest to the loop."""

    def urgent(_=None):
        activate()
        flags[0] += 1

    return urgent


def run(job):
    delay_us = common_us(job.periods_us[1:] + job.phases_us[1:]) or job.periods_us[0]
    flags = bytearray(1)
    rest = 0
    urgent = hil_urgent(job.activate[0], flags)
    timer = HilTimer(job)
    job.answers = [""] + [";answers=order"] * (job.n - 1)

    def start():
        period_us = job.periods_us[0]
        job.begin(0, job.phases_us[0] + period_us, job.begin_all())
        hard = 1
        try:
            timer.periodic(period_us, urgent, True)
        except NoTimer:
            hard = 0
            timer.periodic(period_us, urgent)
        job.set_counter("hard", hard)

    def running():
        nonlocal rest
        on = job.running()
        if flags[0]:
            flags[0] = 0
            rest += on  # not for what comes when the window is over
        return on

    hil_task_loop(job, range(1, job.n), delay_us, start, running)
    job.set_counter("rest", rest)
