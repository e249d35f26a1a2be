# Frames on the wire, device side: blocks of stamps, packed bit by bit.
# A block holds values, or their differences, as `w`-bit distances from a base; the few that do
# not fit follow as exceptions. lib/frames_fast.py replaces scan and pack where viper exists.
from array import array

from lib.lines import LineWriter


class FrameWriter(LineWriter):
    def __init__(self, write, size=1024):
        LineWriter.__init__(self, write, size)
        self.cnt = array("l", range(32))  # values by bit length of their distance to the centre
        self.mid = array("l", range(9))
        self.exc = array("H", range(90))  # positions of the exceptions

    def stamps(self, ch, order, buf, start, stop, first_index):
        # buf[start:stop] of channel ch; order 1 packs differences, 0 plain values
        while start < stop:
            n = self.block(ch, order, buf, start, min(stop - start, 512), first_index)
            start += n
            first_index += n

    def block(self, ch, order, buf, start, n, first_index):
        # one frame of up to n values; returns how many it took
        while True:
            c = self.centre(buf, start, n, order)
            n = self.scan(buf, start, n, order, c)
            m = n - order
            cnt = self.cnt
            # narrowest total over all widths: w bits hold centre - 2**(w-1) and up
            left = m
            w = bits = 0
            size = 1 << 29
            while bits <= 28:
                left -= cnt[bits]
                s = 2 * (m * bits + 12) // 13 + 6 * left
                if left <= 90 and s < size:
                    size = s
                    w = bits
                    out = left
                bits += 1
            # fits: no more exceptions than one digit says, no more bytes than the buffer has
            if n <= 1 or size < 1 << 29 and m * w // 13 * 2 + 15 * out + 62 <= len(self.buf):
                break
            n >>= 1
        base = c - (1 << w >> 1)
        self.begin("S")
        self.digit(ch)
        self.digit(order)
        self.word(n)
        self.number(first_index)
        self.digit(w)
        self.digit(out)
        if order:
            self.snumber(buf[start])
        self.snumber(base)
        self.pack(buf, start, m, order, base, w)
        for i in range(out):
            p = self.exc[i]
            self.word(p)
            p += start
            self.snumber((buf[p + 1] - buf[p] if order else buf[p]) - base >> w)
        self.end()
        return n

    def centre(self, buf, start, n, order):
        # the median of up to nine values spread over the block
        mid = self.mid
        m = n - order
        s = min(m, 9)
        for j in range(s):
            i = start + j * m // s
            v = buf[i + 1] - buf[i] if order else buf[i]
            i = j
            while i and mid[i - 1] > v:
                mid[i] = mid[i - 1]
                i -= 1
            mid[i] = v
        return mid[s >> 1] if s else 0

    def scan(self, buf, start, n, order, c):
        # count bit lengths of the distance from c; stop before a difference of 2**28 or more
        cnt = self.cnt
        for i in range(32):
            cnt[i] = 0
        last = buf[start]
        for i in range(start + order, start + n):
            e = buf[i]
            if order:
                e -= last
                last += e
                if e >= 0x10000000 or e <= -0x10000000:
                    return i - start
            if e == c:
                cnt[0] += 1
                continue
            e -= c
            if e < 0:
                e = ~e
            b = 1
            while e and b < 30:
                e >>= 1
                b += 1
            cnt[b] += 1
        return n

    def pack(self, buf, start, m, order, base, w):
        # residuals of w bits, least significant bit first, 13 bits a word; counters the exceptions
        top = (1 << w) - 1
        x = acc = bits = 0
        b = self.buf
        k = self.k
        for i in range(start, start + m):
            e = (buf[i + 1] - buf[i] if order else buf[i]) - base
            if e < 0 or e > top:
                self.exc[x] = i - start
                x += 1
                e &= top
            s = w
            while s > 0:  # 13 bits at a time keep acc a small int
                acc |= (e & 8191) << bits
                bits += s if s < 13 else 13
                e >>= 13
                s -= 13
                if bits >= 13:
                    b[k] = 35 + (acc & 8191) % 91
                    b[k + 1] = 35 + (acc & 8191) // 91
                    k += 2
                    acc >>= 13
                    bits -= 13
        self.k = k
        if bits:
            self.word(acc)
