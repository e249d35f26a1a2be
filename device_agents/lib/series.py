"""Short series of periodic stamps beside the capture's own: measured, sent, forgotten.

Channels are named METHOD:k; a grid frame with track=METHOD:k tells what was intended, and when.
"""

import gc
import time


class Series:
    """Some channels that are recorded at the same time, each with its own grid."""

    def __init__(self, job, names, periods_us, length_us):
        self.job = job
        self.names = names
        self.periods_us = periods_us
        self.first = len(job.channels)
        self.grids = [None] * len(names)
        for k in range(len(names)):
            room = job.fit(length_us * 11 // 10 // periods_us[k] + 8, len(names) - k)
            job.channel(names[k], "ticks", room)
        gc.collect()

    def stamper(self, k):
        """What task k calls first."""
        return self.job.channels[self.first + k].stamper()

    def count(self, k):
        """How many stamps there are of task k."""
        return self.job.channels[self.first + k].n

    def begin(self, k, offset_us=None):
        """Task k is asked for now, due first after a period or another time."""
        ms = time.ticks_ms()
        now = time.ticks_us()
        period = self.periods_us[k]
        self.grids[k] = (self.names[k], now, period if offset_us is None else offset_us, period, ms)
        return now

    def end(self, k):
        """No activation of task k is asked for from now on."""
        now = time.ticks_us()
        self.grids[k] += (now, time.ticks_ms())

    def send(self):
        """Everything to the host; gives the memory back."""
        job = self.job
        for grid in self.grids:
            text = "track=%s;origin=%d;offset=%d;period=%d;ms0=%d;end=%d;ms1=%d"
            job.writer.text("G", text % grid)
        for index in range(self.first, self.first + len(self.names)):
            channel = job.channels[index]
            channel.send(job.writer, index)
            channel.buf = channel._stamp = None
