"""Distances between interrupt events, and waiting for what they set off."""

import time

LOST_AFTER_US = 30000
GIVE_UP_AFTER = 40


def next_random(x):
    """The next number of a sequence that runs through 1..65536, in small ints."""
    return (x * 75 + 74) % 65537


def gap_us(x):
    """A distance between events."""
    return 150 + x % 701


def wait_us(us, turn):
    """Take turns for a while; a loop of bytecode lets soft callbacks in."""
    start = time.ticks_us()
    while time.ticks_diff(time.ticks_us(), start) < us:
        turn()


def wait_deferred(state, turn):
    """Take turns until the last event's deferred code ran; False if that takes too long."""
    start = time.ticks_us()
    while state[2] != state[0]:
        if time.ticks_diff(time.ticks_us(), start) > LOST_AFTER_US:
            return False
        turn()
    return True
