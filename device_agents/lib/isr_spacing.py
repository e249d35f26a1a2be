"""Distances between interrupt events, and waiting for what they set off."""

import time

LOST_AFTER_US = 30000


def gives_up(lost, begun, count):
    """Whether a series of count events ends early: 41 lost in a row, or more than 5 ms an event.

    So long a load may hold the main program that hardly ever gives way, such as a busy disk's.
    """
    return lost > 40 or time.ticks_diff(time.ticks_ms(), begun) > 5 * count + 500


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
