"""A small JSON object in flash that survives a loss of power at any moment: stands alone.

Two generations, path.0 and path.1. The next is written beside them and renamed over the older, so
that the newer is never touched. Each carries a number and a checksum.
"""

import json
import os

try:
    from binascii import crc32
except ImportError:

    def crc32(data):
        a = b = 1
        for c in data:
            a = (a + c) % 65521
            b = (b + a) % 65521
        return a ^ b << 8


def store_read(path):
    """(number, object) of one generation; (0, None) if there is none, (-1, None) if damaged."""
    try:
        with open(path, "rb") as f:
            data = f.read()
    except OSError:
        return 0, None
    try:
        check, number, body = data.split(b" ", 2)
        if int(check, 16) == crc32(data[len(check) :]):
            return int(number), json.loads(body)
    except (ValueError, MemoryError, RuntimeError):  # RuntimeError: nested too deeply
        pass
    return -1, None


def store_generations(path):
    return [store_read(path + end) for end in (".0", ".1")]


def save(path, thing):
    """Store thing; what was stored last stays whole until thing is stored."""
    numbers = [number for number, _ in store_generations(path)]
    older = 0 if numbers[0] < numbers[1] else 1
    data = (" %d " % (max(numbers[0], numbers[1], 0) + 1)) + json.dumps(thing)
    data = data.encode()
    with open(path + ".new", "wb") as f:
        f.write(b"%08x" % crc32(data))
        f.write(data)
        f.flush()
    if hasattr(os, "sync"):
        os.sync()
    os.rename(path + ".new", path + ".%d" % older)


def load(path, report=print):
    """The newest whole generation, or None; damage is reported."""
    generations = store_generations(path)
    for i in range(2):
        if generations[i][0] < 0:
            report("%s.%d is damaged; the generation beside it is used" % (path, i))
    return max(generations, key=lambda pair: pair[0])[1]
