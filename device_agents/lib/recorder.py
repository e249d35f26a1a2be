# Where stamps go: a preallocated array, filled without allocating, counting what had no room.
# In streaming mode the array is two halves, one recorded into while the other is sent;
# an index counts every attempt, so that a stamp without room shows on the host as a gap.
from array import array
from time import ticks_us


def _hil_stamper(buf, us, full):
    # machine code where a board has it: the bundler adds the decorator
    i = end = 0

    # defaults, not cells: calling a closure of five cells with an argument allocates
    def stamp(_=None, buf=buf, us=us, full=full):
        nonlocal i
        t = us()
        if i < end:
            buf[i] = t
            i += 1
        else:
            full(t)

    def seek(at=-1, stop=0):
        nonlocal i, end
        if at >= 0:
            i = at
            end = stop
        return i

    return stamp, seek


class Channel:
    make = _hil_stamper

    def __init__(self, name, kind, capacity, streaming=False):
        streaming = streaming and kind == "ticks"  # slots are filled in any order: sent at the end
        self.name = name
        self.kind = kind  # ticks, slots or value
        self.buf = array("l", range(capacity))
        if kind == "slots":
            for i in range(capacity):
                self.buf[i] = -1
        self.dropped = 0
        self.size = capacity >> 1 if streaming else capacity  # of a half
        self.streaming = streaming
        self.half = 0  # recorded into
        self.lost = 0  # dropped since that half was full
        self.first = array("l", (0, 0))  # index of the first value of each half
        self.busy = bytearray(2)  # 1: full and not sent yet
        self.out = 0  # half being sent
        self.sent = 0  # next position in buf to send
        self._stamp, self.seek = Channel.make(self.buf, ticks_us, self.full)
        self.seek(0, self.size)

    def stamper(self):
        # f(_=None) for callbacks: stores ticks_us()
        return self._stamp

    def full(self, t):
        # no room in this half: on to the other, or drop
        h = self.half
        o = 1 - h
        if self.streaming and not self.busy[o]:
            self.first[o] = self.first[h] + self.size + self.lost
            self.lost = 0
            i = o * self.size
            self.buf[i] = t
            self.seek(i + 1, i + self.size)
            self.half = o
            self.busy[h] = 1
        else:
            self.lost += 1
            self.dropped += 1

    @property
    def n(self):
        # values recorded
        h = self.half
        return self.first[h] + self.seek() - h * self.size + self.lost - self.dropped

    def put(self, v):
        # append a value
        i = self.seek()
        if i < self.size:
            self.buf[i] = v
            self.seek(i + 1, self.size)
        else:
            self.lost += 1
            self.dropped += 1

    def slot(self, i, tick):
        # the stamp of event i; events without one keep -1
        if 0 <= i < self.size:
            self.buf[i] = tick
            if i >= self.seek():
                self.seek(i + 1, self.size)
        else:
            self.lost += 1
            self.dropped += 1

    def send(self, writer, ch, least=1):
        # frames for what was recorded and not sent yet, full halves always,
        # a half still being filled only if it has `least` values; returns how many went
        count = 0
        order = 0 if self.kind == "value" else 1
        while True:
            o = self.out
            h = self.half
            stop = self.seek()
            if h != self.half:
                continue  # the recorder has just changed halves
            if o != h or stop > (o + 1) * self.size:
                stop = (o + 1) * self.size
            n = stop - self.sent
            if n > 0 and (o != h or n >= least):
                writer.stamps(
                    ch, order, self.buf, self.sent, stop, self.first[o] + self.sent - o * self.size
                )
                self.sent = stop
                count += n
            if o == h:
                return count
            self.out = h
            self.sent = h * self.size
            self.busy[o] = 0
