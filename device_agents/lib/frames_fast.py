# hil: needs=viper
# ruff: noqa: F821 - ptr8, ptr16, ptr32 are viper's own words
# Machine code for the two loops over all stamps; sent behind lib/frames.py where a board has viper.
# viper's int is 32 bits on microcontrollers, 64 on the unix port: there array('l') has 8 bytes,
# which are put together from two halves.
from array import array

import micropython
from lib.frames import FrameWriter

_HIL_STRIDE = len(bytes(array("l", (0,)))) >> 2
_HIL_PAR = array("i", range(5))
_HIL_SLOW = (FrameWriter.scan, FrameWriter.pack)


@micropython.viper
def _hil_scan(buf: ptr32, cnt: ptr32, par: ptr32) -> int:
    # par: start, end, centre; counts differences by bit length of their distance to the centre
    stride = int(_HIL_STRIDE)
    i = int(par[0])
    end = int(par[1])
    c = int(par[2])
    v = int(buf[i * stride])
    if stride == 2:
        c = (c << 32) >> 32
        v |= int(buf[2 * i + 1]) << 32
    i += 1
    while i < end:
        last = v
        v = int(buf[i * stride])
        if stride == 2:
            v |= int(buf[2 * i + 1]) << 32
        e = v - last
        if e >= 0x10000000 or e <= -0x10000000:
            return i
        e -= c
        b = 0
        if e != 0:
            if e < 0:
                e = -1 - e
            b = 1
            while e > 0:
                e >>= 1
                b += 1
        cnt[b * stride] += 1
        i += 1
    return i


@micropython.viper
def _hil_pack(buf: ptr32, out: ptr8, exc: ptr16, par: ptr32) -> int:
    # par: start, end, width, position in out, base; returns the position behind the payload
    stride = int(_HIL_STRIDE)
    i = int(par[0])
    end = int(par[1])
    w = int(par[2])
    k = int(par[3])
    base = int(par[4])
    if stride == 2:
        base = (base << 32) >> 32
    top = (1 << w) - 1
    x = 0
    acc = 0
    bits = 0
    position = 0
    v = int(buf[i * stride])
    i += 1
    while i < end:
        last = v
        v = int(buf[i * stride])
        e = v - last
        if stride == 2:  # a difference below 2**28: its low half says it all
            e = (e << 32) >> 32
        e -= base
        if e < 0 or e > top:
            exc[x] = position
            x += 1
            e &= top
        s = w
        while s > 0:
            acc |= (e & 8191) << bits
            if s < 13:
                bits += s
            else:
                bits += 13
            e >>= 13
            s -= 13
            if bits >= 13:
                q = acc & 8191
                h = (q * 11523) >> 20  # q // 91
                out[k] = 35 + q - 91 * h
                out[k + 1] = 35 + h
                k += 2
                acc >>= 13
                bits -= 13
        position += 1
        i += 1
    if bits > 0:
        h = (acc * 11523) >> 20
        out[k] = 35 + acc - 91 * h
        out[k + 1] = 35 + h
        k += 2
    return k


def _hil_fast_scan(self, buf, start, n, order, c):
    if order != 1 or n < 2 or not -0x20000000 < c < 0x20000000:
        return _HIL_SLOW[0](self, buf, start, n, order, c)
    cnt = self.cnt
    for i in range(32):
        cnt[i] = 0
    _HIL_PAR[0] = start
    _HIL_PAR[1] = start + n
    _HIL_PAR[2] = c
    return _hil_scan(buf, cnt, _HIL_PAR) - start


def _hil_fast_pack(self, buf, start, m, order, base, w):
    if order != 1 or m < 1:
        return _HIL_SLOW[1](self, buf, start, m, order, base, w)
    _HIL_PAR[0] = start
    _HIL_PAR[1] = start + m + 1
    _HIL_PAR[2] = w
    _HIL_PAR[3] = self.k
    _HIL_PAR[4] = base
    self.k = _hil_pack(buf, self.buf, self.exc, _HIL_PAR)


FrameWriter.scan = _hil_fast_scan
FrameWriter.pack = _hil_fast_pack
