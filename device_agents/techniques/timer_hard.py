# hil: needs=timer,timer_hard
"""One periodic timer a task; the task runs in its hard callback, in the interrupt itself."""

from lib.timers import start_timers


def run(job):
    start_timers(job, job.activate, True)
    job.wait()
