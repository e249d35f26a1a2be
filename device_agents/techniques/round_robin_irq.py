# hil: needs=timer
"""The endless loop for the soft tasks, an interrupt for the urgent one.

Task 0 is urgent: a timer's callback runs it (hard where the board has that, noted as hard) and
raises a flag; the loop finds the flag when it comes round and does the rest of the work. The other
tasks run in the loop, with its naive delay.
"""

from lib.periods import common_us, napper
from lib.timers import HilTimer, NoTimer


def hil_urgent(act, flags):
    """The interrupt's callback: run the task, leave the rest to the loop."""

    def urgent(_=None):
        act()
        flags[0] += 1

    return urgent


def run(job):
    soft = range(1, job.n)
    delay_us = common_us(job.periods_us[1:] + job.phases_us[1:]) or job.periods_us[0]
    nap, delay = napper(delay_us)
    passes = [period // delay_us for period in job.periods_us]
    waits = [phase // delay_us for phase in job.phases_us]
    flags = bytearray(1)
    urgent = hil_urgent(job.act[0], flags)
    rest = 0
    timer = HilTimer(job)
    zero = job.begin_all()
    job.begin(0, job.phases_us[0] + job.periods_us[0], zero)
    hard = 1
    try:
        timer.periodic(job.periods_us[0], urgent, True)
    except NoTimer:
        hard = 0
        timer.periodic(job.periods_us[0], urgent)
    while job.running():
        if flags[0]:
            flags[0] = 0
            rest += 1
        for k in soft:
            if waits[k] == 0:
                job.act[k]()
                waits[k] = passes[k]
            waits[k] -= 1
        job.spare()
        nap(delay)
    job.note("hard", hard)
    job.note("rest", rest)
