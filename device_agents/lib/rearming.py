"""A one-shot timer's callback that re-arms its timer to the next absolute deadline."""

from time import ticks_add, ticks_diff, ticks_us


def hil_unarmed(us):
    """In the place of arm: the timer was stopped."""


def hil_rearming(job, activate, period_us, deadline):
    """(start, callback) of one task; start(arm) arms for the first deadline.

    At the job's end it arms no more: a soft callback that waits in the scheduler's queue when its
    timer is stopped comes all the same, and would start the timer again.
    A call of a closure allocates if it has more than five arguments and captured names together.
    """
    arm = None

    def callback(_=None):
        nonlocal deadline
        activate()
        deadline = ticks_add(deadline, period_us)
        arm(ticks_diff(deadline, ticks_us()))

    def start(arm_timer):
        nonlocal arm
        arm = arm_timer
        arm(ticks_diff(deadline, ticks_us()))

    def disarm():
        nonlocal arm
        arm = hil_unarmed

    job.at_exit(disarm)
    return start, callback
