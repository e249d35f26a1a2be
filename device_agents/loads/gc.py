# hil: needs=
"""The main program makes garbage: blocks of intensity * 16 bytes (1..100), and collects it.

A few blocks stay for a while, so that the collector has something to mark.
"""

import gc


def load_start(job):
    size = 16 * job.cfg.get("intensity", 50)
    blocks = [None] * 8
    turn = 0

    def step():
        nonlocal turn
        turn = (turn + 1) % 64
        blocks[turn % 8] = bytearray(size)
        if turn == 0:
            gc.collect()

    return step
