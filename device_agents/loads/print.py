# hil: needs=
"""The main program prints lines while it works, intensity of them a second (1..100)."""

import time


def load_start(job):
    every_ms = 1000 // job.cfg.get("intensity", 50)
    last = time.ticks_ms()
    lines = 0

    def step():
        nonlocal last, lines
        now = time.ticks_ms()
        if time.ticks_diff(now, last) >= every_ms:
            last = now
            lines += 1
            print("load print", lines, "the quick brown fox jumps over the lazy dog")

    return step
