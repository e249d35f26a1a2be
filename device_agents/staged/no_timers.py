# hil: needs=
# lib/timers.py on a board that has no timer at all.


class NoTimer(Exception):
    pass


def HilTimer(job):
    raise NoTimer("no machine.Timer")
