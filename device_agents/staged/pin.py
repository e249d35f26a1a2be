# hil: needs=small_heap
from machine import Pin
from staged.state import Job


def hil_output(i, v):
    # a function that sets the pin; at the end it is low, then an input
    f = Pin(i, Pin.OUT).value
    f(v)
    Job.exits.append(lambda: Pin(i, Pin.IN))
    Job.exits.append(lambda: f(0))
    return f
