# hil: needs=
# lib/calibrate.py for a board with little heap: the same figures of its clock and its stamps from
# fewer repeats, and 100 uneven readings instead of 1024. No events are measured there.
import time
from array import array

from lib.batches import hil_batch, hil_rounds_alone, hil_step, hil_uneven_reads
from staged.job import hil_task


def run(job):
    c = array("l", (0, 0, 16, 0))
    stamp = hil_task(array("l", range(16)), c, time.ticks_us, abs)
    a = []
    for s in ("read", "stamp", "rounds", "step"):
        a.append(job.channel("cal.%s;kind=value" % s, 20))
    b, n = job.channel("cal.at;kind=value", 100)
    job.open()

    def put(v):
        b[n[0]] = v
        n[0] += 1

    hil_uneven_reads(put, 100)
    for i in range(20):
        c[0] = 0
        a[0][0][i] = hil_batch(time.ticks_us, 1)
        a[1][0][i] = hil_batch(stamp, 1)
        a[2][0][i] = hil_rounds_alone(1)
        a[3][0][i] = hil_step()
    for v in a:
        v[1][0] = 20
    job.set_counter("read_batch", 16)
    job.set_counter("stamp_batch", 16)
    job.set_counter("rounds", 1)
    job.busy = True
    job.wait()
