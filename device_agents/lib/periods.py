"""Arithmetic on task periods that several techniques need."""

import time


def common_us(values):
    """The greatest common divisor of some times in us, zeros left out."""
    a = 0
    for b in values:
        while b:
            a, b = b, a % b
    return a


def napper(us):
    """(sleep function, its argument) for a delay: in ms where that is exact, as people write it."""
    if us % 1000:
        return time.sleep_us, us
    return time.sleep_ms, us // 1000
