# hil: needs=
"""Runs a program of the user's own, which marks its activations through the module hil_agent.

The program is executed as the main program, in names of its own. When it returns, what it
started (timers, interrupts) goes on until the window ends; when it does not, the harness
interrupts it then. What it goes on doing after the window is no part of the record.
"""

import sys

from lib.recorder import Channel

hil_program = []
hil_begins = []  # what is done before it starts; each returns what ends that
hil_told = []  # tasks whose grid was sent already
hil_closed = bytearray(1)
hil_full = Channel.full


def hil_open_full(channel, t):
    """What a channel without room does, as long as the window is open."""
    if not hil_closed[0]:
        hil_full(channel, t)


Channel.full = hil_open_full  # before any channel is made


def hil_close(job):
    """The record ends here: what is stamped from now on is neither stored nor counted."""
    job.close()
    hil_closed[0] = 1
    for channel in job.channels:
        channel.seek(channel.seek(), 0)


class HilAgent:
    """What the program imports: from hil_agent import stamp."""

    def __init__(self, job):
        self.stamps = job.activate
        self.stamp = job.activate[0]
        numbers = {}
        names = job.cfg.get("task_names")
        if names:
            self.stamps = dict(enumerate(job.activate))
            for k in range(job.n):
                numbers[names[k]] = k
                self.stamps[names[k]] = job.activate[k]
            self.stamp = hil_named_stamp(self.stamps)
        self.asked = hil_asked(job, numbers)


def hil_named_stamp(stamps):
    """stamp() where tasks have names: a text is one, anything else a callback's argument."""
    first = stamps[0]

    def stamp(name=None):
        if type(name) is str:
            stamps[name]()
        else:
            first()

    return stamp


def hil_asked(job, numbers):
    """The program's asked(): the first call of each task counts, later ones are counted."""

    def asked(k=0, offset_us=0, origin=None):
        if not job.opened:
            return
        k = numbers.get(k, k)
        if job.grids[k]:
            name = "asked_again.%d" % k
            job.set_counter(name, job.counters.get(name, 0) + 1)
        else:
            job.begin(k, offset_us, origin)

    return asked


def hil_forget_agent():
    """The module is there for the length of a run only."""
    sys.modules.pop("hil_agent", None)


def hil_no_print(*args, **kwargs):
    """In the place of print() after the window: the record has the line for itself."""


def hil_first_stamps(job):
    """The grid of a task that was never asked for begins at its first activation."""
    for k in range(job.n):
        channel = job.channels[k]
        if not job.grids[k] and channel.n and k not in hil_told:
            hil_told.append(k)
            text = "task=%d;origin=%d;offset=0;period=%d;from=first"
            job.writer.text("G", text % (k, channel.buf[0], job.periods_us[k]))


def hil_execute(job, names):
    """The program from its beginning to its end, or to the window's."""
    text = "".join(hil_program)
    hil_program.clear()
    try:
        text = compile(text, "<program>", "exec")  # so that its lines are told from ours
    except NameError:
        pass
    try:
        exec(text, names)
    except SystemExit:
        pass
    if job.running():
        job.set_counter("program_ended_ms", job.duration_ms - job.left_ms)
    job.wait()


def hil_run_program(job):
    """The window, with the program in it."""
    hil_told.clear()
    sys.modules["hil_agent"] = HilAgent(job)
    job.at_exit(hil_forget_agent)
    for begin in hil_begins:
        job.at_exit(begin())
    names = {"__name__": "__main__"}
    hil_closed[0] = 0
    job.open()
    try:
        hil_execute(job, names)
    except KeyboardInterrupt:
        if job.running() and not job.streaming:
            raise
    finally:
        hil_close(job)
        names["print"] = hil_no_print
    hil_first_stamps(job)


def run(job):
    hil_run_program(job)
