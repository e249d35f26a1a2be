# hil: needs=small_heap
# Frames for a board with little heap, in the format of lib/frames.py: plain values, a word or two
# each. Built from bytes, because a character of a str may stay in the heap for ever.
from array import array

from staged.state import Job

hil_crc = array(  # CRC-32 by nibbles: low halves, then high halves
    "H",
    b"\0\0d\x10\xc8 \xac0\x90A\xf4QXa<q \x83D\x93\xe8\xa3\x8c\xb3\xb0\xc2\xd4\xd2x\xe2\x1c\xf2"
    b"\0\0\xb7\x1dn;\xd9&\xdcvkk\xb2M\x05P\xb8\xed\x0f\xf0\xd6\xd6a\xcbd\x9b\xd3\x86\n\xa0\xbd\xbd",
)


def hil_w(v):
    # a word
    return bytes((35 + v % 91, 35 + v // 91))


def hil_n(v):
    # a number
    s = b""
    n = 35
    while v:
        s += hil_w(v & 8191)
        v >>= 13
        n += 1
    return bytes((n,)) + s


def hil_line(s):
    # s: type, two characters for the sequence number, body
    s = s[:1] + hil_w(Job.seq) + s[3:]
    Job.seq = (Job.seq + 1) % 8281
    a = b = 65535
    for x in s:
        a ^= x
        for x in b"..":
            x = a & 15
            a = (a >> 4 | (b & 15) << 12) ^ hil_crc[x]
            b = b >> 4 ^ hil_crc[x + 16]
    a ^= 65535
    b ^= 65535
    s += hil_w(a & 2047) + hil_w(a >> 11 | (b & 63) << 5) + hil_w(b >> 6)
    print("~" + str(s, "ascii"))


def hil_text(s):
    hil_line(bytes(s, "ascii"))


def hil_block(k, i, s):
    # values s from index i on of channel k; returns how many went
    x = min(s)
    while (max(s) - x) >> 26:
        s = s[: len(s) // 2]
        x = min(s)
    n = 48 if max(s) - x < 8192 else 61
    b = b""
    for v in s:
        v -= x
        b += hil_w(v & 8191)
        if n > 48:
            b += hil_w(v >> 13)
    x = x * 2 if x >= 0 else -1 - 2 * x
    hil_line(
        bytes((83, 0, 0, 35 + k, 35)) + hil_w(len(s)) + hil_n(i) + bytes((n, 35)) + hil_n(x) + b
    )
    return len(s)
