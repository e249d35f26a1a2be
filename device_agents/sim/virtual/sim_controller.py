# ruff: noqa: F401
# The interrupt controller in virtual time: see sim_now.
import sys

import sim_now as _now
from sim_now import add, drop, request, run_hard, slots


def set_stimulus(fn):
    _now.stimulus = fn


def start():
    sys.atexit(_now.tell_end)
    _now.start()
