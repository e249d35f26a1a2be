"""Batches of what lies between two stamps of an event: a pin written, a reading put in an array."""

import time

from lib.pins import output_pin, pin_setter, release_pin


def free_output(job):
    """A function that sets an output to be tried, low at the end, or None if none is known."""
    loop = job.cfg.get("loop")
    ids = (loop[0],) if loop else job.cfg.get("spare") or job.cfg.get("pins")
    if not ids:
        return None
    out = output_pin(ids[0], 0)
    job.at_exit(lambda: release_pin(ids[0], out, job.cfg.get("safe") == "low"))
    return pin_setter(out)


def hil_set_batch(set_pin, rounds):
    """The time of 16 writes of an output a round, in us, as lib/batches.py says."""
    us = time.ticks_us
    start = us()
    for _ in range(rounds):
        set_pin(1)
        set_pin(0)
        set_pin(1)
        set_pin(0)
        set_pin(1)
        set_pin(0)
        set_pin(1)
        set_pin(0)
        set_pin(1)
        set_pin(0)
        set_pin(1)
        set_pin(0)
        set_pin(1)
        set_pin(0)
        set_pin(1)
        set_pin(0)
    return time.ticks_diff(us(), start)


def hil_keep_batch(f, room, rounds, k=0):
    """The time of 16 readings a round that are put in an array, in us."""
    us = time.ticks_us
    start = us()
    for _ in range(rounds):
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
        room[k] = f()
    return time.ticks_diff(us(), start)
