"""Batches of what lies between two stamps of an event: a pin written, a reading put in an array."""

import time

from lib.pins import output_pin, pin_setter, release_pin


def loop_output(job):
    """A function that sets the loopback's output, low at the end, or None without a loopback."""
    if not job.cfg.get("loop"):
        return None
    pin_id = job.cfg["loop"][0]
    out = output_pin(pin_id, 0)
    job.at_exit(lambda: release_pin(pin_id, out, job.cfg.get("safe") == "low"))
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
