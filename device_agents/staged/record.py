# hil: needs=small_heap
# Sends what staged/job.py recorded; comes to the board when the technique's code has left it.
import sys

from staged.frames import hil_block, hil_line, hil_text
from staged.state import Job


def hil_send_channel(k):
    s, a = Job.channels[k]
    hil_text("C..i=%d;name=%s" % (k, s))
    n = a[1][0]
    i = 0
    while i < n:
        i += hil_block(k, i, a[0][i : min(n, i + 24)])
    hil_text("T..i=%d;n=%d;dropped=%d" % (k, n, a[1][1]))


def hil_end(e):
    s = "ok"
    if e:
        sys.print_exception(e)
        s = bytes(repr(e), "utf-8")[:90]
        hil_line(b"X..t=" + bytes([c if 32 <= c < 126 and c != 59 else 63 for c in s]))
        s = "interrupted" if type(e) is KeyboardInterrupt else "error"
    s = "E..us0=%d;us1=%d;ms0=%d;ms1=%d;status=" % (Job.us0, Job.us1, Job.ms0, Job.ms1) + s
    for k in Job.counters:
        s += ";%s=%d" % (k, Job.counters[k])
    hil_text(s)


def hil_send():
    for s in Job.grids:
        hil_text("G..task=%d;origin=%d;offset=%d;period=%d" % s)
    for k in range(len(Job.channels)):
        hil_send_channel(k)
