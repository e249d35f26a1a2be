# hil: needs=timer
"""One periodic timer a task; the task runs in its soft callback, between two bytecodes of the main
program."""

from lib.timers import start_timers


def run(job):
    start_timers(job, job.activate)
    job.wait()
