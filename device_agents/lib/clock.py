"""Clock comparison: the host sends "!", the board answers with its times of receipt and sending."""

import time

from lib.console import stdin_poll, stdin_read, stdout_write
from lib.lines import LineWriter


class Ponger:
    """Answers pings, one frame each; numbered from 0."""

    def __init__(self, writer):
        self.text = writer.text
        self.read = stdin_read()
        self.poll = stdin_poll()
        self.n = 0

    def answer(self):
        """Take one character and return it; wait for it if none is there.

        Only "!" gets an answer.
        """
        got = self.read(1)
        rx = time.ticks_us()
        if got in (b"!", "!"):
            body = "n=%d;rx=%d;tx=" % (self.n, rx)
            self.text("P", body + str(time.ticks_us()))
            self.n += 1
        return got

    def turn(self):
        """Answer what waits, without waiting; true if the host has seen enough."""
        return self.poll(0) and self.answer() in (b".", ".")

    def serve(self, count, patience_ms=2000):
        """Answer count pings; where stdin can be polled, give up after patience_ms without any."""
        while self.poll and self.poll(0):
            self.read(1)  # what nobody asked for would be taken for the first ping
        self.text("R", "n=%d" % count)
        count += self.n
        while self.n < count:
            if self.poll and not self.poll(patience_ms):
                break
            self.answer()
        self.text("R", "n=0")


def hil_pings(count):
    """Clock exchanges by themselves."""
    Ponger(LineWriter(stdout_write())).serve(count)
