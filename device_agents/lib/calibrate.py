# hil: needs=
"""What the instrument itself costs on this board, and how fast an idle main program loops.

cal.read and cal.stamp are times in us over a batch of reads of the clock and of stamps, cal.task
and cal.empty over a loop of activations that are all stamped and of which only the first and the
last are (batch sizes in the end frame); each interval contains one more read of the clock. cal.step
are the steps of the clock that were seen.
"""

import time

from lib.batches import hil_batch, hil_step
from lib.pins import make_task, null_set
from lib.recorder import Channel

REPEATS = 100
CALIBRATED = ("read", "stamp", "task", "empty", "step")


def hil_no_stamp(_=None):
    """A stamp that costs a call and nothing else."""


def hil_rounds(f):
    """1 for a slow board, up to 32 where 16 calls are too short to time."""
    rounds = 1
    while rounds < 32 and hil_batch(f, rounds) < 100:
        rounds *= 2
    return rounds


def run(job):
    rounds = hil_rounds(time.ticks_us)
    scratch = Channel("", "ticks", 16 * rounds)
    stamp = scratch.stamper()
    task = make_task(stamp, null_set, 0)
    empty = make_task(hil_no_stamp, null_set, 0)
    channels = [job.channel("cal." + name, "value", REPEATS) for name in CALIBRATED]
    job.open()
    read, stamps, tasks, empties, steps = [channel.put for channel in channels]
    for _ in range(REPEATS):
        read(hil_batch(time.ticks_us, rounds))
        scratch.seek(0, 16 * rounds)
        stamps(hil_batch(stamp, rounds))
        scratch.seek(0, 16 * rounds)
        tasks(hil_batch(task, rounds))
        empties(hil_batch(empty, rounds))
        steps(hil_step())
    for name in CALIBRATED[:4]:
        job.set_counter(name + "_batch", 16 * rounds)
    job.busy = True
    job.wait()
