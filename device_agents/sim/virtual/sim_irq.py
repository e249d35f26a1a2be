# ruff: noqa: F401
# What interrupts and the main program share, in virtual time: all run in one thread.
import sim_now as _now
from sim_now import schedule, soft

MAIN = 1


def ident():
    return 0 if _now.thread is not None else MAIN


def lock():
    _now.masked += 1


def unlock():
    _now.masked -= 1


def disable_irq():
    _now.masked += 1
    return _now.masked - 1


def enable_irq(state=0):
    if _now.masked > state:
        _now.masked = state
        if not state:
            _now.spend(0)


def wake(level=1):
    pass


def sleep_until(due):
    _now.sleep_until(due * 1000)


def lost_count():
    return _now.lost
