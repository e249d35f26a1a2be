# hil: needs=
"""Runs a program of the user's own, which marks its activations through the module hil_agent.

The program is executed as the main program, in names of its own. When it returns, what it
started (timers, interrupts) goes on until the window ends; when it does not, the harness
interrupts it then.
"""

import sys

hil_program = []


class HilAgent:
    """What the program imports: from hil_agent import stamp."""

    def __init__(self, job):
        self.stamps = job.activate
        self.stamp = job.activate[0]
        self.asked = job.begin


def hil_forget_agent():
    """The module is there for the length of a run only."""
    sys.modules.pop("hil_agent", None)


def hil_first_stamps(job):
    """The grid of a task that was never asked for begins at its first activation."""
    for k in range(job.n):
        if not job.grids[k] and job.channels[k].n:
            job.grids[k] = (job.channels[k].buf[0], 0)


def run(job):
    sys.modules["hil_agent"] = HilAgent(job)
    job.at_exit(hil_forget_agent)
    text = "".join(hil_program)
    job.open()
    try:
        exec(text, {"__name__": "__main__"})
        job.wait()
    except KeyboardInterrupt:
        if job.running():
            raise
    job.close()
    hil_first_stamps(job)
