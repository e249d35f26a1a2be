# hil: needs=small_heap
# staged/pin.py on a board without machine.Pin.
import microbit
from staged.state import Job


def hil_output(i, v):
    f = getattr(microbit, i).write_digital
    f(v)
    Job.exits.append(lambda: f(0))
    return f
