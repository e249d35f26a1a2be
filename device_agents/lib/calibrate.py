# hil: needs=
"""What the instrument itself costs on this board, what its clock does, how fast main loops.

cal.read, cal.stamp, cal.set and cal.keep are times in us over a batch of reads of the clock, of
stamps, of writes of the loopback's output (with set_pin=1) and of reads that are put in an array;
cal.rounds over the loop of such a batch with nothing in it; cal.task and cal.empty over a loop of
activations that are all stamped and of which only the first and the last are (batch sizes in the
end frame). Each interval contains one more read of the clock. cal.step are the steps of the clock
that were seen, cal.at are unevenly spaced readings in us from the first. back counts how often the
clock stepped back in watched_us, back_most by how much at most.
"""

import time
from array import array

from lib.batches import hil_batch, hil_rounds_alone, hil_step, hil_uneven_reads
from lib.pin_batches import hil_keep_batch, hil_set_batch, loop_output
from lib.pins import make_task, null_set
from lib.recorder import Channel

REPEATS = 100
READINGS = 1024
WATCH_MS = 100
CALIBRATED = ("read", "stamp", "keep", "rounds", "task", "empty", "step")


def hil_no_stamp(_=None):
    """A stamp that costs a call and nothing else."""


def hil_enough_rounds(f):
    """1 for a slow board, up to 64 where calls are short beside 100 us or 20 steps."""
    least = max(100, 20 * min(hil_step(), 1000))
    rounds = 1
    while rounds < 64 and hil_batch(f, rounds) < least:
        rounds *= 2
    return rounds


def hil_watch(job):
    """Look for steps back of the clock."""
    us, ms, diff = time.ticks_us, time.ticks_ms, time.ticks_diff
    count = most = 0
    begun = ms()
    start = last = us()
    while diff(ms(), begun) < WATCH_MS:
        for _ in range(50):
            now = us()
            back = diff(last, now)
            last = now
            if back > 0:
                count += 1
                most = max(most, back)
    job.set_counter("back", count)
    job.set_counter("back_most", most)
    job.set_counter("watched_us", diff(last, start))


def run(job):
    rounds = hil_enough_rounds(time.ticks_us)
    scratch = Channel("", "ticks", 16 * rounds)
    stamp = scratch.stamper()
    task = make_task(stamp, null_set, 0)
    empty = make_task(hil_no_stamp, null_set, 0)
    set_pin = loop_output(job) if job.cfg.get("set_pin") else None
    room = array("l", (0,))
    readings = job.channel("cal.at", "value", job.fit(READINGS, 4)).put
    channels = [job.channel("cal." + name, "value", REPEATS) for name in CALIBRATED]
    sets = job.channel("cal.set", "value", REPEATS).put if set_pin else None
    hil_uneven_reads(readings, job.channels[0].size)
    hil_watch(job)
    job.open()
    read, stamps, keeps, alone, tasks, empties, steps = [channel.put for channel in channels]
    for _ in range(REPEATS):
        read(hil_batch(time.ticks_us, rounds))
        if sets:
            sets(hil_set_batch(set_pin, rounds))
        keeps(hil_keep_batch(time.ticks_us, room, rounds))
        alone(hil_rounds_alone(rounds))
        scratch.seek(0, 16 * rounds)
        stamps(hil_batch(stamp, rounds))
        scratch.seek(0, 16 * rounds)
        tasks(hil_batch(task, rounds))
        empties(hil_batch(empty, rounds))
        steps(hil_step())
    for name in CALIBRATED[:-1]:
        job.set_counter(name + "_batch", 16 * rounds)
    job.set_counter("rounds", rounds)
    job.busy = True
    job.wait()
