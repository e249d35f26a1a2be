# Frames on the wire, device side: the line and its text kinds. A frame is one printable line:
# "~" type seq body crc "\n"; see docs/decisions/0001-wire-format.md.
# Small ints only on the usual path, no growing allocations: a board may be in mid-capture.
try:
    from binascii import crc32
except ImportError:
    crc32 = None

_HIL_CRC = (
    (0x0000, 0x1DB7, 0x3B6E, 0x26D9, 0x76DC, 0x6B6B, 0x4DB2, 0x5005)
    + (0xEDB8, 0xF00F, 0xD6D6, 0xCB61, 0x9B64, 0x86D3, 0xA00A, 0xBDBD),
    (0x0000, 0x1064, 0x20C8, 0x30AC, 0x4190, 0x51F4, 0x6158, 0x713C)
    + (0x8320, 0x9344, 0xA3E8, 0xB38C, 0xC2B0, 0xD2D4, 0xE278, 0xF21C),
)


class LineWriter:
    def __init__(self, write, size=1024):
        self.write = write
        self.buf = bytearray(max(size, 160))
        self.k = 0  # fill of buf
        self.seq = 0
        try:
            write(self.buf, 0)
            self.sized = True
        except TypeError:  # a plain function: hand it a slice
            self.sized = False

    def digit(self, d):
        self.buf[self.k] = 35 + d
        self.k += 1

    def word(self, v):
        k = self.k
        self.buf[k] = 35 + v % 91
        self.buf[k + 1] = 35 + v // 91
        self.k = k + 2

    def number(self, v, sign=-1):
        # sign -1: v as it is; 0 or 1: the zigzag code 2*v + sign, made without a 32nd bit
        n = 1 if v or sign == 1 else 0
        x = v >> (13 if sign < 0 else 12)
        while x:
            n += 1
            x >>= 13
        self.digit(n)
        if n and sign >= 0:
            self.word((v & 4095) << 1 | sign)
            v >>= 12
            n -= 1
        for _ in range(n):
            self.word(v & 8191)
            v >>= 13

    def snumber(self, v):
        if v < 0:
            self.number(~v, 1)
        else:
            self.number(v, 0)

    def begin(self, kind):
        self.buf[0] = 126
        self.buf[1] = ord(kind)
        self.k = 2
        self.word(self.seq)

    def crc(self):
        # the CRC-32 of type, sequence and body as three words, appended
        if crc32:
            c = crc32(memoryview(self.buf)[1 : self.k])
            lo = c & 0xFFFF
            hi = c >> 16
        else:
            lo = hi = 0xFFFF
            th, tl = _HIL_CRC
            b = self.buf
            for i in range(1, self.k):
                lo ^= b[i]
                for _ in range(2):
                    x = lo & 15
                    lo = (lo >> 4 | (hi & 15) << 12) ^ tl[x]
                    hi = hi >> 4 ^ th[x]
            lo ^= 0xFFFF
            hi ^= 0xFFFF
        self.word(lo & 2047)
        self.word(lo >> 11 | (hi & 63) << 5)
        self.word(hi >> 6)

    def end(self):
        self.crc()
        self.buf[self.k] = 10
        n = self.k + 1
        self.seq = (self.seq + 1) % 8281
        at = 0
        while at < n:
            if not self.sized:
                w = self.write(memoryview(self.buf)[at:n])
            elif at:
                w = self.write(self.buf, at, n - at)
            else:
                w = self.write(self.buf, n)
            at = at + w if w else n  # 0 or None: nothing to be gained by waiting

    def text(self, kind, text):
        text = text[:4000]
        if len(text) + 12 > len(self.buf):
            self.buf = bytearray(len(text) + 12)
        self.begin(kind)
        b = self.buf
        k = self.k
        for c in text:
            c = ord(c)
            b[k] = c if 32 <= c < 126 else 63
            k += 1
        self.k = k
        self.end()
