# hil: needs=
"""Code is compiled only if it arrived as it was sent: by its length, and a CRC-32 where there is.

Where there is none, a sum counts that weighs each character by its place, the upper half of an
Adler-32. Nothing is executed twice: what has the number of the last one is done already.
"""

try:
    from binascii import crc32 as hil_crc32
except ImportError:
    hil_crc32 = None
hil_uploaded = [0]


def hil_place_sum(text, b):
    """Of the characters, begun with b; at most 65520."""
    a = 1
    for c in text:
        a = (a + ord(c)) % 65521
        b = (b + a) % 65521
    return b


def hil_take(number, size, crc, places, text):
    """Execute ``text``, or raise an error that says how much of it came.

    Both sums are begun with the number, so that a damaged one is found, too.
    """
    good = len(text) == size
    if good:
        if hil_crc32:
            good = hil_crc32(text, number) == crc
        else:
            good = hil_place_sum(text, number) == places
    if not good:
        raise ValueError("hil:damaged %d" % len(text))
    if hil_uploaded[0] != number:
        exec(text, globals())
        hil_uploaded[0] = number
